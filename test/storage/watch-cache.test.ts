import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StorageError } from '../../src/storage/storage-error.ts'
import type { WatchCache } from '../../src/storage/watch-cache/watch-cache.ts'
import { WatchCacheGroup, type WatchCacheGroupOptions } from '../../src/storage/watch-cache/watch-cache-group.ts'
import { FakeStore } from '../suites/fake-store.ts'
import { type CountingHooks, Recorder, SettlingClock, settle, type Words, wordHooks } from './watch-cache-harness.ts'

const PODS = '/registry/pods/'

let store: FakeStore
let clock: SettlingClock
let group: WatchCacheGroup
let hooks: CountingHooks

function makeGroup(options: Partial<WatchCacheGroupOptions> = {}): WatchCacheGroup {
  group = new WatchCacheGroup({ store, prefix: '/registry/', synchronous: true, clock, ...options })
  return group
}

async function podCache(options: Partial<WatchCacheGroupOptions> = {}): Promise<WatchCache<Words, Words>> {
  const cache = makeGroup(options).cache(PODS, hooks)
  await cache.ready
  return cache
}

async function record(
  cache: WatchCache<Words, Words>,
  options: Parameters<WatchCache<Words, Words>['watch']>[0],
): Promise<Recorder> {
  const recorder = new Recorder()
  recorder.watcher = await cache.watch(options, recorder)
  await settle()
  return recorder
}

const names = (entries: readonly { readonly key: string }[]): string[] => entries.map((e) => e.key.slice(PODS.length))
const pod = (name: string, words = 'phase=Running'): ReturnType<FakeStore['put']> => store.put(`${PODS}${name}`, words)
const code = (promise: Promise<unknown>): Promise<string> => promise.then(String, (e: StorageError) => e.code)

beforeEach(() => {
  store = new FakeStore()
  clock = new SettlingClock()
  hooks = wordHooks()
})

afterEach(() => {
  group.stop()
  expect(store.openWatches).toBe(0)
})

describe('size of objects', () => {
  it('is estimated from some of them, and again when their number has changed much or a minute has passed', async () => {
    const cache = await podCache()
    expect(cache.averageSize).toBe(0)
    await pod('a', 'x'.repeat(10))
    const small = cache.averageSize
    await pod('a', 'x'.repeat(30))
    expect(cache.averageSize).toBe(small)
    await clock.advance(60_000)
    expect(cache.averageSize).toBe(small + 20)
    await pod('b', 'x'.repeat(10))
    await pod('c', 'x'.repeat(10))
    expect(cache.averageSize).toBeCloseTo(small + 20 / 3)
  })
})

