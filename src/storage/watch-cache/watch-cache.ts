import type { Clock } from '../../apimachinery/clock.ts'
import { isStorageError, StorageError } from '../storage-error.ts'
import type { KeyValue, Store, StoreEvent } from '../store.ts'
import type { ByteBudget } from './byte-budget.ts'
import { CacheEntry, type CacheHooks, type EncodedHolder, type EntryContext, type ParsedHolder } from './cache-entry.ts'
import { CacheEvent } from './cache-event.ts'
import {
  CacheWatcher,
  type WatchConsumer,
  type WatcherHost,
  type WatcherStart,
  type WatchScope,
} from './cache-watcher.ts'
import { EventWindow, type EventWindowOptions } from './event-window.ts'
import type { FlushQueue } from './flush-queue.ts'
import type { Freshness } from './freshness.ts'
import { OrderedMap } from './ordered-map.ts'
import { StateHistory } from './state-history.ts'
import { readStretch } from './store-history.ts'
import type { FrameMemo } from './watch-item.ts'
import { WatcherIndex } from './watcher-index.ts'

/** What all caches of a group share. */
export interface CacheShared {
  readonly store: Store
  readonly clock: Clock
  readonly window: EventWindowOptions
  readonly parsed: ByteBudget<ParsedHolder>
  readonly encoded: ByteBudget<EncodedHolder> | undefined
  readonly frames: ByteBudget<FrameMemo>
  readonly flushes: FlushQueue
  /** How long a read waits for a cache that is not loaded. */
  readonly readyTimeoutMs: number
  /** Resolves when the watch that feeds the caches is in place: a list from then on leaves no gap. */
  started(): Promise<void>
  /** Everything up to this revision has been given to the caches. */
  revision(): number
  /** Resolves when the caches are as fresh as asked; undefined where they already are. */
  fresh(freshness: Freshness): Promise<void> | undefined
  /** Periodic bookmarks from now on. */
  scheduleBookmarks<A, O>(watcher: CacheWatcher<A, O>, deadline: number | undefined): void
  /** A load that failed and is tried again: for the log. */
  warn(message: string, error: unknown): void
}

export interface ListOptions<A = unknown, O = unknown> {
  /** Within the cache's prefix; unset: all of it. Ends in `/`. */
  readonly prefix?: string
  /** Default `latest`. `exactly` reads the past, from the window's history or from the store. */
  readonly at?: Freshness | { readonly exactly: number }
  /** First key (inclusive): the `next` of the page before. */
  readonly start?: string
  /** At most so many entries; 0 or unset: all. */
  readonly limit?: number
  /** Only entries with this value of a named index. */
  readonly index?: { readonly name: string; readonly value: string }
  readonly filter?: (entry: CacheEntry<A, O>) => boolean
}

export interface ListResult<A = unknown, O = unknown> {
  readonly entries: readonly CacheEntry<A, O>[]
  /** The revision that the answer shows. Ask for the next page `exactly` at it. */
  readonly revision: number
  /** First key of the next page; undefined on the last one. */
  readonly next: string | undefined
  /** How many entries stand behind this page; undefined where a filter or an index makes it unknown. */
  readonly remaining: number | undefined
}

/** Where a watch begins. */
export type WatchFrom =
  /** Behind a revision: history first. */
  | { readonly revision: number }
  /** Only what happens from now on, where now is at least as fresh as this. */
  | { readonly now: Freshness }
  /** The present state as ADDED events, then what happens; optionally a bookmark between them (KEP-3157). */
  | { readonly initial: Freshness; readonly endBookmark: boolean }

export interface CacheWatchOptions<A = unknown, O = unknown> extends Partial<WatchScope<A, O>> {
  readonly from: WatchFrom
  /** Send periodic bookmarks. */
  readonly bookmarks?: boolean
  /** When the watch will be ended by its owner, in the clock's milliseconds: a bookmark comes 2 s before. */
  readonly deadline?: number
}

