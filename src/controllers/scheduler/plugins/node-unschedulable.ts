import type { Rejection, SchedulerPlugin } from '../plugin.ts'
import { tolerated, UNSCHEDULABLE_TAINT } from '../taints.ts'

const NAME = 'NodeUnschedulable'
const UNSCHEDULABLE: Rejection = { plugin: NAME, reasons: ['node(s) were unschedulable'], unresolvable: true }

/** Keeps pods off cordoned nodes. @see plugins/nodeunschedulable/node_unschedulable.go */
export const nodeUnschedulable: SchedulerPlugin = {
  name: NAME,
  demand({ pod }) {
    if (tolerated(UNSCHEDULABLE_TAINT, pod.spec?.tolerations)) return undefined
    return { filter: { filter: ({ node }) => (node?.spec?.unschedulable ? UNSCHEDULABLE : undefined) } }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'pod') {
      if (event.change !== 'tolerations' || event.new?.metadata.uid !== pod.metadata.uid) return false
      return tolerated(UNSCHEDULABLE_TAINT, event.new?.spec?.tolerations)
    }
    if (event.kind !== 'node' || !event.new || event.new.spec?.unschedulable) return false
    return event.old === undefined || (event.change === 'taints' && event.old.spec?.unschedulable === true)
  },
}
