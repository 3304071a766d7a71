import type { Clock } from '../../src/apimachinery/clock.ts'
import type { CacheEntry, CacheHooks } from '../../src/storage/watch-cache/cache-entry.ts'
import type { CacheWatcher, WatchConsumer } from '../../src/storage/watch-cache/cache-watcher.ts'
import type { WatchItem } from '../../src/storage/watch-cache/watch-item.ts'

/** Values are `field=value` words; the encoded form is `<revision> <words>`. */
export interface Words {
  readonly [field: string]: string
}

export type TestEntry = CacheEntry<Words, Words>

/** Counts what the cache asks the registry for. */
export interface CountingHooks extends CacheHooks<Words, Words> {
  encoded: number
  parsed: number
}

export function wordHooks(): CountingHooks {
  const hooks: CountingHooks = {
    encoded: 0,
    parsed: 0,
    encode(value, modRevision) {
      hooks.encoded++
      const text = value.toString()
      const words = text.startsWith('@') ? text.slice(text.indexOf(' ') + 1) : text
      return Buffer.from(`@${modRevision} ${words}`)
    },
    parse(bytes) {
      hooks.parsed++
      const words = bytes.toString().split(' ').slice(1)
      return Object.freeze(Object.fromEntries(words.map((word) => word.split('=') as [string, string])))
    },
    attributes: (entry) => entry.object,
    indexes: { node: (entry) => entry.attributes['node'] },
  }
  return hooks
}

/** A clock that stands still until told otherwise. */
export class SettlingClock implements Clock {
  #now = 1_000_000
  #timers: { readonly at: number; readonly fn: () => void }[] = []

  now(): number {
    return this.#now
  }

  setTimer(fn: () => void, ms: number): { cancel(): void } {
    const timer = { at: this.#now + ms, fn }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((t) => t !== timer)
      },
    }
  }

  get timers(): number {
    return this.#timers.length
  }

  /** Fires what falls due on the way, in order; lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    for (;;) {
      const due = this.#timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((t) => t !== due)
      this.#now = Math.max(this.#now, due.at)
      due.fn()
      await settle()
    }
    this.#now = until
  }
}

/** Lets everything run that is ready to run: promises and the watchers' deliveries. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve))
  })
}

/** A consumer that notes what it gets, and pauses when told to. */
export class Recorder implements WatchConsumer<Words, Words> {
  readonly items: WatchItem<Words, Words>[] = []
  readonly batches: number[] = []
  readonly errors: Error[] = []
  accepts = true
  watcher: CacheWatcher<Words, Words> | undefined

  deliver(items: readonly WatchItem<Words, Words>[]): boolean {
    this.items.push(...items)
    this.batches.push(items.length)
    return this.accepts
  }

  end(error: Error): void {
    this.errors.push(error)
  }

  /** `TYPE name@revision` of each item; the initial ones in parentheses, bookmarks by revision. */
  get log(): string[] {
    return this.items.map((item) => {
      if (item.type === 'BOOKMARK') return `BOOKMARK${item.initialEventsEnd ? '!' : ''} ${item.revision}`
      const text = `${item.type} ${item.entry.key.split('/').pop()}@${item.revision}`
      return item.initial ? `(${text})` : text
    })
  }
}
