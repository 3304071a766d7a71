import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { ClassicLevel } from 'classic-level'
import type { Journal, JournalState } from '../mvcc/journal.ts'
import type { KeyRevision } from '../mvcc/key-revision.ts'
import { StorageError } from '../storage-error.ts'
import { encodeLogRecord, formatVersion, metaKeys, revisionOf, tableKey, tableRange } from './layout.ts'
import { toStorageError } from './level-error.ts'

/** `sync`: an acknowledged write survives power loss. `async`: it survives the process, not the machine. */
export type Durability = 'sync' | 'async'

export type LevelDatabase = ClassicLevel<Buffer, Buffer>

interface LevelJournalOptions {
  readonly directory: string
  readonly durability: Durability
}

/** LevelDB's own default; what opening after a crash may have to write out, too. */
const writeBufferBytes = 4 * 1024 * 1024
/** Keys per read, so that a long range does not hold one thread of the pool for long. */
const loadChunk = 256
/** Bytes per batch of a restore. */
const replaceBatchBytes = 4 * 1024 * 1024
const crcBytes = 4

/** Opens the database alone. Errors: `Locked`, `Corrupt`, `NoSpace`, `Unavailable`. */
export async function openDatabase(directory: string): Promise<LevelDatabase> {
  const db: LevelDatabase = new ClassicLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: writeBufferBytes,
  })
  try {
    await db.open()
    return db
  } catch (error) {
    throw toStorageError(error, directory)
  }
}

/** Where the journal stands when it is opened. */
interface JournalPosition {
  readonly generation: number
  /** The last revision that is durable. */
  readonly revision: number
}

/**
 * The journal in LevelDB; see `layout.ts` for how it lies there.
 *
 * LevelDB must not be written to after a failed write: its log may end in half a record, and what follows would be
 * lost at the next open. So the first write after a failure closes and opens the database anew, once a probe has
 * found room for that, and removes what the failed write may have left. Until then it only reads.
 */
export class LevelJournal implements Journal {
  readonly #db: LevelDatabase
  readonly #directory: string
  readonly #durability: Durability
  #generation: number
  #durable: number
  #broken = false
  #recovering: Promise<void> | undefined
  /** Records that a failed {@link discard} has left behind. */
  #undiscarded: KeyRevision[] = []
  readonly #loading = new Set<Promise<unknown>>()

  constructor(db: LevelDatabase, options: LevelJournalOptions, position: JournalPosition) {
    this.#db = db
    this.#directory = options.directory
    this.#durability = options.durability
    this.#generation = position.generation
    this.#durable = position.revision
  }

  async append(records: readonly KeyRevision[]): Promise<void> {
    await this.#writing((batch) => {
      for (const record of records) putRecord(batch, this.#generation, record)
    }, this.#durability === 'sync')
    this.#durable = records.at(-1)?.revision ?? this.#durable
  }

  load(records: readonly KeyRevision[]): Promise<Buffer[]> {
    // Keys are made before anything is awaited: a restore may switch generations meanwhile.
    const keys = records.map((record) => tableKey('value', this.#generation, record.revision))
    const loading = this.#read(records, keys)
    this.#loading.add(loading)
    const done = (): void => {
      this.#loading.delete(loading)
    }
    loading.then(done, done)
    return loading
  }

  async #read(records: readonly KeyRevision[], keys: readonly Buffer[]): Promise<Buffer[]> {
    await this.#recovering?.catch(() => {
      // Whoever wrote hears of it; a read goes on with what is there.
    })
    const values = new Array<Buffer>(keys.length)
    let next = 0
    const reader = async (): Promise<void> => {
      while (next < keys.length) {
        const from = next
        next += loadChunk
        const stored = await this.#db.getMany(keys.slice(from, from + loadChunk))
        for (const [n, bytes] of stored.entries()) values[from + n] = openValue(records[from + n], bytes)
      }
    }
    try {
      // Two, so that one chunk is fetched while the other is checked; more would crowd the writer out of the pool.
      await Promise.all([reader(), reader()])
    } catch (error) {
      throw toStorageError(error, this.#directory)
    }
    return values
  }

  async compacted(revision: number): Promise<void> {
    // Synced, as LevelDB's next log file could otherwise keep the discards while this one lost the note.
    await this.#writing((batch) => batch.put(metaKeys.compacted, encodeNumber(revision)), true)
  }