/** Events from before the window, up to and including a revision that it covers. */
interface History<A, O> {
  readonly events: readonly CacheEvent<A, O>[]
  readonly upTo: number
}

/** Objects of the first page of a load: most resources fit, so that a load is one call. */
const FIRST_PAGE = 500
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 5_000
/** Objects that the mean size is estimated from, and how long that holds. */
const SAMPLE_SIZE = 64
const SAMPLE_LIFE_MS = 60_000

/**
 * The objects of one resource: what they are now, and what happened to them lately.
 *
 * Fed by its group, synchronously from the store's sink: where the store calls the sink before it acknowledges a write,
 * a read after the write sees it. Reads never block writes; entries are immutable and shared.
 */
export class WatchCache<A = unknown, O = unknown> {
  readonly prefix: string
  readonly #shared: CacheShared
  readonly #context: EntryContext<A, O>
  readonly #host: WatcherHost<A, O>
  readonly #watchers: WatcherIndex<A, O>
  readonly #lagging = new Set<CacheWatcher<A, O>>()
  readonly #history = new StateHistory<A, O>()
  readonly #fieldIndexes = new Map<string, Map<string, Map<string, CacheEntry<A, O>>>>()
  #state: OrderedMap<CacheEntry<A, O>> = new OrderedMap()
  #window: EventWindow<A, O>
  /** While loading: the newest change of each key. */
  #missed: Map<string, StoreEvent> | undefined = new Map()
  /** The revision of the list that the cache began with: changes up to it are in the state. */
  #loadedRevision = 0
  #ready: Promise<void>
  #isReady = false
  #closed: Error | undefined
  #loads = 0
  #sample = { takenAt: 0, count: 0, mean: 0 }