describe('reads', () => {
  it('a write is seen by the read that follows its acknowledgement', async () => {
    const cache = await podCache()
    const kv = await pod('a/x')
    expect(cache.peek(kv.key)?.modRevision).toBe(kv.modRevision)
    const { entries, revision } = await cache.list()
    expect(names(entries)).toEqual(['a/x'])
    expect(revision).toBe(kv.modRevision)
    await store.delete(kv.key)
    expect((await cache.get(kv.key)).entry).toBeUndefined()
  })

  it('begins with what the store held before, and misses nothing that happens during the load', async () => {
    await pod('a/old')
    await pod('a/gone')
    const cache = makeGroup().cache(PODS, hooks)
    await pod('a/during')
    await store.delete(`${PODS}a/gone`)
    await cache.ready
    await pod('a/after')
    expect(names((await cache.list()).entries)).toEqual(['a/after', 'a/during', 'a/old'])
  })

  it('bytes carry the revision and are encoded once for all readers', async () => {
    const cache = await podCache()
    const kv = await pod('a/x', 'phase=Pending')
    const first = (await cache.get(kv.key)).entry?.bytes
    const second = (await cache.list()).entries[0]?.bytes
    expect(first?.toString()).toBe(`@${kv.modRevision} phase=Pending`)
    expect(second).toBe(first)
    expect(cache.peek(kv.key)?.object).toBe(cache.peek(kv.key)?.object)
    expect(hooks.parsed).toBe(1)
  })

  it('a bound on encoded bytes: what does not fit is encoded anew, and nothing else changes', async () => {
    const cache = await podCache({ maxEncodedBytes: 1000 })
    for (let i = 0; i < 100; i++) await pod(`a/${i}`, `phase=${'x'.repeat(80)}`)
    const texts = async (): Promise<string[]> => (await cache.list()).entries.map((e) => e.bytes.toString())
    const once = await texts()
    const before = hooks.encoded
    expect(await texts()).toEqual(once)
    expect(hooks.encoded - before).toBeGreaterThan(80)
    expect(hooks.encoded - before).toBeLessThanOrEqual(100)
  })

  it('lists keys in the byte order of their UTF-8', async () => {
    const cache = await podCache()
    const odd = ['a/b', 'a/é', 'a/\u{1F600}', 'a/～', 'a/Z', 'a-b/x', 'a/b/c']
    for (const name of odd) await pod(name)
    const expected = [...odd].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
    expect(names((await cache.list()).entries)).toEqual(expected)
    const inA = await cache.list({ prefix: `${PODS}a/` })
    expect(names(inA.entries)).toEqual(expected.filter((n) => n.startsWith('a/')))
  })

  it('pages stay on the snapshot of the first page whatever is written meanwhile', async () => {
    const cache = await podCache()
    for (const name of ['1', '2', '3', '4', '5']) await pod(`a/${name}`)
    const first = await cache.list({ limit: 2 })
    expect([names(first.entries), first.remaining]).toEqual([['a/1', 'a/2'], 3])
    await store.delete(`${PODS}a/3`)
    await pod('a/4', 'phase=Failed')
    await pod('a/35')
    const second = await cache.list({ limit: 2, start: first.next, at: { exactly: first.revision } })
    expect([names(second.entries), second.remaining]).toEqual([['a/3', 'a/4'], 1])
    expect(second.entries[1]?.bytes.toString()).toContain('phase=Running')
    const third = await cache.list({ limit: 2, start: second.next, at: { exactly: first.revision } })
    expect([names(third.entries), third.remaining, third.next]).toEqual([['a/5'], 0, undefined])
    expect(store.ranges).toBe(1)
  })

  it('exactly: any revision of the window is rebuilt; older ones come from the store; compacted ones are refused', async () => {
    await pod('a/before')
    const cache = await podCache({ window: { minEvents: 4, freshMs: 0 } })
    const revisions: number[] = []
    for (let i = 0; i < 4; i++) revisions.push((await pod('a/x', `phase=${i}`)).modRevision)
    await store.delete(`${PODS}a/x`)
    const at = async (revision: number): Promise<string[]> => {
      const { entries, revision: shown } = await cache.list({ at: { exactly: revision } })
      expect(shown).toBe(revision)
      return entries.map((e) => e.bytes.toString().replace(/^@\d+ /, ''))
    }
    const ranges = store.ranges
    expect(await at((revisions[3] ?? 0) + 1)).toEqual(['phase=Running'])
    expect(await at(revisions[3] ?? 0)).toEqual(['phase=Running', 'phase=3'])
    expect(await at(revisions[1] ?? 0)).toEqual(['phase=Running', 'phase=1'])
    expect(store.ranges).toBe(ranges)
    expect(await at((revisions[0] ?? 0) - 1)).toEqual(['phase=Running'])
    expect(store.ranges).toBe(ranges + 1)
    await store.compact(revisions[0] ?? 0)
    expect(await code(cache.list({ at: { exactly: (revisions[0] ?? 0) - 1 } }))).toBe('Compacted')
  })

  it('an index lists only what carries the value, a filter cuts it further', async () => {
    const cache = await podCache()
    await pod('b/1', 'node=n1 phase=Running')
    await pod('a/2', 'node=n1 phase=Failed')
    await pod('a/1', 'node=n2 phase=Running')
    const onN1 = { name: 'node', value: 'n1' }
    expect(names((await cache.list({ index: onN1 })).entries)).toEqual(['a/2', 'b/1'])
    await pod('b/1', 'node=n2 phase=Running')
    expect(names((await cache.list({ index: onN1 })).entries)).toEqual(['a/2'])
    const failed = await cache.list({ index: onN1, filter: (e) => e.attributes['phase'] === 'Failed', limit: 1 })
    expect([names(failed.entries), failed.remaining, failed.next]).toEqual([['a/2'], undefined, undefined])
    await store.delete(`${PODS}a/2`)
    expect((await cache.list({ index: onN1 })).entries).toEqual([])
  })

  it('a limit counts what passes the filter', async () => {
    const cache = await podCache()
    for (let i = 0; i < 6; i++) await pod(`a/${i}`, `even=${i % 2 === 0}`)
    const filter = (e: { attributes: Words }): boolean => e.attributes['even'] === 'true'
    const first = await cache.list({ filter, limit: 2 })
    expect(names(first.entries)).toEqual(['a/0', 'a/2'])
    const rest = await cache.list({ filter, limit: 2, start: first.next, at: { exactly: first.revision } })
    expect([names(rest.entries), rest.next]).toEqual([['a/4'], undefined])
  })
})

