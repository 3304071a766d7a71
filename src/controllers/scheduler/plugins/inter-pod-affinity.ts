import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { NAMESPACES } from '../../runtime/resources.ts'
import { type AffinityTerm, type Labels, termMatches, type WeightedAffinityTerm } from '../affinity-term.ts'
import type { NodeInfo } from '../node-info.ts'
import {
  type ClusterEvent,
  type Cycle,
  MAX_NODE_SCORE,
  type NodeFilter,
  type NodeScorer,
  type ObjectReader,
  type Rejection,
  type SchedulerPlugin,
} from '../plugin.ts'
import { type PodInfo, podInfo } from '../pod-info.ts'

const NAME = 'InterPodAffinity'
/** What a required affinity of a pod that runs already adds to the score of its domain. */
const HARD_AFFINITY_WEIGHT = 1

const NO_AFFINITY: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't match pod affinity rules"],
  unresolvable: true,
}
const ANTI_AFFINITY: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't match pod anti-affinity rules"],
  unresolvable: false,
}
const EXISTING_ANTI_AFFINITY: Rejection = {
  plugin: NAME,
  reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"],
  unresolvable: false,
}

/** Labels of a namespace; none for one that is not known. */
function namespaceLabels(objects: ObjectReader, namespace: string): Labels {
  return objects.get(NAMESPACES, { namespace: '', name: namespace })?.metadata.labels ?? {}
}

/** Matching pods by topology key and value. */
class TermCounts {
  readonly #counts: Map<string, Map<string, number>>

