import type { Clock } from '../../apimachinery/clock.ts'

/** Events of all simulated nodes together: so many at once, then so many a second; what is beyond is left out. */
const BURST = 500
const PER_SECOND = 100

/** A token bucket, as a kubelet's `--event-qps` and `--event-burst`, but for the whole fleet. */
export class EventBudget {
  readonly #clock: Clock
  #tokens = BURST
  #filledMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#filledMs = clock.now()
  }

  take(): boolean {
    const now = this.#clock.now()
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filledMs) / 1000) * PER_SECOND)
    this.#filledMs = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
