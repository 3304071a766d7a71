import type { Clock, Timer } from '../../src/apimachinery/clock.ts'

interface Waiting {
  readonly at: number
  readonly fn: () => void
}

/** A clock that stands still until a test moves it; due timers then fire in order of their time. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<Waiting>()

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  setTimer(fn: () => void, ms: number): Timer {
    const waiting: Waiting = { at: this.#now + ms, fn }
    this.#timers.add(waiting)
    return { cancel: () => this.#timers.delete(waiting) }
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
    }
    this.#now = end
  }

  #next(end: number): Waiting | undefined {
    let next: Waiting | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
    }
    return next
  }
}