describe('freshness on a remote store', () => {
  it('latest: waits until the cache has what the store acknowledged', async () => {
    const cache = await podCache({ synchronous: false })
    store.held = true
    const kv = await pod('a/x')
    let done = false
    const read = cache.get(kv.key).then((result) => {
      done = true
      return result
    })
    await settle()
    expect(done).toBe(false)
    expect((await cache.get(kv.key, 'any')).entry).toBeUndefined()
    store.release()
    expect((await read).entry?.modRevision).toBe(kv.modRevision)
  })

  it('a quiet prefix on a busy store: asks for progress at once and every 100 ms', async () => {
    const cache = await podCache({ synchronous: false })
    store.held = true
    const revision = store.skipRevision()
    const read = cache.list()
    await settle()
    expect(store.progressRequests).toBe(1)
    store.held = false
    await clock.advance(100)
    expect(store.progressRequests).toBe(2)
    expect((await read).revision).toBe(revision)
    expect(clock.timers).toBe(0)
  })

  it('a revision that does not come: too large after 3 s, with upstream’s words and hint', async () => {
    const cache = await podCache({ synchronous: false })
    const current = await store.currentRevision()
    const read = cache.list({ at: { notOlderThan: current + 7 } }).catch((e: unknown) => e)
    await settle()
    await clock.advance(3_000)
    expect(await read).toMatchObject({
      code: 'FutureRevision',
      message: `Too large resource version: ${current + 7}, current: ${current}`,
      retryAfterSeconds: 1,
    })
  })

  it('exactly: a revision that the cache has yet to see is waited for', async () => {
    const cache = await podCache({ synchronous: false })
    store.held = true
    const kv = await pod('a/x')
    const read = cache.list({ at: { exactly: kv.modRevision } })
    await settle()
    store.release()
    expect(names((await read).entries)).toEqual(['a/x'])
  })

  it('a store that cannot be reached fails a consistent read, not one that takes any', async () => {
    const cache = await podCache({ synchronous: false })
    await pod('a/x')
    store.failure = new StorageError('Unavailable', 'down')
    expect(await code(cache.list())).toBe('Unavailable')
    expect(names((await cache.list({ at: 'any' })).entries)).toEqual(['a/x'])
  })
})

