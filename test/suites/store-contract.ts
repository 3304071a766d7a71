import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StorageError, type StorageErrorCode } from '../../src/storage/storage-error.ts'
import type { KeyValue, SnapshotStore, Store, StoreEvent } from '../../src/storage/store.ts'
import { WatchRecorder } from './watch-recorder.ts'

/** One store under test. Other writers may move its revision line, but nobody else writes below `prefix`. */
export interface StoreFixture<S extends Store = Store> {
  readonly store: S
  /** Where the test's keys live, with a slash at the end; `''` is not allowed. */
  readonly prefix: string
  /** Moves the store's clock. Without it the suite waits for a TTL in real time. */
  advance?(ms: number): void | Promise<void>
  dispose(): Promise<void>
}

/** What differs between backends; everything else must be the same. */
interface StoreCapabilities {
  /** Nobody else writes to the store: each revision is exactly one write of the test. */
  readonly exclusive: boolean
  /** The shortest TTL that the backend honours to the second. */
  readonly minTtlSeconds: number
}

/** Waits for a refusal and returns it; fails the test if there is none or if it is no {@link StorageError}. */
export async function refusal(promise: Promise<unknown>): Promise<StorageError> {
  try {
    await promise
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    return error as StorageError
  }
  throw new Error('expected a StorageError, got none')
}

const bytes = (text: string): Buffer => Buffer.from(text)
const text = (kv: KeyValue | undefined): string | undefined => kv?.value.toString()
const brief = (event: StoreEvent): string =>
  `${event.type} ${event.kv.key.split('/').pop()}=${event.kv.value} @${event.kv.modRevision} was ${text(event.previous)}`

async function expectCode(promise: Promise<unknown>, code: StorageErrorCode): Promise<StorageError> {
  const error = await refusal(promise)
  expect(error.code).toBe(code)
  return error
}

async function checkUnlessClosed(store: Store): Promise<void> {
  await store.check().catch((error: unknown) => {
    if (!(error instanceof StorageError && error.code === 'Closed')) throw error
  })
}

async function collect(batches: AsyncIterable<readonly KeyValue[]>): Promise<KeyValue[]> {
  const all: KeyValue[] = []
  for await (const batch of batches) all.push(...batch)
  return all
}

/**
 * The behaviour that every {@link Store} shares. Call it at the top of a test file, once per backend and mode.
 * `factory` makes one fixture per test; the suite calls `store.check()` and `dispose()` after each.
 */
export function storeContract(
  name: string,
  factory: () => Promise<StoreFixture>,
  capabilities: StoreCapabilities,
): void {
  describe(`${name}: store contract`, () => {
    let fixture: StoreFixture
    let store: Store
    let at: (key: string) => string

    beforeEach(async () => {
      fixture = await factory()
      store = fixture.store
      at = (key) => fixture.prefix + key
    })

    afterEach(async () => {
      await checkUnlessClosed(store)
      await fixture.dispose()
    })

    const scope = { fixture: () => fixture, store: () => store, at: (key: string) => at(key) }
    writeContract(scope, capabilities)
    readContract(scope)
    streamContract(scope)
    watchContract(scope)
    compactionContract(scope)
    lifetimeContract(scope, capabilities)
  })
}

interface Scope {
  fixture(): StoreFixture
  store(): Store
  at(key: string): string
}

