/** Length of the window over which the highest number counts. */
const WINDOW_MS = 1000

/** How many requests run and wait, and the most that did within the last second. */
export class InFlightGauge {
  #executing = 0
  #waiting = 0
  #since = 0
  #mostExecuting = 0
  #mostWaiting = 0

  get executing(): number {
    return this.#executing
  }

  execute(change: 1 | -1): void {
    this.#executing += change
    if (change > 0) this.#note()
  }

  wait(change: 1 | -1): void {
    this.#waiting += change
    if (change > 0) this.#note()
  }

  /** What upstream's metrics say: not a moment, but the peak of a second. */
  peaks(): { readonly executing: number; readonly waiting: number } {
    if (performance.now() - this.#since > WINDOW_MS) return { executing: this.#executing, waiting: this.#waiting }
    return { executing: this.#mostExecuting, waiting: this.#mostWaiting }
  }

  #note(): void {
    const now = performance.now()
    if (now - this.#since > WINDOW_MS) {
      this.#since = now
      this.#mostExecuting = this.#executing
      this.#mostWaiting = this.#waiting
      return
    }
    if (this.#executing > this.#mostExecuting) this.#mostExecuting = this.#executing
    if (this.#waiting > this.#mostWaiting) this.#mostWaiting = this.#waiting
  }
}
