import { isConflict, isNotFound } from '../../apimachinery/api-error.ts'
import { causedByChange } from '../../apimachinery/cause.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import { ApiEventRecorder } from '../runtime/api-event-recorder.ts'
import type { Client, Typed } from '../runtime/client.ts'
import type { EventRecorder } from '../runtime/controller.ts'
import { FAST_EVENTS } from '../runtime/event-outbox.ts'
import type { InformerSet } from '../runtime/informer-set.ts'
import type { Logger } from '../runtime/logger.ts'
import { PODS } from '../runtime/resources.ts'
import { TokenBucket } from '../runtime/token-bucket.ts'
import { isFinished } from '../scheduler/pod-info.ts'
import { PodWorker } from './pod-worker.ts'
import { Rush } from './rush.ts'
import { type NodeSurroundings, SimulatedNode } from './simulated-node.ts'
import { StatusWriter } from './status-writer.ts'
import { Timeline } from './timeline.ts'

/** Events of all simulated nodes together: so many at once, then so many a second; what is beyond is left out. */
const EVENT_BURST = 500
const EVENTS_PER_SECOND = 100

/** How soon a finished pod that could not be removed is tried again. */
const RELEASE_RETRY_MS = 1000

/** Groups of every kubelet's user. */
const KUBELET_GROUPS = ['system:nodes', 'system:authenticated']

export interface FleetOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly informers: InformerSet
}

/** The kubelets of all simulated nodes, as one: one watch, one timeline, one writer. */
export class Fleet implements NodeSurroundings {
  readonly timeline: Timeline
  readonly nodes: Map<string, SimulatedNode> = new Map()
  readonly #options: FleetOptions
  readonly #writer: StatusWriter
  readonly #budget: TokenBucket
  readonly #starts: Rush
  readonly #clients: Map<string, Client> = new Map()
  readonly #recorders: Map<string, ApiEventRecorder> = new Map()

  constructor(options: FleetOptions) {
    this.#options = options
    this.timeline = new Timeline(options.clock)
    this.#writer = new StatusWriter(options.log, options.clock)
    this.#budget = new TokenBucket(EVENT_BURST, EVENTS_PER_SECOND, options.clock.now())
    this.#starts = new Rush(options.clock)
    options.informers.informer(PODS).addHandler({
      set: (pod, old) => this.#podSet(pod, old),
      remove: (pod) => this.#podGone(pod),
    })
  }

  clientOf(nodeName: string): Client {
    let client = this.#clients.get(nodeName)
    if (!client) {
      client = this.#options.client.as(`system:node:${nodeName}`, KUBELET_GROUPS)
      this.#clients.set(nodeName, client)
    }
    return client
  }

  recorderOf(nodeName: string): EventRecorder {
    let recorder = this.#recorders.get(nodeName)
    if (!recorder) {
      const { clock, log } = this.#options
      recorder = new ApiEventRecorder({
        client: this.clientOf(nodeName),
        clock,
        logger: log,
        component: 'kubelet',
        host: nodeName,
        rate: FAST_EVENTS,
      })
      this.#recorders.set(nodeName, recorder)
    }
    return recorder
  }

  changed(worker: PodWorker): void {
    this.#writer.changed(worker)
  }

  /** An Event about a node, as its kubelet reports it. */
  recordNode(node: Typed<Node>, reason: string, message: string): void {
    if (this.mayRecord()) this.recorderOf(node.metadata.name ?? '').record(node, 'Normal', reason, message)
  }

  mayRecord(): boolean {
    return this.#budget.take(this.#options.clock.now())
  }

  /** Takes a node over; pods that are on it already are run. */
  addNode(node: Node, ip: string, podPrefix: string): SimulatedNode {
    const name = node.metadata.name ?? ''
    const added = new SimulatedNode(node, ip, podPrefix, this)
    this.nodes.set(name, added)
    for (const pod of this.#options.informers.list(PODS)) {
      if (pod.spec?.nodeName === name) this.#podSet(pod, undefined)
    }
    return added
  }

  removeNode(name: string): void {
    const node = this.nodes.get(name)
    if (!node) return
    this.nodes.delete(name)
    for (const worker of node.workers.values()) this.#drop(node, worker)
    this.#clients.delete(name)
    this.#recorders.get(name)?.stop()
    this.#recorders.delete(name)
  }

  /** A pod on any node, as the API has it. */
  pod(namespace: string, name: string): Typed<Pod> | undefined {
    return this.#options.informers.get(PODS, { namespace, name })
  }

  /** The worker of a pod that runs here. */
  worker(pod: Pod): PodWorker | undefined {
    return this.nodes.get(pod.spec?.nodeName ?? '')?.workers.get(pod.metadata.uid ?? '')
  }

  stop(): void {
    this.timeline.stop()
    this.#writer.stop()
    for (const recorder of this.#recorders.values()) recorder.stop()
  }

  #podSet(pod: Typed<Pod>, old: Typed<Pod> | undefined): void {
    if (old && old.metadata.uid !== pod.metadata.uid) this.#podGone(old)
    const node = this.nodes.get(pod.spec?.nodeName ?? '')
    if (!node) return
    const worker = node.workers.get(pod.metadata.uid ?? '')
    if (!worker) this.#take(node, pod)
    else if (Number(pod.metadata.resourceVersion) >= Number(worker.pod.metadata.resourceVersion)) {
      this.#update(node, worker, pod)
    }
  }

  #take(node: SimulatedNode, pod: Typed<Pod>): void {
    if (isFinished(pod)) {
      // It ended before this process began; a kubelet has nothing left to do but to let it go.
      if (pod.metadata.deletionTimestamp) void this.#release(node, pod)
      return
    }
    const worker = new PodWorker(node, pod)
    node.workers.set(worker.uid, worker)
    if (pod.metadata.deletionTimestamp) {
      worker.stop(0)
      return
    }
    const refusal = node.admit(pod)
    if (refusal) worker.reject(refusal.reason, refusal.message)
    else worker.start(this.#starts.count())
  }

  async #release(node: SimulatedNode, pod: Typed<Pod>): Promise<void> {
    const { metadata } = pod
    const key = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
    const preconditions = metadata.uid ? { uid: metadata.uid } : {}
    try {
      await node.client
        .causedBy(causedByChange({ metadata }))
        .delete(PODS, key, { gracePeriodSeconds: 0, preconditions })
    } catch (error) {
      if (isNotFound(error) || isConflict(error) || this.nodes.get(node.name) !== node) return
      this.#options.log.warn({ err: error, pod: key.name }, 'could not remove a finished pod, trying again')
      this.timeline.after(RELEASE_RETRY_MS, () => void this.#release(node, pod))
    }
  }

  #update(node: SimulatedNode, worker: PodWorker, pod: Typed<Pod>): void {
    const wasDeleting = worker.pod.metadata.deletionTimestamp !== undefined
    worker.update(pod)
    if (!pod.metadata.deletionTimestamp) return
    if (worker.isTerminal) {
      if (!wasDeleting) void this.#release(node, pod)
    } else worker.stop(pod.metadata.deletionGracePeriodSeconds ?? 30)
  }

  #podGone(pod: Pod): void {
    const node = this.nodes.get(pod.spec?.nodeName ?? '')
    const worker = node?.workers.get(pod.metadata.uid ?? '')
    if (node && worker) this.#drop(node, worker)
  }

  #drop(node: SimulatedNode, worker: PodWorker): void {
    node.workers.delete(worker.uid)
    node.release(worker.uid)
    this.#writer.forget(worker)
    worker.dispose()
  }
}