function writeContract({ store, at }: Scope, capabilities: StoreCapabilities): void {
  it('create: writes version 1 at a new revision and reads back', async () => {
    const before = await store().currentRevision()
    const kv = await store().create(at('a'), bytes('one'))
    expect(kv.modRevision).toBeGreaterThan(before)
    expect(kv).toMatchObject({ key: at('a'), createRevision: kv.modRevision, version: 1 })
    const read = await store().get(at('a'))
    expect(read.kv).toMatchObject({ key: at('a'), createRevision: kv.modRevision, modRevision: kv.modRevision })
    expect(text(read.kv)).toBe('one')
    expect(read.revision).toBeGreaterThanOrEqual(kv.modRevision)
  })

  it('create: an existing key is refused with KeyExists and stays as it was', async () => {
    const first = await store().create(at('a'), bytes('one'))
    const error = await expectCode(store().create(at('a'), bytes('two')), 'KeyExists')
    expect(error.key).toBe(at('a'))
    const { kv } = await store().get(at('a'))
    expect(text(kv)).toBe('one')
    expect(kv?.modRevision).toBe(first.modRevision)
  })

  it('update: with the present revision takes a new one, keeps createRevision, counts the version', async () => {
    const first = await store().create(at('a'), bytes('one'))
    const second = await store().update(at('a'), bytes('two'), first.modRevision)
    expect(second.modRevision).toBeGreaterThan(first.modRevision)
    expect(second).toMatchObject({ createRevision: first.createRevision, version: 2 })
    expect(text((await store().get(at('a'))).kv)).toBe('two')
  })

  it('update: a stale revision is a RevisionConflict that names the present one, object unchanged', async () => {
    const first = await store().create(at('a'), bytes('one'))
    const second = await store().update(at('a'), bytes('two'), first.modRevision)
    const error = await expectCode(store().update(at('a'), bytes('three'), first.modRevision), 'RevisionConflict')
    expect(error).toMatchObject({
      key: at('a'),
      revision: first.modRevision,
      actualRevision: second.modRevision,
    })
    expect(text((await store().get(at('a'))).kv)).toBe('two')
  })

  it('update and delete: an absent key is KeyNotFound', async () => {
    expect((await expectCode(store().update(at('a'), bytes('x'), 1), 'KeyNotFound')).key).toBe(at('a'))
    expect((await expectCode(store().delete(at('a'), 1), 'KeyNotFound')).key).toBe(at('a'))
    const kv = await store().create(at('a'), bytes('one'))
    await store().delete(at('a'), kv.modRevision)
    await expectCode(store().update(at('a'), bytes('x'), kv.modRevision), 'KeyNotFound')
    await expectCode(store().delete(at('a'), kv.modRevision), 'KeyNotFound')
  })

  it('delete: takes its own revision and returns the last state', async () => {
    const kv = await store().create(at('a'), bytes('one'))
    const result = await store().delete(at('a'), kv.modRevision)
    expect(result.revision).toBeGreaterThan(kv.modRevision)
    expect(result.previous).toMatchObject({ key: at('a'), modRevision: kv.modRevision, version: 1 })
    expect(text(result.previous)).toBe('one')
    expect((await store().get(at('a'))).kv).toBeUndefined()
  })

  it('delete: a stale revision is a RevisionConflict, object unchanged', async () => {
    const first = await store().create(at('a'), bytes('one'))
    const second = await store().update(at('a'), bytes('two'), first.modRevision)
    const error = await expectCode(store().delete(at('a'), first.modRevision), 'RevisionConflict')
    expect(error.actualRevision).toBe(second.modRevision)
    expect((await store().get(at('a'))).kv?.modRevision).toBe(second.modRevision)
  })

  it('create after delete: a new incarnation, version 1, new createRevision', async () => {
    const first = await store().create(at('a'), bytes('one'))
    await store().update(at('a'), bytes('two'), first.modRevision)
    const { kv } = await store().get(at('a'))
    await store().delete(at('a'), kv?.modRevision ?? 0)
    const again = await store().create(at('a'), bytes('three'))
    expect(again).toMatchObject({ createRevision: again.modRevision, version: 1 })
    expect(again.createRevision).toBeGreaterThan(first.createRevision)
  })

  it('values: empty, binary and large ones come back byte for byte', async () => {
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const large = Buffer.alloc(1024 * 1024, 'kubernetes ')
    await store().create(at('empty'), Buffer.alloc(0))
    await store().create(at('binary'), binary)
    await store().create(at('large'), large)
    expect((await store().get(at('empty'))).kv?.value.length).toBe(0)
    expect((await store().get(at('binary'))).kv?.value.equals(binary)).toBe(true)
    expect((await store().get(at('large'))).kv?.value.equals(large)).toBe(true)
  })

  it('concurrent creates of one key: exactly one wins', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => store().create(at('race'), bytes(`${i}`))),
    )
    const won = results.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []))
    expect(won).toHaveLength(1)
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'KeyExists' })
    expect((await store().get(at('race'))).kv?.modRevision).toBe(won[0]?.modRevision)
  })

  it('concurrent updates from one revision: exactly one wins', async () => {
    const kv = await store().create(at('race'), bytes('start'))
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => store().update(at('race'), bytes(`${i}`), kv.modRevision)),
    )
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1)
    for (const r of results) if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'RevisionConflict' })
    expect((await store().get(at('race'))).kv?.version).toBe(2)
  })

  it('revisions: strictly increasing over every kind of write; refused writes take none', async () => {
    const revisions: number[] = []
    const a = await store().create(at('a'), bytes('1'))
    revisions.push(a.modRevision)
    await refusal(store().create(at('a'), bytes('1')))
    await refusal(store().update(at('a'), bytes('1'), a.modRevision + 1000))
    const b = await store().create(at('b'), bytes('1'))
    revisions.push(b.modRevision)
    const a2 = await store().update(at('a'), bytes('2'), a.modRevision)
    revisions.push(a2.modRevision)
    revisions.push((await store().delete(at('b'), b.modRevision)).revision)
    for (let i = 1; i < revisions.length; i++) expect(revisions[i]).toBeGreaterThan(revisions[i - 1] ?? 0)
    expect(await store().currentRevision()).toBeGreaterThanOrEqual(revisions[3] ?? 0)
    if (capabilities.exclusive) expect((revisions[3] ?? 0) - (revisions[0] ?? 0)).toBe(3)
  })
}

