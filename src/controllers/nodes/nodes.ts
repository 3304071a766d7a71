import { asApiError, isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { Node } from '../../apimachinery/types/core-v1.ts'
import { nodeAddress, podPrefix } from '../kubelet/addresses.ts'
import { Fleet } from '../kubelet/fleet.ts'
import type { Client, Typed } from '../runtime/client.ts'
import { InformerSet } from '../runtime/informer-set.ts'
import type { Logger } from '../runtime/logger.ts'
import { NODES } from '../runtime/resources.ts'
import { noMetrics } from '../runtime/runtime-metrics.ts'
import { Heartbeat, renewAfterMs } from './heartbeat.ts'
import {
  DEFAULT_CAPACITY,
  type KubeletEndpoint,
  type NodeTemplate,
  nodeObject,
  nodeStatus,
  SIMULATED_LABEL,
} from './node-object.ts'
import type { SimulatedNodesOptions } from './nodes-options.ts'

interface NodesOptions extends SimulatedNodesOptions {
  /** Where the kubelets are served, if they are. */
  readonly endpoint?: KubeletEndpoint
  readonly clock: Clock
  readonly log: Logger
}

/** Simulated nodes that run. */
export interface RunningNodes {
  readonly fleet: Fleet
  /** Resolves once the nodes that were asked for are registered. */
  readonly ready: Promise<void>
  /** Creates more nodes; resolves with their names. */
  add(count: number): Promise<readonly string[]>
  /** Deletes a node from the API; its pods are left to the pod garbage collector. */
  remove(name: string): Promise<void>
  stop(): void
}

/** A kubelet posts its node's whole status so often, even if nothing has changed. */
const STATUS_INTERVAL_MS = 300_000
/** How long a kubelet waits before it tries again to register its node: at first, and at most. */
const FIRST_REGISTRATION_MS = 200
const MAX_REGISTRATION_MS = 7_000
/** Nodes that are registered at once. */
const CONCURRENCY = 32

/**
 * Starts simulated nodes. The client must be allowed to watch pods and nodes, to create nodes, and to act as their
 * kubelets (`system:node:<name>`).
 */
export function startNodes(client: Client, options: NodesOptions): RunningNodes {
  return new Nodes(client, options)
}

interface Registered {
  readonly uid: string
  readonly template: NodeTemplate
  readonly heartbeat: Heartbeat
  timer: Timer | undefined
  statusAtMs: number
  /** Images that the posted status lists, or leaves out because there are too many. */
  imageCount: number
}

class Nodes implements RunningNodes {
  readonly fleet: Fleet
  readonly ready: Promise<void>
  readonly #client: Client
  readonly #options: NodesOptions
  readonly #informers: InformerSet
  readonly #registered: Map<string, Registered> = new Map()
  readonly #indexes: Map<string, number> = new Map()
  #nextIndex = 0
  #isStopped = false

  constructor(client: Client, options: NodesOptions) {
    const { clock, log } = options
    this.#client = client
    this.#options = options
    this.#informers = new InformerSet({ client, clock, logger: log, metrics: noMetrics })
    this.fleet = new Fleet({ client, clock, log, informers: this.#informers })
    this.#informers.informer(NODES).addHandler({
      set: (node) => this.#nodeSet(node),
      remove: (node) => this.#nodeGone(node),
    })
    this.ready = this.#informers.synced().then(async () => {
      await this.add((options.count ?? 0) - this.#registered.size)
    })
  }

  async add(count: number): Promise<readonly string[]> {
    const names: string[] = []
    for (let number = 0; names.length < count; number++) {
      const name = `${this.#options.namePrefix ?? 'node-'}${number}`
      if (!this.#registered.has(name) && !this.#indexes.has(name)) names.push(name)
      if (names.at(-1) === name) this.#indexes.set(name, this.#nextIndex++)
    }
    const waiting = [...names]
    const work = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined && !this.#isStopped; name = waiting.shift()) {
        await this.#register(name)
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, names.length) }, work))
    return names
  }

  async remove(name: string): Promise<void> {
    this.#indexes.delete(name)
    await this.#client.delete(NODES, { namespace: '', name })
  }

  stop(): void {
    this.#isStopped = true
    this.#informers.stop()
    this.fleet.stop()
    for (const { timer } of this.#registered.values()) timer?.cancel()
  }

  async #register(name: string): Promise<void> {
    const index = this.#indexes.get(name)!
    const { zones = [], labels = {}, capacity = {}, clock, log } = this.#options
    const zone: Record<string, string> =
      zones.length > 0 ? { 'topology.kubernetes.io/zone': zones[index % zones.length]! } : {}
    const template = this.#template(name, index, { ...DEFAULT_CAPACITY, ...capacity }, { ...zone, ...labels })
    for (let delayMs = FIRST_REGISTRATION_MS; !this.#isStopped; delayMs = Math.min(delayMs * 2, MAX_REGISTRATION_MS)) {
      try {
        await this.#client.create(NODES, nodeObject(template, clock.now()))
        return
      } catch (error) {
        if (isAlreadyExists(error)) return
        const code = asApiError(error)?.code ?? 503
        if (code < 500 && code !== 429) throw error
        log.warn({ err: error, node: name }, 'could not register a node, trying again')
      }
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, delayMs)
      })
    }
  }

  #template(
    name: string,
    index: number,
    capacity: Readonly<Record<string, string>>,
    labels: Readonly<Record<string, string>>,
  ): NodeTemplate {
    const { endpoint } = this.#options
    const podCidr = `${podPrefix(index)}.0/24`
    return { name, ip: endpoint?.ip ?? nodeAddress(index), podCidr, capacity, labels, endpoint }
  }

  #nodeSet(node: Typed<Node>): void {
    const name = node.metadata.name ?? ''
    const known = this.#registered.get(name)
    if (known && known.uid !== node.metadata.uid) this.#nodeGone(node)
    if (node.metadata.labels?.[SIMULATED_LABEL] !== 'true') return
    if (this.#registered.has(name)) {
      this.fleet.nodes.get(name)?.setNode(node)
      return
    }
    this.#takeOver(node)
  }

  /** A node of ours, or one that somebody made for us to run. */
  #takeOver(node: Typed<Node>): void {
    const name = node.metadata.name ?? ''
    let index = this.#indexes.get(name)
    if (index === undefined) {
      index = this.#nextIndex++
      this.#indexes.set(name, index)
    }
    const template = this.#template(name, index, { ...DEFAULT_CAPACITY, ...this.#options.capacity }, {})
    const posted = node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address
    const ip = template.endpoint?.ip ?? posted ?? template.ip
    const prefix = /^(\d+\.\d+\.\d+)\.0\/24$/.exec(node.spec?.podCIDR ?? '')?.[1] ?? podPrefix(index)
    const client = this.fleet.clientOf(name)
    const registered: Registered = {
      uid: node.metadata.uid ?? '',
      template: { ...template, ip },
      heartbeat: new Heartbeat(client, node),
      timer: undefined,
      statusAtMs: hasPosted(node, template.endpoint) ? this.#options.clock.now() : 0,
      imageCount: 0,
    }
    this.#registered.set(name, registered)
    this.fleet.addNode(node, ip, prefix)
    this.fleet.recordNode(node, 'Starting', 'Starting kubelet.')
    void this.#beat(name, registered)
  }

  #nodeGone(node: Typed<Node>): void {
    const name = node.metadata.name ?? ''
    const known = this.#registered.get(name)
    if (!known) return
    known.timer?.cancel()
    this.#registered.delete(name)
    this.#indexes.delete(name)
    this.fleet.removeNode(name)
  }

  /** One heartbeat: the Lease, and the whole status when its time has come. */
  async #beat(name: string, registered: Registered): Promise<void> {
    const { clock, log } = this.#options
    try {
      await registered.heartbeat.beat(clock.now())
      const isDue = clock.now() - registered.statusAtMs >= STATUS_INTERVAL_MS
      if (isDue || this.#imageCount(name) !== registered.imageCount) await this.#postStatus(name, registered)
    } catch (error) {
      if (this.#isStopped) return
      log.debug({ err: error, node: name }, 'heartbeat failed')
    }
    if (this.#isStopped || this.#registered.get(name) !== registered) return
    const delay = renewAfterMs(this.#registered.size)
    registered.timer = this.fleet.timeline.after(delay, () => void this.#beat(name, registered))
  }

  #imageCount(name: string): number {
    return this.fleet.nodes.get(name)?.imageCount ?? 0
  }

  async #postStatus(name: string, registered: Registered): Promise<void> {
    const node = this.#informers.get(NODES, { namespace: '', name })
    if (!node) return
    const imageCount = this.#imageCount(name)
    const images = this.fleet.nodes.get(name)?.images()
    const status = nodeStatus(registered.template, node.status, this.#options.clock.now(), images)
    try {
      await this.fleet.clientOf(name).updateSubresource(NODES, 'status', { ...node, status })
      registered.statusAtMs = this.#options.clock.now()
      registered.imageCount = imageCount
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

/** False where the node's status is not its kubelet's, or leads to a kubelet elsewhere. */
function hasPosted({ status }: Node, endpoint: KubeletEndpoint | undefined): boolean {
  if (!status?.nodeInfo?.kubeletVersion) return false
  if (!endpoint) return true
  const isAddressed = status.addresses?.some((a) => a.type === 'Hostname' && a.address === endpoint.hostname) ?? false
  return isAddressed && status.daemonEndpoints?.kubeletEndpoint?.Port === endpoint.port
}
