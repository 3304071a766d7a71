import { KeyRevision } from '../mvcc/key-revision.ts'
import { StorageError } from '../storage-error.ts'

/**
 * How a store lies in LevelDB. Every key begins with one letter:
 *
 *     m <name>                     metadata: `format`, `generation`, `compacted`
 *     l <generation:4> <revision:6>   the log: one short text per revision, all that opening reads
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

type Table = keyof typeof letters

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

/**
 * The log's record, as text: kind, revision, createRevision, version, expiresAt, size of the value, key. Text, as V8
 * makes 100,000 strings from LevelDB in a third of the time that buffers take: opening is bound by this.
 */
export function encodeLogRecord(record: KeyRevision): Buffer {
  const { deleted, revision, createRevision, version, expiresAt, size, key } = record
  return Buffer.from(`${deleted ? 'd' : 'p'} ${revision} ${createRevision} ${version} ${expiresAt} ${size} ${key}`)
}

/** `previousOf` finds the write before it to the same key. Errors: `Corrupt`. */
export function decodeLogRecord(text: string, previousOf: (key: string) => KeyRevision | undefined): KeyRevision {
  const kind = text[0]
  const numbers = [0, 0, 0, 0, 0]
  let at = 2
  for (let i = 0; i < numbers.length; i++) {
    const space = text.indexOf(' ', at)
    const number = space < 0 ? Number.NaN : Number(text.slice(at, space))
    if (!Number.isSafeInteger(number) || number < 0) throw garbled(text)
    numbers[i] = number
    at = space + 1
  }
  if ((kind !== 'p' && kind !== 'd') || at >= text.length) throw garbled(text)
  const [revision = 0, createRevision = 0, version = 0, expiresAt = 0, size = 0] = numbers
  const key = text.slice(at)
  const previous = previousOf(key)
  const deleted = kind === 'd'
  return new KeyRevision({
    // One string per key, not one per revision.
    key: previous?.key ?? key,
    revision,
    createRevision,
    version,
    deleted,
    size,
    expiresAt,
    value: undefined,
    previous,
  })
}

function garbled(text: string): StorageError {
  return new StorageError('Corrupt', `a log record is garbled: ${JSON.stringify(text.slice(0, 80))}`)
}
