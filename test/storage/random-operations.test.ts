import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { StorageError } from '../../src/storage/storage-error.ts'
import type { KeyValue, SnapshotStore, StoreEvent, WatchHandle } from '../../src/storage/store.ts'
import { SeededRandom, seedOfRun } from '../suites/seeded-random.ts'
import { WatchRecorder } from '../suites/watch-recorder.ts'
import { type ModelAnswer, type ModelState, ModelStore, type ModelWrite } from './model-store.ts'

const keys = ['/a', '/a/1', '/a/2', '/a/～', '/a/\u{1F600}', '/a/z', '/ab', '/b/1', '/b/2', '/c']
const prefixes = ['/', '/a', '/a/', '/b/', '/nothing/', '/a/\u{1F600}']
const steps = 1500

interface Subject {
  store: SnapshotStore
  /** Closes the store and opens it again, where it has a disk to come back from. */
  reopen?(): Promise<SnapshotStore>
  dispose(): Promise<void>
}

interface OpenWatch {
  readonly prefix: string
  readonly from: number
  readonly recorder: WatchRecorder
  readonly handle: WatchHandle
}

const plain = (kv: KeyValue): string => `${kv.key}=${kv.value} c${kv.createRevision} m${kv.modRevision} v${kv.version}`
const modelPlain = (w: ModelWrite): string => `${w.key}=${w.value} c${w.createRevision} m${w.revision} v${w.version}`
const eventPlain = (e: StoreEvent): string => `${e.type} ${plain(e.kv)} was ${e.previous && plain(e.previous)}`

/** One run: the same random operations on a store and on the model, every answer compared. */
class Run {
  readonly #random: SeededRandom
  readonly #clock: ManualClock
  readonly #subject: Subject
  readonly #model = new ModelStore()
  /** All events that ever happened, for watches. */
  #happened: { readonly revision: number; readonly key: string; readonly text: string }[] = []
  #watches: OpenWatch[] = []
  #snapshot: { readonly bytes: Buffer; readonly state: ModelState; readonly revision: number } | undefined

  constructor(random: SeededRandom, clock: ManualClock, subject: Subject) {
    this.#random = random
    this.#clock = clock
    this.#subject = subject
  }

  async step(): Promise<void> {
    const before = this.#model.writes.length
    const dice = this.#random.next()
    if (dice < 0.6) await this.#write()
    else if (dice < 0.75) await this.#read()
    else if (dice < 0.85) await this.#range()
    else if (dice < 0.9) await this.#watch()
    else if (dice < 0.93) await this.#advance()
    else if (dice < 0.96) await this.#compact()
    else if (dice < 0.98) this.#closeWatch()
    else if (dice < 0.985) await this.#takeSnapshot()
    else if (dice < 0.99) await this.#restore()
    else await this.#reopen()
    if (this.#model.writes.length > before) this.#remember(before)
    expect(await this.#subject.store.currentRevision()).toBe(this.#model.revision)
  }

  async finish(): Promise<void> {
    for (const watch of this.#watches.splice(0)) await this.#expectAll(watch)
    await this.#subject.store.check()
  }

  #remember(from: number): void {
    for (let i = from; i < this.#model.writes.length; i++) {
      const write = this.#model.writes[i]
      if (write === undefined) continue
      const previous = this.#model.state(write.revision - 1).get(write.key)
      const text = `${write.type} ${modelPlain(write)} was ${previous && modelPlain(previous)}`
      this.#happened.push({ revision: write.revision, key: write.key, text })
    }
  }

  async #write(): Promise<void> {
    const { store } = this.#subject
    const random = this.#random
    const key = random.pick(keys)
    const value = `v${random.between(0, 1e9)}`
    const present = this.#model.state().get(key)?.revision ?? 1
    const expected = random.chance(0.8) ? present : random.between(0, this.#model.revision + 2)
    const ttlSeconds = random.chance(0.15) ? random.between(1, 50) : undefined
    const expiresAt = ttlSeconds === undefined ? 0 : this.#clock.now() + ttlSeconds * 1000
    const verb = random.pick(['create', 'update', 'update', 'delete'] as const)
    if (verb === 'create') {
      await this.#same(store.create(key, Buffer.from(value), { ttlSeconds }), this.#model.create(key, value, expiresAt))
    } else if (verb === 'update') {
      const answer = this.#model.update(key, value, expected, expiresAt)
      await this.#same(store.update(key, Buffer.from(value), expected, { ttlSeconds }), answer)
    } else {
      const before = this.#model.state().get(key)
      const answer = this.#model.delete(key, expected)
      const given = await settle(store.delete(key, expected))
      if (typeof answer === 'string') expect(given).toMatchObject({ code: answer })
      else if (given instanceof StorageError || before === undefined) throw new Error(`delete of ${key}: ${given}`)
      else expect([given.revision, plain(given.previous)]).toEqual([answer.revision, modelPlain(before)])
    }
  }

  async #same(promise: Promise<KeyValue>, answer: ModelAnswer): Promise<void> {
    const given = await settle(promise)
    if (typeof answer === 'string') expect(given).toMatchObject({ code: answer })
    else expect(given instanceof StorageError ? given : plain(given)).toBe(modelPlain(answer))
  }

  #revision(): number {
    return this.#random.chance(0.4) ? 0 : this.#random.between(1, this.#model.revision + 1)
  }

