import { equalJson } from '../../../apimachinery/clone.ts'
import type { Selector } from '../../../apimachinery/label-selector.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { NodeInfo } from '../node-info.ts'
import {
  type ClusterEvent,
  type Cycle,
  MAX_NODE_SCORE,
  type NodeFilter,
  type NodeScorer,
  type Rejection,
  type SchedulerPlugin,
} from '../plugin.ts'
import type { PodInfo } from '../pod-info.ts'
import {
  countsNode,
  defaultConstraints,
  HOSTNAME,
  hasAllTopologies,
  ownConstraints,
  type SpreadConstraint,
} from './spread-constraint.ts'

const NAME = 'PodTopologySpread'
const SKEWED = "node(s) didn't match pod topology spread constraints"
const TOO_SKEWED: Rejection = { plugin: NAME, reasons: [SKEWED], unresolvable: false }
const NO_TOPOLOGY: Rejection = { plugin: NAME, reasons: [`${SKEWED} (missing required label)`], unresolvable: true }

/** Matching pods by domain, per constraint. @see plugins/podtopologyspread/filtering.go */
class SpreadFilter implements NodeFilter {
  readonly #pod: Pod
  readonly #constraints: readonly SpreadConstraint[]
  readonly #counts: readonly Map<string, number>[]
  /** The least count of each constraint's domains; undefined: to be worked out. */
  readonly #least: (number | undefined)[]

  constructor(pod: Pod, constraints: readonly SpreadConstraint[], counts: readonly Map<string, number>[]) {
    this.#pod = pod
    this.#constraints = constraints
    this.#counts = counts
    this.#least = constraints.map(() => undefined)
  }

  static of(cycle: Cycle, constraints: readonly SpreadConstraint[]): SpreadFilter {
    const { pod, cluster } = cycle
    const counts = constraints.map(() => new Map<string, number>())
    const placed = countBySelector(cycle, constraints)
    for (const node of cluster.nodes) {
      if (!hasAllTopologies(node.labels, constraints)) continue
      for (const [i, constraint] of constraints.entries()) {
        if (!countsNode(constraint, pod, node.node!)) continue
        const domain = node.labels[constraint.topologyKey]!
        const found = placed[i]!.get(node) ?? 0
        counts[i]!.set(domain, (counts[i]!.get(domain) ?? 0) + found)
      }
    }
    return new SpreadFilter(pod, constraints, counts)
  }

  filter(node: NodeInfo): Rejection | undefined {
    for (const [i, constraint] of this.#constraints.entries()) {
      const domain = node.labels[constraint.topologyKey]
      if (domain === undefined) return NO_TOPOLOGY
      const self = constraint.selector.matches(this.#pod.metadata.labels) ? 1 : 0
      const skew = (this.#counts[i]!.get(domain) ?? 0) + self - this.#leastOf(i)
      if (skew > constraint.maxSkew) return TOO_SKEWED
    }
    return undefined
  }

  #leastOf(i: number): number {
    const counts = this.#counts[i]!
    if (counts.size < this.#constraints[i]!.minDomains) return 0
    let least = this.#least[i]
    if (least === undefined) {
      least = 2 ** 31 - 1
      for (const count of counts.values()) if (count < least) least = count
      this.#least[i] = least
    }
    return least
  }

  addPod(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, 1)
  }

  removePod(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, -1)
  }

