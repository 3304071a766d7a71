import type { CacheEvent } from './cache-event.ts'
import type { CacheWatcher } from './cache-watcher.ts'

type Watchers<A, O> = Set<CacheWatcher<A, O>>

/**
 * Finds the watchers that an event can concern without visiting the others: by exact key, by namespace, by the value of
 * an indexed field, and those that see the whole resource.
 */
export class WatcherIndex<A = unknown, O = unknown> {
  readonly #root: string
  readonly #all: Watchers<A, O> = new Set()
  /** By exact key or by the prefix of a namespace: a prefix ends in `/`, a key doesn't. */
  readonly #byKey = new Map<string, Watchers<A, O>>()
  /** By index name, then value. */
  readonly #byField = new Map<string, Map<string, Watchers<A, O>>>()
  #size = 0
  #readers = 0

  /** `root`: the resource's prefix, ends in `/`. */
  constructor(root: string) {
    this.#root = root
  }

  get size(): number {
    return this.#size
  }

  /** How many look at objects: their consumers do, or their filters. */
  get readers(): number {
    return this.#readers
  }

  add(watcher: CacheWatcher<A, O>): void {
    const before = this.#size
    const { key, index } = watcher.scope
    if (key !== this.#root && index === undefined) this.#setFor(this.#byKey, key).add(watcher)
    else if (index === undefined) this.#all.add(watcher)
    else {
      let values = this.#byField.get(index.name)
      if (values === undefined) {
        values = new Map()
        this.#byField.set(index.name, values)
      }
      this.#setFor(values, index.value).add(watcher)
    }
    this.#size = before + 1
    if (isReader(watcher)) this.#readers++
  }

  delete(watcher: CacheWatcher<A, O>): void {
    const { key, index } = watcher.scope
    let deleted: boolean
    if (key !== this.#root && index === undefined) deleted = this.#remove(this.#byKey, key, watcher)
    else if (index === undefined) deleted = this.#all.delete(watcher)
    else {
      const values = this.#byField.get(index.name)
      deleted = values !== undefined && this.#remove(values, index.value, watcher)
      if (values?.size === 0) this.#byField.delete(index.name)
    }
    if (!deleted) return
    this.#size--
    if (isReader(watcher)) this.#readers--
  }

  /** Every watcher, as they are now: the caller may end them meanwhile. */
  everyone(): CacheWatcher<A, O>[] {
    const found = [...this.#all]
    for (const watchers of this.#byKey.values()) found.push(...watchers)
    for (const values of this.#byField.values()) for (const watchers of values.values()) found.push(...watchers)
    return found
  }

  /** Offers an event to all whom it can concern; costs nothing for the others. */
  dispatch(event: CacheEvent<A, O>): void {
    if (this.#size === 0) return
    const { key } = event
    for (const watcher of this.#all) watcher.offer(event)
    if (this.#byKey.size > 0) {
      offerTo(this.#byKey.get(key), event)
      const slash = key.indexOf('/', this.#root.length)
      if (slash >= 0) offerTo(this.#byKey.get(key.slice(0, slash + 1)), event)
    }
    for (const [name, values] of this.#byField) {
      const now = event.entry?.indexValue(name)
      const before = event.previous?.indexValue(name)
      if (now !== undefined) this.#offerInScope(values.get(now), event)
      if (before !== undefined && before !== now) this.#offerInScope(values.get(before), event)
    }
  }

  #offerInScope(watchers: Watchers<A, O> | undefined, event: CacheEvent<A, O>): void {
    if (watchers === undefined) return
    for (const watcher of watchers) {
      const scope = watcher.scope.key
      if (scope === this.#root || event.key === scope || (scope.endsWith('/') && event.key.startsWith(scope))) {
        watcher.offer(event)
      }
    }
  }

  #setFor(sets: Map<string, Watchers<A, O>>, key: string): Watchers<A, O> {
    let watchers = sets.get(key)
    if (watchers === undefined) {
      watchers = new Set()
      sets.set(key, watchers)
    }
    return watchers
  }

  #remove(sets: Map<string, Watchers<A, O>>, key: string, watcher: CacheWatcher<A, O>): boolean {
    const watchers = sets.get(key)
    const deleted = watchers?.delete(watcher) ?? false
    if (watchers?.size === 0) sets.delete(key)
    return deleted
  }
}

function isReader<A, O>({ scope }: CacheWatcher<A, O>): boolean {
  return scope.readsObjects === true || scope.filter !== undefined
}

function offerTo<A, O>(watchers: Watchers<A, O> | undefined, event: CacheEvent<A, O>): void {
  if (watchers === undefined) return
  for (const watcher of watchers) watcher.offer(event)
}
