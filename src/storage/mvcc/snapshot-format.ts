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

/** What a snapshot holds: every live key with its value, and where the revision line stood. */
export interface SnapshotContents {
  readonly revision: number
  readonly records: readonly KeyRevision[]
}

/** `values[i]` belongs to `records[i]`. */
export function encodeSnapshot(
  revision: number,
  records: readonly KeyRevision[],
  values: readonly (Buffer | undefined)[],
): Buffer {
  const parts: Buffer[] = [encodeHeader(revision, records.length)]
  for (const [i, record] of records.entries()) {
    const key = Buffer.from(record.key)
    const value = values[i] ?? Buffer.alloc(0)
    parts.push(encodeEntry(record, key.length, value.length), key, value)
  }
  const body = Buffer.concat([...parts, Buffer.alloc(checksumBytes)])
  body.writeUInt32BE(crc32(body.subarray(0, -checksumBytes)), body.length - checksumBytes)
  return body
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
  if (snapshot.length < headerBytes + checksumBytes || !snapshot.subarray(0, magic.length).equals(magic)) {
    throw new StorageError('Corrupt', 'these bytes are no snapshot')
  }
  const version = snapshot.readUInt16BE(magic.length)
  if (version !== formatVersion) {
    throw new StorageError(
      'UnsupportedFormat',
      `the snapshot has format ${version}, this version reads ${formatVersion}`,
    )
  }
  const end = snapshot.length - checksumBytes
  if (crc32(snapshot.subarray(0, end)) !== snapshot.readUInt32BE(end)) {
    throw new StorageError('Corrupt', 'the snapshot is cut or garbled: its checksum does not match')
  }
  const revision = snapshot.readUIntBE(magic.length + 2, 6)
  const count = snapshot.readUIntBE(magic.length + 8, 6)
  return { revision, records: decodeEntries(snapshot.subarray(headerBytes, end), count) }
}

function decodeEntries(body: Buffer, count: number): KeyRevision[] {
  const records: KeyRevision[] = []
  let offset = 0
  for (let i = 0; i < count; i++) {
    const keyStart = offset + entryBytes
    const valueStart = keyStart + body.readUInt32BE(offset)
    const size = body.readUInt32BE(offset + 4)
    records.push(
      new KeyRevision({
        key: body.toString('utf8', keyStart, valueStart),
        revision: body.readUIntBE(offset + 8, 6),
        createRevision: body.readUIntBE(offset + 14, 6),
        version: body.readUIntBE(offset + 20, 6),
        expiresAt: body.readUIntBE(offset + 26, 6),
        deleted: false,
        size,
        value: body.subarray(valueStart, valueStart + size),
        previous: undefined,
      }),
    )
    offset = valueStart + size
  }
  return records
}
