import type { StoreEvent, WatchSink } from '../../src/storage/store.ts'

/** A sink that keeps what it is given and lets a test wait for it: no sleeping, no polling. */
export class WatchRecorder implements WatchSink {
  readonly received: StoreEvent[] = []
  readonly progressed: number[] = []
  /** How often `end` was called: must never pass 1. */
  ends = 0
  endError: Error | undefined
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = []

  events(events: readonly StoreEvent[]): void {
    this.received.push(...events)
    this.#wake()
  }

  progress(revision: number): void {
    this.progressed.push(revision)
    this.#wake()
  }

  end(error?: Error): void {
    this.ends++
    this.endError = error
    this.#wake()
  }

  /** Resolves as soon as `holds` does; the test's own time limit is the only one. */
  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push({ holds, resolve })
    })
  }

  /** Resolves with the events once there are at least `count`. */
  async atLeast(count: number): Promise<readonly StoreEvent[]> {
    await this.until(() => this.received.length >= count)
    return this.received
  }

  /** Resolves with the error that the watch ended with. */
  async ended(): Promise<Error | undefined> {
    await this.until(() => this.ends > 0)
    return this.endError
  }

  #wake(): void {
    const due = this.#waiting.filter((w) => w.holds())
    this.#waiting = this.#waiting.filter((w) => !due.includes(w))
    for (const w of due) w.resolve()
  }
}
