import { NOTHING, selectorFromSet } from '../../../apimachinery/label-selector.ts'
import type { ReplicaSetStatus } from '../../../apimachinery/types/apps-v1.ts'
import type { ReplicationController, ReplicationControllerStatus } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { controllerIndex } from '../../runtime/owner.ts'
import { PODS, REPLICATION_CONTROLLERS } from '../../runtime/resources.ts'
import { ownerOrMatching } from '../owner-or-matching.ts'
import { type ReplicaKind, reconcileReplicas } from '../replica-set/replica-scaler.ts'

type ReplicationControllerObject = Typed<ReplicationController>

/** No selector chooses nothing. */
const selectorOf = ({ spec }: ReplicationControllerObject) =>
  Object.keys(spec?.selector ?? {}).length === 0 ? NOTHING : selectorFromSet(spec?.selector)

const replicationControllers: ReplicaKind<ReplicationControllerObject> = {
  resource: REPLICATION_CONTROLLERS,
  replicas: (rc) => rc.spec?.replicas ?? 1,
  minReadySeconds: (rc) => rc.spec?.minReadySeconds ?? 0,
  template: (rc) => rc.spec?.template,
  selector: selectorOf,
  status: (rc) => rc.status as ReplicaSetStatus | undefined,
  withStatus: (rc, status) => ({ ...rc, status: status as ReplicationControllerStatus }),
  countsTerminating: false,
  relatedPods: () => [],
}

export const replicationControllerController: Controller<ReplicationControllerObject> = {
  name: 'replicationcontroller-controller',
  queueName: 'replicationmanager',
  serviceAccount: 'replication-controller',
  eventSource: 'replication-controller',
  for: REPLICATION_CONTROLLERS,
  watches: [{ resource: PODS, enqueue: ownerOrMatching(REPLICATION_CONTROLLERS, selectorOf) }],
  indexes: [controllerIndex(PODS)],
  async reconcile(key, context) {
    const rc = context.cache.get(REPLICATION_CONTROLLERS, key)
    return rc && (await reconcileReplicas(replicationControllers, rc, context))
  },
}
