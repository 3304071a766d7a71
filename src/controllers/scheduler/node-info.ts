import type { Node } from '../../apimachinery/types/core-v1.ts'
import type { HostPort, PodInfo } from './pod-info.ts'
import { type Amounts, addAmounts, amountsOf } from './resource-amounts.ts'

/**
 * A node and all that is on it, kept up to date pod by pod. `node` is undefined while pods are known on a node that is
 * not (or not any more).
 *
 * @see kubernetes pkg/scheduler/framework/types.go NodeInfo
 */
export class NodeInfo {
  readonly name: string
  node: Node | undefined
  readonly pods: Map<string, PodInfo> = new Map()
  readonly podsWithAffinity: Map<string, PodInfo> = new Map()
  readonly podsWithRequiredAntiAffinity: Map<string, PodInfo> = new Map()
  readonly requested: Amounts = new Map()
  nonZeroMilliCpu = 0
  nonZeroMemory = 0
  allocatable: Amounts = new Map()
  allowedPods = 0

  constructor(name: string, node?: Node) {
    this.name = name
    if (node) this.setNode(node)
  }

  setNode(node: Node | undefined): void {
    this.node = node
    this.allocatable = amountsOf(node?.status?.allocatable)
    this.allowedPods = this.allocatable.get('pods') ?? 0
  }

  get labels(): Readonly<Record<string, string>> {
    return this.node?.metadata.labels ?? NO_LABELS
  }

  add(info: PodInfo): void {
    this.remove(info.uid)
    this.pods.set(info.uid, info)
    if (info.hasAffinity) this.podsWithAffinity.set(info.uid, info)
    if (info.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.set(info.uid, info)
    this.#count(info, 1)
  }

  remove(uid: string): PodInfo | undefined {
    const info = this.pods.get(uid)
    if (!info) return undefined
    this.pods.delete(uid)
    this.podsWithAffinity.delete(uid)
    this.podsWithRequiredAntiAffinity.delete(uid)
    this.#count(info, -1)
    return info
  }

  #count(info: PodInfo, factor: number): void {
    addAmounts(this.requested, info.requests, factor)
    this.nonZeroMilliCpu += factor * info.nonZeroMilliCpu
    this.nonZeroMemory += factor * info.nonZeroMemory
  }

  *hostPorts(): Iterable<HostPort> {
    for (const { hostPorts } of this.pods.values()) yield* hostPorts
  }

  /** A copy to try changes on. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name)
    copy.node = this.node
    copy.allocatable = this.allocatable
    copy.allowedPods = this.allowedPods
    for (const info of this.pods.values()) copy.add(info)
    return copy
  }
}

const NO_LABELS: Readonly<Record<string, string>> = {}
