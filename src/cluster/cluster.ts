import type { FastifyBaseLogger } from 'fastify'
import { quotaUsage } from '../admission/plugins/resource-quota/quota-usage.ts'
import type { Trace, TraceQuery } from '../api/trace/trace-record.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { allControllers, allLoops } from '../controllers/all-controllers.ts'
import { DELETION_GRACE_MS } from '../controllers/cluster/namespace/namespace-controller.ts'
import { ControllerManager } from '../controllers/controller-manager.ts'
import { startNodes } from '../controllers/nodes/nodes.ts'
import type { SimulatedNodesOptions } from '../controllers/nodes/nodes-options.ts'
import type { Client } from '../controllers/runtime/client.ts'
import { startScheduler } from '../controllers/scheduler/scheduler.ts'
import { ClientGate } from './client-gate.ts'
import { CONTROLLER_MANAGER, type Component, componentClient, SCHEDULER } from './component-client.ts'
import { ControllerMetrics } from './metrics/controller-metrics.ts'
import { PlacementMetrics } from './metrics/scheduler-metrics.ts'
import { SimulatedNodeConnector } from './node-connector.ts'
import { clusterSigners, requestedCertificate } from './pki/certificate-signer.ts'
import { type GivenParts, type RunningServer, startServer } from './server.ts'
import type { ServerOptions } from './server-options.ts'

/** What a part of the cluster is given when it starts. */
export interface ClusterAccess {
  readonly server: RunningServer
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
  /** The API as one component of the cluster, or as any user. */
  client(component: Component): Client
}

/** Something that runs in the cluster's process: nodes, an add-on. The returned function ends it. */
export type ClusterPart = (access: ClusterAccess) => Promise<() => void | Promise<void>>

export interface ClusterOptions {
  readonly server: ServerOptions
  /** Run the controllers; default true. */
  readonly controllers?: boolean
  /** Run the scheduler; default true. */
  readonly scheduler?: boolean
  /** Simulated nodes to run; undefined: none, nor those that others create. */
  readonly nodes?: SimulatedNodesOptions
  readonly parts?: readonly ClusterPart[]
}

export interface RunningCluster {
  readonly server: RunningServer
  readonly url: string
  /** An administrator's, in this process. */
  readonly client: Client
  /** False while something in this process waits for an answer of the API. */
  readonly isIdle: boolean
  /** Cuts controllers, scheduler and other parts off: when it resolves, none of their writes is under way or begins. */
  halt(): Promise<void>
  /** Starts them anew after {@link RunningCluster.halt}, on whatever is stored by now. */
  resume(): Promise<void>
  /** What happened to an object, and what followed from it. Errors: 400, 404. */
  trace(query: TraceQuery): Trace
  /** Ends controllers, scheduler and other parts, then the server. */
  close(): Promise<void>
}

/** Who may do everything. */
export const ADMINISTRATOR: Component = { user: 'kubernetes-admin', groups: ['system:masters'], program: 'kubemu' }

/** The fleet of simulated nodes; each node acts as its own kubelet. */
const NODE_FLEET: Component = { user: 'kubernetes-admin', groups: ['system:masters'], program: 'kubelet' }

/** Starts an API server with everything that makes workloads come alive, in one process. */
export async function startCluster(
  options: ClusterOptions,
  logger: FastifyBaseLogger,
  given: GivenParts = {},
): Promise<RunningCluster> {
  const { clock = systemClock } = given
  const server = await startServer(serverOptionsOf(options), logger, given)
  const { nodes } = options
  const starts: ClusterPart[] = [...(options.parts ?? [])]
  // They count on when a part is started anew.
  if (options.scheduler ?? true) {
    const metrics = new PlacementMetrics()
    server.plane.exposeMetrics(metrics.metrics)
    starts.push((access) => schedulerPart(access, metrics))
  }
  if (options.controllers ?? true) {
    const metrics = new ControllerMetrics()
    server.plane.exposeMetrics(metrics.metrics)
    starts.push((access) => controllersPart(access, metrics, options.server.storage.kind === 'etcd'))
  }
  if (nodes) starts.push((access) => nodesPart(access, nodes))
  const parts = new ClusterParts(starts, { server, clock, logger })
  await parts.start()
  return {
    server,
    url: server.url,
    client: componentClient(server.plane, ADMINISTRATOR),
    get isIdle() {
      return parts.isIdle
    },
    trace: (query) => server.plane.traces.read(query),
    halt: () => parts.halt(),
    resume: () => parts.start(),
    close: async () => {
      await parts.stop()
      await server.close()
    },
  }
}

