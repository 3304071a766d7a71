import { type Clock, systemClock } from '../apimachinery/clock.ts'
import { HttpClient } from '../controllers/http/http-client.ts'
import { readKubeconfig } from '../controllers/http/kubeconfig-access.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { type RunningScheduler, startScheduler } from '../controllers/scheduler/scheduler.ts'
import { type LeaderElection, workWhileLeading } from './leadership.ts'

/** What `kubemu scheduler` is told on its command line, checked and with defaults. */
export interface SchedulerProcessOptions {
  readonly kubeconfig: string
  /** Undefined: works at once. */
  readonly leaderElection: LeaderElection | undefined
  readonly clock?: Clock
}

/** Runs the scheduler against a server over HTTP; the returned function ends it. */
export async function runScheduler(options: SchedulerProcessOptions, logger: Logger): Promise<() => Promise<void>> {
  const { clock = systemClock } = options
  const access = await readKubeconfig(options.kubeconfig)
  const client = HttpClient.connect({ access, clock, userAgent: 'kube-scheduler/v1.36.2', impersonate: false })
  let scheduler: RunningScheduler | undefined
  const work = {
    start: () => {
      scheduler = startScheduler(client, { clock, log: logger })
    },
    stop: () => {
      scheduler?.stop()
      scheduler = undefined
    },
  }
  const stop = workWhileLeading(work, options.leaderElection, { client, clock, logger })
  // Timers of the scheduler do not keep a process alive by themselves.
  const keepAlive = setInterval(() => {}, 2 ** 30)
  return async () => {
    clearInterval(keepAlive)
    await stop()
    client.close()
  }
}