function readContract({ store, at, fixture }: Scope): void {
  it('get: an absent key is no error and still says at which revision', async () => {
    const current = await store().currentRevision()
    const result = await store().get(at('nobody'))
    expect(result.kv).toBeUndefined()
    expect(result.revision).toBeGreaterThanOrEqual(current)
    expect(result.revision).toBeGreaterThan(0)
  })

  it('get: sees the key as it was at each kept revision', async () => {
    const first = await store().create(at('a'), bytes('one'))
    const second = await store().update(at('a'), bytes('two'), first.modRevision)
    const gone = await store().delete(at('a'), second.modRevision)
    const again = await store().create(at('a'), bytes('three'))
    const read = async (revision: number) => text((await store().get(at('a'), { revision })).kv)
    expect(await read(first.modRevision - 1)).toBeUndefined()
    expect(await read(first.modRevision)).toBe('one')
    expect(await read(second.modRevision)).toBe('two')
    expect(await read(gone.revision)).toBeUndefined()
    expect(await read(again.modRevision)).toBe('three')
    const old = await store().get(at('a'), { revision: second.modRevision })
    expect(old.kv).toMatchObject({ modRevision: second.modRevision, version: 2 })
  })

  it('get and range: a revision that is yet to come is a FutureRevision', async () => {
    const ahead = (await store().currentRevision()) + 1_000_000
    const error = await expectCode(store().get(at('a'), { revision: ahead }), 'FutureRevision')
    expect(error.revision).toBe(ahead)
    await expectCode(store().range(fixture().prefix, { revision: ahead }), 'FutureRevision')
    await expectCode(collect(store().stream(fixture().prefix, { revision: ahead })), 'FutureRevision')
  })

  it('range: exactly the keys with the prefix, in byte order of their UTF-8', async () => {
    // U+FF5E sorts before U+1F600 in UTF-8, after it in UTF-16.
    const names = ['b', 'a', 'a/b', 'aa', 'é', '\u{1F600}', '～', 'Z', 'a-b', 'zz', '\u{1F600}/x']
    for (const n of names) await store().create(at(`dir/${n}`), bytes(n))
    await store().create(at('dir'), bytes('not below dir/'))
    await store().create(at('dir0'), bytes('not below dir/'))
    await store().create(at('di'), bytes('not below dir/'))
    const result = await store().range(at('dir/'))
    const expected = names.map((n) => at(`dir/${n}`)).sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
    expect(result.kvs.map((kv) => kv.key)).toEqual(expected)
    expect(result.remaining).toBe(0)
    expect(result.kvs.every((kv) => kv.key === at(`dir/${kv.value}`))).toBe(true)
    expect((await store().range(at('dir/\u{1F600}'))).kvs.map((kv) => text(kv))).toEqual(['\u{1F600}', '\u{1F600}/x'])
  })

  it('range: of nothing is empty, at the present revision', async () => {
    const current = await store().currentRevision()
    const result = await store().range(at('nothing/'))
    expect(result).toMatchObject({ kvs: [], remaining: 0 })
    expect(result.revision).toBeGreaterThanOrEqual(current)
  })

  it('range: limit cuts, remaining counts the rest, start continues', async () => {
    for (let i = 0; i < 10; i++) await store().create(at(`k${i}`), bytes(`${i}`))
    const first = await store().range(fixture().prefix, { limit: 4 })
    expect(first.kvs.map(text)).toEqual(['0', '1', '2', '3'])
    expect(first.remaining).toBe(6)
    const rest = await store().range(fixture().prefix, { start: at('k4') })
    expect(rest.kvs.map(text)).toEqual(['4', '5', '6', '7', '8', '9'])
    expect(rest.remaining).toBe(0)
    const between = await store().range(fixture().prefix, { start: at('k4\0'), limit: 5 })
    expect(between.kvs.map(text)).toEqual(['5', '6', '7', '8', '9'])
    expect(between.remaining).toBe(0)
    expect((await store().range(fixture().prefix, { limit: 0 })).kvs).toHaveLength(10)
  })

  it('range: a start before the prefix changes nothing, one behind it leaves nothing', async () => {
    await store().create(at('m/a'), bytes('a'))
    await store().create(at('m/b'), bytes('b'))
    await store().create(at('n'), bytes('outside'))
    expect((await store().range(at('m/'), { start: at('a') })).kvs.map(text)).toEqual(['a', 'b'])
    expect(await store().range(at('m/'), { start: at('n') })).toMatchObject({ kvs: [], remaining: 0 })
  })

  it('range: keysOnly gives keys and revisions with empty values', async () => {
    const kv = await store().create(at('a'), bytes('one'))
    const { kvs } = await store().range(fixture().prefix, { keysOnly: true })
    expect(kvs).toHaveLength(1)
    expect(kvs[0]).toMatchObject({ key: at('a'), modRevision: kv.modRevision, version: 1 })
    expect(kvs[0]?.value.length).toBe(0)
  })

  it('range: pages over one revision see one snapshot whatever happens between', async () => {
    for (let i = 0; i < 6; i++) await store().create(at(`k${i}`), bytes('old'))
    const first = await store().range(fixture().prefix, { limit: 2 })
    const { revision } = first
    const k3 = await store().get(at('k3'))
    await store().update(at('k3'), bytes('new'), k3.kv?.modRevision ?? 0)
    const k4 = await store().get(at('k4'))
    await store().delete(at('k4'), k4.kv?.modRevision ?? 0)
    await store().create(at('k33'), bytes('new'))
    const second = await store().range(fixture().prefix, { limit: 2, start: at('k1\0'), revision })
    expect(second).toMatchObject({ revision, remaining: 2 })
    expect(second.kvs.map((kv) => `${kv.key}=${kv.value}`)).toEqual([`${at('k2')}=old`, `${at('k3')}=old`])
    const third = await store().range(fixture().prefix, { limit: 2, start: at('k3\0'), revision })
    expect(third).toMatchObject({ revision, remaining: 0 })
    expect(third.kvs.map((kv) => `${kv.key}=${kv.value}`)).toEqual([`${at('k4')}=old`, `${at('k5')}=old`])
    const now = await store().range(fixture().prefix)
    expect(now.kvs.map(text)).toEqual(['old', 'old', 'old', 'new', 'new', 'old'])
  })
}

