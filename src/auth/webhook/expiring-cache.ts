import type { Clock } from '../../apimachinery/clock.ts'
import { BoundedCache } from '../bounded-cache.ts'

/** Answers that count for some time; what was not used for longest goes first once there are too many. */
export class ExpiringCache<V> {
  readonly #entries: BoundedCache<{ readonly value: V; readonly until: number }>
  readonly #clock: Clock

  constructor(maxEntries: number, clock: Clock) {
    this.#entries = new BoundedCache(maxEntries)
    this.#clock = clock
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    if (entry.until > this.#clock.now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: V, ttlMs: number): void {
    if (ttlMs > 0) this.#entries.set(key, { value, until: this.#clock.now() + ttlMs })
  }
}
