import type { Clock } from '../apimachinery/clock.ts'
import { ApiEventRecorder } from '../controllers/runtime/api-event-recorder.ts'
import type { Client, ObjectKey } from '../controllers/runtime/client.ts'
import { checkElectionTimes, LeaderElector } from '../controllers/runtime/leader-election.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import type { RuntimeMetrics } from '../controllers/runtime/runtime-metrics.ts'

/** How one of several processes is chosen. */
export interface LeaderElection {
  readonly lease: ObjectKey
  /** Unique for each process. */
  readonly identity: string
  readonly leaseDurationMs: number
  readonly renewDeadlineMs: number
  readonly retryPeriodMs: number
}

/** Errors: times that do not go together. */
export function checkedElection(election: LeaderElection): LeaderElection {
  checkElectionTimes(election.leaseDurationMs, election.renewDeadlineMs, election.retryPeriodMs)
  return election
}

/** What works while its process leads. */
export interface Work {
  start(): void
  stop(): void
}

interface LeadershipContext {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics?: RuntimeMetrics
}

/** Works at once where there is no election. The returned function ends the work, then gives the lease back. */
export function workWhileLeading(
  work: Work,
  election: LeaderElection | undefined,
  { client, clock, logger, metrics }: LeadershipContext,
): () => Promise<void> {
  if (!election) {
    work.start()
    return async () => work.stop()
  }
  const elector = new LeaderElector({
    client,
    clock,
    logger,
    metrics,
    ...election,
    events: new ApiEventRecorder({ client, clock, logger, component: election.identity }),
    started: () => work.start(),
    stopped: () => work.stop(),
  })
  elector.start()
  return () => elector.stop()
}
