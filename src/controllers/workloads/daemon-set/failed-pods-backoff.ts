const FIRST_MS = 1000
const MAX_MS = 15 * 60_000

/**
 * How long a failed daemon pod stays before it is replaced: longer with each failure on the node.
 *
 * @see client-go util/flowcontrol/backoff.go
 */
export class FailedPodsBackoff {
  readonly #entries = new Map<string, { delayMs: number; at: number }>()

  /** Milliseconds that are left to wait; 0: none, and the next failure waits longer. */
  take(key: string, now: number): number {
    this.#forgetOld(now)
    const entry = this.#entries.get(key)
    if (!entry) {
      this.#entries.set(key, { delayMs: FIRST_MS, at: now })
      return 0
    }
    const left = entry.at + entry.delayMs - now
    if (left > 0) return left
    entry.delayMs = Math.min(entry.delayMs * 2, MAX_MS)
    entry.at = now
    return 0
  }

  #forgetOld(now: number): void {
    for (const [key, { at }] of this.#entries) if (now - at > 2 * MAX_MS) this.#entries.delete(key)
  }
}