  async #read(): Promise<void> {
    const key = this.#random.pick(keys)
    const revision = this.#revision()
    const given = await settle(this.#subject.store.get(key, { revision }))
    const refusal = revision === 0 ? undefined : this.#model.readable(revision)
    if (refusal !== undefined) {
      expect(given).toMatchObject({ code: refusal, revision })
      return
    }
    const at = revision || this.#model.revision
    const expected = this.#model.state(at).get(key)
    if (given instanceof StorageError) throw given
    expect(given.revision).toBe(at)
    expect(given.kv && plain(given.kv)).toBe(expected && modelPlain(expected))
  }

  async #range(): Promise<void> {
    const { store } = this.#subject
    const prefix = this.#random.pick(prefixes)
    const start = this.#random.chance(0.5) ? this.#random.pick(keys) : undefined
    const limit = this.#random.between(0, 5)
    const revision = this.#revision()
    const given = await settle(store.range(prefix, { start, limit, revision }))
    const refusal = revision === 0 ? undefined : this.#model.readable(revision)
    if (refusal !== undefined) {
      expect(given).toMatchObject({ code: refusal })
      return
    }
    const all = this.#model.range(prefix, start, revision || this.#model.revision)
    const some = limit === 0 ? all : all.slice(0, limit)
    if (given instanceof StorageError) throw given
    expect(given.kvs.map(plain)).toEqual(some.map(modelPlain))
    expect(given.remaining).toBe(all.length - some.length)
    const streamed: string[] = []
    for await (const batch of store.stream(prefix, { start, limit, revision })) streamed.push(...batch.map(plain))
    expect(streamed).toEqual(some.map(modelPlain))
  }

  async #watch(): Promise<void> {
    const prefix = this.#random.pick(prefixes)
    const asked = this.#random.chance(0.3) ? 0 : this.#random.between(1, this.#model.revision + 3)
    const recorder = new WatchRecorder()
    const handle = this.#subject.store.watch({ prefix, fromRevision: asked }, recorder)
    if (asked !== 0 && asked < this.#model.historyStart) {
      expect(await settle(handle.ready)).toMatchObject({ code: 'Compacted' })
      expect(await recorder.ended()).toMatchObject({ code: 'Compacted' })
      return
    }
    await handle.ready
    this.#watches.push({ prefix, from: asked || this.#model.revision + 1, recorder, handle })
  }

  #closeWatch(): void {
    const watch = this.#watches.shift()
    watch?.handle.close()
    if (watch !== undefined) this.#expectPart(watch)
  }

  #expected(watch: OpenWatch): string[] {
    return this.#happened.filter((e) => e.revision >= watch.from && e.key.startsWith(watch.prefix)).map((e) => e.text)
  }

  async #expectAll(watch: OpenWatch): Promise<void> {
    const expected = this.#expected(watch)
    await watch.recorder.until(() => watch.recorder.received.length >= expected.length || watch.recorder.ends > 0)
    expect(watch.recorder.endError).toBeUndefined()
    this.#expectPart(watch)
    expect(watch.recorder.received.length).toBe(expected.length)
    watch.handle.close()
  }

  /** A watch that was ended early has the beginning of what it should have; a compacted start has no previous. */
  #expectPart(watch: OpenWatch): void {
    const expected = this.#expected(watch)
    for (const [i, event] of watch.recorder.received.entries()) {
      const text = eventPlain(event)
      const bare = /^(put|delete) \S+=/
      if (text === expected[i] || (event.previous === undefined && this.#wasCompacted(watch, event))) continue
      expect(text.replace(bare, ''), `event ${i} of ${watch.prefix} from ${watch.from}`).toBe(
        expected[i]?.replace(bare, ''),
      )
    }
  }

  /** The state before the very revision that history now starts with is gone. */
  #wasCompacted(watch: OpenWatch, event: StoreEvent): boolean {
    return event.kv.modRevision === watch.from
  }

  async #advance(): Promise<void> {
    const ms = this.#random.between(1, 20_000)
    const end = this.#clock.now() + ms
    this.#clock.advance(ms)
    this.#model.expire(end)
    await this.#subject.store.check()
  }

  async #compact(): Promise<void> {
    const revision = this.#random.between(Math.max(1, this.#model.revision - 20), this.#model.revision + 1)
    // Let every watch catch up first, so that none is overtaken.
    for (const watch of this.#watches) {
      const expected = this.#expected(watch).length
      await watch.recorder.until(() => watch.recorder.received.length >= expected)
    }
    const given = await settle(this.#subject.store.compact(revision))
    const refusal = this.#model.compact(revision)
    if (refusal === undefined) expect(given).toBeUndefined()
    else expect(given).toMatchObject({ code: refusal })
    if (this.#random.chance(0.3)) await this.#subject.store.check()
  }

  async #takeSnapshot(): Promise<void> {
    const bytes = await this.#subject.store.snapshot()
    this.#snapshot = { bytes, state: this.#model.state(), revision: this.#model.revision }
  }

  async #restore(): Promise<void> {
    if (this.#snapshot === undefined) return
    await this.#subject.store.restore(this.#snapshot.bytes)
    this.#endWatches('Compacted')
    this.#model.restore(this.#snapshot.state, this.#snapshot.revision)
    this.#happened = []
    // What has expired meanwhile goes at once.
    this.#clock.advance(0)
    this.#model.expire(this.#clock.now())
    await this.#subject.store.check()
    this.#remember(0)
  }

  async #reopen(): Promise<void> {
    if (this.#subject.reopen === undefined) return
    this.#subject.store = await this.#subject.reopen()
    this.#endWatches('Closed')
    await this.#subject.store.check()
  }

  #endWatches(code: string): void {
    for (const watch of this.#watches.splice(0)) {
      expect(watch.recorder.ends).toBe(1)
      expect(watch.recorder.endError).toMatchObject({ code })
      this.#expectPart(watch)
    }
  }
}

