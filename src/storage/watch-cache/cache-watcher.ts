import { StorageError } from '../storage-error.ts'
import type { CacheEntry } from './cache-entry.ts'
import type { CacheEvent } from './cache-event.ts'
import type { EventWindow } from './event-window.ts'
import type { Flushable } from './flush-queue.ts'
import { BookmarkItem, ObjectItem, type WatchItem } from './watch-item.ts'

/** Takes what a watch delivers. */
export interface WatchConsumer<A = unknown, O = unknown> {
  /**
   * Items in revision order. `false`: taken, but no more until {@link CacheWatcher.resume}. Never called while paused
   * or after the end. Throwing ends the watch with that error.
   */
  deliver(items: readonly WatchItem<A, O>[]): boolean
  /**
   * The watch is over. `Compacted`: the history that it needs is gone (also: it was too slow), the client lists anew.
   * `Closed`: the cache stops. Not called after the consumer's own `close()`.
   */
  end(error: Error): void
}

/** What a watcher wants to see. */
export interface WatchScope<A = unknown, O = unknown> {
  /** One object's key, or a prefix that ends in `/`. */
  readonly key: string
  readonly index?: { readonly name: string; readonly value: string }
  readonly filter?: (entry: CacheEntry<A, O>) => boolean
  /**
   * The consumer looks at objects rather than bytes: what a writer had in memory is kept for it. Where nobody does, it is
   * not, as short-lived objects cost the garbage collector least.
   */
  readonly readsObjects?: boolean
}

/** What a watcher needs from its cache. */
export interface WatcherHost<A, O> {
  window(): EventWindow<A, O>
  schedule(watcher: CacheWatcher<A, O>): void
  /** The watcher is over: forget it. */
  forget(watcher: CacheWatcher<A, O>): void
  /** The watcher reads from the window from now on, or no longer does. */
  lagging(watcher: CacheWatcher<A, O>, isLagging: boolean): void
}

export interface WatcherStart<A, O> {
  /** Position in the window of the first event that the watcher has not seen yet. */
  readonly position: number
  /** Events up to this revision are not for it. */
  readonly afterRevision: number
  /** Events from before the window, to be sent before those at `position`. */
  readonly history?: readonly CacheEvent<A, O>[]
  /** State to begin with, and the revision it shows. */
  readonly initial?: { readonly entries: readonly CacheEntry<A, O>[]; readonly revision: number }
  /** Send a bookmark behind the initial state. */
  readonly endBookmark?: boolean
}

/** Items handed over in one go while a watcher catches up. */
const CHUNK = 512
/** A live watcher whose consumer has not had its turn yet queues so many items, then reads them from the window. */
const MAX_PENDING = 1024

/**
 * One watch on a cache.
 *
 * A live watcher gets each matching event pushed. One that starts in the past or whose consumer does not keep up holds
 * no queue of its own: it has a position in the cache's window and reads on from there, so that a stalled client
 * costs nothing, and is ended when the window has moved on past its position.
 */
export class CacheWatcher<A = unknown, O = unknown> implements Flushable {
  flushScheduled = false
  readonly scope: WatchScope<A, O>
  readonly #host: WatcherHost<A, O>
  readonly #consumer: WatchConsumer<A, O>
  readonly #passes: ((entry: CacheEntry<A, O>) => boolean) | undefined
  readonly #afterRevision: number
  #state: 'initial' | 'reading' | 'live' | 'ended' = 'reading'
  #paused = false
  #position: number
  #history: readonly CacheEvent<A, O>[]
  #historyIndex = 0
  #initial: readonly CacheEntry<A, O>[] = []
  #initialIndex = 0
  #endBookmark: BookmarkItem | undefined
  #pending: WatchItem<A, O>[] = []

  constructor(
    host: WatcherHost<A, O>,
    scope: WatchScope<A, O>,
    start: WatcherStart<A, O>,
    consumer: WatchConsumer<A, O>,
  ) {
    this.#host = host
    this.scope = scope
    this.#consumer = consumer
    this.#passes = predicateOf(scope)
    this.#position = start.position
    this.#afterRevision = start.afterRevision
    this.#history = start.history ?? []
    if (start.initial !== undefined) {
      this.#state = 'initial'
      this.#initial = start.initial.entries
      if (start.endBookmark) this.#endBookmark = new BookmarkItem(start.initial.revision, { initialEventsEnd: true })
    }
    host.lagging(this, true)
    host.schedule(this)
  }

  /** Nothing more will come. */
  get isOver(): boolean {
    return this.#state === 'ended'
  }

  /** Where a lagging watcher reads next. */
  get position(): number {
    return this.#position
  }

