import type { Clock } from '../../apimachinery/clock.ts'

/** So many in a window are a rush. */
const MANY = 10
const WINDOW_MS = 100

/** Tells whether things come so fast that passing states are not worth writing. */
export class Rush {
  readonly #clock: Clock
  #windowMs = 0
  #count = 0
  #before = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one; true in a rush. */
  count(): boolean {
    const now = this.#clock.now()
    if (now - this.#windowMs >= WINDOW_MS) {
      this.#before = now - this.#windowMs < 2 * WINDOW_MS ? this.#count : 0
      this.#windowMs = now
      this.#count = 0
    }
    this.#count++
    return this.#count > MANY || this.#before > MANY
  }
}