function streamContract({ store, at, fixture }: Scope): void {
  it('stream: every key once, in order, in more than one batch when there are many', async () => {
    const keys = Array.from({ length: 1500 }, (_, i) => at(`s/${String(i).padStart(5, '0')}`))
    await Promise.all(keys.map((key) => store().create(key, bytes(key))))
    let batches = 0
    const seen: string[] = []
    for await (const batch of store().stream(at('s/'))) {
      batches++
      expect(batch.length).toBeGreaterThan(0)
      for (const kv of batch) {
        seen.push(kv.key)
        expect(text(kv)).toBe(kv.key)
      }
    }
    expect(seen).toEqual(keys)
    expect(batches).toBeGreaterThan(1)
  })

  it('stream: holds one snapshot while keys change under it', async () => {
    const keys = Array.from({ length: 1200 }, (_, i) => at(`s/${String(i).padStart(5, '0')}`))
    const kvs = await Promise.all(keys.map((key) => store().create(key, bytes('old'))))
    const last = kvs[1199]
    let first = true
    const seen: KeyValue[] = []
    for await (const batch of store().stream(at('s/'))) {
      if (first) {
        first = false
        await store().delete(keys[1198] ?? '', kvs[1198]?.modRevision ?? 0)
        await store().update(keys[1199] ?? '', bytes('new'), last?.modRevision ?? 0)
        await store().create(at('s/zzz'), bytes('new'))
      }
      seen.push(...batch)
    }
    expect(seen.map((kv) => kv.key)).toEqual(keys)
    expect(seen.every((kv) => text(kv) === 'old')).toBe(true)
    expect(seen[1199]?.modRevision).toBe(last?.modRevision)
  })

  it('stream: obeys start, limit, revision and keysOnly', async () => {
    for (let i = 0; i < 5; i++) await store().create(at(`k${i}`), bytes(`${i}`))
    const revision = await store().currentRevision()
    await store().create(at('k5'), bytes('5'))
    const part = await collect(store().stream(fixture().prefix, { start: at('k1'), limit: 2, revision }))
    expect(part.map(text)).toEqual(['1', '2'])
    const bare = await collect(store().stream(fixture().prefix, { keysOnly: true, revision }))
    expect(bare.map((kv) => kv.key)).toEqual([0, 1, 2, 3, 4].map((i) => at(`k${i}`)))
    expect(bare.every((kv) => kv.value.length === 0)).toBe(true)
  })

  it('stream: can be left early', async () => {
    for (let i = 0; i < 5; i++) await store().create(at(`k${i}`), bytes(`${i}`))
    for await (const batch of store().stream(fixture().prefix)) {
      expect(batch.length).toBeGreaterThan(0)
      break
    }
    expect((await store().range(fixture().prefix)).kvs).toHaveLength(5)
  })
}

