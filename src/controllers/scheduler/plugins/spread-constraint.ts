import { Selector, selectorFromSet } from '../../../apimachinery/label-selector.ts'
import type { Node, Pod, TopologySpreadConstraint } from '../../../apimachinery/types/core-v1.ts'
import { type Labels, selectorOf } from '../affinity-term.ts'
import { requiredAffinityMatches } from '../node-affinity-match.ts'
import type { ObjectReader } from '../plugin.ts'
import { untoleratedTaint } from '../taints.ts'
import { defaultSelector } from './default-selector.ts'

export const HOSTNAME = 'kubernetes.io/hostname'

/** A topology spread constraint of a pod, compiled. */
export interface SpreadConstraint {
  readonly maxSkew: number
  readonly topologyKey: string
  readonly selector: Selector
  readonly minDomains: number
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
}

/** What the scheduler spreads by where a pod says nothing: softly, over nodes and zones. */
const SYSTEM_DEFAULTS: readonly TopologySpreadConstraint[] = [
  { topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
]

/** A pod's own constraints of one kind. @see plugins/podtopologyspread/common.go filterTopologySpreadConstraints */
export function ownConstraints(pod: Pod, action: 'DoNotSchedule' | 'ScheduleAnyway'): readonly SpreadConstraint[] {
  return (pod.spec?.topologySpreadConstraints ?? [])
    .filter((c) => c.whenUnsatisfiable === action)
    .map((c) => compiled(c, withLabelKeys(selectorOf(c.labelSelector), c.matchLabelKeys, pod.metadata.labels)))
}

/** The system's constraints for pods without own ones that belong to a service or a controller. */
export function defaultConstraints(pod: Pod, objects: ObjectReader): readonly SpreadConstraint[] {
  const selector = defaultSelector(pod, objects)
  return selector.isEmpty() ? [] : SYSTEM_DEFAULTS.map((c) => compiled(c, selector))
}

function compiled(constraint: TopologySpreadConstraint, selector: Selector): SpreadConstraint {
  return {
    maxSkew: constraint.maxSkew,
    topologyKey: constraint.topologyKey,
    selector,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
  }
}

function withLabelKeys(selector: Selector, keys: readonly string[] | undefined, labels: Labels | undefined): Selector {
  const wanted: Record<string, string> = {}
  for (const key of keys ?? []) if (labels?.[key] !== undefined) wanted[key] = labels[key]
  if (Object.keys(wanted).length === 0 || selector.matchesNothing) return selector
  return new Selector([...selectorFromSet(wanted).requirements, ...selector.requirements])
}

/** Whether a constraint counts a node's pods at all. */
export function countsNode(constraint: SpreadConstraint, pod: Pod, node: Node): boolean {
  if (constraint.honorsAffinity && !requiredAffinityMatches(pod, node)) return false
  return !constraint.honorsTaints || !untoleratedTaint(node.spec?.taints, pod.spec?.tolerations)
}

export function hasAllTopologies(labels: Labels, constraints: readonly SpreadConstraint[]): boolean {
  for (const { topologyKey } of constraints) if (labels[topologyKey] === undefined) return false
  return true
}
