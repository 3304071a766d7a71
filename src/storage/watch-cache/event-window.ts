import type { CacheEvent } from './cache-event.ts'

export interface EventWindowOptions {
  /** The window never holds fewer than this before it drops events; upstream's 100. */
  readonly minEvents: number
  /** ... and never more than this; upstream's 102,400. */
  readonly maxEvents: number
  /** It grows while its oldest event is younger than this: a bookmark's interval and 15 s (upstream's 75 s). */
  readonly freshMs: number
  /** Drops early where its events keep more bytes than this alive. */
  readonly maxBytes: number
}

export const DEFAULT_WINDOW: EventWindowOptions = {
  minEvents: 100,
  maxEvents: 100 * 1024,
  freshMs: 75_000,
  maxBytes: 128 * 1024 * 1024,
}

/**
 * The recent events of one cache, a ring that doubles under load and halves when load is over, as upstream's
 * (watch_cache.go). Events have positions that only grow: [start, end).
 */
export class EventWindow<A = unknown, O = unknown> {
  readonly #options: EventWindowOptions
  #ring: (CacheEvent<A, O> | undefined)[]
  #start = 0
  #end = 0
  #bytes = 0
  /** Revision at or after which everything that happened is in the window. */
  #coveredFrom: number

  constructor(coveredFrom: number, options: EventWindowOptions) {
    this.#options = options
    this.#ring = new Array<CacheEvent<A, O> | undefined>(options.minEvents)
    this.#coveredFrom = coveredFrom
  }

  /** Position of the oldest event. */
  get start(): number {
    return this.#start
  }

  /** Position behind the newest event. */
  get end(): number {
    return this.#end
  }

  get capacity(): number {
    return this.#ring.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The oldest revision from which a watch can go on: all changes behind it are here. */
  get coveredFrom(): number {
    return this.#coveredFrom
  }

  /** The event at a position within [start, end). */
  at(position: number): CacheEvent<A, O> {
    return this.#ring[position % this.#ring.length] as CacheEvent<A, O>
  }

  /** Position of the first event behind a revision; `end` where there is none. */
  firstAfter(revision: number): number {
    let low = this.#start
    let high = this.#end
    while (low < high) {
      const middle = low + ((high - low) >>> 1)
      if (this.at(middle).revision > revision) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Adds the newest event; may drop the oldest ones. */
  push(event: CacheEvent<A, O>): void {
    this.#resize(event.seenAt)
    if (this.#end - this.#start === this.#ring.length) this.#drop()
    this.#ring[this.#end % this.#ring.length] = event
    this.#end++
    this.#bytes += event.size
    while (this.#bytes > this.#options.maxBytes && this.#end - this.#start > this.#options.minEvents) this.#drop()
  }

  /** Drops all events; watches go on from this revision or later ones, not from earlier ones. */
  forget(revision: number): void {
    while (this.#start < this.#end) this.#drop()
    this.#coveredFrom = revision
  }

  #drop(): void {
    const slot = this.#start % this.#ring.length
    const event = this.#ring[slot] as CacheEvent<A, O>
    this.#ring[slot] = undefined
    this.#start++
    this.#bytes -= event.size
    this.#coveredFrom = event.revision
  }

  #resize(now: number): void {
    const capacity = this.#ring.length
    if (this.#end - this.#start < capacity) return
    const { minEvents, maxEvents, freshMs } = this.#options
    if (now - this.at(this.#start).seenAt < freshMs) {
      if (capacity < maxEvents) this.#reallocate(Math.min(capacity * 2, maxEvents))
    } else if (capacity > minEvents && now - this.at(this.#end - (capacity >> 2)).seenAt > freshMs) {
      const smaller = Math.max(capacity >> 1, minEvents)
      while (this.#end - this.#start > smaller) this.#drop()
      this.#reallocate(smaller)
    }
  }

  #reallocate(capacity: number): void {
    const ring = new Array<CacheEvent<A, O> | undefined>(capacity)
    for (let position = this.#start; position < this.#end; position++) ring[position % capacity] = this.at(position)
    this.#ring = ring
  }
}
