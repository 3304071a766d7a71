import type { FastifyBaseLogger } from 'fastify'
import { quotaUsage } from '../admission/plugins/resource-quota/quota-usage.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { allControllers, allLoops } from '../controllers/all-controllers.ts'
import { ControllerManager } from '../controllers/controller-manager.ts'
import { type NodesOptions, startNodes } from '../controllers/nodes/nodes.ts'
import type { Client } from '../controllers/runtime/client.ts'
import { startScheduler } from '../controllers/scheduler/scheduler.ts'
import { CONTROLLER_MANAGER, type Component, componentClient, SCHEDULER } from './component-client.ts'
import { SimulatedNodeConnector } from './node-connector.ts'
import { certificateSigner } from './pki/certificate-signer.ts'
import { acceptUpgrades } from './remote-channels.ts'
import { type RunningServer, startServer } from './server.ts'
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

export type SimulatedNodesOptions = Omit<NodesOptions, 'clock' | 'log'>

export interface RunningCluster {
  readonly server: RunningServer
  readonly url: string
  /** An administrator's, in this process. */
  readonly client: Client
  /** Ends controllers, scheduler and other parts, then the server. */
  close(): Promise<void>
}

const ADMINISTRATOR: Component = { user: 'kubernetes-admin', groups: ['system:masters'], program: 'kubemu' }

/** The fleet of simulated nodes; each node acts as its own kubelet. */
const NODE_FLEET: Component = { user: 'kubernetes-admin', groups: ['system:masters'], program: 'kubelet' }

/** Starts an API server with everything that makes workloads come alive, in one process. */
export async function startCluster(options: ClusterOptions, logger: FastifyBaseLogger): Promise<RunningCluster> {
  const server = await startServer(serverOptionsOf(options), logger)
  const access: ClusterAccess = {
    server,
    clock: systemClock,
    logger,
    client: (component) => componentClient(server.plane, component),
  }
  const parts: ClusterPart[] = [...(options.parts ?? [])]
  if (options.scheduler ?? true) parts.push(schedulerPart)
  if (options.controllers ?? true) parts.push((given) => controllersPart(given, options.server.storage.kind === 'etcd'))
  const { nodes } = options
  if (nodes) parts.push((given) => nodesPart(given, nodes))
  const ends = await Promise.all(parts.map((start) => start(access)))
  return {
    server,
    url: server.url,
    client: access.client(ADMINISTRATOR),
    close: async () => {
      await Promise.all(ends.map((end) => end()))
      await server.close()
    },
  }
}

/** What simulated nodes use is measured: metrics.k8s.io is served unless it is turned off. */
function serverOptionsOf({ server, nodes }: ClusterOptions): ServerOptions {
  if (!nodes) return server
  return { ...server, runtimeConfig: new Map([['metrics.k8s.io/v1beta1', true], ...server.runtimeConfig]) }
}

const schedulerPart: ClusterPart = async ({ server, client, clock, logger }) => {
  const scheduler = startScheduler(client(SCHEDULER), { clock, log: logger })
  await scheduler.synced
  const stopped = server.plane.components.started('scheduler')
  return () => {
    stopped()
    scheduler.stop()
  }
}

async function nodesPart({ server, client, clock, logger }: ClusterAccess, options: SimulatedNodesOptions) {
  const nodes = startNodes(client(NODE_FLEET), { ...options, clock, log: logger })
  acceptUpgrades(server.plane.app)
  server.connectNodes(new SimulatedNodeConnector(nodes.fleet))
  await nodes.ready
  return () => nodes.stop()
}

/** `sharedStore`: servers in other processes run controllers as well, of whom one is to lead. */
async function controllersPart({ server, client, clock, logger }: ClusterAccess, sharedStore: boolean) {
  const manager = await ControllerManager.start({
    client: client(CONTROLLER_MANAGER),
    clock,
    logger,
    controllers: allControllers({
      quotaUsage,
      createToken: (account) => server.tokenIssuer.issueLegacy(account),
      ...(server.rootCa ? { rootCa: server.rootCa } : {}),
      ...(server.authority ? { certificateSigner: certificateSigner(server.authority) } : {}),
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
