import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { finishedAt } from './job-pods.ts'

const FIRST_BACKOFF_MS = 10_000
const MAX_BACKOFF_MS = 600_000

/** Failures of a Job's pods since one last succeeded. */
export interface BackoffRecord {
  readonly failures: number
  readonly lastFailureAt: number
}

export const NO_FAILURES: BackoffRecord = { failures: 0, lastFailureAt: 0 }

/**
 * The record after pods have come to their end.
 *
 * @see kubernetes pkg/controller/job/backoff_utils.go
 */
export function nextBackoff(record: BackoffRecord, succeeded: readonly Pod[], failed: readonly Pod[]): BackoffRecord {
  const failedAt = failed.map(finishedAt)
  if (succeeded.length === 0) {
    if (failed.length === 0) return record
    return { failures: record.failures + failed.length, lastFailureAt: Math.max(...failedAt) }
  }
  const lastSuccess = Math.max(...succeeded.map(finishedAt))
  const after = failedAt.filter((at) => at > lastSuccess)
  return after.length === 0 ? NO_FAILURES : { failures: after.length, lastFailureAt: Math.max(...after) }
}

/** Milliseconds until a new pod may be created. */
export function remainingBackoffMs({ failures, lastFailureAt }: BackoffRecord, now: number): number {
  if (failures === 0) return 0
  const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS)
  return Math.max(0, lastFailureAt + backoff - now)
}
