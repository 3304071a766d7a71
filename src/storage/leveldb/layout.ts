import { KeyRevision } from '../mvcc/key-revision.ts'
import { StorageError } from '../storage-error.ts'

/**
 * How a store lies in LevelDB. Every key begins with one letter:
 *
 *     m <name>                     metadata: `format`, `generation`, `compacted`
 *     l <generation:4> <revision:6>   the log: one small record per revision, all that opening reads
 *     v <generation:4> <revision:6>   the value that the revision wrote, behind its CRC-32
 *
 * A write adds one `l` and one `v` in the same batch; both grow at their end only, which LevelDB likes best.
 * Compaction removes pairs that nothing shows any more. A restore writes a new generation beside the old one and
 * switches with one batch. Integers are big-endian, so that byte order is revision order.
 */
export const formatVersion = 1

export const metaKeys = {
  format: Buffer.from('mformat'),
  generation: Buffer.from('mgeneration'),
  compacted: Buffer.from('mcompacted'),
} as const

const letters = { log: 0x6c, value: 0x76 } as const

export type Table = keyof typeof letters

const tableKeyBytes = 11

/** The key of one revision's record in a table. */
export function tableKey(table: Table, generation: number, revision: number): Buffer {
  const key = Buffer.allocUnsafe(tableKeyBytes)
  key[0] = letters[table]
  key.writeUInt32BE(generation, 1)
  key.writeUIntBE(revision, 5, 6)
  return key
}

/** The revision of a key made by {@link tableKey}. */
export function revisionOf(key: Buffer): number {
  return key.readUIntBE(5, 6)
}

/** First and one-past-last key of a table in a range of generations (`to` exclusive). */
export function tableRange(table: Table, from: number, to = from + 1): { readonly gte: Buffer; readonly lt: Buffer } {
  return { gte: tableKey(table, from, 0), lt: tableKey(table, to, 0) }
}

const logHeaderBytes = 1 + 6 + 6 + 6 + 4
const put = 1
const del = 2

/** The log's record: kind, createRevision, version, expiresAt, size of the value, key. */
export function encodeLogRecord(record: KeyRevision): Buffer {
  const keyBytes = Buffer.byteLength(record.key)
  const bytes = Buffer.allocUnsafe(logHeaderBytes + keyBytes)
  bytes[0] = record.deleted ? del : put
  bytes.writeUIntBE(record.createRevision, 1, 6)
  bytes.writeUIntBE(record.version, 7, 6)
  bytes.writeUIntBE(record.expiresAt, 13, 6)
  bytes.writeUInt32BE(record.size, 19)
  bytes.write(record.key, logHeaderBytes)
  return bytes
}

/** `previousOf` finds the write before it to the same key. Errors: `Corrupt`. */
export function decodeLogRecord(
  revision: number,
  bytes: Buffer,
  previousOf: (key: string) => KeyRevision | undefined,
): KeyRevision {
  const kind = bytes[0]
  if (bytes.length <= logHeaderBytes || (kind !== put && kind !== del)) {
    throw new StorageError('Corrupt', `the log record of revision ${revision} is garbled`, { revision })
  }
  const key = bytes.toString('utf8', logHeaderBytes)
  return new KeyRevision({
    key,
    revision,
    createRevision: bytes.readUIntBE(1, 6),
    version: bytes.readUIntBE(7, 6),
    deleted: kind === del,
    size: bytes.readUInt32BE(19),
    expiresAt: bytes.readUIntBE(13, 6),
    value: undefined,
    previous: previousOf(key),
  })
}
