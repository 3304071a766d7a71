import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import type { CompactionOptions } from '../../src/storage/mvcc/compaction.ts'
import type { KeyValue, SnapshotStore, Store } from '../../src/storage/store.ts'
import { refusal } from '../suites/store-contract.ts'
import { WatchRecorder } from '../suites/watch-recorder.ts'

const minute = 60_000
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Updates one key again and again; returns its last state. */
async function churn(store: Store, count: number, from?: KeyValue): Promise<KeyValue> {
  let kv = from ?? (await store.create('/churn', Buffer.from('0')))
  for (let i = 0; i < count; i++) kv = await store.update('/churn', Buffer.from(`${i}`), kv.modRevision)
  return kv
}

const makers: Readonly<
  Record<string, (clock: ManualClock, compaction: CompactionOptions) => Promise<[SnapshotStore, () => Promise<void>]>>
> = {
  async memory(clock, compaction) {
    const store = openMemoryStore({ clock, compaction })
    return [store, () => store.close()]
  },
  async leveldb(clock, compaction) {
    const directory = await mkdtemp(join(tmpdir(), 'kubemu-compaction-'))
    const store = await openLevelStore({ directory, clock, compaction, durability: 'async', residentBytes: 0 })
    return [
      store,
      async () => {
        await store.close()
        await rm(directory, { recursive: true })
      },
    ]
  },
}

for (const [name, make] of Object.entries(makers)) {
  describe(`${name}: automatic compaction`, () => {
    let dispose = async (): Promise<void> => {}
    const open = async (clock: ManualClock, compaction: CompactionOptions): Promise<SnapshotStore> => {
      const [store, end] = await make(clock, compaction)
      dispose = async () => {
        await store.check()
        await end()
      }
      return store
    }
    const compacted = async (store: Store): Promise<number> => (await store.status()).compactedRevision
    afterEach(() => dispose())

    it('by age: what is older than maxAgeMs goes, what is younger stays', async () => {
      const clock = new ManualClock()
      const store = await open(clock, { maxAgeMs: 5 * minute, maxRevisions: false })
      const old = await churn(store, 10)
      clock.advance(2 * minute)
      const young = await churn(store, 10, old)
      clock.advance(4 * minute)
      await store.check()
      const at = await compacted(store)
      expect(at).toBeGreaterThanOrEqual(old.modRevision)
      expect(at).toBeLessThan(young.modRevision)
      expect((await store.get('/churn', { revision: young.modRevision - 1 })).kv).toBeDefined()
      clock.advance(10 * minute)
      await store.check()
      expect(await compacted(store)).toBe(young.modRevision)
      expect((await store.get('/churn')).kv?.modRevision).toBe(young.modRevision)
    })

    it('by count: no more revisions than maxRevisions and a tenth', async () => {
      const store = await open(new ManualClock(), { maxAgeMs: false, maxRevisions: 100 })
      const last = await churn(store, 1000)
      await store.check()
      const kept = last.modRevision - (await compacted(store))
      expect(kept).toBeGreaterThanOrEqual(100)
      expect(kept).toBeLessThanOrEqual(110)
    })

    it('switched off: everything stays', async () => {
      const clock = new ManualClock()
      const store = await open(clock, { maxAgeMs: false, maxRevisions: false })
      await churn(store, 200)
      clock.advance(1000 * minute)
      expect(await compacted(store)).toBe(0)
      expect((await store.get('/churn', { revision: 2 })).kv?.value.toString()).toBe('0')
    })

    it('default: five minutes of history', async () => {
      const clock = new ManualClock()
      const store = await open(clock, {})
      const last = await churn(store, 3)
      clock.advance(4 * minute)
      expect(await compacted(store)).toBeLessThan(last.modRevision)
      clock.advance(3 * minute)
      expect(await compacted(store)).toBe(last.modRevision)
    })

    it('a stream that is being read keeps its snapshot', async () => {
      const store = await open(new ManualClock(), { maxAgeMs: false, maxRevisions: 50 })
      const keys = Array.from({ length: 1200 }, (_, i) => `/s/${String(i).padStart(4, '0')}`)
      await Promise.all(keys.map((key) => store.create(key, Buffer.from('old'))))
      const seen: string[] = []
      for await (const batch of store.stream('/s/')) {
        for (const kv of batch) seen.push(`${kv.key}=${kv.value}`)
        const { kvs } = await store.range('/s/', { start: '/s/1', limit: 200 })
        for (const kv of kvs) await store.update(kv.key, Buffer.from('new'), kv.modRevision)
        await turn()
      }
      expect(seen).toEqual(keys.map((key) => `${key}=old`))
    })

    it('a compaction by call lets a stream under way finish, and refuses new readers at once', async () => {
      const store = await open(new ManualClock(), { maxAgeMs: false, maxRevisions: false })
      const kvs = await Promise.all(
        Array.from({ length: 1200 }, (_, i) => store.create(`/s/${i + 1000}`, Buffer.from('old'))),
      )
      const revision = await store.currentRevision()
      let count = 0
      for await (const batch of store.stream('/s/')) {
        expect(batch.every((kv) => kv.value.toString() === 'old')).toBe(true)
        if (count === 0) {
          for (const kv of kvs.slice(1000)) await store.update(kv.key, Buffer.from('new'), kv.modRevision)
          await store.compact(await store.currentRevision())
          for (let i = 0; i < 5; i++) await turn()
          expect((await refusal(store.range('/s/', { revision }))).code).toBe('Compacted')
        }
        count += batch.length
      }
      expect(count).toBe(1200)
    })

    it('a stream that nobody reads on does not hold history for ever', async () => {
      const clock = new ManualClock()
      const store = await open(clock, { maxAgeMs: false, maxRevisions: false })
      const kvs = await Promise.all(Array.from({ length: 600 }, (_, i) => store.create(`/s/${i}`, Buffer.from('x'))))
      const stream = store.stream('/s/')[Symbol.asyncIterator]()
      expect((await stream.next()).done).toBe(false)
      for (const kv of kvs.slice(0, 300)) await store.update(kv.key, Buffer.from('y'), kv.modRevision)
      clock.advance(10 * minute)
      await store.compact(await store.currentRevision())
      await store.check()
      expect((await refusal(stream.next())).code).toBe('Compacted')
    })

    it('a watch that has not caught up when its history goes ends with Compacted', async () => {
      const store = await open(new ManualClock(), { maxAgeMs: false, maxRevisions: false })
      const last = await churn(store, 5000)
      const recorder = new WatchRecorder()
      const watch = store.watch({ prefix: '/', fromRevision: 2 }, recorder)
      await watch.ready
      await recorder.atLeast(1)
      await store.compact(last.modRevision)
      expect(await recorder.ended()).toMatchObject({ code: 'Compacted' })
      expect(recorder.received.length).toBeLessThan(5001)
      const revisions = recorder.received.map((e) => e.kv.modRevision)
      expect(revisions).toEqual(revisions.map((_, i) => i + 2))
    })

    it('writers go on while much history is swept', async () => {
      const store = await open(new ManualClock(), { maxAgeMs: false, maxRevisions: false })
      const last = await churn(store, 3000)
      await store.compact(last.modRevision)
      const next = await churn(store, 10, last)
      expect(next.modRevision).toBe(last.modRevision + 10)
    })
  })
}

