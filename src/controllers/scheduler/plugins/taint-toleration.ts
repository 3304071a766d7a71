import type { Node, Pod, Toleration } from '../../../apimachinery/types/core-v1.ts'
import { normalizeScores, type Rejection, type SchedulerPlugin } from '../plugin.ts'
import { tolerated, untoleratedTaint } from '../taints.ts'

const NAME = 'TaintToleration'
const UNTOLERATED: Rejection = { plugin: NAME, reasons: ['node(s) had untolerated taint(s)'], unresolvable: true }

function toleratesSoftTaints(toleration: Toleration): boolean {
  return !toleration.effect || toleration.effect === 'PreferNoSchedule'
}

/** Taints keep pods away, or make nodes less liked. @see plugins/tainttoleration/taint_toleration.go */
export const taintToleration: SchedulerPlugin = {
  name: NAME,
  weight: 3,
  demand({ pod }) {
    const tolerations = pod.spec?.tolerations
    return {
      filter: {
        filter: ({ node }) => (untoleratedTaint(node?.spec?.taints, tolerations) ? UNTOLERATED : undefined),
      },
    }
  },
  scorer({ pod }) {
    const tolerations = pod.spec?.tolerations?.filter(toleratesSoftTaints)
    return {
      score({ node }) {
        let count = 0
        for (const taint of node?.spec?.taints ?? []) {
          if (taint.effect === 'PreferNoSchedule' && !tolerated(taint, tolerations)) count++
        }
        return count
      },
      normalize: (scores) => normalizeScores(scores, true),
    }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'pod') return event.change === 'tolerations' && event.new?.metadata.uid === pod.metadata.uid
    if (event.kind !== 'node' || !event.new || (event.old && event.change !== 'taints')) return false
    const wasUntolerated = event.old === undefined || isKeptAway(pod, event.old)
    return wasUntolerated && !isKeptAway(pod, event.new)
  },
}

function isKeptAway(pod: Pod, node: Node): boolean {
  return untoleratedTaint(node.spec?.taints, pod.spec?.tolerations) !== undefined
}
