import type { Selector } from '../../apimachinery/label-selector.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import { NodeInfo } from './node-info.ts'
import { PlacedPods } from './placed-pods.ts'
import { type PodInfo, podInfo } from './pod-info.ts'

const REGION = 'topology.kubernetes.io/region'
const ZONE = 'topology.kubernetes.io/zone'

interface ImageSpread {
  readonly nodes: Map<string, number>
}

/**
 * Nodes and what runs on them, as watches and the scheduler's own decisions say: a pod counts on its node from the
 * moment that it is assumed there. Kept up to date in place: a scheduling cycle is synchronous, so that nothing changes
 * under it and no snapshot is needed.
 *
 * @see kubernetes pkg/scheduler/backend/cache/cache.go
 */
export class ClusterState {
  readonly #nodes: Map<string, NodeInfo> = new Map()
  readonly #nodeOfPod: Map<string, string> = new Map()
  readonly #assumed: Set<string> = new Set()
  readonly #placed = new PlacedPods()
  readonly #images: Map<string, ImageSpread> = new Map()
  readonly #withAffinity: Set<NodeInfo> = new Set()
  readonly #withAntiAffinity: Set<NodeInfo> = new Set()
  #ordered: readonly NodeInfo[] | undefined

  /** Nodes that exist, one zone after the other in turn, so that any run of them spreads over the zones. */
  get nodes(): readonly NodeInfo[] {
    this.#ordered ??= interleaveZones([...this.#nodes.values()].filter((info) => info.node !== undefined))
    return this.#ordered
  }

  /** Nodes with pods that have a say in where others go; nodes that are gone may be among them. */
  get nodesWithAffinity(): Iterable<NodeInfo> {
    return this.#withAffinity
  }

  /** Of these, the ones whose pods keep others away. */
  get nodesWithRequiredAntiAffinity(): Iterable<NodeInfo> {
    return this.#withAntiAffinity
  }

  #track(node: NodeInfo): void {
    if (node.podsWithAffinity.size > 0) this.#withAffinity.add(node)
    else this.#withAffinity.delete(node)
    if (node.podsWithRequiredAntiAffinity.size > 0) this.#withAntiAffinity.add(node)
    else this.#withAntiAffinity.delete(node)
  }

  get(name: string): NodeInfo | undefined {
    const info = this.#nodes.get(name)
    return info?.node ? info : undefined
  }

  setNode(node: Node): NodeInfo {
    const name = node.metadata.name ?? ''
    let info = this.#nodes.get(name)
    if (!info) {
      info = new NodeInfo(name)
      this.#nodes.set(name, info)
    }
    const before = info.node
    if (!before || zoneOf(before) !== zoneOf(node)) this.#ordered = undefined
    if (before?.status?.images !== node.status?.images) this.#setImages(name, before, node)
    info.setNode(node)
    return info
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name)
    if (!info) return
    this.#setImages(name, info.node, undefined)
    info.setNode(undefined)
    if (info.pods.size === 0) this.#nodes.delete(name)
    this.#ordered = undefined
  }

  #setImages(node: string, before: Node | undefined, after: Node | undefined): void {
    for (const image of before?.status?.images ?? []) {
      for (const name of image.names ?? []) {
        const spread = this.#images.get(name)
        spread?.nodes.delete(node)
        if (spread?.nodes.size === 0) this.#images.delete(name)
      }
    }
    for (const image of after?.status?.images ?? []) {
      for (const name of image.names ?? []) {
        let spread = this.#images.get(name)
        if (!spread) {
          spread = { nodes: new Map() }
          this.#images.set(name, spread)
        }
        spread.nodes.set(node, image.sizeBytes ?? 0)
      }
    }
  }

  /** Bytes of an image on a node, and how many nodes have it; undefined where the node has not. */
  image(name: string, node: string): { readonly sizeBytes: number; readonly nodeCount: number } | undefined {
    const spread = this.#images.get(name)
    const sizeBytes = spread?.nodes.get(node)
    return sizeBytes === undefined ? undefined : { sizeBytes, nodeCount: spread!.nodes.size }
  }

  /** By node, the pods of a namespace that a selector selects; an empty selector selects none. */
  countByNode(selector: Selector, namespace: string): ReadonlyMap<NodeInfo, number> {
    return this.#placed.countByNode(selector, namespace)
  }

  /** A pod that the API says is on a node: confirms an assumption, or is news. */
  setPod(pod: Pod): PodInfo {
    const info = podInfo(pod)
    this.#assumed.delete(info.uid)
    this.#place(info, pod.spec?.nodeName ?? '')
    return info
  }

  /** Counts a pod on a node before the API knows. */
  assume(info: PodInfo, nodeName: string): void {
    this.#assumed.add(info.uid)
    this.#place(info, nodeName)
  }

  /** How much it knows of. */
  get size(): { readonly nodes: number; readonly pods: number; readonly assumedPods: number } {
    return { nodes: this.nodes.length, pods: this.#nodeOfPod.size, assumedPods: this.#assumed.size }
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid)
  }

  /** Takes an assumption back. */
  forget(uid: string): void {
    if (this.#assumed.delete(uid)) this.removePod(uid)
  }

  removePod(uid: string): PodInfo | undefined {
    this.#assumed.delete(uid)
    const name = this.#nodeOfPod.get(uid)
    if (name === undefined) return undefined
    this.#nodeOfPod.delete(uid)
    const node = this.#nodes.get(name)
    const info = node?.remove(uid)
    if (info) this.#placed.delete(info)
    if (node && info?.hasAffinity) this.#track(node)
    if (node && !node.node && node.pods.size === 0) this.#nodes.delete(name)
    return info
  }

  #place(info: PodInfo, nodeName: string): void {
    const before = this.#nodeOfPod.get(info.uid)
    const former = before === undefined ? undefined : this.#nodes.get(before)
    const old = former?.remove(info.uid)
    if (former && old?.hasAffinity) this.#track(former)
    let node = this.#nodes.get(nodeName)
    if (!node) {
      node = new NodeInfo(nodeName)
      this.#nodes.set(nodeName, node)
    }
    node.add(info)
    if (info.hasAffinity) this.#track(node)
    this.#nodeOfPod.set(info.uid, nodeName)
    this.#placed.set(info, node, old)
  }
}

function zoneOf(node: Node): string {
  const labels = node.metadata.labels ?? {}
  return `${labels[REGION] ?? ''}\0${labels[ZONE] ?? ''}`
}

function interleaveZones(nodes: readonly NodeInfo[]): readonly NodeInfo[] {
  const zones: Map<string, NodeInfo[]> = new Map()
  for (const info of nodes) {
    const zone = zoneOf(info.node!)
    const list = zones.get(zone)
    if (list) list.push(info)
    else zones.set(zone, [info])
  }
  const lists = [...zones.values()]
  if (lists.length === 1) return lists[0]!
  const ordered: NodeInfo[] = []
  for (let round = 0; ordered.length < nodes.length; round++) {
    for (const list of lists) if (round < list.length) ordered.push(list[round]!)
  }
  return ordered
}
