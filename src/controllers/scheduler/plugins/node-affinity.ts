import type { NodeSelectorTerm, Pod } from '../../../apimachinery/types/core-v1.ts'
import { requiredAffinityMatches, termMatchesNode } from '../node-affinity-match.ts'
import { normalizeScores, type Rejection, type SchedulerPlugin } from '../plugin.ts'

const NAME = 'NodeAffinity'
const NO_MATCH: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't match Pod's node affinity/selector"],
  unresolvable: true,
}
const CONFLICT: Rejection = { plugin: NAME, reasons: ['pod affinity terms conflict'], unresolvable: true }

/** Names that the terms allow at most; undefined: any node may do. */
function allowedNames(terms: readonly NodeSelectorTerm[]): Set<string> | undefined {
  const names: Set<string> = new Set()
  for (const { matchFields } of terms) {
    let ofTerm: Set<string> | undefined
    for (const { key, operator, values = [] } of matchFields ?? []) {
      if (key !== 'metadata.name' || operator !== 'In') continue
      const before: Set<string> | undefined = ofTerm
      ofTerm = new Set(before ? values.filter((v) => before.has(v)) : values)
    }
    if (!ofTerm) return undefined
    for (const name of ofTerm) names.add(name)
  }
  return names
}

/** nodeSelector and node affinity. @see plugins/nodeaffinity/node_affinity.go */
export const nodeAffinity: SchedulerPlugin = {
  name: NAME,
  weight: 2,
  demand({ pod }) {
    const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    if (!required && !pod.spec?.nodeSelector) return undefined
    const filter = {
      filter: ({ node }: { readonly node: Parameters<typeof requiredAffinityMatches>[1] | undefined }) =>
        node && requiredAffinityMatches(pod, node) ? undefined : NO_MATCH,
    }
    const terms = required?.nodeSelectorTerms ?? []
    if (terms.length === 0) return { filter }
    const nodeNames = allowedNames(terms)
    if (nodeNames?.size === 0) return { rejection: CONFLICT }
    return nodeNames ? { filter, nodeNames } : { filter }
  },
  scorer({ pod }) {
    const preferred = preferredTerms(pod)
    if (!preferred) return undefined
    return {
      score({ name, labels }) {
        let sum = 0
        for (const { weight, preference } of preferred) {
          if (weight !== 0 && termMatchesNode(preference, labels, name)) sum += weight
        }
        return sum
      },
      normalize: (scores) => normalizeScores(scores, false),
    }
  },
  isWokenBy(event, pod) {
    if (event.kind !== 'node' || !event.new || (event.old && event.change !== 'labels')) return false
    if (!requiredAffinityMatches(pod, event.new)) return false
    return event.old === undefined || !requiredAffinityMatches(pod, event.old)
  },
}

function preferredTerms(pod: Pod) {
  return pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution
}
