import { describe, expect, it } from 'vitest'
import { systemClock } from '../../apimachinery/clock.ts'
import { StorageError } from '../storage-error.ts'
import type { Store } from '../store.ts'
import type { Journal } from './journal.ts'
import type { KeyRevision } from './key-revision.ts'
import { MvccStore } from './mvcc-store.ts'
import { RevisionIndex } from './revision-index.ts'

/** A journal whose appends end when and how the test says. */
class ControlledJournal implements Journal {
  readonly batches: (readonly KeyRevision[])[] = []
  readonly #waiting: { resolve(): void; reject(error: Error): void }[] = []
  #arrived: (() => void) | undefined

  append(records: readonly KeyRevision[]): Promise<void> {
    this.batches.push(records)
    this.#arrived?.()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }

  /** Resolves when the journal has been given its n-th batch. */
  async batch(n: number): Promise<readonly KeyRevision[]> {
    while (this.batches.length < n) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
    return this.batches[n - 1] ?? []
  }

  succeed(): void {
    this.#waiting.shift()?.resolve()
  }

  fail(error: Error): void {
    this.#waiting.shift()?.reject(error)
  }

  async load(records: readonly KeyRevision[]): Promise<Buffer[]> {
    return records.map(() => Buffer.alloc(0))
  }

  async compacted(): Promise<void> {}
  async discard(): Promise<void> {}
  async replace(_state: unknown, switched: () => void): Promise<void> {
    switched()
  }
  async problems(): Promise<string[]> {
    return []
  }
  async close(): Promise<void> {}
}

function open(): { store: Store; journal: ControlledJournal } {
  const journal = new ControlledJournal()
  const index = new RevisionIndex(() => 0)
  const backing = { backend: 'leveldb', journal, residentBytes: 1 << 20 } as const
  return { store: new MvccStore({ clock: systemClock }, index, backing), journal }
}

const value = Buffer.from('x')
const keysOf = (batch: readonly KeyRevision[]): string[] => batch.map((record) => record.key)
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: unknown) => (error instanceof StorageError ? error.code : error),
  )

describe('group commit', () => {
  it('writes that arrive while a batch is under way share the next one', async () => {
    const { store, journal } = open()
    const first = store.create('/1', value)
    expect(keysOf(await journal.batch(1))).toEqual(['/1'])
    const others = ['/2', '/3', '/4'].map((key) => store.create(key, value))
    journal.succeed()
    await first
    expect(keysOf(await journal.batch(2))).toEqual(['/2', '/3', '/4'])
    journal.succeed()
    expect((await Promise.all(others)).map((kv) => kv.modRevision)).toEqual([3, 4, 5])
    await store.close()
  })

  it('a write is invisible to reads, watches and the revision line until it is durable', async () => {
    const { store, journal } = open()
    const seen: number[] = []
    const sink = {
      events: (events: readonly { kv: { modRevision: number } }[]) => seen.push(...events.map((e) => e.kv.modRevision)),
      progress: () => {},
      end: () => {},
    }
    await store.watch({ prefix: '/' }, sink).ready
    const write = store.create('/a', value)
    await journal.batch(1)
    expect((await store.get('/a')).kv).toBeUndefined()
    expect(await store.currentRevision()).toBe(1)
    expect(seen).toEqual([])
    journal.succeed()
    await write
    expect(seen).toEqual([2])
    expect((await store.get('/a')).kv?.modRevision).toBe(2)
    await store.close()
  })

  it('conflict checks see writes in flight: a chain on one key shares a batch', async () => {
    const { store, journal } = open()
    const create = store.create('/a', value)
    const update = store.update('/a', value, 2)
    const remove = store.delete('/a', 3)
    const again = store.create('/a', value)
    expect((await journal.batch(1)).map((r) => `${r.revision}${r.deleted ? ' deleted' : ''} v${r.version}`)).toEqual([
      '2 v1',
      '3 v2',
      '4 deleted v2',
      '5 v1',
    ])
    journal.succeed()
    expect([(await create).modRevision, (await update).version, (await remove).revision]).toEqual([2, 2, 4])
    expect(await again).toMatchObject({ modRevision: 5, version: 1 })
    await store.close()
  })

  it('a refusal that a write in flight causes waits until that write can be read', async () => {
    const { store, journal } = open()
    const winner = store.create('/a', value)
    let refused = false
    const loser = codeOf(store.create('/a', value)).then((code) => {
      refused = true
      return code
    })
    await journal.batch(1)
    expect(refused).toBe(false)
    journal.succeed()
    await winner
    expect(await loser).toBe('KeyExists')
    await store.close()
  })

  it('a failed batch fails everything behind it; the revisions are given out again', async () => {
    const { store, journal } = open()
    const ok = store.create('/a', value)
    await journal.batch(1)
    const doomed = codeOf(store.create('/b', value))
    journal.succeed()
    await ok
    await journal.batch(2)
    const behind = [codeOf(store.update('/b', value, 3)), codeOf(store.create('/c', value))]
    // Refused only because of the doomed write: decided anew when that has failed.
    const second = store.create('/b', value)
    journal.fail(new StorageError('NoSpace', 'full'))
    expect(await doomed).toBe('NoSpace')
    expect(await Promise.all(behind)).toEqual(['NoSpace', 'NoSpace'])
    expect((await store.get('/b')).kv).toBeUndefined()
    expect(await store.currentRevision()).toBe(2)
    expect(keysOf(await journal.batch(3))).toEqual(['/b'])
    journal.succeed()
    expect(await second).toMatchObject({ modRevision: 3, version: 1 })
    await store.close()
  })

  it('close waits for what is in flight and refuses what comes after', async () => {
    const { store, journal } = open()
    const write = store.create('/a', value)
    await journal.batch(1)
    let closed = false
    const closing = store.close().then(() => {
      closed = true
    })
    expect(await codeOf(store.create('/b', value))).toBe('Closed')
    expect(closed).toBe(false)
    journal.succeed()
    expect((await write).modRevision).toBe(2)
    await closing
  })
})
