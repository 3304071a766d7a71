import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'

/**
 * Pods for which room is being made on a node. Others of no higher priority must leave that room.
 *
 * @see kubernetes pkg/scheduler/backend/queue/nominator.go
 */
export class Nominations {
  readonly #byNode: Map<string, Map<string, PodInfo>> = new Map()
  readonly #nodeOf: Map<string, string> = new Map()

  set(info: PodInfo, nodeName: string): void {
    this.delete(info.uid)
    if (nodeName === '') return
    this.#nodeOf.set(info.uid, nodeName)
    const pods = this.#byNode.get(nodeName)
    if (pods) pods.set(info.uid, info)
    else this.#byNode.set(nodeName, new Map([[info.uid, info]]))
  }

  delete(uid: string): void {
    const nodeName = this.#nodeOf.get(uid)
    if (nodeName === undefined) return
    this.#nodeOf.delete(uid)
    const pods = this.#byNode.get(nodeName)
    if (pods?.delete(uid) && pods.size === 0) this.#byNode.delete(nodeName)
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid)
  }

  on(nodeName: string): Iterable<PodInfo> {
    return this.#byNode.get(nodeName)?.values() ?? []
  }

  /** Nominated pods that a pod has to leave room for on a node. */
  before(info: PodInfo, { name }: NodeInfo): readonly PodInfo[] {
    const pods = this.#byNode.get(name)
    if (!pods) return NONE
    return [...pods.values()].filter((other) => other.priority >= info.priority && other.uid !== info.uid)
  }
}

const NONE: readonly never[] = []
