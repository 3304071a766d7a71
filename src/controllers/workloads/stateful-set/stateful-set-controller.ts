import { labelSelectorAsSelector } from '../../../apimachinery/label-selector.ts'
import type { Controller } from '../../runtime/controller.ts'
import { controllerIndex } from '../../runtime/owner.ts'
import { CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS } from '../../runtime/resources.ts'
import { claim, ownedAndOrphans } from '../claim.ts'
import { revisionsOf } from '../controller-history.ts'
import { ownerOrMatching } from '../owner-or-matching.ts'
import { isMember, type StatefulSetObject } from './stateful-pods.ts'
import { StatefulSetSync } from './stateful-set-sync.ts'

const selectorOf = ({ spec }: StatefulSetObject) => labelSelectorAsSelector(spec?.selector)

export const statefulSetController: Controller<StatefulSetObject> = {
  name: 'statefulset-controller',
  queueName: 'statefulset',
  serviceAccount: 'statefulset-controller',
  for: STATEFUL_SETS,
  watches: [{ resource: PODS, enqueue: ownerOrMatching(STATEFUL_SETS, selectorOf) }],
  reads: [PERSISTENT_VOLUME_CLAIMS],
  indexes: [controllerIndex(PODS), controllerIndex(CONTROLLER_REVISIONS)],
  async reconcile(key, context) {
    const set = context.cache.get(STATEFUL_SETS, key)
    if (!set) return undefined
    const selector = selectorOf(set)
    const revisions = await revisionsOf(context, set, STATEFUL_SETS, selector)
    const pods = await claim(context, ownedAndOrphans(context, PODS, set), {
      owner: set,
      ownerResource: STATEFUL_SETS,
      resource: PODS,
      selector,
      filter: (pod) => isMember(set, pod),
    })
    return await new StatefulSetSync(context, set, pods, revisions).run()
  },
}
