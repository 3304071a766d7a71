import type { Clock } from '../apimachinery/clock.ts'
import { ApiEventRecorder } from './runtime/api-event-recorder.ts'
import type { Client, ObjectKey } from './runtime/client.ts'
import { type ControlLoop, startLoop } from './runtime/control-loop.ts'
import type { Controller } from './runtime/controller.ts'
import { ControllerRunner } from './runtime/controller-runner.ts'
import { InformerSet } from './runtime/informer-set.ts'
import { LeaderElector } from './runtime/leader-election.ts'
import type { Logger } from './runtime/logger.ts'
import { noMetrics, type RuntimeMetrics } from './runtime/runtime-metrics.ts'

export interface ControllerManagerOptions {
  /** The manager's own identity: `system:kube-controller-manager`. */
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: RuntimeMetrics
  readonly controllers: readonly Controller[]
  /** Control loops that are no controllers; default none. */
  readonly loops?: readonly ControlLoop[]
  /** Controllers look at everything again after between this and twice as long. Default 12 hours, as upstream. */
  readonly minResyncMs?: number
  /** Undefined: the only manager there is, which always works. */
  readonly leaderElection?: {
    /** Default: the manager's own. Its requests should not wait long for an answer. */
    readonly client?: Client
    /** Unique for each manager. */
    readonly identity: string
    /** Default `kube-system/kube-controller-manager`. */
    readonly lease?: ObjectKey
    readonly leaseDurationMs?: number
    readonly renewDeadlineMs?: number
    readonly retryPeriodMs?: number
  }
}

const MIN_RESYNC_MS = 12 * 3_600_000
const DEFAULT_LEASE: ObjectKey = { namespace: 'kube-system', name: 'kube-controller-manager' }

/** Controllers at work with the informers that they share. */
class RunningControllers {
  readonly informers: InformerSet
  readonly runners: readonly ControllerRunner[]
  readonly #startLoops: () => Promise<(() => Promise<void>)[]>
  #stopLoops: Promise<(() => Promise<void>)[]> = Promise.resolve([])

  constructor(options: ControllerManagerOptions) {
    const { client, clock, logger, metrics = noMetrics, minResyncMs = MIN_RESYNC_MS } = options
    this.informers = new InformerSet({ client, clock, logger, metrics })
    const shared = { client, clock, logger, metrics, informers: this.informers }
    const runner = (controller: Controller): ControllerRunner =>
      new ControllerRunner(controller, { ...shared, resyncMs: minResyncMs * (1 + Math.random()) })
    this.runners = options.controllers.map(runner)
    this.#startLoops = () => Promise.all((options.loops ?? []).map((loop) => startLoop(loop, shared)))
  }

  async start(): Promise<void> {
    this.#stopLoops = this.#startLoops()
    await Promise.all([...this.runners.map((runner) => runner.start()), this.#stopLoops])
  }

  async stop(): Promise<void> {
    this.informers.stop()
    const stopLoops = await this.#stopLoops
    await Promise.all(stopLoops.map((stopLoop) => stopLoop()))
    await Promise.all(this.runners.map((runner) => runner.stop()))
  }
}

/** Runs all controllers on one client, as long as it leads where several managers stand for election. */
export class ControllerManager {
  readonly #options: ControllerManagerOptions
  #elector: LeaderElector | undefined
  #running: RunningControllers | undefined
  #starting: Promise<void> = Promise.resolve()
  #stopping: Promise<void> = Promise.resolve()

  private constructor(options: ControllerManagerOptions) {
    this.#options = options
  }

  /** Resolves once all controllers work, or once the manager stands for election. */
  static async start(options: ControllerManagerOptions): Promise<ControllerManager> {
    const manager = new ControllerManager(options)
    if (options.leaderElection) manager.#elect(options.leaderElection)
    else await manager.#run()
    return manager
  }

  /** True while no controller has anything to do: nothing is queued and nothing is being reconciled. */
  get isIdle(): boolean {
    return this.#running?.runners.every((runner) => runner.isIdle) ?? true
  }

  /** Ends what is being reconciled, then gives the lease back. */
  async stop(): Promise<void> {
    await this.#halt()
    await this.#elector?.stop()
    await this.#stopping
  }

  #elect(election: NonNullable<ControllerManagerOptions['leaderElection']>): void {
    const { clock, logger, metrics = noMetrics } = this.#options
    const { identity, lease = DEFAULT_LEASE, client = this.#options.client, ...times } = election
    this.#elector = new LeaderElector({
      client,
      clock,
      logger,
      metrics,
      identity,
      lease,
      ...times,
      events: new ApiEventRecorder({ client, clock, logger, component: identity }),
      started: () => {
        // One that leads again first lets go of what it did before.
        void this.#stopping.then(() => this.#run())
      },
      stopped: () => {
        this.#stopping = this.#halt()
      },
    })
    this.#elector.start()
  }

  async #run(): Promise<void> {
    const running = new RunningControllers(this.#options)
    this.#running = running
    this.#starting = running.start()
    await this.#starting
  }

  async #halt(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    // First, as what has not started yet waits for informers that this ends.
    await running?.stop()
    await this.#starting
  }
}