/** What simulated nodes use is measured: metrics.k8s.io is served unless it is turned off. */
function serverOptionsOf({ server, nodes }: ClusterOptions): ServerOptions {
  if (!nodes) return server
  return { ...server, runtimeConfig: new Map([['metrics.k8s.io/v1beta1', true], ...server.runtimeConfig]) }
}

type PartEnd = () => void | Promise<void>

/** What runs in the cluster's process besides the server, behind one gate. */
class ClusterParts {
  readonly #starts: readonly ClusterPart[]
  readonly #access: Omit<ClusterAccess, 'client'>
  #gate = new ClientGate()
  #ends: PartEnd[] = []

  constructor(starts: readonly ClusterPart[], access: Omit<ClusterAccess, 'client'>) {
    this.#starts = starts
    this.#access = access
  }

  get isIdle(): boolean {
    return this.#gate.isIdle
  }

  async start(): Promise<void> {
    const gate = new ClientGate()
    this.#gate = gate
    const { plane } = this.#access.server
    const access = {
      ...this.#access,
      client: (component: Component) => gate.client(componentClient(plane, component)),
    }
    this.#ends = await Promise.all(this.#starts.map((start) => start(access)))
  }

  async halt(): Promise<void> {
    const cutOff = this.#gate.close()
    // What they still have in hand comes to nothing: nobody needs to wait for it.
    this.stop().catch((error: unknown) => this.#access.logger.debug({ err: error }, 'a part did not end in order'))
    await cutOff
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.splice(0).map((end) => end()))
  }
}

async function schedulerPart({ server, client, clock, logger }: ClusterAccess, metrics: PlacementMetrics) {
  const scheduler = startScheduler(client(SCHEDULER), { clock, log: logger, metrics })
  await scheduler.synced
  const stopped = server.plane.components.started('scheduler')
  return () => {
    stopped()
    scheduler.stop()
  }
}

async function nodesPart({ server, client, clock, logger }: ClusterAccess, options: SimulatedNodesOptions) {
  const nodes = startNodes(client(NODE_FLEET), { ...options, clock, log: logger })
  const disconnect = server.connectNodes(new SimulatedNodeConnector(nodes.fleet))
  await nodes.ready
  return () => {
    disconnect()
    nodes.stop()
  }
}

/** `sharedStore`: servers in other processes run controllers as well, of whom one is to lead. */
async function controllersPart(
  { server, client, clock, logger }: ClusterAccess,
  metrics: ControllerMetrics,
  sharedStore: boolean,
) {
  const manager = await ControllerManager.start({
    client: client(CONTROLLER_MANAGER),
    clock,
    logger,
    metrics,
    controllers: allControllers({
      quotaUsage,
      createToken: (account) => server.tokenIssuer.issueLegacy(account),
      ...(server.rootCa ? { rootCa: server.rootCa } : {}),
      readCertificateRequest: requestedCertificate,
      ...(sharedStore ? { namespaceGraceMs: DELETION_GRACE_MS } : {}),
      ...(server.authority ? { certificateSigners: clusterSigners(server.authority) } : {}),
    }),
    loops: allLoops(),
    ...(sharedStore ? { leaderElection: { identity: `kubemu_${crypto.randomUUID()}` } } : {}),
  })
  const stopped = server.plane.components.started('controller-manager')
  return () => {
    stopped()
    return manager.stop()
  }
}
