import type { KeyValue, StoreEvent } from '../store.ts'

const nothing = Buffer.alloc(0)

interface KeyRevisionFields {
  readonly key: string
  readonly revision: number
  readonly createRevision: number
  readonly version: number
  readonly deleted: boolean
  /** Bytes of the value. */
  readonly size: number
  /** When the key goes away by itself, in milliseconds since the epoch; 0: never. */
  readonly expiresAt: number
  readonly value: Buffer | undefined
  readonly previous: KeyRevision | undefined
}

/**
 * One write to one key. Those of a key form a chain from the newest back to the oldest kept.
 *
 * A delete repeats `createRevision` and `version` of the state that it ended and has no value of its own.
 */
export class KeyRevision {
  readonly key: string
  readonly revision: number
  readonly createRevision: number
  readonly version: number
  readonly deleted: boolean
  readonly size: number
  readonly expiresAt: number
  /** Undefined in a delete, and where a journal holds the value and it is not resident. */
  value: Buffer | undefined
  /** The write before this one to the same key; undefined in the first, and where compaction has cut the chain. */
  previous: KeyRevision | undefined

  constructor(fields: KeyRevisionFields) {
    this.key = fields.key
    this.revision = fields.revision
    this.createRevision = fields.createRevision
    this.version = fields.version
    this.deleted = fields.deleted
    this.size = fields.size
    this.expiresAt = fields.expiresAt
    this.value = fields.value
    this.previous = fields.previous
  }

  /** The write of the chain that holds at `revision`: a value or a delete; undefined if the key was not there yet. */
  at(revision: number): KeyRevision | undefined {
    let record: KeyRevision | undefined = this
    while (record !== undefined && record.revision > revision) record = record.previous
    return record
  }
}

/** What a reader gets for a live record; `value` defaults to the resident one. */
export function toKeyValue(record: KeyRevision, value: Buffer = record.value ?? nothing): KeyValue {
  return {
    key: record.key,
    value,
    createRevision: record.createRevision,
    modRevision: record.revision,
    version: record.version,
  }
}

/** The same without the value. */
export function toBareKeyValue(record: KeyRevision): KeyValue {
  return toKeyValue(record, nothing)
}

/**
 * What a watcher gets for a record. `value` is its own value, `decoded` what the writer handed in with it,
 * `previousValue` that of the state before it.
 */
export function toEvent(
  record: KeyRevision,
  value: Buffer | undefined,
  previousValue: Buffer | undefined,
  decoded?: unknown,
): StoreEvent {
  const before = record.previous
  const previous =
    before !== undefined && !before.deleted && previousValue !== undefined
      ? toKeyValue(before, previousValue)
      : undefined
  if (record.deleted) return { type: 'delete', kv: toKeyValue(record, previousValue ?? nothing), previous }
  const kv = toKeyValue(record, value ?? nothing)
  return { type: 'put', kv: decoded === undefined ? kv : { ...kv, decoded }, previous }
}
