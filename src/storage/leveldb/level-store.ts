import { type Clock, systemClock } from '../clock.ts'
import type { CompactionOptions } from '../mvcc/compaction.ts'
import type { KeyRevision } from '../mvcc/key-revision.ts'
import { MvccStore } from '../mvcc/mvcc-store.ts'
import { RevisionIndex } from '../mvcc/revision-index.ts'
import { StorageError } from '../storage-error.ts'
import type { SnapshotStore } from '../store.ts'
import { decodeLogRecord, formatVersion, metaKeys, revisionOf, tableRange } from './layout.ts'
import { toStorageError } from './level-error.ts'
import {
  clearOtherGenerations,
  type Durability,
  dropBehind,
  encodeNumber,
  type JournalMeta,
  type LevelDatabase,
  LevelJournal,
  openDatabase,
  readMeta,
} from './level-journal.ts'

export interface LevelStoreOptions {
  /** Made if it is not there. One process at a time. */
  readonly directory: string
  /** Default: `sync`. */
  readonly durability?: Durability
  /** Default: the machine's clock. */
  readonly clock?: Clock
  readonly compaction?: CompactionOptions
  /** Bytes of values of recent writes to keep in memory. Default: 16 MiB. */
  readonly residentBytes?: number
}

const defaultResidentBytes = 16 * 1024 * 1024
/** Log records fetched at a time while opening. */
const scanChunk = 2000
const scanBytes = 1024 * 1024

/**
 * Opens the store in a folder, new or not. Reads one small record per kept revision; values stay on disk.
 *
 * Errors: `Locked` (another process has it), `UnsupportedFormat` (a newer version's data, or no store at all),
 * `Corrupt`, `NoSpace`, `Unavailable`.
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<SnapshotStore> {
  const { directory, durability = 'sync', clock = systemClock } = options
  const db = await openDatabase(directory)
  try {
    const meta = await admitFormat(db, directory)
    await clearOtherGenerations(db, meta.generation)
    const { index, garbage } = await readIndex(db, meta, durability, () => clock.now())
    const position = { generation: meta.generation, revision: index.current }
    const journal = new LevelJournal(db, { directory, durability }, position)
    if (garbage.length > 0) await journal.discard(garbage)
    return new MvccStore({ clock, compaction: options.compaction }, index, {
      backend: 'leveldb',
      journal,
      residentBytes: options.residentBytes ?? defaultResidentBytes,
    })
  } catch (error) {
    await db.close()
    throw toStorageError(error, directory)
  }
}

/** Refuses data of another kind or a later format; marks an empty database as a store. */
async function admitFormat(db: LevelDatabase, directory: string): Promise<JournalMeta> {
  const meta = await readMeta(db)
  if (meta.format === undefined) {
    for await (const _key of db.keys({ limit: 1 })) {
      throw new StorageError('UnsupportedFormat', `${directory} holds a LevelDB database that is no kubemu store`)
    }
    await db.put(metaKeys.format, encodeNumber(formatVersion), { sync: true })
    return { ...meta, format: formatVersion }
  }
  if (meta.format !== formatVersion) {
    throw new StorageError(
      'UnsupportedFormat',
      `${directory} has data format ${meta.format}, this version of kubemu reads format ${formatVersion}: ` +
        'use the version that wrote it, or another data directory',
    )
  }
  return meta
}

interface OpenedIndex {
  readonly index: RevisionIndex
  /** Records that compaction had given up but a crash left behind. */
  readonly garbage: readonly KeyRevision[]
}

async function readIndex(
  db: LevelDatabase,
  meta: JournalMeta,
  durability: Durability,
  now: () => number,
): Promise<OpenedIndex> {
  const past = new PastState()
  let index: RevisionIndex | undefined
  for await (const [revision, bytes] of logEntries(db, meta.generation)) {
    if (revision < meta.compacted) {
      past.take(decodeLogRecord(revision, bytes, (key) => past.get(key)))
      continue
    }
    index ??= past.toIndex(meta.compacted, revision === meta.compacted, now)
    const known = index
    if (revision !== known.current + 1) {
      if (durability === 'sync') throw gapError(known.current, revision)
      // After power loss an unsynced log can lack a piece in its midst, as LevelDB syncs no file that it leaves behind.
      // What came before the gap is whole; that is all that `async` promises.
      await dropBehind(db, meta.generation, known.current)
      break
    }
    known.apply(decodeLogRecord(revision, bytes, (key) => known.newest(key)))
  }
  return { index: index ?? past.toIndex(meta.compacted, false, now), garbage: past.garbage }
}

function gapError(last: number, next: number): StorageError {
  return new StorageError(
    'Corrupt',
    `the log jumps from revision ${last} to ${next}; in durability "async" the store opens with what came before`,
    { revision: next },
  )
}

/** What the revisions before the compacted one leave: one live record per key; everything else is garbage. */
class PastState {
  readonly garbage: KeyRevision[] = []
  readonly #live = new Map<string, KeyRevision>()

  get(key: string): KeyRevision | undefined {
    return this.#live.get(key)
  }

  take(record: KeyRevision): void {
    if (record.previous !== undefined) this.garbage.push(record.previous)
    record.previous = undefined
    if (record.deleted) {
      this.garbage.push(record)
      this.#live.delete(record.key)
    } else {
      this.#live.set(record.key, record)
    }
  }

  /** `logged`: the log still has the compacted revision itself. */
  toIndex(compacted: number, logged: boolean, now: () => number): RevisionIndex {
    const index = new RevisionIndex(now, {
      revision: logged ? compacted - 1 : Math.max(1, compacted),
      compacted,
      historyStart: logged || compacted <= 1 ? Math.max(1, compacted) : compacted + 1,
    })
    for (const record of this.#live.values()) index.adopt(record)
    return index
  }
}

async function* logEntries(db: LevelDatabase, generation: number): AsyncGenerator<[number, Buffer]> {
  const iterator = db.iterator({
    ...tableRange('log', generation),
    fillCache: false,
    highWaterMarkBytes: scanBytes,
  })
  try {
    for (;;) {
      const entries = await iterator.nextv(scanChunk)
      if (entries.length === 0) return
      for (const [key, bytes] of entries) yield [revisionOf(key), bytes]
    }
  } finally {
    await iterator.close()
  }
}
