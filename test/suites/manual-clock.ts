import type { Clock as ApiClock, Timer as ApiTimer } from '../../src/apimachinery/clock.ts'
import type { Clock, TimerHandle } from '../../src/storage/clock.ts'

interface Timer {
  readonly at: number
  readonly fn: () => void
}

/** A clock that stands still until a test moves it; due timers then fire in order of their time. */
export class ManualClock implements Clock, ApiClock {
  #now: number
  readonly #timers = new Set<Timer>()

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  setTimeout(fn: () => void, ms: number): TimerHandle {
    const timer: Timer = { at: this.#now + ms, fn }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  setTimer(callback: () => void, delayMs: number): ApiTimer {
    return this.setTimeout(callback, delayMs)
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

  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
    }
    return next
  }
}