  /** Made by {@link WatchCacheGroup.cache}. */
  constructor(prefix: string, hooks: CacheHooks<A, O>, shared: CacheShared) {
    this.prefix = prefix
    this.#shared = shared
    this.#context = { hooks, parsed: shared.parsed, encoded: shared.encoded }
    this.#watchers = new WatcherIndex(prefix)
    this.#window = new EventWindow(0, shared.window)
    this.#host = {
      window: () => this.#window,
      schedule: (watcher) => shared.flushes.schedule(watcher),
      forget: (watcher) => {
        this.#watchers.delete(watcher)
        this.#lagging.delete(watcher)
      },
      lagging: (watcher, isLagging) => {
        if (isLagging) this.#lagging.add(watcher)
        else this.#lagging.delete(watcher)
      },
    }
    for (const name of Object.keys(hooks.indexes ?? {})) this.#fieldIndexes.set(name, new Map())
    this.#ready = this.#load()
  }

  /** Resolves when the cache is loaded. Never rejects before the cache is closed: a failed load is tried again. */
  get ready(): Promise<void> {
    return this.#ready
  }

  /** Everything up to this revision is in the cache. */
  get revision(): number {
    return Math.max(this.#loadedRevision, this.#shared.revision())
  }

  get size(): number {
    return this.#state.size
  }

  /** Mean size of the stored values in bytes, estimated from a few of them once a minute; 0 where there are none. */
  get averageSize(): number {
    const { size } = this.#state
    const now = this.#shared.clock.now()
    const { takenAt, count } = this.#sample
    if (now - takenAt >= SAMPLE_LIFE_MS || size > 2 * count || 2 * size < count) {
      const { values } = this.#state.collect({ prefix: this.prefix, limit: SAMPLE_SIZE })
      const bytes = values.reduce((sum, entry) => sum + entry.size, 0)
      this.#sample = { takenAt: now, count: size, mean: values.length > 0 ? bytes / values.length : 0 }
    }
    return this.#sample.mean
  }

  get watcherCount(): number {
    return this.#watchers.size
  }

  /** Events in the window, its capacity and the oldest revision that a watch can start from. */
  get windowStats(): { readonly events: number; readonly capacity: number; readonly coveredFrom: number } {
    const { start, end, capacity, coveredFrom } = this.#window
    return { events: end - start, capacity, coveredFrom }
  }

  /**
   * Resolves when the cache is as fresh as asked; undefined where it already is. Errors: those of {@link get}, thrown
   * where nothing has to be waited for.
   */
  fresh(freshness: Freshness): Promise<void> | undefined {
    if (this.#closed !== undefined) throw this.#closed
    if (!this.#isReady) return this.#waitUntilReady().then(() => this.fresh(freshness))
    if (freshness === 'any') return undefined
    if (typeof freshness === 'object' && freshness.notOlderThan <= this.revision) return undefined
    return this.#shared.fresh(freshness)?.then(() => this.#checkReady())
  }

  /** The entry as the cache has it now, without waiting: undefined also where the cache is not loaded. */
  peek(key: string): CacheEntry<A, O> | undefined {
    return this.#state.get(key)
  }

  /** The entries of a prefix as the cache has them now, without waiting: undefined where it is not loaded. */
  peekAll(prefix: string): readonly CacheEntry<A, O>[] | undefined {
    if (!this.#isReady) return undefined
    return this.#state.size === 0 ? [] : this.#state.collect({ prefix }).values
  }

  /** One entry. Errors: `FutureRevision` (a `TooLargeRevisionError`), `Unavailable`, `Closed`. */
  async get(
    key: string,
    freshness: Freshness = 'latest',
  ): Promise<{ readonly entry: CacheEntry<A, O> | undefined; readonly revision: number }> {
    await this.fresh(freshness)
    return { entry: this.#state.get(key), revision: this.revision }
  }

  /** Entries in key order. Errors: `FutureRevision` (a `TooLargeRevisionError`), `Compacted`, `Unavailable`, `Closed`. */
  async list(options: ListOptions<A, O> = {}): Promise<ListResult<A, O>> {
    const at = options.at ?? 'latest'
    if (typeof at === 'object' && 'exactly' in at) return this.#listExactly(at.exactly, options)
    await this.fresh(at)
    return this.#listPresent(options)
  }

  /**
   * Starts a watch; items begin to come after this has resolved. Errors: `Compacted` where neither the window nor the
   * store reaches back to the revision, `FutureRevision` (a `TooLargeRevisionError`), `Unavailable`, `Closed`.
   */
  async watch(options: CacheWatchOptions<A, O>, consumer: WatchConsumer<A, O>): Promise<CacheWatcher<A, O>> {
    const scope: WatchScope<A, O> = { ...options, key: options.key ?? this.prefix }
    this.#checkScope(scope)
    const { from } = options
    if ('revision' in from) await this.fresh('any')
    else await this.fresh('now' in from ? from.now : from.initial)
    const history = 'revision' in from ? await this.#historyAfter(from.revision) : undefined
    const watcher = new CacheWatcher(this.#host, scope, this.#startOf(from, scope, history), consumer)
    this.#watchers.add(watcher)
    if (options.bookmarks) this.#shared.scheduleBookmarks(watcher, options.deadline)
    return watcher
  }

  /** Takes a change from the group: in revision order, on the write path. */
  apply(change: StoreEvent): void {
    if (this.#missed !== undefined) {
      this.#missed.set(change.kv.key, change)
      return
    }
    if (change.kv.modRevision <= this.#loadedRevision) return
    const { key } = change.kv
    const previous = this.#state.get(key)
    if (change.type === 'delete' && previous === undefined) return
    const entry = this.#setState(change, previous)
    const event = new CacheEvent<A, O>(
      { revision: change.kv.modRevision, seenAt: this.#shared.clock.now(), entry, previous },
      this.#shared.frames,
    )
    this.#window.push(event)
    this.#history.dropBefore(this.#window.start)
    this.#watchers.dispatch(event)
    if (this.#lagging.size > 0) this.#endTooSlow()
  }

  /** Forgets the past, as the store has: watches that run go on, unless they have not kept up. */
  forgetHistory(): void {
    if (!this.#isReady) return
    for (const watcher of this.#watchers.everyone()) watcher.flush()
    this.#window.forget(this.revision)
    this.#history.dropBefore(this.#window.start)
    this.#endTooSlow()
  }

  /** History is lost: ends every watch with the error and loads anew. */
  reload(error: Error): void {
    this.#endWatchers(error)
    this.#missed = new Map()
    this.#isReady = false
    this.#ready = this.#load()
  }

  /** Ends every watch; later calls fail with the error. */
  close(error: Error): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#endWatchers(error)
    this.#loads++
    this.#missed = new Map()
    this.#state = new OrderedMap()
    this.#window = new EventWindow(0, this.#shared.window)
    this.#history.clear()
    for (const values of this.#fieldIndexes.values()) values.clear()
  }

  /** It may have begun to load anew, or been closed, while somebody waited. */
  async #checkReady(): Promise<void> {
    if (!this.#isReady) await this.#waitUntilReady()
    if (this.#closed !== undefined) throw this.#closed
  }

  #waitUntilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#shared.clock.setTimer(() => {
        reject(new StorageError('Unavailable', `the cache of ${this.prefix} is not loaded`))
      }, this.#shared.readyTimeoutMs)
      void this.#ready.then(() => {
        timer.cancel()
        if (this.#closed === undefined) resolve()
        else reject(this.#closed)
      })
    })
  }

  #checkScope(scope: WatchScope<A, O>): void {
    const { key } = scope
    const rest = key.slice(this.prefix.length)
    const slash = rest.indexOf('/')
    if (!key.startsWith(this.prefix) || (rest.endsWith('/') && slash !== rest.length - 1)) {
      throw new RangeError(`a watch covers ${this.prefix}, a namespace or an object in it, not ${key}`)
    }
    if (scope.index !== undefined && !this.#fieldIndexes.has(scope.index.name)) {
      throw new RangeError(`${this.prefix} has no index ${scope.index.name}`)
    }
  }

  /** Events from behind a revision that the window no longer covers up to where it does. */
  async #historyAfter(revision: number): Promise<History<A, O> | undefined> {
    const upTo = this.#window.coveredFrom
    if (revision >= upTo) return undefined
    const { store, clock, frames, readyTimeoutMs } = this.#shared
    const stretch = { prefix: this.prefix, after: revision, upTo }
    const source = { store, clock, timeoutMs: readyTimeoutMs }
    const changes = await readStretch(source, stretch).catch((error: unknown) => {
      if (isStorageError(error, 'Compacted')) throw this.#tooOld(revision)
      throw error
    })
    if (this.#closed !== undefined) throw this.#closed
    const seenAt = clock.now()
    const events: CacheEvent<A, O>[] = []
    for (const { type, kv, previous } of changes) {
      const before = type === 'delete' ? (previous ?? kv) : previous
      events.push(
        new CacheEvent<A, O>(
          {
            revision: kv.modRevision,
            seenAt,
            entry: type === 'put' ? this.#entryOf(kv) : undefined,
            previous: before === undefined ? undefined : this.#entryOf(before),
          },
          frames,
        ),
      )
    }
    return { events, upTo }
  }

  #tooOld(revision: number): StorageError {
    const { coveredFrom } = this.#window
    return new StorageError('Compacted', `too old resource version: ${revision} (${coveredFrom})`, {
      revision,
      actualRevision: coveredFrom,
    })
  }

  #startOf(from: WatchFrom, scope: WatchScope<A, O>, history: History<A, O> | undefined): WatcherStart<A, O> {
    const window = this.#window
    const { revision } = this
    if ('now' in from) return { position: window.end, afterRevision: 0 }
    if ('initial' in from) {
      const { entries } = this.#select(this.#state, this.#initialOptions(scope))
      return { position: window.end, afterRevision: 0, initial: { entries, revision }, endBookmark: from.endBookmark }
    }
    const after = history?.upTo ?? from.revision
    if (after < window.coveredFrom) throw this.#tooOld(from.revision)
    return { position: window.firstAfter(after), afterRevision: from.revision, history: history?.events }
  }

  #initialOptions(scope: WatchScope<A, O>): ListOptions<A, O> {
    const { key, index, filter } = scope
    if (key.endsWith('/')) return { prefix: key, index, filter }
    return { prefix: this.prefix, index, filter: (entry) => entry.key === key && (filter?.(entry) ?? true), start: key }
  }

  #listPresent(options: ListOptions<A, O>): ListResult<A, O> {
    const result = this.#page(this.#state, this.revision, options)
    if (result.next !== undefined) this.#history.keep(this.#window.end, this.#state)
    return result
  }

  async #listExactly(revision: number, options: ListOptions<A, O>): Promise<ListResult<A, O>> {
    await this.fresh('any')
    if (revision > this.revision) await this.fresh({ notOlderThan: revision })
    if (revision >= this.#window.coveredFrom) {
      const position = this.#window.firstAfter(revision)
      const state = this.#history.at(position, this.#window, this.#state)
      if (state !== undefined) {
        const result = this.#page(state, revision, options)
        if (result.next !== undefined) this.#history.keep(position, state)
        return result
      }
    }
    return this.#listFromStore(revision, options)
  }

  async #listFromStore(revision: number, options: ListOptions<A, O>): Promise<ListResult<A, O>> {
    const { limit = 0, start } = options
    const prefix = options.prefix ?? this.prefix
    const passes = this.#predicate(options)
    if (passes === undefined) {
      const { kvs, remaining } = await this.#shared.store.range(prefix, { revision, start, limit })
      const entries = kvs.map((kv) => this.#entryOf(kv))
      return { entries, revision, remaining, next: remaining > 0 ? behind(entries) : undefined }
    }
    const entries: CacheEntry<A, O>[] = []
    for await (const batch of this.#shared.store.stream(prefix, { revision, start })) {
      for (const kv of batch) {
        const entry = this.#entryOf(kv)
        if (!passes(entry)) continue
        if (limit > 0 && entries.length === limit) {
          return { entries, revision, remaining: undefined, next: behind(entries) }
        }
        entries.push(entry)
      }
    }
    return { entries, revision, remaining: undefined, next: undefined }
  }

  #page(state: OrderedMap<CacheEntry<A, O>>, revision: number, options: ListOptions<A, O>): ListResult<A, O> {
    const { entries, more } = this.#select(state, options)
    const next = more ? behind(entries) : undefined
    let remaining: number | undefined
    if (options.filter === undefined && options.index === undefined) {
      remaining = next === undefined ? 0 : state.count(options.prefix ?? this.prefix, next)
    }
    return { entries, revision, next, remaining }
  }

  #select(
    state: OrderedMap<CacheEntry<A, O>>,
    options: ListOptions<A, O>,
  ): { readonly entries: CacheEntry<A, O>[]; readonly more: boolean } {
    const prefix = options.prefix ?? this.prefix
    if (options.index !== undefined && state === this.#state) {
      const found = new OrderedMap<CacheEntry<A, O>>()
      const { name, value } = options.index
      for (const [key, entry] of this.#fieldIndexes.get(name)?.get(value) ?? []) found.set(key, entry)
      const { values, more } = found.collect({ ...options, prefix })
      return { entries: values, more }
    }
    const filter = this.#predicate(options)
    if (prefix === this.prefix && filter === undefined && !options.limit && options.start === undefined) {
      return { entries: state.values(), more: false }
    }
    const { values, more } = state.collect({ prefix, start: options.start, limit: options.limit, filter })
    return { entries: values, more }
  }

  #predicate(options: ListOptions<A, O>): ((entry: CacheEntry<A, O>) => boolean) | undefined {
    const { index, filter } = options
    if (index === undefined) return filter
    return (entry) => entry.indexValue(index.name) === index.value && (filter?.(entry) ?? true)
  }

  #entryOf(kv: KeyValue): CacheEntry<A, O> {
    return new CacheEntry(this.#context, kv)
  }

  #setState(change: StoreEvent, previous: CacheEntry<A, O> | undefined): CacheEntry<A, O> | undefined {
    const { key } = change.kv
    if (previous !== undefined) this.#unindex(previous)
    if (change.type === 'delete') {
      this.#state.delete(key)
      return undefined
    }
    // Who has read an object to change it, reads it again for the next change.
    const isRead = this.#watchers.readers > 0 || previous?.parsed !== undefined
    const entry = new CacheEntry(this.#context, change.kv, isRead ? change.kv.decoded : undefined)
    this.#state.set(key, entry)
    this.#index(entry)
    return entry
  }

  #index(entry: CacheEntry<A, O>): void {
    for (const [name, values] of this.#fieldIndexes) {
      const value = entry.indexValue(name)
      if (value === undefined) continue
      const entries = values.get(value)
      if (entries === undefined) values.set(value, new Map([[entry.key, entry]]))
      else entries.set(entry.key, entry)
    }
  }

  #unindex(entry: CacheEntry<A, O>): void {
    for (const [name, values] of this.#fieldIndexes) {
      const value = entry.indexValue(name)
      if (value === undefined) continue
      const entries = values.get(value)
      if (entries?.delete(entry.key) && entries.size === 0) values.delete(value)
    }
  }

  #endTooSlow(): void {
    const { start } = this.#window
    if (start === 0) return
    for (const watcher of this.#lagging) if (watcher.position < start) watcher.endAsTooSlow()
  }

  #endWatchers(error: Error): void {
    for (const watcher of this.#watchers.everyone()) watcher.end(error)
  }

  /** Lists until it works; changes that arrive meanwhile are kept aside by {@link apply}. */
  async #load(): Promise<void> {
    const load = ++this.#loads
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      try {
        await this.#shared.started()
        const { state, revision } = await this.#readAll()
        if (load === this.#loads) this.#adopt(state, revision)
        return
      } catch (error) {
        if (load !== this.#loads) return
        this.#shared.warn(`could not load ${this.prefix}, trying again in ${retryMs} ms`, error)
        await new Promise<void>((resolve) => {
          this.#shared.clock.setTimer(resolve, retryMs)
        })
        if (load !== this.#loads) return
      }
    }
  }

  /** One snapshot of the prefix: the first page tells its revision, the rest is read at that revision. */
  async #readAll(): Promise<{ state: OrderedMap<CacheEntry<A, O>>; revision: number }> {
    const { store } = this.#shared
    const first = await store.range(this.prefix, { limit: FIRST_PAGE })
    const state = new OrderedMap<CacheEntry<A, O>>()
    for (const kv of first.kvs) state.set(kv.key, this.#entryOf(kv))
    const last = first.kvs.at(-1)
    if (first.remaining > 0 && last !== undefined) {
      const rest = store.stream(this.prefix, { revision: first.revision, start: `${last.key}\0` })
      for await (const batch of rest) for (const kv of batch) state.set(kv.key, this.#entryOf(kv))
    }
    return { state, revision: first.revision }
  }

  #adopt(state: OrderedMap<CacheEntry<A, O>>, listRevision: number): void {
    const missed = this.#missed ?? new Map<string, StoreEvent>()
    this.#missed = undefined
    this.#history.clear()
    for (const values of this.#fieldIndexes.values()) values.clear()
    this.#state = state
    if (this.#fieldIndexes.size > 0) for (const entry of state.values()) this.#index(entry)
    let revision = listRevision
    for (const change of missed.values()) {
      if (change.kv.modRevision <= listRevision) continue
      this.#setState(change, this.#state.get(change.kv.key))
      revision = Math.max(revision, change.kv.modRevision)
    }
    this.#loadedRevision = revision
    this.#window = new EventWindow(revision, this.#shared.window)
    this.#isReady = true
  }
}

/** The first key that can stand behind the last entry. */
function behind(entries: readonly { readonly key: string }[]): string | undefined {
  const last = entries.at(-1)
  return last === undefined ? undefined : `${last.key}\0`
}
