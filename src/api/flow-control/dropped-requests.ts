/** Longest time (seconds) that refused clients are asked to wait. */
const MAX_RETRY_AFTER = 32

/**
 * How long clients of an overloaded priority level should wait: twice as long while many are refused, a second less
 * while few are.
 *
 * @see apiserver pkg/util/flowcontrol/dropped_requests_tracker.go
 */
export class DroppedRequests {
  readonly #now: () => number
  /** Refusals by second. */
  #history: { readonly second: number; readonly count: number }[] = []
  #second = 0
  #count = 0
  #raisedAt = 0
  #retryAfter = 1

  /** `now`: milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Seconds that a client is to wait now. */
  get retryAfterSeconds(): number {
    return this.#retryAfter
  }

  /** Counts a refusal. */
  record(): void {
    const second = Math.floor(this.#now() / 1000)
    if (second === this.#second) {
      this.#count++
      return
    }
    this.#remember()
    this.#second = second
    this.#count = 1
    this.#adjust(second)
  }

  #remember(): void {
    const kept = Math.min(2 * this.#retryAfter, MAX_RETRY_AFTER)
    const oldest = this.#second - kept
    this.#history = [...this.#history, { second: this.#second, count: this.#count }].filter((s) => s.second >= oldest)
  }

  /** Looks at the last `retryAfter` seconds before this one. */
  #adjust(second: number): void {
    const after = this.#retryAfter
    let dropped = 0
    for (const past of this.#history) if (second - past.second <= after) dropped += past.count
    if (second - this.#raisedAt >= after && dropped >= 3 * after) {
      this.#retryAfter = Math.min(2 * after, MAX_RETRY_AFTER)
      this.#raisedAt = second
    } else if (dropped < after && after > 1) {
      this.#retryAfter = after - 1
    }
  }
}