describe('watch', () => {
  it('progressIntervalMs: progress comes while nothing happens, and not right after an event', async () => {
    const clock = new ManualClock()
    const store = openMemoryStore({ clock })
    const recorder = new WatchRecorder()
    const watch = store.watch({ prefix: '/a/', progressIntervalMs: 1000 }, recorder)
    await watch.ready
    const elsewhere = await store.create('/b', Buffer.from('x'))
    clock.advance(1001)
    expect(recorder.progressed).toEqual([elsewhere.modRevision])
    await store.create('/a/1', Buffer.from('x'))
    clock.advance(1000)
    expect(recorder.progressed).toHaveLength(1)
    clock.advance(1000)
    expect(recorder.progressed).toHaveLength(2)
    watch.close()
    clock.advance(10_000)
    expect(recorder.progressed).toHaveLength(2)
    await store.close()
  })

  it('a sink that throws is ended with its error; the write and the other watches are none the worse', async () => {
    const store = openMemoryStore()
    const other = new WatchRecorder()
    const ended: (Error | undefined)[] = []
    const bad = store.watch(
      { prefix: '/' },
      {
        events: () => {
          throw new Error('sink fault')
        },
        progress: () => {},
        end: (error) => ended.push(error),
      },
    )
    const good = store.watch({ prefix: '/' }, other)
    await Promise.all([bad.ready, good.ready])
    await store.create('/a', Buffer.from('x'))
    await store.create('/b', Buffer.from('x'))
    expect(other.received.map((e) => e.kv.key)).toEqual(['/a', '/b'])
    expect(ended.map((e) => e?.message)).toEqual(['sink fault'])
    await store.close()
  })

  it('bad arguments: refused with InvalidArgument, never a crash', async () => {
    const store = openMemoryStore()
    const value = Buffer.from('x')
    const refused = [
      store.create('', value),
      store.create('/\ud800', value),
      store.create('/a', value, { ttlSeconds: 0 }),
      store.create('/a', value, { ttlSeconds: Number.NaN }),
      store.get('/a', { revision: -1 }),
      store.get('/a', { revision: 1.5 }),
      store.range('/', { limit: -1 }),
      store.range('/\udc00'),
      store.range('/', { start: '\ud800' }),
      store.compact(-1),
      store.watch({ prefix: '/', fromRevision: -5 }, new WatchRecorder()).ready,
      store.watch({ prefix: '\ud800' }, new WatchRecorder()).ready,
    ]
    for (const promise of refused) expect((await refusal(promise)).code).toBe('InvalidArgument')
    expect((await store.range('')).kvs).toEqual([])
    await store.close()
  })
})
