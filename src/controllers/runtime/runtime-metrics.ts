/** A work queue as it stands, looked at when somebody asks. */
export interface QueueState {
  /** Keys that wait. */
  readonly depth: number
  /** When the work on each key that is worked on began, as `performance.now()` has it. */
  readonly startTimes: Iterable<number>
}

/** Told what happens in a work queue. Called on the hot path: must be cheap and must not throw. */
export interface QueueMetrics {
  /** A key that did not wait already was added. */
  added(): void
  /** A key was given out. */
  taken(waitedMs: number): void
  /** The work on a key is over. */
  done(workedMs: number): void
  /** A key comes after a while: with back-off, or because it asked for it. */
  retried(): void
}

/** Told what controllers do. */
export interface RuntimeMetrics {
  /** A work queue begins to work; another of the same name takes the place of an earlier one. */
  queue(name: string, state: QueueState): QueueMetrics
  /** An informer had to begin anew (`relist`), or took up its watch again (`rewatch`). */
  informer(resource: string, what: 'relist' | 'rewatch'): void
  /** This process stands for election, and leads or not. */
  leads(lease: string, isLeader: boolean): void
  /** The leader did not find its lease as it had left it. */
  slowRenewal(lease: string): void
}

const noQueueMetrics: QueueMetrics = { added: () => {}, taken: () => {}, done: () => {}, retried: () => {} }

/** Counts nothing. */
export const noMetrics: RuntimeMetrics = {
  queue: () => noQueueMetrics,
  informer: () => {},
  leads: () => {},
  slowRenewal: () => {},
}
