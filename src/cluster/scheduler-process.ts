import type { Logger } from '../controllers/runtime/logger.ts'
import { type RunningScheduler, startScheduler } from '../controllers/scheduler/scheduler.ts'
import { ComponentProcess, type ComponentProcessOptions, type RunningComponent } from './component-process.ts'
import { workWhileLeading } from './leadership.ts'
import { ControllerMetrics } from './metrics/controller-metrics.ts'
import { PlacementMetrics } from './metrics/scheduler-metrics.ts'

/** Runs the scheduler against a server over HTTP. Errors: the port is taken, files that cannot be read. */
export async function runScheduler(options: ComponentProcessOptions, logger: Logger): Promise<RunningComponent> {
  const placement = new PlacementMetrics()
  const runtime = new ControllerMetrics()
  const process = await ComponentProcess.open(options, {
    userAgent: 'kube-scheduler/v1.36.2',
    logger,
    metrics: () => [...placement.metrics, ...runtime.metrics],
  })
  const { client, clock, electionClient } = process
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
  const context = { client: electionClient, clock, logger, metrics: runtime }
  return process.running(workWhileLeading(work, options.leaderElection, context))
}
