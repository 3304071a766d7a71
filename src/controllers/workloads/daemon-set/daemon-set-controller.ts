import { labelSelectorAsSelector, NOTHING } from '../../../apimachinery/label-selector.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { Node } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller, Enqueue } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { controllerIndex } from '../../runtime/owner.ts'
import { CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS } from '../../runtime/resources.ts'
import { claim, ownedAndOrphans } from '../claim.ts'
import { revisionsOf } from '../controller-history.ts'
import { ownerOrMatching } from '../owner-or-matching.ts'
import type { DaemonSetObject } from './daemon-pods.ts'
import { DaemonSetSync } from './daemon-set-sync.ts'
import { FailedPodsBackoff } from './failed-pods-backoff.ts'

/** An empty selector adopts nothing. */
const selectorOf = ({ spec }: DaemonSetObject) => {
  const selector = labelSelectorAsSelector(spec?.selector)
  return selector.isEmpty() ? NOTHING : selector
}

/** A node's labels and taints say which daemons it runs; its heartbeats say nothing. */
const enqueueNode: Enqueue<Typed<Node>> = (node, old, cache) => {
  const isNews =
    !old ||
    !semanticEqual(old.metadata.labels, node.metadata.labels) ||
    !semanticEqual(old.spec?.taints, node.spec?.taints)
  return isNews ? cache.list(DAEMON_SETS).map(keyOf) : []
}

export function daemonSetController(): Controller<DaemonSetObject> {
  const backoff = new FailedPodsBackoff()
  return {
    name: 'daemonset-controller',
    queueName: 'daemonset',
    serviceAccount: 'daemon-set-controller',
    for: DAEMON_SETS,
    watches: [
      { resource: PODS, enqueue: ownerOrMatching(DAEMON_SETS, selectorOf) },
      { resource: NODES, enqueue: enqueueNode as never },
    ],
    indexes: [controllerIndex(PODS), controllerIndex(CONTROLLER_REVISIONS)],
    async reconcile(key, context) {
      const set = context.cache.get(DAEMON_SETS, key)
      if (!set) return undefined
      const selector = labelSelectorAsSelector(set.spec?.selector)
      if (selector.isEmpty()) {
        const message = 'This daemon set is selecting all pods. A non-empty selector is required.'
        context.events.record(set, 'Warning', 'SelectingAll', message)
        return undefined
      }
      if (set.metadata.deletionTimestamp) return undefined
      const revisions = await revisionsOf(context, set, DAEMON_SETS, selector)
      const pods = await claim(context, ownedAndOrphans(context, PODS, set), {
        owner: set,
        ownerResource: DAEMON_SETS,
        resource: PODS,
        selector,
      })
      return await new DaemonSetSync(context, set, pods, backoff).run(revisions)
    },
  }
}
