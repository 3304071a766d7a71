import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { HttpClient } from '../controllers/http/http-client.ts'
import { readKubeconfig } from '../controllers/http/kubeconfig-access.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { type RunningScheduler, startScheduler } from '../controllers/scheduler/scheduler.ts'
import { ComponentServer, type ComponentServing, type RunningComponent } from './component-server.ts'
import { type LeaderElection, workWhileLeading } from './leadership.ts'
import { ControllerMetrics } from './metrics/controller-metrics.ts'
import { PlacementMetrics } from './metrics/scheduler-metrics.ts'

/** What `kubemu scheduler` is told on its command line, checked and with defaults. */
export interface SchedulerProcessOptions {
  readonly kubeconfig: string
  /** Undefined: works at once. */
  readonly leaderElection: LeaderElection | undefined
  /** Where health and metrics are served; undefined: nowhere. */
  readonly serving: ComponentServing | undefined
  readonly clock?: Clock
}

/** Runs the scheduler against a server over HTTP. Errors: the port is taken, files that cannot be read. */
export async function runScheduler(options: SchedulerProcessOptions, logger: Logger): Promise<RunningComponent> {
  const { clock = systemClock } = options
  const access = await readKubeconfig(options.kubeconfig)
  const client = HttpClient.connect({ access, clock, userAgent: 'kube-scheduler/v1.36.2', impersonate: false })
  const placement = new PlacementMetrics()
  const runtime = new ControllerMetrics()
  const metrics = () => [...placement.metrics, ...runtime.metrics]
  const server = options.serving && (await ComponentServer.start({ ...options.serving, client, logger, metrics }))
  let scheduler: RunningScheduler | undefined
  const work = {
    start: () => {
      scheduler = startScheduler(client, { clock, log: logger, metrics: placement, runtimeMetrics: runtime })
    },
    stop: () => {
      scheduler?.stop()
      scheduler = undefined
    },
  }
  const stop = workWhileLeading(work, options.leaderElection, { client, clock, logger, metrics: runtime })
  // Timers of the scheduler do not keep a process alive by themselves.
  const keepAlive = setInterval(() => {}, 2 ** 30)
  return {
    port: server?.port,
    stop: async () => {
      clearInterval(keepAlive)
      await stop()
      await server?.close()
      client.close()
    },
  }
}