describe('watches', () => {
  it('from a revision: history first, then what happens, each once and in order', async () => {
    const cache = await podCache()
    const a = await pod('a/x')
    const b = await pod('a/x', 'phase=Failed')
    const recorder = await record(cache, { from: { revision: a.modRevision } })
    const c = await pod('a/y')
    const d = (await store.delete(`${PODS}a/x`)).revision
    await settle()
    expect(recorder.log).toEqual([`MODIFIED x@${b.modRevision}`, `ADDED y@${c.modRevision}`, `DELETED x@${d}`])
  })

  it('DELETED carries the last state at the revision of the delete', async () => {
    const cache = await podCache()
    await pod('a/x', 'phase=Failed')
    const recorder = await record(cache, { from: { now: 'latest' } })
    const { revision } = await store.delete(`${PODS}a/x`)
    await settle()
    const [item] = recorder.items
    expect(item?.type === 'DELETED' && item.entry.bytes.toString()).toBe(`@${revision} phase=Failed`)
  })

  it('from a revision older than the window: the store still has the events, they come first', async () => {
    const cache = await podCache({ window: { minEvents: 4, freshMs: 0 } })
    const first = await pod('a/0')
    for (let i = 1; i < 8; i++) await pod(`a/${i}`)
    await store.delete(`${PODS}a/1`)
    await store.put('/registry/nodes/n1', 'x=y')
    expect(cache.windowStats.coveredFrom).toBeGreaterThan(first.modRevision + 1)
    const recorder = await record(cache, { from: { revision: first.modRevision } })
    await pod('a/8')
    await settle()
    const kinds = recorder.log.map((line) => line.replace(/@.*/, ''))
    const added = ['1', '2', '3', '4', '5', '6', '7'].map((n) => `ADDED ${n}`)
    expect(kinds).toEqual([...added, 'DELETED 1', 'ADDED 8'])
    expect(store.openWatches).toBe(1)
  })

  it('from a revision that the store has compacted: Compacted with upstream’s words', async () => {
    const cache = await podCache({ window: { minEvents: 4, freshMs: 0 } })
    const first = await pod('a/0')
    for (let i = 1; i < 8; i++) await pod(`a/${i}`)
    const { coveredFrom } = cache.windowStats
    await store.compact(first.modRevision + 1)
    const refused = cache.watch({ from: { revision: first.modRevision } }, new Recorder())
    await expect(refused).rejects.toMatchObject({
      code: 'Compacted',
      message: `too old resource version: ${first.modRevision} (${coveredFrom})`,
    })
    const recorder = await record(cache, { from: { revision: coveredFrom } })
    expect(recorder.items).toHaveLength(4)
  })

  it('from a revision to come: silent up to it', async () => {
    const cache = await podCache()
    const current = await store.currentRevision()
    const recorder = await record(cache, { from: { revision: current + 1 } })
    await pod('a/x')
    const second = await pod('a/y')
    await settle()
    expect(recorder.log).toEqual([`ADDED y@${second.modRevision}`])
  })

  it('initial: the present state as ADDED, a bookmark, then live events; no gap while it is being sent', async () => {
    const cache = await podCache()
    for (let i = 0; i < 1500; i++) await pod(`a/${String(i).padStart(4, '0')}`)
    const recorder = new Recorder()
    const at = await store.currentRevision()
    await cache.watch({ from: { initial: 'latest', endBookmark: true } }, recorder)
    await pod('a/0000', 'phase=Failed')
    for (let i = 0; i < 6; i++) await settle()
    expect(recorder.items).toHaveLength(1502)
    expect(recorder.log[1499]).toMatch(/^\(ADDED 1499@/)
    expect(recorder.log[1500]).toBe(`BOOKMARK! ${at}`)
    expect(recorder.log[1501]).toBe(`MODIFIED 0000@${at + 1}`)
    expect(Math.max(...recorder.batches)).toBeLessThanOrEqual(513)
  })

  it('a filter: coming into it is ADDED, leaving it is DELETED with the previous state at the new revision', async () => {
    const cache = await podCache()
    const recorder = await record(cache, {
      from: { now: 'latest' },
      filter: (entry) => entry.attributes['phase'] === 'Running',
    })
    await pod('a/x', 'phase=Pending')
    const into = await pod('a/x', 'phase=Running node=n1')
    const within = await pod('a/x', 'phase=Running node=n2')
    const out = await pod('a/x', 'phase=Failed')
    await store.delete(`${PODS}a/x`)
    await settle()
    expect(recorder.log).toEqual([
      `ADDED x@${into.modRevision}`,
      `MODIFIED x@${within.modRevision}`,
      `DELETED x@${out.modRevision}`,
    ])
    const last = recorder.items[2]
    expect(last?.type === 'DELETED' && last.entry.bytes.toString()).toBe(`@${out.modRevision} phase=Running node=n2`)
  })

  it('scopes: a namespace, one object and an indexed field each see only their own', async () => {
    const cache = await podCache()
    const inA = await record(cache, { from: { now: 'any' }, key: `${PODS}a/` })
    const x = await record(cache, { from: { now: 'any' }, key: `${PODS}a/x` })
    const n1 = await record(cache, { from: { now: 'any' }, index: { name: 'node', value: 'n1' } })
    const n1InB = await record(cache, {
      from: { now: 'any' },
      key: `${PODS}b/`,
      index: { name: 'node', value: 'n1' },
    })
    await pod('a/x')
    await pod('a/xx', 'node=n1')
    await pod('b/y', 'node=n1')
    await pod('b/y', 'node=n2')
    await settle()
    const kinds = (r: Recorder): string[] => r.log.map((line) => line.replace(/@.*/, ''))
    expect(kinds(inA)).toEqual(['ADDED x', 'ADDED xx'])
    expect(kinds(x)).toEqual(['ADDED x'])
    expect(kinds(n1)).toEqual(['ADDED xx', 'ADDED y', 'DELETED y'])
    expect(kinds(n1InB)).toEqual(['ADDED y', 'DELETED y'])
  })

  it('a narrow watch from the past sees the same as one that was there', async () => {
    const cache = await podCache()
    const start = await store.currentRevision()
    const live = await record(cache, { from: { now: 'any' }, index: { name: 'node', value: 'n1' } })
    await pod('a/x', 'node=n1')
    await pod('a/x', 'node=n2')
    await pod('b/x', 'node=n1')
    await settle()
    const late = await record(cache, { from: { revision: start }, index: { name: 'node', value: 'n1' } })
    expect(late.log).toEqual(live.log)
    expect(late.log).toHaveLength(3)
  })

  it('all watchers of one kind of event get the same item, and its frame is made once', async () => {
    const cache = await podCache()
    const recorders = await Promise.all(Array.from({ length: 5 }, () => record(cache, { from: { now: 'any' } })))
    await pod('a/x')
    await settle()
    const items = recorders.map((r) => r.items[0])
    expect(new Set(items).size).toBe(1)
    let made = 0
    const frames = items.map((item) => item?.memo('json', () => Buffer.from(`frame ${++made}`)))
    expect([made, new Set(frames).size]).toEqual([1, 1])
    expect(items[0]?.memo('table', () => Buffer.from('other')).toString()).toBe('other')
  })

  it('a consumer that pauses gets the rest when it resumes, in order', async () => {
    const cache = await podCache()
    const recorder = await record(cache, { from: { now: 'any' } })
    recorder.accepts = false
    await pod('a/0')
    await settle()
    for (let i = 1; i < 5; i++) await pod(`a/${i}`)
    await settle()
    expect(recorder.items).toHaveLength(1)
    recorder.accepts = true
    recorder.watcher?.resume()
    await settle()
    await pod('a/5')
    await settle()
    expect(recorder.log.map((l) => l.slice(6, 7))).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  it('a consumer that never reads is ended when the window has passed it; others do not notice', async () => {
    const cache = await podCache({ window: { minEvents: 8, freshMs: 0 } })
    const slow = await record(cache, { from: { now: 'any' } })
    const quick = await record(cache, { from: { now: 'any' } })
    slow.accepts = false
    await pod('a/0')
    await settle()
    for (let i = 1; i < 30; i++) await pod(`a/${i}`)
    await settle()
    expect(slow.items).toHaveLength(1)
    expect(slow.errors).toMatchObject([{ code: 'Compacted' }])
    expect(slow.errors[0]?.message).toMatch(/did not keep up/)
    expect(quick.items).toHaveLength(30)
    expect(cache.watcherCount).toBe(1)
    expect(cache.windowStats.events).toBe(8)
    slow.watcher?.resume()
    await settle()
    expect(slow.errors).toHaveLength(1)
  })

  it('a burst within one turn of the event loop reaches a healthy watcher whole', async () => {
    const cache = await podCache()
    const recorder = await record(cache, { from: { now: 'any' } })
    const writes = Array.from({ length: 3000 }, (_, i) => pod(`a/${i}`))
    await Promise.all(writes)
    for (let i = 0; i < 10; i++) await settle()
    const revisions = recorder.items.map((item) => item.revision)
    expect(revisions).toHaveLength(3000)
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b))
  })

  it('close: nothing comes any more, not even an end', async () => {
    const cache = await podCache()
    const recorder = await record(cache, { from: { now: 'any' } })
    await pod('a/x')
    recorder.watcher?.close()
    await pod('a/y')
    group.stop()
    await settle()
    expect([recorder.items.length, recorder.errors.length, cache.watcherCount]).toEqual([0, 0, 0])
  })

  it('a consumer or filter that throws ends its own watch only', async () => {
    const cache = await podCache()
    const good = await record(cache, { from: { now: 'any' } })
    const bad = await record(cache, {
      from: { now: 'any' },
      filter: () => {
        throw new Error('bad filter')
      },
    })
    const worse = new Recorder()
    worse.deliver = () => {
      throw new Error('bad consumer')
    }
    await cache.watch({ from: { now: 'any' } }, worse)
    await pod('a/x')
    await settle()
    expect(good.items).toHaveLength(1)
    expect([bad.errors[0]?.message, worse.errors[0]?.message]).toEqual(['bad filter', 'bad consumer'])
    expect(cache.watcherCount).toBe(1)
  })

  it('refuses a scope outside the cache and an index that it does not have', async () => {
    const cache = await podCache()
    const from = { now: 'any' } as const
    await expect(cache.watch({ from, key: '/registry/services/' }, new Recorder())).rejects.toThrow(RangeError)
    await expect(cache.watch({ from, index: { name: 'no', value: '' } }, new Recorder())).rejects.toThrow(RangeError)
  })
})

describe('bookmarks', () => {
  it('come about every minute to those who asked, with the revision of the whole store', async () => {
    const cache = await podCache()
    const asked = await record(cache, { from: { now: 'any' }, bookmarks: true })
    const silent = await record(cache, { from: { now: 'any' } })
    const other = await store.put('/registry/nodes/n1', 'x=y')
    await clock.advance(59_000)
    expect(asked.log).toEqual([])
    await clock.advance(2_000)
    expect(asked.log).toEqual([`BOOKMARK ${other.modRevision}`])
    await clock.advance(60_000)
    expect(asked.log).toHaveLength(2)
    expect(silent.log).toEqual([])
    asked.watcher?.close()
    await clock.advance(1_000)
    expect(clock.timers).toBe(0)
  })

  it('come 2 s before the deadline too, and not after it', async () => {
    const cache = await podCache()
    const deadline = clock.now() + 10_000
    const recorder = await record(cache, { from: { now: 'any' }, bookmarks: true, deadline })
    await clock.advance(7_500)
    expect(recorder.log).toEqual([])
    await clock.advance(1_500)
    expect(recorder.log).toHaveLength(1)
    await clock.advance(120_000)
    expect(recorder.log).toHaveLength(1)
  })

  it('never overtake events that a paused consumer has yet to see', async () => {
    const cache = await podCache()
    const recorder = await record(cache, { from: { now: 'any' }, bookmarks: true })
    recorder.accepts = false
    await pod('a/x')
    await settle()
    await pod('a/y')
    await clock.advance(61_000)
    expect(recorder.log.filter((l) => l.startsWith('BOOKMARK'))).toEqual([])
    recorder.accepts = true
    recorder.watcher?.resume()
    await clock.advance(60_000)
    expect(recorder.log.map((l) => l.split(' ')[0])).toEqual(['ADDED', 'ADDED', 'BOOKMARK'])
  })
})

describe('one watch for all caches', () => {
  it('caches are made when asked for and share a watch; resources do not mix', async () => {
    makeGroup()
    const prefixes = Array.from({ length: 70 }, (_, i) => `/registry/r${i}/`)
    const caches = prefixes.map((prefix) => group.cache(prefix, wordHooks()))
    await Promise.all(caches.map((c) => c.ready))
    expect(store.openWatches).toBe(1)
    await store.put('/registry/r1/a/x', 'k=v')
    await store.put('/registry/r12/a/x', 'k=v')
    expect(caches.map((c) => c.size).reduce((a, b) => a + b)).toBe(2)
    expect([caches[1]?.size, caches[12]?.size]).toEqual([1, 1])
    expect(group.cache('/registry/r1/', wordHooks())).toBe(caches[1])
  })

  it('the watch breaks and comes back: watchers go on without a gap or a duplicate', async () => {
    const cache = await podCache({ synchronous: false })
    const recorder = await record(cache, { from: { now: 'any' } })
    const a = await pod('a/x')
    store.failure = new StorageError('Unavailable', 'down')
    store.breakWatches(store.failure)
    store.failure = undefined
    const b = await pod('a/y')
    await settle()
    await clock.advance(10_000)
    await settle()
    expect(recorder.log).toEqual([`ADDED x@${a.modRevision}`, `ADDED y@${b.modRevision}`])
    expect(recorder.errors).toEqual([])
  })

  it('the watch breaks and history is gone: watchers end with Compacted, the cache lists anew', async () => {
    const cache = await podCache()
    await pod('a/x')
    const recorder = await record(cache, { from: { now: 'any' } })
    store.failure = new StorageError('Unavailable', 'down')
    store.breakWatches(store.failure)
    const { modRevision } = await pod('a/y')
    await store.delete(`${PODS}a/x`)
    await store.compact(modRevision)
    store.failure = undefined
    await settle()
    await clock.advance(10_000)
    await cache.ready
    expect(recorder.errors).toMatchObject([{ code: 'Compacted' }])
    expect(names((await cache.list()).entries)).toEqual(['a/y'])
    const again = await record(cache, { from: { now: 'latest' } })
    const z = await pod('a/z')
    await settle()
    expect(again.log).toEqual([`ADDED z@${z.modRevision}`])
  })

  it('a restored store: watchers end with Compacted, reads wait for the new state', async () => {
    const cache = await podCache()
    await pod('a/x')
    const recorder = await record(cache, { from: { now: 'any' } })
    store.breakWatches(new StorageError('Compacted', 'restored'))
    await pod('a/y')
    expect(names((await cache.list()).entries)).toEqual(['a/x', 'a/y'])
    expect(recorder.errors).toMatchObject([{ code: 'Compacted' }])
  })

  it('a load that fails is tried again', async () => {
    await pod('a/x')
    makeGroup()
    await group.start()
    store.failure = new StorageError('Unavailable', 'down')
    const cache = group.cache(PODS, hooks)
    await settle()
    store.failure = undefined
    await clock.advance(100)
    await cache.ready
    expect(names((await cache.list()).entries)).toEqual(['a/x'])
  })

  it('a cache that does not load in time: Unavailable, not a hang', async () => {
    makeGroup()
    await group.start()
    store.failure = new StorageError('Unavailable', 'down')
    const read = code(group.cache(PODS, hooks).list())
    await clock.advance(10_000)
    expect(await read).toBe('Unavailable')
  })

  it('stop, and a store that closes: watchers end with Closed, reads are refused', async () => {
    const cache = await podCache()
    const recorder = await record(cache, { from: { now: 'any' } })
    await store.close()
    await settle()
    expect(recorder.errors).toMatchObject([{ code: 'Closed' }])
    expect(await code(cache.list())).toBe('Closed')
    expect(await code(cache.watch({ from: { now: 'any' } }, new Recorder()))).toBe('Closed')
    expect(() => group.cache(PODS, hooks)).toThrow(StorageError)
  })

  it('drop: the cache of a resource that is gone ends its watchers', async () => {
    const cache = await podCache()
    const recorder = await record(cache, { from: { now: 'any' } })
    group.drop(PODS)
    await settle()
    expect(recorder.errors).toMatchObject([{ code: 'Compacted' }])
    expect(group.cache(PODS, hooks)).not.toBe(cache)
  })
})