  #change(info: PodInfo, node: NodeInfo, by: number): void {
    if (info.namespace !== (this.#pod.metadata.namespace ?? '') || !node.node) return
    if (!hasAllTopologies(node.labels, this.#constraints)) return
    for (const [i, constraint] of this.#constraints.entries()) {
      if (!constraint.selector.matches(info.pod.metadata.labels)) continue
      if (!countsNode(constraint, this.#pod, node.node)) continue
      const domain = node.labels[constraint.topologyKey]!
      this.#counts[i]!.set(domain, (this.#counts[i]!.get(domain) ?? 0) + by)
      this.#least[i] = undefined
    }
  }

  clone(): SpreadFilter {
    return new SpreadFilter(
      this.#pod,
      this.#constraints,
      this.#counts.map((counts) => new Map(counts)),
    )
  }
}

/** @see plugins/podtopologyspread/scoring.go */
class SpreadScorer implements NodeScorer {
  readonly #constraints: readonly SpreadConstraint[]
  /** Matching pods by node, per constraint. */
  readonly #placed: readonly ReadonlyMap<NodeInfo, number>[]
  readonly #ignored: ReadonlySet<string>
  readonly #counts: readonly Map<string, number>[]
  readonly #weights: readonly number[]

  constructor(cycle: Cycle, constraints: readonly SpreadConstraint[], nodes: readonly NodeInfo[], needsAll: boolean) {
    const ignored: Set<string> = new Set()
    const counts = constraints.map(() => new Map<string, number>())
    for (const node of nodes) {
      if (needsAll && !hasAllTopologies(node.labels, constraints)) {
        ignored.add(node.name)
        continue
      }
      for (const [i, { topologyKey }] of constraints.entries()) {
        if (topologyKey !== HOSTNAME) counts[i]!.set(node.labels[topologyKey] ?? '', 0)
      }
    }
    this.#constraints = constraints
    this.#placed = countBySelector(cycle, constraints)
    this.#ignored = ignored
    this.#counts = counts
    this.#weights = constraints.map(({ topologyKey }, i) =>
      Math.log((topologyKey === HOSTNAME ? nodes.length - ignored.size : counts[i]!.size) + 2),
    )
    for (const [i, constraint] of constraints.entries()) {
      if (constraint.topologyKey !== HOSTNAME) this.#countDomains(i, constraint, cycle.pod, needsAll)
    }
  }

  #countDomains(i: number, constraint: SpreadConstraint, pod: Pod, needsAll: boolean): void {
    const counts = this.#counts[i]!
    for (const [node, count] of this.#placed[i]!) {
      if (!node.node || (needsAll && !hasAllTopologies(node.labels, this.#constraints))) continue
      const domain = node.labels[constraint.topologyKey] ?? ''
      const before = counts.get(domain)
      if (before !== undefined && countsNode(constraint, pod, node.node)) counts.set(domain, before + count)
    }
  }

  score(node: NodeInfo): number {
    if (this.#ignored.has(node.name)) return 0
    let score = 0
    for (let i = 0; i < this.#constraints.length; i++) {
      const { topologyKey, maxSkew } = this.#constraints[i]!
      const domain = node.labels[topologyKey]
      if (domain === undefined) continue
      const count = topologyKey === HOSTNAME ? this.#placed[i]!.get(node) : this.#counts[i]!.get(domain)
      score += (count ?? 0) * this.#weights[i]! + maxSkew - 1
    }
    return Math.round(score)
  }

  normalize(scores: number[], nodes: readonly NodeInfo[]): void {
    let least = Number.MAX_SAFE_INTEGER
    let most = 0
    for (const [i, score] of scores.entries()) {
      if (this.#ignored.has(nodes[i]!.name)) continue
      least = Math.min(least, score)
      most = Math.max(most, score)
    }
    for (const [i, score] of scores.entries()) {
      if (this.#ignored.has(nodes[i]!.name)) scores[i] = 0
      else if (most === 0) scores[i] = MAX_NODE_SCORE
      else scores[i] = Math.trunc((MAX_NODE_SCORE * (most + least - score)) / most)
    }
  }
}

/** Matching pods by node for each constraint; those with the same selector are counted once. */
function countBySelector({ pod, cluster }: Cycle, constraints: readonly SpreadConstraint[]) {
  const counted: Map<Selector, ReadonlyMap<NodeInfo, number>> = new Map()
  return constraints.map(({ selector }) => {
    const counts = counted.get(selector) ?? cluster.countByNode(selector, pod.metadata.namespace ?? '')
    counted.set(selector, counts)
    return counts
  })
}

/** topologySpreadConstraints, and soft spreading of pods that belong together. */
export const podTopologySpread: SchedulerPlugin = {
  name: NAME,
  weight: 2,
  demand(cycle) {
    const constraints = ownConstraints(cycle.pod, 'DoNotSchedule')
    return constraints.length === 0 ? undefined : { filter: SpreadFilter.of(cycle, constraints) }
  },
  scorer(cycle, nodes) {
    const hasOwn = (cycle.pod.spec?.topologySpreadConstraints?.length ?? 0) > 0
    const constraints = hasOwn
      ? ownConstraints(cycle.pod, 'ScheduleAnyway')
      : defaultConstraints(cycle.pod, cycle.objects)
    return constraints.length === 0 ? undefined : new SpreadScorer(cycle, constraints, nodes, hasOwn)
  },
  isWokenBy(event, pod) {
    const constraints = ownConstraints(pod, 'DoNotSchedule')
    if (event.kind === 'node') return nodeChangeMatters(event, constraints)
    return event.kind === 'pod' && podChangeMatters(event, pod, constraints)
  },
}

function podChangeMatters(
  event: ClusterEvent & { readonly kind: 'pod' },
  pod: Pod,
  constraints: readonly SpreadConstraint[],
): boolean {
  const { old, new: now } = event
  const isNear = (other: Pod): boolean => other.metadata.namespace === pod.metadata.namespace
  if ((old && !isNear(old)) || (now && !isNear(now))) return false
  const matches = (other: Pod) => constraints.map((c) => c.selector.matches(other.metadata.labels))
  if (!old || !now) return matches((old ?? now)!).includes(true)
  const isSelf = now.metadata.uid === pod.metadata.uid
  if (isSelf && event.change === 'tolerations' && constraints.some((c) => c.honorsTaints)) return true
  return event.change === 'labels' && !equalJson(matches(old), matches(now))
}

function nodeChangeMatters(
  event: ClusterEvent & { readonly kind: 'node' },
  constraints: readonly SpreadConstraint[],
): boolean {
  const before = event.old && hasAllTopologies(event.old.metadata.labels ?? {}, constraints)
  const after = event.new && hasAllTopologies(event.new.metadata.labels ?? {}, constraints)
  if (!event.old || !event.new) return Boolean(before ?? after)
  if (event.change !== 'labels' && event.change !== 'taints') return false
  if (before !== after) return true
  if (!after) return false
  const { old, new: now } = event
  const moved = constraints.some((c) => old.metadata.labels?.[c.topologyKey] !== now.metadata.labels?.[c.topologyKey])
  return moved || !equalJson(old.spec?.taints, now.spec?.taints)
}
