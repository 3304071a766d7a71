import { labelSelectorAsSelector } from '../../../apimachinery/label-selector.ts'
import type { ReplicaSet } from '../../../apimachinery/types/apps-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller, ReconcileContext } from '../../runtime/controller.ts'
import { CONTROLLER_INDEX, controllerIndex, controllerOf } from '../../runtime/owner.ts'
import { PODS, REPLICA_SETS } from '../../runtime/resources.ts'
import { ownerOrMatching } from '../owner-or-matching.ts'
import type { PodObject } from '../pod-state.ts'
import { type ReplicaKind, reconcileReplicas } from './replica-scaler.ts'

type ReplicaSetObject = Typed<ReplicaSet>

const selectorOf = (rs: ReplicaSetObject) => labelSelectorAsSelector(rs.spec?.selector)

const replicaSets: ReplicaKind<ReplicaSetObject> = {
  resource: REPLICA_SETS,
  replicas: (rs) => rs.spec?.replicas ?? 1,
  minReadySeconds: (rs) => rs.spec?.minReadySeconds ?? 0,
  template: (rs) => rs.spec?.template,
  selector: selectorOf,
  status: (rs) => rs.status,
  withStatus: (rs, status) => ({ ...rs, status }),
  countsTerminating: true,
  relatedPods,
}

/** Pods of all ReplicaSets with the same owner: those of one Deployment spread over nodes together. */
function relatedPods({ cache }: ReconcileContext, rs: ReplicaSetObject): readonly PodObject[] {
  const owner = controllerOf(rs)
  if (!owner) return []
  const siblings = cache.byIndex(REPLICA_SETS, CONTROLLER_INDEX, owner.uid)
  const selectors = siblings.map(selectorOf)
  return cache.list(PODS, rs.metadata.namespace).filter((p) => selectors.some((s) => s.matches(p.metadata.labels)))
}

export const replicaSetController: Controller<ReplicaSetObject> = {
  name: 'replicaset-controller',
  queueName: 'replicaset',
  serviceAccount: 'replicaset-controller',
  for: REPLICA_SETS,
  watches: [{ resource: PODS, enqueue: ownerOrMatching(REPLICA_SETS, selectorOf) }],
  indexes: [controllerIndex(PODS), controllerIndex(REPLICA_SETS)],
  async reconcile(key, context) {
    const rs = context.cache.get(REPLICA_SETS, key)
    return rs && (await reconcileReplicas(replicaSets, rs, context))
  },
}
