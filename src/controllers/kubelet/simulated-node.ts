import type { ContainerImage, Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from '../runtime/client.ts'
import type { EventRecorder } from '../runtime/controller.ts'
import { requiredAffinityMatches } from '../scheduler/node-affinity-match.ts'
import { NodeInfo } from '../scheduler/node-info.ts'
import { hostPortsOf, podInfo, portsConflict } from '../scheduler/pod-info.ts'
import { podRequests } from '../scheduler/resource-amounts.ts'
import { AddressPool } from './addresses.ts'
import { fullImageName, imageId, imageSize } from './image-reference.ts'
import type { PodWorker } from './pod-worker.ts'
import type { Timeline } from './timeline.ts'

/** `nodeStatusMaxImages` */
const MAX_REPORTED_IMAGES = 50

/** An image's digest, and the name that it was pulled by. */
function namesOf(name: string): string[] {
  const id = imageId(name)
  return id === name ? [name] : [id, name]
}

/** What a simulated node needs of the fleet that it belongs to. */
export interface NodeSurroundings {
  readonly timeline: Timeline
  /** The API as this node's kubelet. */
  clientOf(nodeName: string): Client
  recorderOf(nodeName: string): EventRecorder
  /** A pod's status has to be written. */
  changed(worker: PodWorker): void
  /** False where there have been too many Events lately: they are left out. */
  mayRecord(): boolean
}

/** Why a node will not run a pod. */
export interface Refusal {
  readonly reason: string
  readonly message: string
}

/** A node that exists only here: its pods, addresses and images. */
export class SimulatedNode {
  readonly name: string
  readonly ip: string
  readonly addresses: AddressPool
  readonly timeline: Timeline
  readonly startedMs: number
  readonly workers: Map<string, PodWorker> = new Map()
  readonly #surroundings: NodeSurroundings
  readonly #info: NodeInfo
  readonly #images: Set<string> = new Set()

  constructor(node: Node, ip: string, podPrefix: string, surroundings: NodeSurroundings) {
    this.name = node.metadata.name ?? ''
    this.ip = ip
    this.addresses = new AddressPool(podPrefix)
    this.timeline = surroundings.timeline
    this.startedMs = surroundings.timeline.now()
    this.#surroundings = surroundings
    this.#info = new NodeInfo(this.name, node)
  }

  /** As the API has it. */
  get object(): Node | undefined {
    return this.#info.node
  }

  get client(): Client {
    return this.#surroundings.clientOf(this.name)
  }

  setNode(node: Node): void {
    this.#info.setNode(node)
    this.#roomChanged()
  }

  hasImage(image: string): boolean {
    return this.#images.has(fullImageName(image))
  }

  /** How many images have been pulled: rises with every new one. */
  get imageCount(): number {
    return this.#images.size
  }

  /** What the node's status says of its images: the largest first. @see kubernetes pkg/kubelet/nodestatus/setters.go */
  images(): ContainerImage[] {
    return [...this.#images]
      .map((name) => ({ names: namesOf(name), sizeBytes: imageSize(name) }))
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, MAX_REPORTED_IMAGES)
  }

  addImage(image: string): void {
    this.#images.add(fullImageName(image))
  }

  /** `fieldPath`: the container that the Event is about. */
  record(pod: Typed<Pod>, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    if (!this.#surroundings.mayRecord()) return
    this.#surroundings.recorderOf(this.name).record(pod, type, reason, message, fieldPath)
  }

  changed(worker: PodWorker): void {
    this.#surroundings.changed(worker)
  }

  /** Counts a pod as running here, or says why it cannot. @see kubernetes pkg/kubelet/lifecycle/predicate.go */
  admit(pod: Pod): Refusal | undefined {
    const info = podInfo(pod)
    const { node } = this.#info
    if (this.#info.pods.size + 1 > this.#info.allowedPods) {
      return shortage('pods', 1, this.#info.pods.size, this.#info.allowedPods)
    }
    for (const [name, wanted] of info.requests) {
      const capacity = this.#info.allocatable.get(name)
      const used = this.#info.requested.get(name) ?? 0
      // Resources that only quotas know are none of the node's.
      if (capacity === undefined && !['cpu', 'memory', 'ephemeral-storage'].includes(name)) continue
      if (wanted > (capacity ?? 0) - used) return shortage(name, wanted, used, capacity ?? 0)
    }
    if (node && !requiredAffinityMatches(pod, node)) {
      const text = "node(s) didn't match Pod's node affinity/selector"
      return { reason: 'NodeAffinity', message: `Predicate NodeAffinity failed: ${text}` }
    }
    const wanted = hostPortsOf(pod)
    if (wanted.length > 0) {
      for (const used of this.#info.hostPorts()) {
        if (!wanted.some((port) => portsConflict(port, used))) continue
        const text = "node(s) didn't have free ports for the requested pod ports"
        return { reason: 'NodePorts', message: `Predicate NodePorts failed: ${text}` }
      }
    }
    this.#info.add(info)
    return undefined
  }

  /**
   * Counts a running pod with what it asks for now, or says why that cannot be: not yet, or never.
   *
   * @see kubernetes pkg/kubelet/allocation/allocation_manager.go
   */
  resize(pod: Pod): Refusal | undefined {
    const info = { ...podInfo(pod), requests: podRequests(pod) }
    const own = this.#info.pods.get(info.uid)?.requests
    for (const name of ['cpu', 'memory']) {
      const requested = info.requests.get(name) ?? 0
      const capacity = this.#info.allocatable.get(name) ?? 0
      if (requested > capacity) {
        const message = `Node didn't have enough capacity: ${name}, requested: ${requested}, capacity: ${capacity}`
        return { reason: 'Infeasible', message }
      }
      const used = (this.#info.requested.get(name) ?? 0) - (own?.get(name) ?? 0)
      if (requested > (own?.get(name) ?? 0) && requested > capacity - used) {
        return { reason: 'Deferred', message: shortage(name, requested, used, capacity).message }
      }
    }
    this.#info.add(info)
    return undefined
  }

  release(uid: string): void {
    this.#info.remove(uid)
    this.#roomChanged()
  }

  #roomChanged(): void {
    for (const worker of this.workers.values()) worker.roomChanged()
  }
}

function shortage(name: string, requested: number, used: number, capacity: number): Refusal {
  return {
    reason: `OutOf${name}`,
    message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  }
}
