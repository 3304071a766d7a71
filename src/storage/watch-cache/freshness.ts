import type { Clock, Timer } from '../../apimachinery/clock.ts'
import { StorageError } from '../storage-error.ts'

/** Upstream's `resourceVersionTooHighRetrySeconds`. */
const RETRY_AFTER_SECONDS = 1

/**
 * A read or watch asked for a revision that the cache did not reach in time. Upstream's words and hint
 * (apiserver/pkg/storage/errors.go, NewTooLargeResourceVersionError: a Timeout status with a ResourceVersionTooLarge
 * cause).
 */
export class TooLargeRevisionError extends StorageError {
  readonly retryAfterSeconds = RETRY_AFTER_SECONDS

  constructor(revision: number, current: number) {
    super('FutureRevision', `Too large resource version: ${revision}, current: ${current}`, {
      revision,
      actualRevision: current,
    })
    this.name = 'TooLargeRevisionError'
  }
}

/**
 * How fresh an answer has to be. `latest`: not older than any write acknowledged before the call. `any`: whatever the
 * cache holds. `notOlderThan`: waits for that revision, {@link TooLargeRevisionError} after the block timeout.
 */
export type Freshness = 'latest' | 'any' | { readonly notOlderThan: number }

interface Waiter {
  readonly revision: number
  readonly done: () => void
  readonly fail: (error: Error) => void
}

/** Upstream's `progressRequestPeriod`. */
const PROGRESS_REQUEST_PERIOD_MS = 100

/**
 * Those who wait for the cache to reach a revision. While there are any, asks the store for progress every 100 ms, so
 * that a quiet prefix on a busy store doesn't keep them waiting.
 */
export class RevisionWaiters {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #requestProgress: () => void
  readonly #waiting = new Set<Waiter>()
  #current = 0
  #progressTimer: Timer | undefined

  constructor(options: {
    readonly clock: Clock
    /** Upstream's `blockTimeout`: 3 s. */
    readonly timeoutMs: number
    readonly requestProgress: () => void
  }) {
    this.#clock = options.clock
    this.#timeoutMs = options.timeoutMs
    this.#requestProgress = options.requestProgress
  }

  /** Everything up to this revision is in the caches. */
  get current(): number {
    return this.#current
  }

  advance(revision: number): void {
    if (revision <= this.#current) return
    this.#current = revision
    if (this.#waiting.size === 0) return
    for (const waiter of this.#waiting) {
      if (waiter.revision <= revision) waiter.done()
    }
  }

  /** Resolves at once, or when the caches have come that far. Errors: {@link TooLargeRevisionError}. */
  waitFor(revision: number): Promise<void> | undefined {
    if (revision <= this.#current) return undefined
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        timer.cancel()
        this.#waiting.delete(waiter)
        if (this.#waiting.size === 0) this.#stopProgress()
      }
      const waiter: Waiter = {
        revision,
        done: () => {
          leave()
          resolve()
        },
        fail: (error) => {
          leave()
          reject(error)
        },
      }
      const timer = this.#clock.setTimer(() => {
        waiter.fail(new TooLargeRevisionError(revision, this.#current))
      }, this.#timeoutMs)
      this.#waiting.add(waiter)
      if (this.#progressTimer === undefined) this.#askForProgress()
    })
  }

  /** Fails all who wait. */
  stop(error: Error): void {
    for (const waiter of this.#waiting) waiter.fail(error)
  }

  #askForProgress(): void {
    this.#requestProgress()
    this.#progressTimer = this.#clock.setTimer(() => this.#askForProgress(), PROGRESS_REQUEST_PERIOD_MS)
  }

  #stopProgress(): void {
    this.#progressTimer?.cancel()
    this.#progressTimer = undefined
  }
}
