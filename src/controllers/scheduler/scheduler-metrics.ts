/** How an attempt to place a pod ended. */
export type AttemptResult = 'scheduled' | 'unschedulable' | 'error'

/** A scheduler as it stands, looked at when somebody asks. */
export interface SchedulerState {
  /** Pods that wait, by what they wait for. */
  pendingPods(): Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>
  /** How much it knows of; assumed pods have a node that the API does not know of yet. */
  cacheSize(): { readonly nodes: number; readonly pods: number; readonly assumedPods: number }
}

/** Told what a scheduler does. Called on the hot path: must be cheap and must not throw. */
export interface SchedulerMetrics {
  /** A scheduler begins to work; `profile`: its name. */
  started(profile: string, state: SchedulerState): void
  /** A pod was looked at. `durationMs`: from then until it was bound, or found not to fit. */
  attempted(profile: string, result: AttemptResult, durationMs: number): void
  /** The search for a node alone. */
  searched(durationMs: number): void
  /** A pod was bound, in so many attempts and so long after the first. */
  bound(attempts: number, sinceFirstAttemptMs: number): void
  /** Pods are to make room for another. */
  preempted(victims: number): void
}

/** Counts nothing. */
export const noSchedulerMetrics: SchedulerMetrics = {
  started: () => {},
  attempted: () => {},
  searched: () => {},
  bound: () => {},
  preempted: () => {},
}
