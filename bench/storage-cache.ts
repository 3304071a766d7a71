import { isStorageError } from '../src/storage/storage-error.ts'
import type { Store } from '../src/storage/store.ts'
import type { CacheHooks } from '../src/storage/watch-cache/cache-entry.ts'
import { WatchCacheGroup } from '../src/storage/watch-cache/watch-cache-group.ts'
import type { WatchItem } from '../src/storage/watch-cache/watch-item.ts'
import { podKey, value } from './storage-backends.ts'

/** Hooks that splice a revision in, as a registry does, and parse nothing. */
export const plainHooks: CacheHooks<undefined, undefined> = {
  encode: (stored, modRevision) => Buffer.concat([Buffer.from(`{"rv":"${modRevision}",`), stored.subarray(1)]),
  parse: () => undefined,
  attributes: () => undefined,
}

interface FanOut {
  readonly watchers: number
  readonly deliveriesPerSecond: number
  /** CPU time per event and watcher, in microseconds. */
  readonly cpuMicroseconds: number
}

/** Writes `events` objects while `watchers` watch the resource; each takes the shared frame, as a response would. */
export async function measureFanOut(store: Store, watchers: number, events: number): Promise<FanOut> {
  const group = new WatchCacheGroup({ store, prefix: '/registry/', synchronous: true })
  const cache = group.cache('/registry/pods/', plainHooks)
  await cache.ready
  let delivered = 0
  let bytes = 0
  let done: () => void = () => {}
  const finished = new Promise<void>((resolve) => {
    done = resolve
  })
  const frame = (item: WatchItem): Buffer =>
    item.memo('json', () =>
      Buffer.from(item.type === 'BOOKMARK' ? '' : `{"type":"${item.type}","object":${item.entry.bytes}}\n`),
    )
  const consumer = {
    deliver: (items: readonly WatchItem[]): boolean => {
      for (const item of items) bytes += frame(item).length
      delivered += items.length
      if (delivered === watchers * events) done()
      return true
    },
    end: (error: Error): void => {
      if (!isStorageError(error, 'Closed')) throw error
    },
  }
  for (let i = 0; i < watchers; i++) await cache.watch({ from: { now: 'any' } }, consumer)
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let i = 0; i < events; i++) {
    await store.create(podKey(i), value(i))
    if (i % 8 === 7) await new Promise((resolve) => setImmediate(resolve))
  }
  await finished
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  group.stop()
  if (bytes === 0) throw new Error('nothing was delivered')
  return {
    watchers,
    deliveriesPerSecond: delivered / seconds,
    cpuMicroseconds: (user + system) / delivered,
  }
}

/** Milliseconds until 70 empty caches are ready. */
export async function measureStart(store: Store): Promise<number> {
  const began = performance.now()
  const group = new WatchCacheGroup({ store, prefix: '/registry/', synchronous: true })
  const caches = Array.from({ length: 70 }, (_, i) => group.cache(`/registry/resource-${i}/`, plainHooks))
  await Promise.all(caches.map((cache) => cache.ready))
  const ms = performance.now() - began
  group.stop()
  return ms
}

/** Milliseconds for a list of everything from the cache: the first encodes, later ones share. */
export async function measureList(store: Store): Promise<{ readonly firstMs: number; readonly laterMs: number }> {
  const group = new WatchCacheGroup({ store, prefix: '/registry/', synchronous: true })
  const cache = group.cache('/registry/pods/', plainHooks)
  await cache.ready
  const list = async (): Promise<number> => {
    const began = performance.now()
    const { entries } = await cache.list()
    const buffers = entries.map((entry) => entry.bytes)
    if (buffers.length === 0) throw new Error('nothing listed')
    return performance.now() - began
  }
  const firstMs = await list()
  let laterMs = Number.POSITIVE_INFINITY
  for (let i = 0; i < 10; i++) laterMs = Math.min(laterMs, await list())
  group.stop()
  return { firstMs, laterMs }
}