  constructor(counts: Map<string, Map<string, number>> = new Map()) {
    this.#counts = counts
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  add(node: NodeInfo, key: string, by: number): void {
    const value = node.labels[key]
    if (value === undefined) return
    let ofKey = this.#counts.get(key)
    if (!ofKey) {
      ofKey = new Map()
      this.#counts.set(key, ofKey)
    }
    const count = (ofKey.get(value) ?? 0) + by
    if (count !== 0) ofKey.set(value, count)
    else if (ofKey.delete(value) && ofKey.size === 0) this.#counts.delete(key)
  }

  of(node: NodeInfo, key: string): number {
    const value = node.labels[key]
    return value === undefined ? 0 : (this.#counts.get(key)?.get(value) ?? 0)
  }

  anyOn(node: NodeInfo): boolean {
    for (const key of this.#counts.keys()) if (this.of(node, key) > 0) return true
    return false
  }

  clone(): TermCounts {
    return new TermCounts(new Map([...this.#counts].map(([key, values]) => [key, new Map(values)])))
  }
}

/**
 * Terms against a pod whose namespace's labels are looked up: upstream spells a namespace selector out as the names
 * that it selects, which comes to the same.
 */
class TermMatcher {
  readonly #objects: ObjectReader
  readonly #labels: Map<string, Labels> = new Map()

  constructor(objects: ObjectReader) {
    this.#objects = objects
  }

  matches(term: AffinityTerm, pod: Pod): boolean {
    const namespace = pod.metadata.namespace ?? ''
    let labels = this.#labels.get(namespace)
    if (!labels) {
      labels = namespaceLabels(this.#objects, namespace)
      this.#labels.set(namespace, labels)
    }
    return termMatches(term, pod, labels)
  }

  matchesAll(terms: readonly AffinityTerm[], pod: Pod): boolean {
    return terms.length > 0 && terms.every((term) => this.matches(term, pod))
  }
}

/** @see plugins/interpodaffinity/filtering.go */
class AffinityFilter implements NodeFilter {
  readonly #info: PodInfo
  readonly #matcher: TermMatcher
  readonly #existing: TermCounts
  readonly #affinity: TermCounts
  readonly #anti: TermCounts

  constructor(info: PodInfo, matcher: TermMatcher, existing: TermCounts, affinity: TermCounts, anti: TermCounts) {
    this.#info = info
    this.#matcher = matcher
    this.#existing = existing
    this.#affinity = affinity
    this.#anti = anti
  }

  /** Undefined where neither the pod nor any other has anything to say. */
  static of({ info, cluster, objects }: Cycle): AffinityFilter | undefined {
    const filter = new AffinityFilter(
      info,
      new TermMatcher(objects),
      new TermCounts(),
      new TermCounts(),
      new TermCounts(),
    )
    const hasOwn = info.requiredAffinity.length > 0 || info.requiredAntiAffinity.length > 0
    for (const node of hasOwn ? cluster.nodes : cluster.nodesWithRequiredAntiAffinity) {
      const pods = hasOwn ? node.pods : node.podsWithRequiredAntiAffinity
      for (const other of pods.values()) filter.addPod(other, node)
    }
    return hasOwn || !filter.#existing.isEmpty ? filter : undefined
  }

  filter(node: NodeInfo): Rejection | undefined {
    if (!this.#hasAffinity(node)) return NO_AFFINITY
    if (!this.#anti.isEmpty) {
      for (const term of this.#info.requiredAntiAffinity) {
        if (this.#anti.of(node, term.topologyKey) > 0) return ANTI_AFFINITY
      }
    }
    return this.#existing.anyOn(node) ? EXISTING_ANTI_AFFINITY : undefined
  }

  #hasAffinity(node: NodeInfo): boolean {
    const terms = this.#info.requiredAffinity
    let isMet = true
    for (const { topologyKey } of terms) {
      if (node.labels[topologyKey] === undefined) return false
      if (this.#affinity.of(node, topologyKey) <= 0) isMet = false
    }
    // The first of a group that wants to be together has nobody to join.
    return isMet || (this.#affinity.isEmpty && this.#matcher.matchesAll(terms, this.#info.pod))
  }

  addPod(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, 1)
  }

  removePod(pod: PodInfo, node: NodeInfo): void {
    this.#change(pod, node, -1)
  }

  #change(other: PodInfo, node: NodeInfo, by: number): void {
    const { pod, requiredAffinity, requiredAntiAffinity } = this.#info
    for (const term of other.requiredAntiAffinity) {
      if (this.#matcher.matches(term, pod)) this.#existing.add(node, term.topologyKey, by)
    }
    if (this.#matcher.matchesAll(requiredAffinity, other.pod)) {
      for (const term of requiredAffinity) this.#affinity.add(node, term.topologyKey, by)
    }
    for (const term of requiredAntiAffinity) {
      if (this.#matcher.matches(term, other.pod)) this.#anti.add(node, term.topologyKey, by)
    }
  }

  clone(): AffinityFilter {
    return new AffinityFilter(
      this.#info,
      this.#matcher,
      this.#existing.clone(),
      this.#affinity.clone(),
      this.#anti.clone(),
    )
  }
}

/** Weights of the preferred terms by domain. @see plugins/interpodaffinity/scoring.go */
class AffinityScorer implements NodeScorer {
  readonly #weights: TermCounts
  readonly #keys: ReadonlySet<string>

  constructor(weights: TermCounts, keys: ReadonlySet<string>) {
    this.#weights = weights
    this.#keys = keys
  }

  static of({ info, cluster, objects }: Cycle): AffinityScorer | undefined {
    const matcher = new TermMatcher(objects)
    const weights = new TermCounts()
    const keys: Set<string> = new Set()
    const count = (terms: readonly WeightedAffinityTerm[], pod: Pod, node: NodeInfo, sign: number): void => {
      for (const term of terms) {
        if (!matcher.matches(term, pod)) continue
        keys.add(term.topologyKey)
        weights.add(node, term.topologyKey, sign * term.weight)
      }
    }
    const hasOwn = info.preferredAffinity.length > 0 || info.preferredAntiAffinity.length > 0
    for (const node of hasOwn ? cluster.nodes : cluster.nodesWithAffinity) {
      const pods = hasOwn ? node.pods : node.podsWithAffinity
      for (const other of pods.values()) {
        count(info.preferredAffinity, other.pod, node, 1)
        count(info.preferredAntiAffinity, other.pod, node, -1)
        for (const term of other.requiredAffinity) {
          if (!matcher.matches(term, info.pod)) continue
          keys.add(term.topologyKey)
          weights.add(node, term.topologyKey, HARD_AFFINITY_WEIGHT)
        }
        count(other.preferredAffinity, info.pod, node, 1)
        count(other.preferredAntiAffinity, info.pod, node, -1)
      }
    }
    return keys.size === 0 ? undefined : new AffinityScorer(weights, keys)
  }

  score(node: NodeInfo): number {
    let score = 0
    for (const key of this.#keys) score += this.#weights.of(node, key)
    return score
  }

  normalize(scores: number[]): void {
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (const score of scores) {
      if (score < least) least = score
      if (score > most) most = score
    }
    for (const [i, score] of scores.entries()) {
      scores[i] = most > least ? Math.trunc((MAX_NODE_SCORE * (score - least)) / (most - least)) : 0
    }
  }
}

/** Pod affinity and anti-affinity, of the pod and of those that run already. */
export const interPodAffinity: SchedulerPlugin = {
  name: NAME,
  weight: 2,
  demand(cycle) {
    const filter = AffinityFilter.of(cycle)
    return filter ? { filter } : undefined
  },
  scorer: (cycle) => AffinityScorer.of(cycle),
  isWokenBy(event, pod, objects) {
    if (event.kind === 'node') return nodeChangeMatters(event, pod)
    return event.kind === 'pod' && podChangeMatters(event, pod, objects)
  },
}

function podChangeMatters(event: ClusterEvent & { readonly kind: 'pod' }, pod: Pod, objects: ObjectReader): boolean {
  const { old, new: now } = event
  const matcher = new TermMatcher(objects)
  const { requiredAffinity, requiredAntiAffinity } = podInfo(pod)
  const isWanted = (other: Pod): boolean => matcher.matchesAll(requiredAffinity, other)
  const isAvoided = (other: Pod): boolean => requiredAntiAffinity.some((term) => matcher.matches(term, other))
  if (old && now) {
    if (event.change !== 'labels') return false
    return (!isWanted(old) && isWanted(now)) || (isAvoided(old) && !isAvoided(now))
  }
  if (now) return isWanted(now)
  if (!old) return false
  return isAvoided(old) || podInfo(old).requiredAntiAffinity.some((term) => matcher.matches(term, pod))
}

function nodeChangeMatters({ old, new: now, change }: ClusterEvent & { readonly kind: 'node' }, pod: Pod): boolean {
  if (!now || (old && change !== 'labels')) return false
  const { requiredAffinity, requiredAntiAffinity } = podInfo(pod)
  const keys = [...requiredAffinity, ...requiredAntiAffinity].map((term) => term.topologyKey)
  if (!old) return keys.length === 0 || keys.some((key) => now.metadata.labels?.[key] !== undefined)
  return keys.length === 0 || keys.some((key) => old.metadata.labels?.[key] !== now.metadata.labels?.[key])
}
