import type { Clock, Timer } from './clock.ts'

interface Waiting {
  readonly at: number
  readonly fn: () => void
}

/** A clock that stands still until it is moved; due timers then fire in order of their time. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<Waiting>()

  /** `now`: milliseconds since the epoch. */
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

  /** When the next timer is due, which may be in the past; undefined: none waits. */
  get nextAt(): number | undefined {
    return this.#next(Number.POSITIVE_INFINITY)?.at
  }

  advance(ms: number): void {
    this.advanceTo(this.#now + ms)
  }

  /** Moves to a time, unless it is past it; fires what is due until then, and what that sets. */
  advanceTo(time: number): void {
    const end = Math.max(this.#now, time)
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