function watchContract({ store, at, fixture }: Scope): void {
  it('watch: what happens after ready comes in order, with previous values', async () => {
    await store().create(at('before'), bytes('not seen'))
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix }, sink)
    await watch.ready
    const a = await store().create(at('a'), bytes('one'))
    const a2 = await store().update(at('a'), bytes('two'), a.modRevision)
    const gone = await store().delete(at('a'), a2.modRevision)
    const events = await sink.atLeast(3)
    expect(events.map(brief)).toEqual([
      `put a=one @${a.modRevision} was undefined`,
      `put a=two @${a2.modRevision} was one`,
      `delete a=two @${gone.revision} was two`,
    ])
    expect(events[0]?.kv).toMatchObject({ version: 1, createRevision: a.modRevision })
    expect(events[1]?.kv).toMatchObject({ version: 2, createRevision: a.modRevision })
    expect(events[1]?.previous).toMatchObject({ modRevision: a.modRevision, version: 1 })
    expect(events[2]?.previous).toMatchObject({ modRevision: a2.modRevision, version: 2 })
    watch.close()
  })

  it('watch: only its prefix', async () => {
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: at('in/') }, sink)
    await watch.ready
    await store().create(at('in'), bytes('x'))
    await store().create(at('in0'), bytes('x'))
    await store().create(at('out/a'), bytes('x'))
    const inside = await store().create(at('in/a'), bytes('x'))
    expect((await sink.atLeast(1)).map((e) => e.kv.modRevision)).toEqual([inside.modRevision])
    watch.close()
  })

  it('watch: history from a revision first, then live, without a gap or a duplicate', async () => {
    const early = await store().create(at('a'), bytes('0'))
    let last = early
    for (let i = 1; i <= 20; i++) last = await store().update(at('a'), bytes(`${i}`), last.modRevision)
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix, fromRevision: early.modRevision + 1 }, sink)
    for (let i = 21; i <= 40; i++) last = await store().update(at('a'), bytes(`${i}`), last.modRevision)
    await watch.ready
    for (let i = 41; i <= 60; i++) last = await store().update(at('a'), bytes(`${i}`), last.modRevision)
    const events = await sink.atLeast(60)
    expect(events.map((e) => text(e.kv))).toEqual(Array.from({ length: 60 }, (_, i) => `${i + 1}`))
    expect(events.map((e) => text(e.previous))).toEqual(Array.from({ length: 60 }, (_, i) => `${i}`))
    for (let i = 1; i < 60; i++) expect(events[i]?.kv.modRevision).toBeGreaterThan(events[i - 1]?.kv.modRevision ?? 0)
    watch.close()
  })

  it('watch: history includes deletes and new incarnations', async () => {
    const a = await store().create(at('a'), bytes('one'))
    const gone = await store().delete(at('a'), a.modRevision)
    const again = await store().create(at('a'), bytes('two'))
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix, fromRevision: a.modRevision }, sink)
    await watch.ready
    const events = await sink.atLeast(3)
    expect(events.map(brief)).toEqual([
      `put a=one @${a.modRevision} was undefined`,
      `delete a=one @${gone.revision} was one`,
      `put a=two @${again.modRevision} was undefined`,
    ])
    watch.close()
  })

  it('watch: from a future revision stays silent until then', async () => {
    const first = await store().create(at('a'), bytes('0'))
    const sink = new WatchRecorder()
    const from = first.modRevision + 3
    const watch = store().watch({ prefix: fixture().prefix, fromRevision: from }, sink)
    await watch.ready
    let last = first
    while (last.modRevision < from + 1) last = await store().update(at('a'), bytes('x'), last.modRevision)
    await sink.until(() => sink.received.at(-1)?.kv.modRevision === last.modRevision)
    expect(sink.received.every((e) => e.kv.modRevision >= from)).toBe(true)
    watch.close()
  })

  it('watch: progress on request covers every write acknowledged before it, also of other prefixes', async () => {
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: at('quiet/') }, sink)
    await watch.ready
    const elsewhere = await store().create(at('loud/a'), bytes('x'))
    watch.requestProgress()
    await sink.until(() => (sink.progressed.at(-1) ?? 0) >= elsewhere.modRevision)
    expect(sink.received).toEqual([])
    watch.close()
  })

  it('watch: progress never overtakes events', async () => {
    const order: string[] = []
    const recorder = new WatchRecorder()
    const sink = {
      events: (events: readonly StoreEvent[]) => {
        for (const e of events) order.push(`e${e.kv.modRevision}`)
        recorder.events(events)
      },
      progress: (revision: number) => {
        order.push(`p${revision}`)
        recorder.progress(revision)
      },
      end: (error?: Error) => recorder.end(error),
    }
    const watch = store().watch({ prefix: fixture().prefix }, sink)
    await watch.ready
    let last = await store().create(at('a'), bytes('x'))
    for (let i = 0; i < 30; i++) {
      watch.requestProgress()
      last = await store().update(at('a'), bytes('x'), last.modRevision)
    }
    watch.requestProgress()
    await recorder.until(() => (recorder.progressed.at(-1) ?? 0) >= last.modRevision)
    let seen = 0
    for (const entry of order) {
      const revision = Number(entry.slice(1))
      if (entry.startsWith('e')) {
        expect(revision).toBeGreaterThan(seen)
      } else {
        expect(revision).toBeGreaterThanOrEqual(seen)
      }
      seen = revision
    }
    watch.close()
  })

  it('watch: a sink that writes sees its own writes, still in revision order', async () => {
    const recorder = new WatchRecorder()
    const echoed: Promise<unknown>[] = []
    const second = new WatchRecorder()
    const watch = store().watch(
      { prefix: fixture().prefix },
      {
        events: (events) => {
          recorder.events(events)
          for (const e of events) {
            if (e.kv.key.startsWith(at('in'))) {
              echoed.push(store().create(e.kv.key.replace(at('in'), at('echo')), e.kv.value))
            }
          }
        },
        progress: () => {},
        end: () => {},
      },
    )
    const other = store().watch({ prefix: fixture().prefix }, second)
    await Promise.all([watch.ready, other.ready])
    await Promise.all(Array.from({ length: 10 }, (_, i) => store().create(at(`in${i}`), bytes(`${i}`))))
    for (const sink of [recorder, second]) {
      const events = await sink.atLeast(20)
      for (let i = 1; i < 20; i++) expect(events[i]?.kv.modRevision).toBeGreaterThan(events[i - 1]?.kv.modRevision ?? 0)
    }
    await Promise.all(echoed)
    watch.close()
    other.close()
  })

  it('watch: close ends it once, without an error, and nothing follows', async () => {
    const sink = new WatchRecorder()
    const control = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix }, sink)
    const other = store().watch({ prefix: fixture().prefix }, control)
    await Promise.all([watch.ready, other.ready])
    watch.close()
    watch.close()
    expect(await sink.ended()).toBeUndefined()
    await store().create(at('a'), bytes('x'))
    await control.atLeast(1)
    expect(sink.received).toEqual([])
    expect(sink.ends).toBe(1)
    other.close()
  })

  it('watch: many at once each get every event', async () => {
    const sinks = Array.from({ length: 50 }, () => new WatchRecorder())
    const watches = sinks.map((sink) => store().watch({ prefix: fixture().prefix }, sink))
    await Promise.all(watches.map((w) => w.ready))
    const written = await Promise.all(Array.from({ length: 20 }, (_, i) => store().create(at(`k${i}`), bytes('x'))))
    const expected = written.map((kv) => kv.modRevision).sort((a, b) => a - b)
    for (const sink of sinks) expect((await sink.atLeast(20)).map((e) => e.kv.modRevision)).toEqual(expected)
    for (const w of watches) w.close()
  })
}

