import type { StorageErrorCode } from '../../src/storage/storage-error.ts'

/** One write as the model remembers it. */
export interface ModelWrite {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly value: string
  readonly revision: number
  readonly createRevision: number
  readonly version: number
  /** Milliseconds since the epoch; 0: never. */
  readonly expiresAt: number
}

export type ModelState = ReadonlyMap<string, ModelWrite>

/** How a model answers: with a write, or with the code of the refusal. */
export type ModelAnswer = ModelWrite | StorageErrorCode

/**
 * A store so plain that it is evidently right: a list of all writes ever, replayed for each question. Tests compare
 * real stores with it.
 */
export class ModelStore {
  revision = 1
  compacted = 0
  /** Every write since the origin, in revision order; compaction only moves {@link compacted}. */
  readonly writes: ModelWrite[] = []
  /** What there was at the origin: empty, or what a restore brought. */
  origin: ModelState = new Map()

  create(key: string, value: string, expiresAt = 0): ModelAnswer {
    if (this.state().has(key)) return 'KeyExists'
    const revision = this.revision + 1
    return this.#append({ type: 'put', key, value, revision, createRevision: revision, version: 1, expiresAt })
  }

  update(key: string, value: string, expected: number, expiresAt = 0): ModelAnswer {
    const now = this.state().get(key)
    if (now === undefined) return 'KeyNotFound'
    if (now.revision !== expected) return 'RevisionConflict'
    return this.#append({ ...now, value, revision: this.revision + 1, version: now.version + 1, expiresAt })
  }

  delete(key: string, expected: number): ModelAnswer {
    const now = this.state().get(key)
    if (now === undefined) return 'KeyNotFound'
    if (now.revision !== expected) return 'RevisionConflict'
    return this.#append({ ...now, type: 'delete', revision: this.revision + 1, expiresAt: 0 })
  }

  compact(revision: number): StorageErrorCode | undefined {
    if (revision <= this.compacted) return 'Compacted'
    if (revision > this.revision) return 'FutureRevision'
    this.compacted = revision
    return undefined
  }

  /** Deletes all that is due, soonest first. */
  expire(now: number): void {
    const due = [...this.state().values()].filter((w) => w.expiresAt !== 0 && w.expiresAt <= now)
    due.sort((a, b) => a.expiresAt - b.expiresAt || a.revision - b.revision)
    for (const write of due) this.delete(write.key, write.revision)
  }

  restore(snapshot: ModelState, snapshotRevision: number): void {
    this.revision = snapshotRevision > this.revision ? snapshotRevision : this.revision + 1
    this.compacted = this.revision
    this.writes.length = 0
    this.origin = snapshot
  }

  state(revision = this.revision): ModelState {
    const state = new Map(this.origin)
    for (const write of this.writes) {
      if (write.revision > revision) break
      if (write.type === 'put') state.set(write.key, write)
      else state.delete(write.key)
    }
    return state
  }

  /** Live writes of a range in UTF-8 byte order, without a limit. */
  range(prefix: string, start: string | undefined, revision: number): ModelWrite[] {
    return [...this.state(revision).values()]
      .filter((w) => w.key.startsWith(prefix))
      .filter((w) => start === undefined || compareBytes(w.key, start) >= 0)
      .sort((a, b) => compareBytes(a.key, b.key))
  }

  /** The first kept revision that a watch can start from. */
  get historyStart(): number {
    if (this.compacted <= 1 || this.writes.some((w) => w.revision === this.compacted))
      return Math.max(1, this.compacted)
    return this.compacted + 1
  }

  readable(revision: number): StorageErrorCode | undefined {
    if (revision < this.compacted) return 'Compacted'
    return revision > this.revision ? 'FutureRevision' : undefined
  }

  #append(write: ModelWrite): ModelWrite {
    this.revision = write.revision
    this.writes.push(write)
    return write
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
