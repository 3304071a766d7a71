import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import { openMemoryStore } from '../../src/storage/memory-store.ts'
import { isStorageError } from '../../src/storage/storage-error.ts'
import type { Store } from '../../src/storage/store.ts'
import { SeededRandom, seedOfRun } from '../suites/seeded-random.ts'
import { isLinearizable, type KeyOperation } from './linearizability.ts'

describe('the checker itself', () => {
  const op = (start: number, end: number, apply: KeyOperation['apply']): KeyOperation => ({
    start,
    end,
    call: '',
    apply,
  })
  const write = (start: number, end: number, from: number, to: number): KeyOperation =>
    op(start, end, (state) => (state === from ? to : undefined))
  const read = (start: number, end: number, seen: number): KeyOperation =>
    op(start, end, (state) => (state === seen ? state : undefined))

  it('accepts overlapping operations that some order explains', () => {
    expect(isLinearizable([write(1, 10, 0, 5), read(2, 3, 0), read(4, 5, 5), read(6, 7, 5)])).toBe(true)
  })

  it('rejects a read that goes back in time', () => {
    expect(isLinearizable([write(1, 10, 0, 5), read(2, 3, 5), read(4, 5, 0)])).toBe(false)
  })

  it('rejects a stale read after the write was acknowledged', () => {
    expect(isLinearizable([write(1, 2, 0, 5), read(3, 4, 0)])).toBe(false)
  })

  it('rejects two winners from one state', () => {
    expect(isLinearizable([write(1, 5, 0, 5), write(2, 6, 0, 6)])).toBe(false)
  })
})

const keys = ['/k/0', '/k/1', '/k/2']

/** Several clients at random on a few keys; every call and answer is recorded. */
class History {
  readonly byKey = new Map<string, KeyOperation[]>(keys.map((key) => [key, []]))
  #tick = 0
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async client(random: SeededRandom, count: number): Promise<void> {
    const known = new Map<string, number>()
    for (let i = 0; i < count; i++) {
      const key = random.pick(keys)
      await this.#operate(key, random.pick(['get', 'create', 'update', 'update', 'delete'] as const), known)
    }
  }

  async #operate(key: string, verb: 'get' | 'create' | 'update' | 'delete', known: Map<string, number>): Promise<void> {
    const start = ++this.#tick
    const expected = known.get(key) ?? 1
    const apply = await this.#call(key, verb, expected, known)
    this.byKey.get(key)?.push({ start, end: ++this.#tick, call: `${verb} ${expected}`, apply })
  }

  /** Makes the call; what it answers becomes a step from state to state. */
  async #call(
    key: string,
    verb: 'get' | 'create' | 'update' | 'delete',
    expected: number,
    known: Map<string, number>,
  ): Promise<KeyOperation['apply']> {
    const value = Buffer.from('x')
    try {
      if (verb === 'get') {
        const seen = (await this.#store.get(key)).kv?.modRevision ?? 0
        known.set(key, seen)
        return (state) => (state === seen ? state : undefined)
      }
      if (verb === 'delete') {
        await this.#store.delete(key, expected)
        return (state) => (state === expected ? 0 : undefined)
      }
      const from = verb === 'create' ? 0 : expected
      const write = verb === 'create' ? this.#store.create(key, value) : this.#store.update(key, value, expected)
      const { modRevision } = await write
      known.set(key, modRevision)
      return (state) => (state === from ? modRevision : undefined)
    } catch (error) {
      if (isStorageError(error, 'KeyNotFound')) return (state) => (state === 0 ? state : undefined)
      if (!isStorageError(error, 'KeyExists') && !isStorageError(error, 'RevisionConflict')) throw error
      const seen = error.actualRevision ?? 0
      known.set(key, seen)
      return (state) => (state === seen && (verb === 'create' || seen !== expected) ? state : undefined)
    }
  }
}

describe('concurrent histories are linearizable per key', () => {
  const seed = seedOfRun()

  async function expectLinearizable(store: Store): Promise<void> {
    const random = new SeededRandom(seed)
    const history = new History(store)
    await Promise.all(
      Array.from({ length: 8 }, () => history.client(new SeededRandom(random.between(1, 2 ** 31)), 150)),
    )
    for (const [key, operations] of history.byKey) {
      expect(isLinearizable(operations), `history of ${key}`).toBe(true)
    }
    await store.check()
    await store.close()
  }

  it(`memory (repeat with SEED=${seed})`, async () => {
    await expectLinearizable(openMemoryStore())
  })

  for (const durability of ['sync', 'async'] as const) {
    it(`leveldb ${durability} (repeat with SEED=${seed})`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'kubemu-linear-'))
      await expectLinearizable(await openLevelStore({ directory, durability }))
      await rm(directory, { recursive: true })
    })
  }
})