function compactionContract({ store, at, fixture }: Scope): void {
  async function history(): Promise<readonly number[]> {
    const first = await store().create(at('a'), bytes('1'))
    const b = await store().create(at('b'), bytes('gone'))
    const second = await store().update(at('a'), bytes('2'), first.modRevision)
    const gone = await store().delete(at('b'), b.modRevision)
    const third = await store().update(at('a'), bytes('3'), second.modRevision)
    return [first.modRevision, b.modRevision, second.modRevision, gone.revision, third.modRevision]
  }

  it('compact: what only earlier revisions show is Compacted, the rest reads on', async () => {
    const [first = 0, , second = 0, , third = 0] = await history()
    await store().compact(second)
    const error = await expectCode(store().get(at('a'), { revision: first }), 'Compacted')
    expect(error.revision).toBe(first)
    await expectCode(store().range(fixture().prefix, { revision: second - 1 }), 'Compacted')
    await expectCode(collect(store().stream(fixture().prefix, { revision: second - 1 })), 'Compacted')
    expect(text((await store().get(at('a'), { revision: second })).kv)).toBe('2')
    expect(text((await store().get(at('b'), { revision: second })).kv)).toBe('gone')
    expect((await store().get(at('b'), { revision: third })).kv).toBeUndefined()
    expect((await store().range(fixture().prefix)).kvs.map(text)).toEqual(['3'])
    expect((await store().status()).compactedRevision).toBe(second)
  })

  it('compact: a revision compacted already is Compacted, one to come is FutureRevision', async () => {
    const [, , second = 0, , third = 0] = await history()
    await store().compact(second)
    await expectCode(store().compact(second), 'Compacted')
    await expectCode(store().compact(second - 1), 'Compacted')
    await expectCode(store().compact(third + 1_000_000), 'FutureRevision')
  })

  it('compact: keys written once long ago stay', async () => {
    await store().create(at('old'), bytes('kept'))
    const revisions = await history()
    await store().compact(revisions.at(-1) ?? 0)
    expect((await store().range(fixture().prefix)).kvs.map((kv) => `${kv.key}=${kv.value}`)).toEqual([
      `${at('a')}=3`,
      `${at('old')}=kept`,
    ])
    const { kv } = await store().get(at('old'))
    expect(text(await store().update(at('old'), bytes('anew'), kv?.modRevision ?? 0))).toBe('anew')
  })

  it('compact: a watch from before it ends with Compacted, one from behind it goes on', async () => {
    const [first = 0, , second = 0, gone = 0, third = 0] = await history()
    await store().compact(second)
    const early = new WatchRecorder()
    const refused = store().watch({ prefix: fixture().prefix, fromRevision: first }, early)
    refused.ready.catch(() => {})
    expect(await early.ended()).toMatchObject({ code: 'Compacted' })
    expect(early.ends).toBe(1)
    expect(early.received).toEqual([])
    const late = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix, fromRevision: second + 1 }, late)
    await watch.ready
    expect((await late.atLeast(2)).map((e) => e.kv.modRevision)).toEqual([gone, third])
    watch.close()
  })

  it('compact: a watch that is up to date does not notice', async () => {
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix }, sink)
    await watch.ready
    const revisions = await history()
    await sink.atLeast(5)
    await store().compact(revisions.at(-1) ?? 0)
    const next = await store().create(at('c'), bytes('x'))
    expect((await sink.atLeast(6)).at(-1)?.kv.modRevision).toBe(next.modRevision)
    expect(sink.ends).toBe(0)
    watch.close()
  })
}

function lifetimeContract({ store, at, fixture }: Scope, capabilities: StoreCapabilities): void {
  it('ttl: the key goes away by itself, as a delete with its own revision', async () => {
    const ttlSeconds = capabilities.minTtlSeconds
    const kv = await store().create(at('mayfly'), bytes('x'), { ttlSeconds })
    await store().create(at('stays'), bytes('x'))
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix, fromRevision: kv.modRevision + 1 }, sink)
    await watch.ready
    expect((await store().get(at('mayfly'))).kv?.modRevision).toBe(kv.modRevision)
    await fixture().advance?.(ttlSeconds * 1000 + 1)
    await sink.until(() => sink.received.some((e) => e.type === 'delete'))
    const event = sink.received.find((e) => e.type === 'delete')
    expect(event?.kv.key).toBe(at('mayfly'))
    expect(event?.kv.modRevision).toBeGreaterThan(kv.modRevision)
    expect(event?.previous?.modRevision).toBe(kv.modRevision)
    expect((await store().get(at('mayfly'))).kv).toBeUndefined()
    expect((await store().get(at('stays'))).kv).toBeDefined()
    watch.close()
  })

  it('ttl: a write sets it anew; a write without one makes the key stay', async () => {
    const ttlSeconds = capabilities.minTtlSeconds
    const one = await store().create(at('longer'), bytes('x'), { ttlSeconds })
    const two = await store().create(at('forever'), bytes('x'), { ttlSeconds })
    await store().create(at('mayfly'), bytes('x'), { ttlSeconds })
    await store().update(at('longer'), bytes('y'), one.modRevision, { ttlSeconds: ttlSeconds * 1000 })
    await store().update(at('forever'), bytes('y'), two.modRevision)
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix, fromRevision: one.modRevision }, sink)
    await watch.ready
    await fixture().advance?.(ttlSeconds * 1000 + 1)
    await sink.until(() => sink.received.some((e) => e.type === 'delete'))
    expect(sink.received.filter((e) => e.type === 'delete').map((e) => e.kv.key)).toEqual([at('mayfly')])
    expect((await store().range(fixture().prefix)).kvs.map((kv) => kv.key)).toEqual([at('forever'), at('longer')])
    watch.close()
  })

  it('status: counts revisions and keys', async () => {
    const before = await store().status()
    const a = await store().create(at('a'), bytes('12345'))
    await store().create(at('b'), bytes('12345'))
    await store().delete(at('a'), a.modRevision)
    const after = await store().status()
    expect(after.revision).toBeGreaterThanOrEqual(before.revision + 3)
    expect(after.backend).toBe(before.backend)
    if (!capabilities.exclusive) return
    expect(after.keys - before.keys).toBe(1)
    expect(after.bytes - before.bytes).toBe(at('b').length + 5)
  })

  it('close: ends watches with Closed, refuses everything after, twice is fine', async () => {
    const kv = await store().create(at('a'), bytes('x'))
    const sink = new WatchRecorder()
    const watch = store().watch({ prefix: fixture().prefix }, sink)
    await watch.ready
    await Promise.all([store().close(), store().close()])
    await store().close()
    expect(await sink.ended()).toMatchObject({ code: 'Closed' })
    expect(sink.ends).toBe(1)
    await expectCode(store().get(at('a')), 'Closed')
    await expectCode(store().range(fixture().prefix), 'Closed')
    await expectCode(collect(store().stream(fixture().prefix)), 'Closed')
    await expectCode(store().create(at('b'), bytes('x')), 'Closed')
    await expectCode(store().update(at('a'), bytes('x'), kv.modRevision), 'Closed')
    await expectCode(store().delete(at('a'), kv.modRevision), 'Closed')
    await expectCode(store().compact(kv.modRevision), 'Closed')
    await expectCode(store().currentRevision(), 'Closed')
    await expectCode(store().status(), 'Closed')
    const late = new WatchRecorder()
    store()
      .watch({ prefix: fixture().prefix }, late)
      .ready.catch(() => {})
    expect(await late.ended()).toMatchObject({ code: 'Closed' })
  })

  it('close: waits for the writes in flight; each is acknowledged or refused with Closed', async () => {
    const writes = Array.from({ length: 50 }, (_, i) => store().create(at(`k${i}`), bytes('x')))
    const settled = Promise.allSettled(writes)
    await store().close()
    for (const r of await settled) {
      if (r.status === 'rejected') expect(r.reason).toMatchObject({ code: 'Closed' })
    }
  })
}

