import { type Clock, systemClock } from '../../apimachinery/clock.ts'
import { isStorageError, StorageError } from '../storage-error.ts'
import type { Store, StoreEvent, WatchHandle, WatchSink } from '../store.ts'
import { BookmarkTimer, DEFAULT_BOOKMARK_INTERVAL_MS } from './bookmark-timer.ts'
import { type CacheHooks, encodedBudget, parsedBudget } from './cache-entry.ts'
import { DEFAULT_WINDOW, type EventWindowOptions } from './event-window.ts'
import { FlushQueue } from './flush-queue.ts'
import { type Freshness, RevisionWaiters } from './freshness.ts'
import { type CacheShared, WatchCache } from './watch-cache.ts'
import { frameBudget } from './watch-item.ts'

export interface WatchCacheGroupOptions {
  readonly store: Store
  /** What the one watch on the store covers: the prefix of all caches' prefixes. */
  readonly prefix: string
  /**
   * The store tells its watches of a write before it acknowledges it (memory, LevelDB): what the caches hold is always
   * the latest. Otherwise (etcd) a read at `latest` asks the store for its revision and waits for it.
   */
  readonly synchronous: boolean
  readonly clock?: Clock
  readonly window?: Partial<EventWindowOptions>
  /** Default 60 s. */
  readonly bookmarkIntervalMs?: number
  /** How long a read waits for a revision: default 3 s, upstream's `blockTimeout`. */
  readonly blockTimeoutMs?: number
  /** How long a read waits for a cache that is still loading: default 10 s. */
  readonly readyTimeoutMs?: number
  /**
   * Bound on encoded bytes where the store keeps all values in memory anyway (the memory store): an object is then not
   * held twice for long. Unset: the caches hold the encoded bytes of what was read, and nothing else.
   */
  readonly maxEncodedBytes?: number
  /** Bound on parsed objects, estimated at three times their bytes: default 64 MiB. */
  readonly maxParsedBytes?: number
  /** Bound on encoded event frames: default 16 MiB. */
  readonly maxFrameBytes?: number
  /** Told of what was lost and is tried again. */
  readonly onWarning?: (message: string, error: unknown) => void
}

const MEBIBYTE = 1024 * 1024
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5_000
/** A quiet store tells where it stands this often, so that bookmarks move on. */
const PROGRESS_INTERVAL_MS = 5_000

type AnyCache = Pick<WatchCache, 'apply' | 'reload' | 'close' | 'forgetHistory'>

/**
 * The watch caches over one store: one watch on the whole prefix, taken apart by resource. A cache is made when first
 * asked for and costs one range of its prefix.
 */
export class WatchCacheGroup {
  readonly #options: WatchCacheGroupOptions
  readonly #store: Store
  readonly #clock: Clock
  readonly #caches = new Map<string, AnyCache>()
  readonly #waiters: RevisionWaiters
  readonly #bookmarks: BookmarkTimer
  readonly #shared: CacheShared
  #handle: WatchHandle | undefined
  #started: Promise<void> | undefined
  #stopped: StorageError | undefined