  /** The consumer wants more. */
  resume(): void {
    if (!this.#paused || this.#state === 'ended') return
    this.#paused = false
    this.#host.schedule(this)
  }

  /** The consumer has had enough; nothing is called any more. */
  close(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#pending = []
    this.#initial = []
    this.#history = []
    this.#host.forget(this)
  }

  /** Ends the watch from the cache's side, behind what is already queued. */
  end(error: Error): void {
    if (this.#state === 'ended') return
    if (this.#state === 'live' && this.#pending.length > 0) this.#hand(this.#take())
    if (this.#isEnded()) return
    this.close()
    this.#consumer.end(error)
  }

  /** A new event that may concern this watcher: on the write path. */
  offer(event: CacheEvent<A, O>): void {
    if (this.#state !== 'live') return
    const item = this.#seen(event)
    if (item !== undefined) this.#queue(item, this.#host.window().end - 1)
  }

  /** A periodic bookmark; only for one that has seen everything up to there. */
  offerBookmark(bookmark: BookmarkItem): void {
    if (this.#state !== 'live' || bookmark.revision < this.#afterRevision) return
    this.#queue(bookmark, this.#host.window().end)
  }

  /** Hands over what there is: called off the write path. */
  flush(): void {
    if (this.#paused) return
    if (this.#state === 'initial') this.#sendInitial()
    if (this.#state === 'reading') this.#readOn()
    else if (this.#state === 'live' && this.#pending.length > 0) this.#hand(this.#take())
  }

  #isEnded(): boolean {
    return this.#state === 'ended'
  }

  /** What the watcher sees of an event; undefined also where its filter failed, which ends it. */
  #seen(event: CacheEvent<A, O>): ObjectItem<A, O> | undefined {
    if (event.revision <= this.#afterRevision) return undefined
    if (this.#passes === undefined) return event.unfiltered()
    try {
      return event.filtered(this.#passes)
    } catch (error) {
      this.end(asError(error))
      return undefined
    }
  }

  #queue(item: WatchItem<A, O>, position: number): void {
    if (this.#pending.length >= MAX_PENDING) {
      this.#lagFrom(position)
      return
    }
    this.#pending.push(item)
    this.#host.schedule(this)
  }

  /** From live to reading; what is pending is still to be handed over first. */
  #lagFrom(position: number): void {
    this.#state = 'reading'
    this.#position = position
    this.#host.lagging(this, true)
    this.#host.schedule(this)
  }

  #take(): WatchItem<A, O>[] {
    const items = this.#pending
    this.#pending = []
    return items
  }

  /** Gives items to the consumer; false where it has to stop for now. */
  #hand(items: readonly WatchItem<A, O>[]): boolean {
    if (items.length === 0) return true
    let wantsMore: boolean
    try {
      wantsMore = this.#consumer.deliver(items)
    } catch (error) {
      this.close()
      this.#consumer.end(asError(error))
      return false
    }
    if (this.#isEnded()) return false
    if (wantsMore) return true
    this.#paused = true
    if (this.#state === 'live') {
      this.#state = 'reading'
      this.#position = this.#host.window().end
      this.#host.lagging(this, true)
    }
    return false
  }

  #sendInitial(): void {
    const end = Math.min(this.#initialIndex + CHUNK, this.#initial.length)
    const items: WatchItem<A, O>[] = []
    for (; this.#initialIndex < end; this.#initialIndex++) {
      const entry = this.#initial[this.#initialIndex] as CacheEntry<A, O>
      items.push(new ObjectItem('ADDED', entry, entry.modRevision, { initial: true }))
    }
    if (end < this.#initial.length) {
      if (this.#hand(items)) this.#host.schedule(this)
      return
    }
    this.#initial = []
    this.#state = 'reading'
    if (this.#endBookmark !== undefined) items.push(this.#endBookmark)
    this.#hand(items)
  }

  #readOn(): void {
    if (this.#paused || !this.#hand(this.#take())) return
    if (this.#historyIndex < this.#history.length) {
      this.#readHistory()
      return
    }
    const window = this.#host.window()
    if (this.#position < window.start) {
      this.endAsTooSlow()
      return
    }
    const until = Math.min(window.end, this.#position + CHUNK)
    const items: WatchItem<A, O>[] = []
    for (; this.#position < until; this.#position++) {
      if (!this.#collect(window.at(this.#position), items)) return
    }
    if (until === window.end) {
      this.#state = 'live'
      this.#host.lagging(this, false)
      this.#hand(items)
    } else if (this.#hand(items)) this.#host.schedule(this)
  }

  #readHistory(): void {
    const until = Math.min(this.#history.length, this.#historyIndex + CHUNK)
    const items: WatchItem<A, O>[] = []
    for (; this.#historyIndex < until; this.#historyIndex++) {
      if (!this.#collect(this.#history[this.#historyIndex] as CacheEvent<A, O>, items)) return
    }
    if (until === this.#history.length) {
      this.#history = []
      this.#historyIndex = 0
    }
    if (this.#hand(items)) this.#host.schedule(this)
  }

  /** Adds what the watcher sees of an event; false where it is over. */
  #collect(event: CacheEvent<A, O>, items: WatchItem<A, O>[]): boolean {
    if (!isInScope(this.scope.key, event.key)) return true
    const item = this.#seen(event)
    if (item !== undefined) items.push(item)
    return !this.#isEnded()
  }

  /** The window has moved on past what the watcher has still to read. */
  endAsTooSlow(): void {
    const window = this.#host.window()
    this.end(
      new StorageError(
        'Compacted',
        `watcher of ${this.scope.key} did not keep up: the events behind its position are gone`,
        { key: this.scope.key, actualRevision: window.coveredFrom },
      ),
    )
  }
}

function isInScope(scopeKey: string, key: string): boolean {
  return scopeKey.endsWith('/') ? key.startsWith(scopeKey) : key === scopeKey
}

function predicateOf<A, O>(scope: WatchScope<A, O>): ((entry: CacheEntry<A, O>) => boolean) | undefined {
  const { index, filter } = scope
  if (index === undefined) return filter
  const { name, value } = index
  if (filter === undefined) return (entry) => entry.indexValue(name) === value
  return (entry) => entry.indexValue(name) === value && filter(entry)
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
