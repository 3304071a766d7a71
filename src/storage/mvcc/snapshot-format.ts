import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { StorageError } from '../storage-error.ts'
import { KeyRevision } from './key-revision.ts'

/**
 * A snapshot: magic, format version, revision, count, then each live key, then the CRC-32 of all before it.
 * Integers are big-endian; revisions and times have 48 bits.
 */
const magic = Buffer.from('kubemu-snapshot\n')
const formatVersion = 1
const headerBytes = magic.length + 2 + 6 + 6
const entryBytes = 4 + 4 + 6 + 6 + 6 + 6
const checksumBytes = 4
/** A file is read in pieces of so many bytes. */
const pieceBytes = 1024 * 1024
/** Snapshots hold Secrets: for their owner's eyes only. */
const snapshotMode = 0o600

/** What a snapshot holds: every live key with its value, and where the revision line stood. */
export interface SnapshotContents {
  readonly revision: number
  readonly records: readonly KeyRevision[]
}

/** A live key as it goes into a snapshot. */
export interface SnapshotEntry {
  readonly record: KeyRevision
  readonly value: Buffer | undefined
}

/** The bytes of a snapshot, piece by piece. `count`: how many entries there are. */
export async function* snapshotPieces(
  revision: number,
  count: number,
  entries: AsyncIterable<readonly SnapshotEntry[]>,
): AsyncGenerator<Buffer> {
  const header = encodeHeader(revision, count)
  let checksum = crc32(header)
  yield header
  for await (const batch of entries) {
    const parts: Buffer[] = []
    for (const { record, value = Buffer.alloc(0) } of batch) {
      const key = Buffer.from(record.key)
      parts.push(encodeEntry(record, key.length, value.length), key, value)
    }
    const piece = Buffer.concat(parts)
    checksum = crc32(piece, checksum)
    yield piece
  }
  const end = Buffer.alloc(checksumBytes)
  end.writeUInt32BE(checksum)
  yield end
}

function encodeHeader(revision: number, count: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  magic.copy(header)
  header.writeUInt16BE(formatVersion, magic.length)
  header.writeUIntBE(revision, magic.length + 2, 6)
  header.writeUIntBE(count, magic.length + 8, 6)
  return header
}

function encodeEntry(record: KeyRevision, keyBytes: number, valueBytes: number): Buffer {
  const entry = Buffer.alloc(entryBytes)
  entry.writeUInt32BE(keyBytes, 0)
  entry.writeUInt32BE(valueBytes, 4)
  entry.writeUIntBE(record.revision, 8, 6)
  entry.writeUIntBE(record.createRevision, 14, 6)
  entry.writeUIntBE(record.version, 20, 6)
  entry.writeUIntBE(record.expiresAt, 26, 6)
  return entry
}

/** Values are views of `snapshot`. Errors: `Corrupt`, `UnsupportedFormat`. */
export function decodeSnapshot(snapshot: Buffer): SnapshotContents {
  const { revision, count } = decodeHeader(snapshot)
  const end = snapshot.length - checksumBytes
  if (end < headerBytes || crc32(snapshot.subarray(0, end)) !== snapshot.readUInt32BE(end)) throw checksumError()
  const reader = new EntryReader()
  const records = reader.take(snapshot.subarray(headerBytes, end))
  if (records.length !== count) throw checksumError()
  return { revision, records }
}

interface SnapshotHead {
  readonly revision: number
  readonly count: number
}

function decodeHeader(bytes: Buffer): SnapshotHead {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    throw new StorageError('Corrupt', 'these bytes are no snapshot')
  }
  const version = bytes.readUInt16BE(magic.length)
  if (version !== formatVersion) {
    throw new StorageError(
      'UnsupportedFormat',
      `the snapshot has format ${version}, this version reads ${formatVersion}`,
    )
  }
  return { revision: bytes.readUIntBE(magic.length + 2, 6), count: bytes.readUIntBE(magic.length + 8, 6) }
}

function checksumError(): StorageError {
  return new StorageError('Corrupt', 'the snapshot is cut or garbled: its checksum does not match')
}

/** Takes entries out of pieces of any length. Values are views of the pieces. */
class EntryReader {
  #rest: Buffer = Buffer.alloc(0)

  /** The entries that are whole with this piece. */
  take(piece: Buffer): KeyRevision[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    const records: KeyRevision[] = []
    let offset = 0
    while (offset + entryBytes <= bytes.length) {
      const keyStart = offset + entryBytes
      const valueStart = keyStart + bytes.readUInt32BE(offset)
      const size = bytes.readUInt32BE(offset + 4)
      if (valueStart + size > bytes.length) break
      records.push(
        new KeyRevision({
          key: bytes.toString('utf8', keyStart, valueStart),
          revision: bytes.readUIntBE(offset + 8, 6),
          createRevision: bytes.readUIntBE(offset + 14, 6),
          version: bytes.readUIntBE(offset + 20, 6),
          expiresAt: bytes.readUIntBE(offset + 26, 6),
          deleted: false,
          size,
          value: bytes.subarray(valueStart, valueStart + size),
          previous: undefined,
        }),
      )
      offset = valueStart + size
    }
    this.#rest = bytes.subarray(offset)
    return records
  }
}

/** What a snapshot in a file holds, read in pieces. */
interface SnapshotFile extends SnapshotHead {
  /** Each live key in a batch of some; values are in memory as long as somebody holds them. */
  records(): AsyncGenerator<readonly KeyRevision[]>
}

/**
 * Writes a snapshot beside its place, syncs it, and moves it there: the file is whole or not there.
 * Errors: those of the file system.
 */
export async function writeSnapshotFile(path: string, pieces: AsyncIterable<Buffer>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  const file = await open(temporary, 'w', snapshotMode)
  try {
    try {
      for await (const piece of pieces) await file.appendFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Reads the file once to see that it is whole. Errors: `Corrupt`, `UnsupportedFormat`, those of the file system. */
export async function openSnapshotFile(path: string): Promise<SnapshotFile> {
  const { size } = await stat(path)
  const head = await readPiece(path, 0, headerBytes)
  const { revision, count } = decodeHeader(head)
  if (size < headerBytes + checksumBytes) throw checksumError()
  const end = size - checksumBytes
  let checksum = 0
  for await (const piece of piecesOf(path, 0, end)) checksum = crc32(piece, checksum)
  if (checksum !== (await readPiece(path, end, checksumBytes)).readUInt32BE()) throw checksumError()
  return {
    revision,
    count,
    async *records() {
      const reader = new EntryReader()
      for await (const piece of piecesOf(path, headerBytes, end)) yield reader.take(piece)
    },
  }
}

/** Bytes from `start` to `end`, exclusive. */
function piecesOf(path: string, start: number, end: number): AsyncIterable<Buffer> {
  if (start >= end) return Readable.from([])
  return createReadStream(path, { start, end: end - 1, highWaterMark: pieceBytes })
}

async function readPiece(path: string, start: number, length: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of piecesOf(path, start, start + length)) pieces.push(piece)
  return Buffer.concat(pieces)
}
