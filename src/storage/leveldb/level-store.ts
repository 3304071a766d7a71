import { type Clock, systemClock } from '../../apimachinery/clock.ts'
import type { CompactionOptions } from '../mvcc/compaction.ts'
import { MvccStore } from '../mvcc/mvcc-store.ts'
import { StorageError } from '../storage-error.ts'
import type { SnapshotStore } from '../store.ts'
import { IndexBuilder } from './index-builder.ts'
import { decodeLogRecord, formatVersion, metaKeys, tableRange } from './layout.ts'
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
    const builder = await readIndex(db, meta, durability)
    const index = builder.build(() => clock.now())
    const position = { generation: meta.generation, revision: index.current }
    const journal = new LevelJournal(db, { directory, durability }, position)
    if (builder.garbage.length > 0) await journal.discard(builder.garbage)
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

async function readIndex(db: LevelDatabase, meta: JournalMeta, durability: Durability): Promise<IndexBuilder> {
  const builder = new IndexBuilder(meta.compacted)
  for await (const texts of logChunks(db, meta.generation)) {
    for (const text of texts) {
      const record = decodeLogRecord(text, (key) => builder.newest(key))
      if (builder.take(record)) continue
      if (durability === 'sync') throw gapError(builder.current, record.revision)
      // After power loss an unsynced log can lack a piece in its midst, as LevelDB syncs no file that it leaves behind.
      // What came before the gap is whole; that is all that `async` promises.
      await dropBehind(db, meta.generation, builder.current)
      return builder
    }
  }
  return builder
}

function gapError(last: number, next: number): StorageError {
  return new StorageError(
    'Corrupt',
    `the log jumps from revision ${last} to ${next}; in durability "async" the store opens with what came before`,
    { revision: next },
  )
}

/** The log's records in revision order, a few thousand at a time. */
async function* logChunks(db: LevelDatabase, generation: number): AsyncGenerator<readonly string[]> {
  const iterator = db.values<Buffer, string>({
    ...tableRange('log', generation),
    valueEncoding: 'utf8',
    fillCache: false,
    highWaterMarkBytes: scanBytes,
  })
  try {
    for (;;) {
      const texts = await iterator.nextv(scanChunk)
      if (texts.length === 0) return
      yield texts
    }
  } finally {
    await iterator.close()
  }
}