async function settle<T>(promise: Promise<T>): Promise<T | StorageError> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
}

async function levelSubject(clock: ManualClock, residentBytes: number): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'kubemu-random-'))
  const open = (): Promise<SnapshotStore> =>
    openLevelStore({ directory, clock, durability: 'async', residentBytes, compaction: { maxAgeMs: false } })
  const subject: Subject = {
    store: await open(),
    async reopen() {
      await subject.store.close()
      return await open()
    },
    async dispose() {
      await subject.store.close()
      await rm(directory, { recursive: true })
    },
  }
  return subject
}

async function memorySubject(clock: ManualClock): Promise<Subject> {
  const store = openMemoryStore({ clock, compaction: { maxAgeMs: false } })
  return { store, dispose: () => store.close() }
}

describe('random operations against a plain model', () => {
  const seed = seedOfRun()
  const subjects: Readonly<Record<string, (clock: ManualClock) => Promise<Subject>>> = {
    memory: memorySubject,
    leveldb: (clock) => levelSubject(clock, 1 << 20),
    'leveldb with nothing resident': (clock) => levelSubject(clock, 0),
  }
  for (const [name, make] of Object.entries(subjects)) {
    it(`${name} (repeat with SEED=${seed})`, async () => {
      const clock = new ManualClock()
      const subject = await make(clock)
      const run = new Run(new SeededRandom(seed), clock, subject)
      try {
        for (let i = 0; i < steps; i++) await run.step()
        await run.finish()
      } finally {
        await subject.dispose()
      }
    })
  }
})
