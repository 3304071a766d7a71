/** Something that has work to do soon. Must not throw. */
export interface Flushable {
  /** Owned by the queue: true while it waits for its turn. */
  flushScheduled: boolean
  flush(): void
}

/** Gives way to I/O after so long: the longest that a fan-out holds up a request. */
const SLICE_MS = 10
/** `performance.now()` costs about as much as a delivery: look at it every so many. */
const CHECK_EVERY = 64

/**
 * Runs what watchers have to deliver after the write that caused it, off the write path, in slices: a fan-out to
 * 10,000 watchers neither delays the writer's answer nor blocks the event loop.
 */
export class FlushQueue {
  #queue: Flushable[] = []
  #scheduled = false

  schedule(item: Flushable): void {
    if (item.flushScheduled) return
    item.flushScheduled = true
    this.#queue.push(item)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#run)
  }

  readonly #run = (): void => {
    const queue = this.#queue
    this.#queue = []
    this.#scheduled = false
    const until = performance.now() + SLICE_MS
    for (let i = 0; i < queue.length; i++) {
      if (i % CHECK_EVERY === CHECK_EVERY - 1 && performance.now() > until) {
        this.#queue = queue.slice(i).concat(this.#queue)
        if (!this.#scheduled) setImmediate(this.#run)
        this.#scheduled = true
        return
      }
      const item = queue[i] as Flushable
      item.flushScheduled = false
      item.flush()
    }
  }
}