/** What {@link SnapshotStore}s add. `factory` makes an empty store that nobody else writes to. */
export function snapshotContract(name: string, factory: () => Promise<StoreFixture<SnapshotStore>>): void {
  describe(`${name}: snapshot contract`, () => {
    const fixtures: StoreFixture<SnapshotStore>[] = []
    const make = async (): Promise<SnapshotStore> => {
      const fixture = await factory()
      fixtures.push(fixture)
      return fixture.store
    }
    const contents = async (store: Store): Promise<readonly string[]> =>
      (await store.range('/')).kvs.map(
        (kv) => `${kv.key}=${kv.value} c${kv.createRevision} m${kv.modRevision} v${kv.version}`,
      )

    async function fill(store: Store): Promise<void> {
      const a = await store.create('/a', bytes('1'))
      await store.update('/a', bytes('2'), a.modRevision)
      const b = await store.create('/b', bytes('x'))
      await store.delete('/b', b.modRevision)
      await store.create('/c', bytes(''), { ttlSeconds: 1000 })
    }

    afterEach(async () => {
      for (const { store, dispose } of fixtures.splice(0)) {
        await checkUnlessClosed(store)
        await dispose()
      }
    })

    it('snapshot and restore: an empty store gets the same keys, revisions and revision line', async () => {
      const source = await make()
      await fill(source)
      const target = await make()
      await target.restore(await source.snapshot())
      expect(await contents(target)).toEqual(await contents(source))
      expect(await target.currentRevision()).toBe(await source.currentRevision())
      const next = await target.create('/d', bytes('x'))
      expect(next.modRevision).toBe((await source.currentRevision()) + 1)
    })

    it('restore: goes back in content, never in revisions; watches end with Compacted', async () => {
      const store = await make()
      await fill(store)
      const then = await contents(store)
      const snapshot = await store.snapshot()
      const extra = await store.create('/z', bytes('later'))
      const sink = new WatchRecorder()
      const watch = store.watch({ prefix: '/' }, sink)
      await watch.ready
      await store.restore(snapshot)
      expect(await sink.ended()).toMatchObject({ code: 'Compacted' })
      expect(await contents(store)).toEqual(then)
      expect(await store.currentRevision()).toBeGreaterThan(extra.modRevision)
      await expectCode(store.get('/z', { revision: extra.modRevision }), 'Compacted')
      const next = await store.create('/z', bytes('new'))
      expect(next.modRevision).toBeGreaterThan(extra.modRevision + 1)
    })

    it('a snapshot in a file is the one in memory, and restores as it does', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'kubemu-snapshot-'))
      try {
        const file = join(folder, 'state.snapshot')
        const source = await make()
        await fill(source)
        await source.snapshotTo(file)
        expect((await readFile(file)).equals(await source.snapshot())).toBe(true)
        expect((await stat(file)).mode & 0o077).toBe(0)
        const target = await make()
        await target.create('/gone', bytes('x'))
        const sink = new WatchRecorder()
        await target.watch({ prefix: '/' }, sink).ready
        await target.restoreFrom(file)
        expect(await sink.ended()).toMatchObject({ code: 'Compacted' })
        expect(await contents(target)).toEqual(await contents(source))
        await target.check()
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

    it('a snapshot in a file: many keys and large values come through whole', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'kubemu-snapshot-'))
      try {
        const file = join(folder, 'state.snapshot')
        const source = await make()
        const sizes = [0, 1, 1_048_500, 3, 1_500_000, 70_000]
        for (const [i, size] of sizes.entries()) await source.create(`/large/${i}`, Buffer.alloc(size, `${i}`))
        await Promise.all(Array.from({ length: 1_200 }, (_, i) => source.create(`/many/${i}`, bytes(`value ${i}`))))
        await source.snapshotTo(file)
        const target = await make()
        await target.restoreFrom(file)
        const digests = async (store: Store): Promise<readonly string[]> =>
          (await store.range('/')).kvs.map((kv) => `${kv.key} @${kv.modRevision} ${kv.value.length} ${crc32(kv.value)}`)
        expect((await digests(target)).length).toBe(sizes.length + 1_200)
        expect(await digests(target)).toEqual(await digests(source))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

    it('restoreFrom: a file that is cut, garbled or no snapshot is Corrupt and changes nothing', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'kubemu-snapshot-'))
      try {
        const store = await make()
        await fill(store)
        const then = await contents(store)
        const snapshot = await store.snapshot()
        const garbled = Buffer.from(snapshot)
        garbled[snapshot.length >> 1] = (garbled[snapshot.length >> 1] ?? 0) ^ 0xff
        const file = join(folder, 'bad')
        for (const bad of [garbled, snapshot.subarray(0, -1), snapshot.subarray(0, 10), bytes(''), bytes('hello')]) {
          await writeFile(file, bad)
          await expectCode(store.restoreFrom(file), 'Corrupt')
        }
        await expect(store.restoreFrom(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' })
        await expect(store.snapshotTo(join(folder, 'no', 'folder'))).rejects.toMatchObject({ code: 'ENOENT' })
        expect(await readdir(folder)).toEqual(['bad'])
        expect(await contents(store)).toEqual(then)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

    it('rewind: leads back by events, on the same revision line; what is as it was is not written', async () => {
      const store = await make()
      await fill(store)
      const values = async (): Promise<string[]> => (await store.range('/')).kvs.map((kv) => `${kv.key}=${kv.value}`)
      const then = await values()
      const snapshot = await store.snapshot()
      const a = (await store.get('/a')).kv
      const c = (await store.get('/c')).kv
      await store.update('/a', bytes('3'), a?.modRevision ?? 0)
      await store.delete('/c', c?.modRevision ?? 0)
      const extra = await store.create('/z', bytes('later'))
      const sink = new WatchRecorder()
      const watch = store.watch({ prefix: '/' }, sink)
      await watch.ready
      await store.rewind(snapshot)
      expect(await values()).toEqual(then)
      const events = await sink.atLeast(3)
      expect(events.map((e) => `${e.type} ${e.kv.key} ${e.kv.modRevision - extra.modRevision}`)).toEqual([
        'put /a 1',
        'delete /z 2',
        'put /c 3',
      ])
      expect(events.map((e) => text(e.previous))).toEqual(['3', 'later', undefined])
      await store.rewind(snapshot)
      expect(await store.currentRevision()).toBe(extra.modRevision + 3)
      await store.check()
      watch.close()
    })

    it('rewind: writes that come meanwhile are decided on the state that it leads to', async () => {
      const store = await make()
      await fill(store)
      const snapshot = await store.snapshot()
      const a = (await store.get('/a')).kv?.modRevision ?? 0
      const changed = await store.update('/a', bytes('3'), a)
      const rewound = store.rewind(snapshot)
      await expectCode(store.update('/a', bytes('4'), changed.modRevision), 'RevisionConflict')
      await rewound
      expect(text((await store.get('/a')).kv)).toBe('2')
    })

    it('rewind: the TTL comes along', async () => {
      const store = await make()
      const { modRevision } = await store.create('/mayfly', bytes('x'), { ttlSeconds: 10 })
      const snapshot = await store.snapshot()
      await store.delete('/mayfly', modRevision)
      await store.rewind(snapshot)
      const sink = new WatchRecorder()
      const watch = store.watch({ prefix: '/' }, sink)
      await watch.ready
      await fixtures[0]?.advance?.(10_001)
      expect((await sink.atLeast(1))[0]).toMatchObject({ type: 'delete', kv: { key: '/mayfly' } })
      watch.close()
    })

    it('restore: the TTL comes along', async () => {
      const source = await make()
      await source.create('/mayfly', bytes('x'), { ttlSeconds: 10 })
      const target = await make()
      await target.restore(await source.snapshot())
      const sink = new WatchRecorder()
      const watch = target.watch({ prefix: '/' }, sink)
      await watch.ready
      await fixtures[1]?.advance?.(10_001)
      expect((await sink.atLeast(1))[0]).toMatchObject({ type: 'delete', kv: { key: '/mayfly' } })
    })

    it('restore: garbled, cut or foreign bytes are Corrupt and change nothing', async () => {
      const store = await make()
      await fill(store)
      const then = await contents(store)
      const snapshot = await store.snapshot()
      const garbled = Buffer.from(snapshot)
      garbled[snapshot.length >> 1] = (garbled[snapshot.length >> 1] ?? 0) ^ 0xff
      for (const bad of [
        garbled,
        snapshot.subarray(0, -1),
        snapshot.subarray(0, 10),
        Buffer.alloc(0),
        bytes('hello'),
      ]) {
        await expectCode(store.restore(bad), 'Corrupt')
      }
      expect(await contents(store)).toEqual(then)
    })

    it('fork: starts with the same state; writes on either side stay there', async () => {
      const store = await make()
      await fill(store)
      const fork = await store.fork()
      try {
        expect(await contents(fork)).toEqual(await contents(store))
        expect(await fork.currentRevision()).toBe(await store.currentRevision())
        const a = (await store.get('/a')).kv?.modRevision ?? 0
        await fork.update('/a', bytes('fork'), a)
        await fork.create('/only-fork', bytes('x'))
        await store.update('/a', bytes('origin'), a)
        await store.create('/only-origin', bytes('x'))
        expect(text((await fork.get('/a')).kv)).toBe('fork')
        expect(text((await store.get('/a')).kv)).toBe('origin')
        expect((await fork.range('/only')).kvs.map((kv) => kv.key)).toEqual(['/only-fork'])
        expect((await store.range('/only')).kvs.map((kv) => kv.key)).toEqual(['/only-origin'])
        await store.compact(await store.currentRevision())
        await fork.compact(await fork.currentRevision())
        await fork.check()
        expect((await fork.range('/')).kvs.map((kv) => kv.key)).toEqual(['/a', '/c', '/only-fork'])
      } finally {
        await fork.close()
      }
    })

    it('fork: a TTL goes on in it', async () => {
      const store = await make()
      await store.create('/mayfly', bytes('x'), { ttlSeconds: 10 })
      const fork = await store.fork()
      const sink = new WatchRecorder()
      const watch = fork.watch({ prefix: '/' }, sink)
      await watch.ready
      await fixtures[0]?.advance?.(10_001)
      expect((await sink.atLeast(1))[0]).toMatchObject({ type: 'delete', kv: { key: '/mayfly' } })
      await fork.check()
      await fork.close()
    })

    it('fork: outlives its origin', async () => {
      const store = await make()
      await fill(store)
      const then = await contents(store)
      const fork = await store.fork()
      await store.close()
      expect(await contents(fork)).toEqual(then)
      await fork.close()
    })
  })
}
