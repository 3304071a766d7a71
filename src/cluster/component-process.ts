import type { Metric } from '../api/metrics/exposition.ts'
import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { HttpClient, type HttpClientOptions } from '../controllers/http/http-client.ts'
import { readKubeconfig } from '../controllers/http/kubeconfig-access.ts'
import type { RequestRate } from '../controllers/http/request-limiter.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { ComponentServer, type ComponentServing } from './component-server.ts'
import type { LeaderElection } from './leadership.ts'
import { RestClientMetrics } from './metrics/request-metrics.ts'

/** What every component is told that runs in a process of its own, checked and with defaults. */
export interface ComponentProcessOptions {
  readonly kubeconfig: string
  /** Undefined: works at once. */
  readonly leaderElection: LeaderElection | undefined
  /** Where health and metrics are served; undefined: nowhere. */
  readonly serving: ComponentServing | undefined
  /** Of each identity; undefined: no limit. */
  readonly rate?: RequestRate | undefined
  readonly clock?: Clock
}

/** What a component is. */
interface ComponentParts extends Pick<HttpClientOptions, 'userAgent' | 'serviceAccounts'> {
  readonly logger: Logger
  metrics(): Iterable<Metric>
}

/** A component in a process of its own. */
export interface RunningComponent {
  /** Where it serves its health and metrics. */
  readonly port: number | undefined
  stop(): Promise<void>
}

/** Requests about leadership have half the time in which a lease has to be renewed, at least so long. */
const MIN_ELECTION_TIMEOUT_MS = 1000
/** How long the work that is under way may take to end; upstream's controller-shutdown-timeout. */
const SHUTDOWN_MS = 10_000

/** The client and the port of a component, and what keeps its process alive. */
export class ComponentProcess {
  readonly client: HttpClient
  /** For leader election: an answer that comes too late is none. */
  readonly electionClient: HttpClient
  readonly clock: Clock
  readonly #server: ComponentServer | undefined
  /** Timers of what works here do not keep a process alive by themselves. */
  readonly #keepAlive = setInterval(() => {}, 2 ** 30)

  private constructor(client: HttpClient, options: ComponentProcessOptions, server: ComponentServer | undefined) {
    this.client = client
    this.electionClient = electionClient(client, options.leaderElection)
    this.clock = options.clock ?? systemClock
    this.#server = server
  }

  /** Errors: the port is taken, files that cannot be read. */
  static async open(options: ComponentProcessOptions, parts: ComponentParts): Promise<ComponentProcess> {
    const { kubeconfig, serving, rate, clock = systemClock } = options
    const { logger, userAgent, serviceAccounts } = parts
    const metrics = new RestClientMetrics()
    const client = HttpClient.connect({
      access: await readKubeconfig(kubeconfig),
      clock,
      userAgent,
      metrics,
      rate,
      ...(serviceAccounts ? { serviceAccounts } : {}),
    })
    const all = (): Metric[] => [...parts.metrics(), ...metrics.metrics]
    const server = serving && (await ComponentServer.start({ ...serving, client, clock, logger, metrics: all }))
    return new ComponentProcess(client, options, server)
  }

  /** The component, once it works. `end` stops the work, for which it has ten seconds. */
  running(end: () => Promise<void>): RunningComponent {
    return {
      port: this.#server?.port,
      stop: async () => {
        clearInterval(this.#keepAlive)
        await Promise.race([end(), passed(SHUTDOWN_MS)])
        await this.#server?.close()
        this.client.close()
      },
    }
  }
}

/** @see client-go tools/leaderelection/resourcelock/interface.go NewFromKubeconfig */
export function electionClient(client: HttpClient, election: LeaderElection | undefined): HttpClient {
  return client.within(Math.max((election?.renewDeadlineMs ?? 0) / 2, MIN_ELECTION_TIMEOUT_MS))
}

async function passed(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    systemClock.setTimer(resolve, ms)
  })
}
