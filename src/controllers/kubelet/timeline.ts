import type { Clock, Timer } from '../../apimachinery/clock.ts'
import { MinHeap } from '../runtime/min-heap.ts'

interface Entry {
  run: (() => void) | undefined
}

/**
 * Everything that simulated nodes wait for, on one timer of the clock: ten thousand pods that wait cost a heap, not ten
 * thousand timers. What falls due together runs together, in order of its time.
 */
export class Timeline {
  readonly #clock: Clock
  readonly #heap = new MinHeap<Entry>()
  #timer: Timer | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #isStopped = false
  #isTicking = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True while something runs whose time has come. */
  get isTicking(): boolean {
    return this.#isTicking
  }

  now(): number {
    return this.#clock.now()
  }

  /** Calls back once after a while; cancelling twice, or after that, does nothing. */
  after(delayMs: number, run: () => void): Timer {
    const entry: Entry = { run }
    if (this.#isStopped || delayMs === Number.POSITIVE_INFINITY) return { cancel: () => {} }
    const at = this.#clock.now() + Math.max(delayMs, 0)
    this.#heap.push(at, entry)
    if (at < this.#dueAt) this.#arm(at)
    return {
      cancel: () => {
        entry.run = undefined
      },
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #arm(at: number): void {
    this.#timer?.cancel()
    this.#dueAt = at
    this.#timer = this.#clock.setTimer(() => this.#tick(), Math.max(at - this.#clock.now(), 0))
  }

  #tick(): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    while (this.#heap.size > 0 && this.#heap.least! <= this.#clock.now() && !this.#isStopped) {
      const entry = this.#heap.pop()!
      const { run } = entry
      entry.run = undefined
      this.#isTicking = true
      try {
        run?.()
      } finally {
        this.#isTicking = false
      }
    }
    if (this.#heap.size > 0 && !this.#isStopped && this.#heap.least! < this.#dueAt) this.#arm(this.#heap.least!)
  }
}
