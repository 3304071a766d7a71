import type { Selector } from '../../apimachinery/label-selector.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'

interface PlacedPod {
  readonly info: PodInfo
  readonly node: NodeInfo
}

type Pods = Map<string, PlacedPod>

const NO_PODS: ReadonlyMap<string, PlacedPod> = new Map()

/**
 * Pods that have a node, by namespace and label: those that belong together are counted without a look at all others.
 * What upstream counts node by node in every cycle.
 */
export class PlacedPods {
  readonly #byNamespace: Map<string, Pods> = new Map()
  readonly #byLabel: Map<string, Pods> = new Map()

  /** `old`: the same pod as it was before. */
  set(info: PodInfo, node: NodeInfo, old: PodInfo | undefined): void {
    const labels = info.pod.metadata.labels
    const before = old?.pod.metadata.labels
    for (const key in before) if (labels?.[key] !== before[key]) this.#remove(old!, key, before[key]!)
    const placed = { info, node }
    podsUnder(this.#byNamespace, info.namespace).set(info.uid, placed)
    for (const key in labels)
      podsUnder(this.#byLabel, labelText(info.namespace, key, labels[key]!)).set(info.uid, placed)
  }

  delete(info: PodInfo): void {
    const labels = info.pod.metadata.labels
    for (const key in labels) this.#remove(info, key, labels[key]!)
    removeUnder(this.#byNamespace, info.namespace, info.uid)
  }

  /** By node, the pods of a namespace that a selector selects and that are not on their way out; no selector, none. */
  countByNode(selector: Selector, namespace: string): ReadonlyMap<NodeInfo, number> {
    const counts: Map<NodeInfo, number> = new Map()
    if (selector.isEmpty() || selector.matchesNothing) return counts
    for (const { info, node } of this.#candidates(selector, namespace).values()) {
      const { deletionTimestamp, labels } = info.pod.metadata
      if (!deletionTimestamp && selector.matches(labels)) counts.set(node, (counts.get(node) ?? 0) + 1)
    }
    return counts
  }

  /** The fewest pods among which all must be that the selector selects. */
  #candidates(selector: Selector, namespace: string): ReadonlyMap<string, PlacedPod> {
    let fewest: ReadonlyMap<string, PlacedPod> = this.#byNamespace.get(namespace) ?? NO_PODS
    for (const { key } of selector.requirements) {
      const value = selector.requiresExactMatch(key)
      if (value === undefined) continue
      const pods = this.#byLabel.get(labelText(namespace, key, value)) ?? NO_PODS
      if (pods.size < fewest.size) fewest = pods
    }
    return fewest
  }

  #remove({ namespace, uid }: PodInfo, key: string, value: string): void {
    removeUnder(this.#byLabel, labelText(namespace, key, value), uid)
  }
}

function labelText(namespace: string, key: string, value: string): string {
  return `${namespace}\0${key}\0${value}`
}

function podsUnder(index: Map<string, Pods>, key: string): Pods {
  let pods = index.get(key)
  if (!pods) {
    pods = new Map()
    index.set(key, pods)
  }
  return pods
}

function removeUnder(index: Map<string, Pods>, key: string, uid: string): void {
  const pods = index.get(key)
  if (pods?.delete(uid) && pods.size === 0) index.delete(key)
}
