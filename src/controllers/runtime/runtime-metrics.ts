/** Told what controllers do. Called on the hot path: must be cheap and must not throw. */
export interface RuntimeMetrics {
  /** A queue's length after it changed (`workqueue_depth`). */
  queueDepth(controller: string, depth: number): void
  /** A key was reconciled (`workqueue_work_duration_seconds`), `waitedMs` after it had been queued. */
  reconciled(controller: string, outcome: 'success' | 'error', durationMs: number, waitedMs: number): void
  /** A key comes again with back-off (`workqueue_retries_total`). */
  retried(controller: string): void
  /** An informer had to begin anew (`relist`), or took up its watch again (`rewatch`). */
  informer(resource: string, what: 'relist' | 'rewatch'): void
}

/** Counts nothing. */
export const noMetrics: RuntimeMetrics = {
  queueDepth: () => {},
  reconciled: () => {},
  retried: () => {},
  informer: () => {},
}
