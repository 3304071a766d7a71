import { cp, mkdtemp, open, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { type LevelStoreOptions, openLevelStore } from '../../src/storage/leveldb/level-store.ts'
import type { KeyValue, SnapshotStore, Store } from '../../src/storage/store.ts'
import { SeededRandom, seedOfRun } from '../suites/seeded-random.ts'
import { refusal } from '../suites/store-contract.ts'
import { WatchRecorder } from '../suites/watch-recorder.ts'

const bytes = (text: string): Buffer => Buffer.from(text)
const plain = (kv: KeyValue): string => `${kv.key}=${kv.value} m${kv.modRevision} v${kv.version}`

/** `folder` as LevelDB alone sees it. */
function rawDatabase(folder: string): ClassicLevel<Buffer, Buffer> {
  return new ClassicLevel(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
}

async function eventsOf(store: Store, fromRevision: number): Promise<string[]> {
  const recorder = new WatchRecorder()
  const watch = store.watch({ prefix: '', fromRevision }, recorder)
  await watch.ready
  watch.requestProgress()
  await recorder.until(() => recorder.progressed.length > 0)
  watch.close()
  return recorder.received.map((e) => `${e.type} ${plain(e.kv)} was ${e.previous && plain(e.previous)}`)
}

describe('LevelDB store on disk', () => {
  let folder: string
  const opened: SnapshotStore[] = []
  const openStore = async (options: Partial<LevelStoreOptions> = {}): Promise<SnapshotStore> => {
    const store = await openLevelStore({ directory: folder, ...options })
    opened.push(store)
    return store
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubemu-disk-'))
  })
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function fill(store: Store, count: number, valueBytes = 100): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, (_, i) => store.create(`/k/${i}`, Buffer.alloc(valueBytes, `${i};`))),
    )
  }

  describe('reopening', () => {
    it('everything is there again: keys, versions, history, compaction', async () => {
      const first = await openStore()
      const a = await first.create('/a', bytes('1'))
      const a2 = await first.update('/a', bytes('2'), a.modRevision)
      const b = await first.create('/b', bytes('x'))
      await first.compact(a2.modRevision)
      const gone = await first.delete('/b', b.modRevision)
      await first.update('/a', bytes('3'), a2.modRevision)
      const history = await eventsOf(first, b.modRevision)
      await first.close()
      const second = await openStore()
      await second.check()
      expect(await second.currentRevision()).toBe(gone.revision + 1)
      expect((await second.range('')).kvs.map(plain)).toEqual([`/a=3 m${gone.revision + 1} v3`])
      expect((await second.get('/b', { revision: b.modRevision })).kv?.value.toString()).toBe('x')
      expect((await second.get('/a', { revision: a2.modRevision })).kv?.value.toString()).toBe('2')
      expect((await refusal(second.get('/a', { revision: a.modRevision }))).code).toBe('Compacted')
      expect(await eventsOf(second, b.modRevision)).toEqual(history)
    })

    it('the revision line stays where it was when the last writes are compacted deletes', async () => {
      const first = await openStore()
      const a = await first.create('/a', bytes('1'))
      const { revision } = await first.delete('/a', a.modRevision)
      await first.compact(revision)
      await first.check()
      await first.close()
      const second = await openStore()
      await second.check()
      expect(await second.currentRevision()).toBe(revision)
      expect((await second.create('/a', bytes('2'))).modRevision).toBe(revision + 1)
    })

    it('a TTL goes on; what is overdue goes at once', async () => {
      const clock = new ManualClock()
      const first = await openStore({ clock })
      await first.create('/short', bytes('x'), { ttlSeconds: 10 })
      const long = await first.create('/long', bytes('x'), { ttlSeconds: 100 })
      await first.close()
      clock.advance(50_000)
      const second = await openStore({ clock })
      const recorder = new WatchRecorder()
      const watch = second.watch({ prefix: '', fromRevision: long.modRevision + 1 }, recorder)
      await watch.ready
      clock.advance(0)
      expect((await recorder.atLeast(1)).map((e) => e.kv.key)).toEqual(['/short'])
      clock.advance(50_001)
      expect((await recorder.atLeast(2)).map((e) => e.kv.key)).toEqual(['/short', '/long'])
      watch.close()
    })

    it('a restored state comes back, the old one is gone from the disk', async () => {
      const source = await openStore()
      await fill(source, 10)
      const snapshot = await source.snapshot()
      await fill2(source)
      await source.restore(snapshot)
      const now = (await source.range('')).kvs.map(plain)
      const revision = await source.currentRevision()
      await source.close()
      const again = await openStore()
      await again.check()
      expect((await again.range('')).kvs.map(plain)).toEqual(now)
      expect(await again.currentRevision()).toBe(revision)
      await again.close()
      const db = rawDatabase(folder)
      const generations = new Set<number>()
      for await (const key of db.keys({ gte: bytes('l') })) {
        if (key[0] === 0x6c || key[0] === 0x76) generations.add(key.readUInt32BE(1))
      }
      await db.close()
      expect([...generations]).toEqual([1])
    })

    const fill2 = (store: Store): Promise<KeyValue> => store.create('/later', bytes('x'))

    it('what a restore that was cut short has left goes away', async () => {
      const first = await openStore()
      await fill(first, 3)
      await first.close()
      const db = rawDatabase(folder)
      const stray = Buffer.from([0x76, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9])
      await db.put(stray, bytes('half a restore'))
      await db.close()
      const second = await openStore()
      await second.check()
      expect((await second.range('')).kvs).toHaveLength(3)
      await second.close()
      const after = rawDatabase(folder)
      expect(await after.get(stray)).toBeUndefined()
      await after.close()
    })
  })

  describe('refusals at open', () => {
    it('a folder in use is Locked, and stays usable for the one who has it', async () => {
      const store = await openStore()
      const error = await refusal(openLevelStore({ directory: folder }))
      expect(error.code).toBe('Locked')
      expect(error.message).toContain('in use by another process')
      expect(error.message).toContain(folder)
      await store.create('/a', bytes('x'))
    })

    it('data of a newer format is UnsupportedFormat and stays untouched', async () => {
      await (await openStore()).close()
      const db = rawDatabase(folder)
      await db.put(bytes('mformat'), Buffer.from([0, 0, 0, 0, 0, 2]))
      await db.close()
      const error = await refusal(openLevelStore({ directory: folder }))
      expect(error.code).toBe('UnsupportedFormat')
      expect(error.message).toMatch(/data format 2.*reads format 1/)
      const after = rawDatabase(folder)
      expect((await after.get(bytes('mformat')))?.at(-1)).toBe(2)
      await after.close()
    })

    it('a LevelDB database of somebody else is UnsupportedFormat', async () => {
      const db = rawDatabase(folder)
      await db.put(bytes('hello'), bytes('world'))
      await db.close()
      expect((await refusal(openLevelStore({ directory: folder }))).code).toBe('UnsupportedFormat')
    })

    it('a file where the folder should be is Unavailable', async () => {
      const file = join(folder, 'file')
      await writeFile(file, 'x')
      expect((await refusal(openLevelStore({ directory: file }))).code).toBe('Unavailable')
    })

    it('a lost table file is Corrupt', async () => {
      await fill(await openStore(), 50)
      await opened.pop()?.close()
      await (await openStore()).close()
      const tables = (await readdir(folder)).filter((name) => name.endsWith('.ldb'))
      expect(tables.length).toBeGreaterThan(0)
      for (const name of tables) await rm(join(folder, name))
      expect((await refusal(openLevelStore({ directory: folder }))).code).toBe('Corrupt')
    })

    it('a gap in the log is Corrupt; in async the store opens with what came before it', async () => {
      const first = await openStore()
      await fill(first, 10)
      await first.close()
      const db = rawDatabase(folder)
      await db.del(Buffer.from([0x6c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]))
      await db.close()
      const error = await refusal(openLevelStore({ directory: folder }))
      expect(error.code).toBe('Corrupt')
      expect(error.message).toContain('from revision 5 to 7')
      const second = await openStore({ durability: 'async' })
      await second.check()
      expect(await second.currentRevision()).toBe(5)
      expect((await second.range('')).kvs.map((kv) => kv.modRevision)).toEqual([2, 3, 4, 5])
    })
  })

  describe('damage', () => {
    it('a garbled value is Corrupt when read and named by check', async () => {
      const first = await openStore()
      const kv = await first.create('/a', bytes('the value'))
      await first.create('/b', bytes('fine'))
      await first.close()
      const db = rawDatabase(folder)
      const key = Buffer.from([0x76, 0, 0, 0, 0, 0, 0, 0, 0, 0, kv.modRevision])
      const stored = Buffer.from((await db.get(key)) ?? [])
      stored[stored.length - 1] = 0
      await db.put(key, stored)
      await db.close()
      const second = await openStore()
      const error = await refusal(second.get('/a'))
      expect(error).toMatchObject({ code: 'Corrupt', key: '/a', revision: kv.modRevision })
      expect((await second.get('/b')).kv?.value.toString()).toBe('fine')
      const writes = [
        refusal(second.update('/a', bytes('new'), kv.modRevision)),
        second.create('/c', bytes('fine')),
        refusal(second.delete('/a', kv.modRevision)),
      ] as const
      expect((await writes[0]).code).toBe('Corrupt')
      expect((await writes[1]).version).toBe(1)
      expect((await writes[2]).code).toBe('Corrupt')
      const broken = await second.check().then(
        () => undefined,
        (e: unknown) => e,
      )
      expect(broken).toBeInstanceOf(AggregateError)
      expect((broken as AggregateError).errors).toHaveLength(1)
      expect((broken as AggregateError).message).toContain('checksum')
    })

    async function newestLog(directory: string): Promise<string> {
      const names = (await readdir(directory)).filter((name) => name.endsWith('.log')).sort()
      return join(directory, names.at(-1) ?? '')
    }

    const seed = seedOfRun()
    it(`a torn tail: the store opens with a whole prefix of its history (repeat with SEED=${seed})`, async () => {
      const random = new SeededRandom(seed)
      const origin = await openStore({ compaction: { maxRevisions: false } })
      let last = await origin.create('/a', bytes('0'))
      for (let i = 1; i < 120; i++) {
        last = await origin.update('/a', Buffer.alloc(random.between(0, 2000), `${i},`), last.modRevision)
        if (i % 10 === 0) await fillFew(origin, i)
      }
      const history = await eventsOf(origin, 1)
      await origin.close()
      const size = (await stat(await newestLog(folder))).size
      for (let n = 0; n < 25; n++) {
        const copy = `${folder}-copy`
        await cp(folder, copy, { recursive: true })
        try {
          // LevelDB reads a log in blocks of 32 KiB; power loss garbles the last one.
          const log = await newestLog(copy)
          const at = size - random.between(1, Math.min(size, 32 * 1024) - 1)
          if (random.chance(0.5)) await truncate(log, at)
          else await garble(log, at - (at % 32768) > size - 32768 ? at : size - (size % 32768 || 32768), random)
          const store = await openLevelStore({ directory: copy, compaction: { maxRevisions: false } })
          try {
            await store.check()
            const kept = await eventsOf(store, 1)
            expect(kept).toEqual(history.slice(0, kept.length))
            expect(await store.currentRevision()).toBe(1 + kept.length)
            await store.create('/after', bytes('x'))
          } finally {
            await store.close()
          }
        } finally {
          await rm(copy, { recursive: true })
        }
      }
    })

    async function fillFew(store: Store, round: number): Promise<void> {
      await Promise.all(Array.from({ length: 5 }, (_, i) => store.create(`/few/${round}/${i}`, bytes('x'.repeat(i)))))
    }

    /** Overwrites some bytes from `at` on. */
    async function garble(path: string, at: number, random: SeededRandom): Promise<void> {
      const content = await readFile(path)
      const end = Math.min(content.length, at + random.between(1, 500))
      for (let i = at; i < end; i++) content[i] = (content[i] ?? 0) ^ random.between(1, 255)
      const file = await open(path, 'r+')
      await file.write(content, 0, content.length, 0)
      await file.close()
    }
  })

  // Linux' /dev/full is a disk without room: LevelDB's next log files are made to lead there.
  describe.runIf(process.platform === 'linux')('a full disk', () => {
    async function fillDisk(): Promise<() => Promise<void>> {
      const names = await readdir(folder)
      const highest = Math.max(...names.map((name) => Number.parseInt(name, 10)).filter((n) => !Number.isNaN(n)))
      const links: string[] = []
      for (let n = highest + 1; n < highest + 12; n++) {
        const base = join(folder, String(n).padStart(6, '0'))
        for (const path of [`${base}.log`, `${base}.ldb`]) links.push(path)
      }
      links.push(join(folder, 'space.probe'))
      for (const path of links) await symlink('/dev/full', path)
      return async () => {
        for (const path of links) await rm(path, { force: true })
      }
    }

    it('fails the write with NoSpace, reads on, and writes again once there is room', async () => {
      const store = await openStore({ residentBytes: 0 })
      const acknowledged = new Map<string, number>()
      const empty = await fillDisk()
      let failure: unknown
      for (let i = 0; failure === undefined && i < 20_000; i++) {
        try {
          const kv = await store.create(`/k/${i}`, Buffer.alloc(64 * 1024, `${i};`))
          acknowledged.set(kv.key, kv.modRevision)
        } catch (error) {
          failure = error
        }
      }
      expect(failure).toMatchObject({ code: 'NoSpace' })
      const revision = await store.currentRevision()
      expect(revision).toBe(1 + acknowledged.size)
      expect((await refusal(store.create('/more', bytes('x')))).code).toBe('NoSpace')
      for (const [key, modRevision] of acknowledged) {
        expect((await store.get(key)).kv?.modRevision).toBe(modRevision)
      }
      expect((await store.range('/k/', { keysOnly: true })).kvs).toHaveLength(acknowledged.size)
      await empty()
      const more = await store.create('/more', bytes('x'))
      expect(more.modRevision).toBe(revision + 1)
      await store.check()
      await store.close()
      const again = await openStore()
      await again.check()
      expect(await again.currentRevision()).toBe(revision + 1)
      expect((await again.range('/k/', { keysOnly: true })).kvs).toHaveLength(acknowledged.size)
    })
  })
})