  constructor(options: WatchCacheGroupOptions) {
    this.#options = options
    this.#store = options.store
    this.#clock = options.clock ?? systemClock
    this.#waiters = new RevisionWaiters({
      clock: this.#clock,
      timeoutMs: options.blockTimeoutMs ?? 3_000,
      requestProgress: () => this.#handle?.requestProgress(),
    })
    this.#bookmarks = new BookmarkTimer({
      clock: this.#clock,
      intervalMs: options.bookmarkIntervalMs ?? DEFAULT_BOOKMARK_INTERVAL_MS,
      revision: () => this.revision,
    })
    this.#shared = {
      store: this.#store,
      clock: this.#clock,
      window: { ...DEFAULT_WINDOW, ...options.window },
      parsed: parsedBudget(options.maxParsedBytes ?? 64 * MEBIBYTE),
      encoded: options.maxEncodedBytes === undefined ? undefined : encodedBudget(options.maxEncodedBytes),
      frames: frameBudget(options.maxFrameBytes ?? 16 * MEBIBYTE),
      flushes: new FlushQueue(),
      readyTimeoutMs: options.readyTimeoutMs ?? 10_000,
      started: () => this.start(),
      revision: () => this.#waiters.current,
      fresh: (freshness) => this.#fresh(freshness),
      scheduleBookmarks: (watcher, deadline) => this.#bookmarks.add(watcher, deadline),
      warn: (message, error) => options.onWarning?.(message, error),
    }
  }

  /** Everything up to this revision has been given to the caches. */
  get revision(): number {
    return this.#waiters.current
  }

  /** Puts the watch in place; tries until it works. Rejects with `Closed` when stopped before. */
  start(): Promise<void> {
    return this.#started ?? this.#begin(undefined)
  }

  /**
   * The cache of one resource, made when first asked for; starts the group. The hooks of the first call stay.
   * `prefix` ends in `/` and stands within the group's.
   */
  cache<A, O>(prefix: string, hooks: CacheHooks<A, O>): WatchCache<A, O> {
    if (this.#stopped !== undefined) throw this.#stopped
    if (!prefix.startsWith(this.#options.prefix) || !prefix.endsWith('/')) {
      throw new RangeError(`${prefix} is no prefix within ${this.#options.prefix}`)
    }
    const known = this.#caches.get(prefix)
    if (known !== undefined) return known as WatchCache<A, O>
    const cache = new WatchCache(prefix, hooks, this.#shared)
    this.#caches.set(prefix, cache)
    return cache
  }

  /** Ends a cache for good (its custom resource definition is gone) and its watchers with `Compacted`. */
  drop(prefix: string): void {
    this.#caches.get(prefix)?.close(new StorageError('Compacted', `the resource under ${prefix} is gone`))
    this.#caches.delete(prefix)
  }

  /** Makes every cache forget the past, after a compaction that is to be felt at once. */
  forgetHistory(): void {
    for (const cache of this.#caches.values()) cache.forgetHistory()
  }

  /** Ends every watch and cache with `Closed`. Idempotent; the store stays open. */
  stop(): void {
    if (this.#stopped !== undefined) return
    this.#stopped = new StorageError('Closed', 'the watch caches have stopped')
    this.#handle?.close()
    this.#bookmarks.stop()
    this.#waiters.stop(this.#stopped)
    for (const cache of this.#caches.values()) cache.close(this.#stopped)
    this.#caches.clear()
  }

  #fresh(freshness: Freshness): Promise<void> | undefined {
    if (freshness === 'any') return undefined
    if (typeof freshness === 'object') return this.#waiters.waitFor(freshness.notOlderThan)
    if (this.#options.synchronous) return undefined
    return this.#store.currentRevision().then((revision) => this.#waiters.waitFor(revision))
  }

  /** Connects; whoever loads a cache waits for it. */
  #begin(revision: number | undefined): Promise<void> {
    const started = this.#connect(revision)
    started.catch(() => {})
    this.#started = started
    return started
  }

  /** Watches from behind `revision`, or from now on where that is undefined; tries until it works. */
  async #connect(revision: number | undefined): Promise<void> {
    let from = revision
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      if (this.#stopped !== undefined) throw this.#stopped
      try {
        from ??= await this.#store.currentRevision()
        await this.#watch(from)
        return
      } catch (error) {
        if (this.#stopped !== undefined) throw this.#stopped
        if (isStorageError(error, 'Closed')) {
          this.stop()
          throw error
        }
        if (isStorageError(error, 'Compacted')) {
          from = undefined
          this.#reloadAll(error)
        }
        this.#options.onWarning?.(`lost the watch on ${this.#options.prefix}, trying again in ${retryMs} ms`, error)
        await new Promise<void>((resolve) => {
          this.#clock.setTimer(resolve, retryMs)
        })
      }
    }
  }

  /** Resolves when the watch is in place; afterwards it restarts itself. */
  async #watch(from: number): Promise<void> {
    let inPlace = false
    let endedEarly: Error | undefined
    const sink: WatchSink = {
      events: (events) => this.#take(events),
      progress: (revision) => this.#waiters.advance(revision),
      end: (error) => {
        if (!inPlace) endedEarly = error ?? new StorageError('Unavailable', 'the watch ended')
        else if (this.#stopped === undefined) this.#restart(error)
      },
    }
    this.#waiters.advance(from)
    const handle = this.#store.watch(
      {
        prefix: this.#options.prefix,
        fromRevision: from + 1,
        progressIntervalMs: this.#options.synchronous ? undefined : PROGRESS_INTERVAL_MS,
      },
      sink,
    )
    this.#handle = handle
    await handle.ready
    if (endedEarly !== undefined) throw endedEarly
    inPlace = true
    if (this.#stopped !== undefined) handle.close()
  }

  #restart(error: Error | undefined): void {
    if (isStorageError(error, 'Closed')) {
      this.stop()
      return
    }
    this.#options.onWarning?.(`the watch on ${this.#options.prefix} ended`, error)
    if (isStorageError(error, 'Compacted')) {
      this.#begin(undefined)
      this.#reloadAll(error)
    } else this.#begin(this.revision)
  }

  #reloadAll(error: StorageError): void {
    for (const cache of this.#caches.values()) cache.reload(error)
  }

  #take(events: readonly StoreEvent[]): void {
    for (const event of events) {
      const { key } = event.kv
      for (let slash = key.indexOf('/', 1); slash >= 0; slash = key.indexOf('/', slash + 1)) {
        this.#caches.get(key.slice(0, slash + 1))?.apply(event)
      }
    }
    const last = events.at(-1)
    if (last !== undefined) this.#waiters.advance(last.kv.modRevision)
  }
}
