import { labelSelectorAsSelector, NOTHING } from '../../../apimachinery/label-selector.ts'
import type { Controller, Enqueue } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { CONTROLLER_INDEX, controllerIndex, controllerOf, refersTo } from '../../runtime/owner.ts'
import { DEPLOYMENTS, PODS, REPLICA_SETS } from '../../runtime/resources.ts'
import { claim, ownedAndOrphans } from '../claim.ts'
import { ownerOrMatching } from '../owner-or-matching.ts'
import type { DeploymentObject } from './revisions.ts'
import { Rollout } from './rollout.ts'

/** An empty selector adopts nothing. */
const selectorOf = ({ spec }: DeploymentObject) => {
  const selector = labelSelectorAsSelector(spec?.selector)
  return selector.isEmpty() ? NOTHING : selector
}

/** A Deployment that recreates waits for the last of its old pods to go. */
const goneForRecreate: Enqueue = (pod, _old, cache) => {
  const reference = controllerOf(pod)
  const { namespace, name } = keyOf(pod)
  if (!reference || !refersTo(reference, REPLICA_SETS) || cache.get(PODS, { namespace, name })) return []
  const owner = cache.get(REPLICA_SETS, { namespace, name: reference.name })
  const ownersOwner = owner && controllerOf(owner)
  if (!ownersOwner || !refersTo(ownersOwner, DEPLOYMENTS)) return []
  const deployment = cache.get(DEPLOYMENTS, { namespace, name: ownersOwner.name })
  if (deployment?.spec?.strategy?.type !== 'Recreate') return []
  const siblings = cache.byIndex(REPLICA_SETS, CONTROLLER_INDEX, deployment.metadata.uid ?? '')
  const isLast = siblings.every((rs) => cache.byIndex(PODS, CONTROLLER_INDEX, rs.metadata.uid ?? '').length === 0)
  return isLast ? [keyOf(deployment)] : []
}

export const deploymentController: Controller<DeploymentObject> = {
  name: 'deployment-controller',
  queueName: 'deployment',
  serviceAccount: 'deployment-controller',
  for: DEPLOYMENTS,
  watches: [
    { resource: REPLICA_SETS, enqueue: ownerOrMatching(DEPLOYMENTS, selectorOf) },
    { resource: PODS, enqueue: goneForRecreate },
  ],
  indexes: [controllerIndex(PODS), controllerIndex(REPLICA_SETS)],
  async reconcile(key, context) {
    const deployment = context.cache.get(DEPLOYMENTS, key)
    if (!deployment) return undefined
    const selector = labelSelectorAsSelector(deployment.spec?.selector)
    if (selector.isEmpty()) return await refuseEmptySelector(deployment, context)
    const replicaSets = await claim(context, ownedAndOrphans(context, REPLICA_SETS, deployment), {
      owner: deployment,
      ownerResource: DEPLOYMENTS,
      resource: REPLICA_SETS,
      selector,
    })
    return await new Rollout(context, deployment, replicaSets).run()
  },
}

const refuseEmptySelector = async (
  deployment: DeploymentObject,
  { client, events }: Parameters<typeof deploymentController.reconcile>[1],
): Promise<undefined> => {
  const message = 'This deployment is selecting all pods. A non-empty selector is required.'
  events.record(deployment, 'Warning', 'SelectingAll', message)
  const { generation = 0 } = deployment.metadata
  if ((deployment.status?.observedGeneration ?? 0) >= generation) return
  const status = { ...deployment.status, observedGeneration: generation }
  await client.updateSubresource(DEPLOYMENTS, 'status', { ...deployment, status })
}
