import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { ensureDefaultStorageClass, simulatedDisks } from '../controllers/cluster/volumes/simulated-provisioner.ts'
import { ControllerManager } from '../controllers/controller-manager.ts'
import { HttpClient } from '../controllers/http/http-client.ts'
import { readKubeconfig } from '../controllers/http/kubeconfig-access.ts'
import type { KubeletEndpoint } from '../controllers/nodes/node-object.ts'
import { type RunningNodes, startNodes } from '../controllers/nodes/nodes.ts'
import type { Client } from '../controllers/runtime/client.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { electionClient } from './component-process.ts'
import type { KubeletHost } from './kubelet-api/kubelet-app.ts'
import { startKubeletServer } from './kubelet-api/kubelet-server.ts'
import { type LeaderElection, type Work, workWhileLeading } from './leadership.ts'
import { SimulatedNodeConnector } from './node-connector.ts'

/** What `kubemu nodes` is told on its command line, checked and with defaults. */
export interface NodesProcessOptions {
  /** An administrator's: nodes are created, and everything else is done as their kubelets. */
  readonly kubeconfig: string
  readonly count: number
  readonly namePrefix: string
  readonly bindAddress: string
  /** Port of the kubelets' API; 0: any that is free. */
  readonly port: number
  /** Name or address at which API servers reach this process; undefined: that of the machine. */
  readonly advertiseAddress: string | undefined
  /** Whose client certificates count; undefined: the authority of the kubeconfig. */
  readonly clientCaFile: string | undefined
  /** Undefined: works at once. */
  readonly leaderElection: LeaderElection | undefined
  readonly clock?: Clock
}

export interface NodesProcess {
  /** Where the kubelets are served. */
  readonly endpoint: KubeletEndpoint
  stop(): Promise<void>
}

const RETRY_MS = 1000

/** Runs simulated nodes against a server over HTTP. Resolves once their kubelets are served. */
export async function runNodes(options: NodesProcessOptions, logger: Logger): Promise<NodesProcess> {
  const { clock = systemClock, leaderElection } = options
  const access = await readKubeconfig(options.kubeconfig)
  const client = HttpClient.connect({ access, clock, userAgent: 'kubelet/v1.36.2', impersonate: true })
  const clientCa = options.clientCaFile ? await readFile(options.clientCaFile, 'utf8') : access.certificateAuthority
  if (clientCa === undefined) {
    throw new Error('the kubeconfig names no certificate authority: --client-ca-file must say whom the kubelets obey')
  }
  const fleet = new ElectedFleet(client, clock, logger, options)
  const server = await startKubeletServer({
    bindAddress: options.bindAddress,
    port: options.port,
    hosts: [options.advertiseAddress ?? hostname(), 'localhost', '127.0.0.1'],
    clientCa,
    client,
    host: () => fleet.served,
  })
  fleet.endpoint = endpointOf(options, server.port)
  const context = { client: electionClient(client, leaderElection), clock, logger }
  const stop = workWhileLeading(fleet, leaderElection, context)
  // Timers of the fleet do not keep a process alive by themselves.
  const keepAlive = setInterval(() => {}, 2 ** 30)
  return {
    endpoint: fleet.endpoint,
    stop: async () => {
      clearInterval(keepAlive)
      await stop()
      await server.close()
      client.close()
    },
  }
}

/** The nodes, for as long as this process leads. */
class ElectedFleet implements Work {
  endpoint: KubeletEndpoint | undefined
  readonly #client: Client
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #options: NodesProcessOptions
  #nodes: RunningNodes | undefined
  #disks: Promise<ControllerManager> | undefined
  #served: KubeletHost | undefined

  constructor(client: Client, clock: Clock, logger: Logger, options: NodesProcessOptions) {
    this.#client = client
    this.#clock = clock
    this.#logger = logger
    this.#options = options
  }

  get served(): KubeletHost | undefined {
    return this.#served
  }

  start(): void {
    void this.#register()
  }

  /** Resolves once the nodes are registered, however long the API server is away, or once they are stopped. */
  async #register(): Promise<void> {
    const { count, namePrefix } = this.#options
    const { endpoint } = this
    const options = { count, namePrefix, clock: this.#clock, log: this.#logger, ...(endpoint ? { endpoint } : {}) }
    const nodes = startNodes(this.#client, options)
    this.#nodes = nodes
    this.#served = new SimulatedNodeConnector(nodes.fleet).host
    this.#disks ??= ControllerManager.start({
      client: this.#client,
      clock: this.#clock,
      logger: this.#logger,
      controllers: simulatedDisks(),
    })
    try {
      await nodes.ready
      // Simulated disks come with simulated machines, whichever controllers there are.
      await ensureDefaultStorageClass(this.#client, this.#logger)
      this.#logger.info({ nodes: count }, 'nodes registered')
    } catch (error) {
      if (this.#nodes !== nodes) return
      this.#logger.warn({ err: error }, 'nodes could not be registered')
      nodes.stop()
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(resolve, RETRY_MS)
      })
      if (this.#nodes === nodes) await this.#register()
    }
  }

  stop(): void {
    this.#nodes?.stop()
    this.#nodes = undefined
    this.#served = undefined
    void this.#disks?.then((disks) => disks.stop())
    this.#disks = undefined
  }
}

function endpointOf({ bindAddress, advertiseAddress }: NodesProcessOptions, port: number): KubeletEndpoint {
  const isWildcard = bindAddress === '0.0.0.0' || bindAddress === '::'
  const host = advertiseAddress ?? (isWildcard ? hostname() : bindAddress)
  if (isIP(host) !== 0) return { hostname: host, ip: host, port }
  return { hostname: host, ip: isWildcard ? machineAddress() : bindAddress, port }
}

/** The first address of this machine that others can reach. */
function machineAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const found = all.find((a) => !a.internal && a.family === 'IPv4') ?? all.find((a) => !a.internal)
  return found?.address ?? '127.0.0.1'
}
