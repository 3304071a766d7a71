import { type Cause, CauseCollector, later } from '../../apimachinery/cause.ts'
import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { QueueMetrics, QueueState } from './runtime-metrics.ts'

interface WorkQueueOptions {
  readonly clock: Clock
  /** Called when there is something to take. */
  readonly onReady: () => void
  /** Told what happens; undefined: nobody is. */
  readonly metrics?: (state: QueueState) => QueueMetrics
  /** First back-off of a key that failed; doubles up to `maxBackoffMs`. Default 5 ms, as client-go. */
  readonly baseBackoffMs?: number
  /** Default 1,000 s, as client-go. */
  readonly maxBackoffMs?: number
}

/** A key to work on. */
export interface TakenKey {
  readonly key: string
  readonly waitedMs: number
  /** All that added it. */
  readonly cause: Cause
}

/**
 * Keys that wait for work. A key is in the queue once, however often it is added, and is never given out while it is
 * being worked on: what is added meanwhile comes again afterwards. What a key was added for is kept with it.
 *
 * @see client-go util/workqueue
 */
export class WorkQueue implements QueueState {
  readonly #clock: Clock
  readonly #onReady: () => void
  readonly #baseBackoffMs: number
  readonly #maxBackoffMs: number
  /** Keys in the order in which they came, with the time at which they did. */
  readonly #waiting = new Map<string, number>()
  /** Keys that are worked on, with the time at which that began. */
  readonly #processing = new Map<string, number>()
  readonly #dirty = new Set<string>()
  /** Why keys wait, or will when they are done. */
  readonly #causes = new Map<string, CauseCollector>()
  readonly #delayed = new Map<string, { readonly at: number; readonly timer: Timer }>()
  readonly #failures = new Map<string, number>()
  readonly #metrics: QueueMetrics | undefined
  #isStopped = false

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock
    this.#onReady = options.onReady
    this.#baseBackoffMs = options.baseBackoffMs ?? 5
    this.#maxBackoffMs = options.maxBackoffMs ?? 1_000_000
    this.#metrics = options.metrics?.(this)
  }

  /** Keys that could be taken now. */
  get depth(): number {
    return this.#waiting.size
  }

  get startTimes(): Iterable<number> {
    return this.#processing.values()
  }

  /** Nothing waits, is delayed or worked on. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#processing.size === 0
  }

  add(key: string, cause?: Cause): void {
    if (this.#isStopped) return
    if (cause) this.#causesOf(key).add(cause)
    if (this.#waiting.has(key) || this.#dirty.has(key)) return
    this.#metrics?.added()
    if (this.#processing.has(key)) {
      this.#dirty.add(key)
      return
    }
    this.#wait(key)
  }

  #wait(key: string): void {
    this.#waiting.set(key, this.#clock.now())
    this.#onReady()
  }

  #causesOf(key: string): CauseCollector {
    let causes = this.#causes.get(key)
    if (!causes) {
      causes = new CauseCollector()
      this.#causes.set(key, causes)
    }
    return causes
  }

  /** Adds a key after a time; the earliest of several times counts. */
  addAfter(key: string, delayMs: number, cause?: Cause): void {
    if (this.#isStopped) return
    this.#metrics?.retried()
    if (delayMs <= 0) {
      this.add(key, cause)
      return
    }
    const at = this.#clock.now() + delayMs
    const known = this.#delayed.get(key)
    if (known && known.at <= at) return
    known?.timer.cancel()
    const timer = this.#clock.setTimer(() => {
      this.#delayed.delete(key)
      this.add(key, cause)
    }, delayMs)
    this.#delayed.set(key, { at, timer })
  }

  /** Adds a key after a time in which other causes may join. */
  addBatched(key: string, delayMs: number, cause: Cause): void {
    if (this.#isStopped) return
    this.#causesOf(key).add(cause)
    this.addAfter(key, delayMs)
  }

  /** Adds a key that failed after its back-off. */
  addWithBackoff(key: string, cause?: Cause): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const delayMs = Math.min(this.#baseBackoffMs * 2 ** failures, this.#maxBackoffMs)
    this.addAfter(key, delayMs, cause && later(cause, 'retry'))
  }

  /** How often a key has failed since it last succeeded. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The key is well: its next failure begins with the shortest back-off. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Takes the key that has waited longest; {@link done} must follow. Undefined where there is none. */
  take(): TakenKey | undefined {
    for (const [key, since] of this.#waiting) {
      const waitedMs = this.#clock.now() - since
      this.#waiting.delete(key)
      this.#processing.set(key, performance.now())
      this.#metrics?.taken(waitedMs)
      const cause = this.#causes.get(key)?.take() ?? NO_CAUSE
      this.#causes.delete(key)
      return { key, waitedMs, cause }
    }
    return undefined
  }

  /** The work on a key is over. */
  done(key: string): void {
    const began = this.#processing.get(key)
    if (began !== undefined) this.#metrics?.done(performance.now() - began)
    this.#processing.delete(key)
    if (this.#dirty.delete(key) && !this.#isStopped) this.#wait(key)
  }

  /** Nothing is given out any more. */
  stop(): void {
    this.#isStopped = true
    for (const { timer } of this.#delayed.values()) timer.cancel()
    this.#delayed.clear()
    this.#waiting.clear()
    this.#dirty.clear()
    this.#causes.clear()
  }
}

const NO_CAUSE: Cause = { revisions: [] }