  async discard(records: readonly KeyRevision[]): Promise<void> {
    const all = this.#undiscarded.length > 0 ? [...this.#undiscarded, ...records] : records
    try {
      await this.#writing((batch) => {
        for (const record of all) {
          batch.del(tableKey('log', this.#generation, record.revision))
          if (!record.deleted) batch.del(tableKey('value', this.#generation, record.revision))
        }
      }, false)
      this.#undiscarded = []
    } catch (error) {
      this.#undiscarded = [...all]
      throw error
    }
  }

  async replace(state: JournalState, switched: () => void): Promise<void> {
    const old = this.#generation
    const next = old + 1
    await this.#clearGenerations(next, next + 1)
    for await (const records of state.records) {
      for (let i = 0; i < records.length; ) {
        await this.#writing((batch) => {
          for (let bytes = 0; bytes < replaceBatchBytes; i++) {
            const record = records[i]
            if (record === undefined) break
            putRecord(batch, next, record)
            bytes += record.size
            // Whoever reads it from now on finds it in the journal.
            record.value = undefined
          }
        }, false)
      }
    }
    await this.#writing((batch) => {
      batch.put(metaKeys.generation, encodeNumber(next))
      batch.put(metaKeys.compacted, encodeNumber(state.compacted))
    }, true)
    this.#generation = next
    this.#durable = state.compacted
    this.#undiscarded = []
    switched()
    await Promise.allSettled(this.#loading)
    await this.#clearGenerations(old, next)
  }

  /** Removes whole generations; `to` exclusive. A crash half-way is made good by {@link clearOtherGenerations}. */
  async #clearGenerations(from: number, to: number): Promise<void> {
    try {
      await this.#db.clear(tableRange('log', from, to))
      await this.#db.clear(tableRange('value', from, to))
    } catch (error) {
      this.#broken = true
      throw toStorageError(error, this.#directory)
    }
  }

  async problems(expected: readonly KeyRevision[], compacted: number): Promise<string[]> {
    const left = new Set(this.#undiscarded.map((record) => record.revision))
    try {
      return [
        ...(await this.#metaProblems(compacted)),
        ...(await this.#tableProblems('log', expected, left, logDiffers)),
        ...(await this.#tableProblems('value', expected.filter(isPut), left, valueDiffers)),
      ]
    } catch (error) {
      throw toStorageError(error, this.#directory)
    }
  }

  async #metaProblems(compacted: number): Promise<string[]> {
    const problems: string[] = []
    const meta = await readMeta(this.#db)
    if (meta.format !== formatVersion) problems.push(`the stored format is ${meta.format}`)
    if (meta.generation !== this.#generation)
      problems.push(`generation ${meta.generation}, expected ${this.#generation}`)
    if (meta.compacted !== compacted) problems.push(`compacted ${meta.compacted} is stored, expected ${compacted}`)
    return problems
  }

  async #tableProblems(
    table: 'log' | 'value',
    expected: readonly KeyRevision[],
    left: ReadonlySet<number>,
    differs: (record: KeyRevision, bytes: Buffer) => string | undefined,
  ): Promise<string[]> {
    const problems: string[] = []
    let n = 0
    for await (const [key, bytes] of this.#db.iterator({ ...tableRange(table, this.#generation), fillCache: false })) {
      const revision = revisionOf(key)
      for (; (expected[n]?.revision ?? Number.POSITIVE_INFINITY) < revision; n++) {
        problems.push(`revision ${expected[n]?.revision} has no stored ${table}`)
      }
      const record = expected[n]
      if (record?.revision !== revision) {
        if (!left.has(revision)) problems.push(`a ${table} is stored for revision ${revision}, which nothing refers to`)
        continue
      }
      n++
      const difference = differs(record, bytes)
      if (difference !== undefined) problems.push(`revision ${revision} of ${record.key}: ${difference}`)
    }
    for (; n < expected.length; n++) problems.push(`revision ${expected[n]?.revision} has no stored ${table}`)
    return problems
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#loading)
    try {
      if (this.#durability === 'async' && !this.#broken) {
        // One synced write makes all before it durable: a clean stop is safe in this mode, too.
        await this.#db.put(metaKeys.format, encodeNumber(formatVersion), { sync: true })
      }
    } finally {
      await this.#db.close()
    }
  }

  async #writing(fill: (batch: ReturnType<LevelDatabase['batch']>) => unknown, sync: boolean): Promise<void> {
    if (this.#broken) await this.#recover()
    try {
      const batch = this.#db.batch()
      fill(batch)
      await batch.write({ sync })
    } catch (error) {
      this.#broken = true
      throw toStorageError(error, this.#directory)
    }
  }

  #recover(): Promise<void> {
    this.#recovering ??= this.#reopen().finally(() => {
      this.#recovering = undefined
    })
    return this.#recovering
  }

  async #reopen(): Promise<void> {
    try {
      await probeSpace(this.#directory)
      await this.#db.close()
      await this.#db.open()
      await dropBehind(this.#db, this.#generation, this.#durable)
      this.#broken = false
    } catch (error) {
      throw toStorageError(error, this.#directory)
    }
  }
}

/** Removes every revision after `revision`. */
export async function dropBehind(db: LevelDatabase, generation: number, revision: number): Promise<void> {
  for (const table of ['log', 'value'] as const) {
    const { lt } = tableRange(table, generation)
    await db.clear({ gte: tableKey(table, generation, revision + 1), lt })
  }
}

/** Removes what a restore that was cut short has left. */
export async function clearOtherGenerations(db: LevelDatabase, generation: number): Promise<void> {
  for (const table of ['log', 'value'] as const) {
    const whole = { gte: tableKey(table, 0, 0), lt: tableKey(table, 0xffffffff, 0) }
    const own = tableRange(table, generation)
    await db.clear({ gte: whole.gte, lt: own.gte })
    await db.clear({ gte: own.lt, lt: whole.lt })
  }
}

export interface JournalMeta {
  /** Undefined in a database that is no store of ours, or new. */
  readonly format: number | undefined
  readonly generation: number
  readonly compacted: number
}

/** Reads the metadata as it stands. */
export async function readMeta(db: LevelDatabase): Promise<JournalMeta> {
  const [format, generation, compacted] = await db.getMany([metaKeys.format, metaKeys.generation, metaKeys.compacted])
  return {
    format: format === undefined ? undefined : decodeNumber(format),
    generation: generation === undefined ? 0 : decodeNumber(generation),
    compacted: compacted === undefined ? 0 : decodeNumber(compacted),
  }
}

/** Metadata numbers are 48-bit integers. */
export function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return bytes
}

function decodeNumber(bytes: Buffer): number {
  if (bytes.length !== 6) throw new StorageError('Corrupt', `metadata of ${bytes.length} bytes`)
  return bytes.readUIntBE(0, 6)
}

function putRecord(batch: ReturnType<LevelDatabase['batch']>, generation: number, record: KeyRevision): void {
  batch.put(tableKey('log', generation, record.revision), encodeLogRecord(record))
  if (record.deleted) return
  batch.put(tableKey('value', generation, record.revision), sealValue(record.value ?? Buffer.alloc(0)))
}

/** Where values of usual size are sealed: LevelDB's batch has copied one before the next comes. */
const sealing = Buffer.allocUnsafe(64 * 1024)

function sealValue(value: Buffer): Buffer {
  const length = crcBytes + value.length
  const bytes = length <= sealing.length ? sealing.subarray(0, length) : Buffer.allocUnsafe(length)
  bytes.writeUInt32BE(crc32(value), 0)
  value.copy(bytes, crcBytes)
  return bytes
}

function openValue(record: KeyRevision | undefined, bytes: Buffer | undefined): Buffer {
  const difference = record === undefined || bytes === undefined ? 'the value is missing' : valueDiffers(record, bytes)
  if (bytes === undefined || difference !== undefined) {
    throw new StorageError('Corrupt', `revision ${record?.revision} of ${record?.key}: ${difference}`, {
      key: record?.key,
      revision: record?.revision,
    })
  }
  return bytes.subarray(crcBytes)
}

function valueDiffers(record: KeyRevision, bytes: Buffer): string | undefined {
  if (bytes.length !== crcBytes + record.size)
    return `the value has ${bytes.length - crcBytes} bytes, not ${record.size}`
  if (crc32(bytes.subarray(crcBytes)) !== bytes.readUInt32BE(0)) return 'the value does not match its checksum'
  return undefined
}

function logDiffers(record: KeyRevision, bytes: Buffer): string | undefined {
  return bytes.equals(encodeLogRecord(record)) ? undefined : 'the stored log record differs'
}

function isPut(record: KeyRevision): boolean {
  return !record.deleted
}

/** Finds out whether there is room to open the database again. Errors: whatever the file system says. */
async function probeSpace(directory: string): Promise<void> {
  const path = join(directory, 'space.probe')
  try {
    const file = await open(path, 'w')
    try {
      await file.writeFile(Buffer.alloc(2 * writeBufferBytes, 1))
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}
