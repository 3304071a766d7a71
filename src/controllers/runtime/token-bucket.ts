/** Lets so many through at once, and then so many a second. Times are milliseconds since the epoch. */
export class TokenBucket {
  readonly #burst: number
  readonly #perSecond: number
  #tokens: number
  #filledMs: number

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst
    this.#perSecond = perSecond
    this.#tokens = burst
    this.#filledMs = nowMs
  }

  /** Takes a token; false where there is none. */
  take(nowMs: number): boolean {
    this.#fill(nowMs)
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  /** Takes a token, in advance where there is none; the time in milliseconds after which it counts. */
  reserve(nowMs: number): number {
    this.#fill(nowMs)
    this.#tokens--
    return Math.max(-this.#tokens / this.#perSecond, 0) * 1000
  }

  /** How long until there are that many tokens. */
  waitMs(tokens: number, nowMs: number): number {
    this.#fill(nowMs)
    return Math.max(Math.ceil(((tokens - this.#tokens) / this.#perSecond) * 1000), 0)
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledMs) / 1000) * this.#perSecond)
    this.#filledMs = nowMs
  }
}
