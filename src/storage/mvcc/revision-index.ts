import { BTree } from '../b-tree.ts'
import { StorageError } from '../storage-error.ts'
import { KeyOrder, prefixEnd } from './key-order.ts'
import type { KeyRevision } from './key-revision.ts'
import { Pins } from './pins.ts'

interface Tree {
  readonly size: number
  get(key: string): KeyRevision | undefined
  set(key: string, record: KeyRevision): boolean
  delete(key: string): boolean
  maxKey(): string | undefined
  clone(): Tree
  forRange(
    low: string,
    high: string,
    includeHigh: boolean,
    onFound: (key: string, record: KeyRevision) => { break: true } | undefined,
  ): unknown
  checkValid(checkOrdering?: boolean): void
}

/** Where an index starts: a fresh store, or one with a past that it no longer knows. */
interface IndexOrigin {
  /** The revision before the first that {@link RevisionIndex.apply} takes; a fresh store stands at 1, as etcd does. */
  readonly revision: number
  /** Reads below this are refused. */
  readonly compacted: number
  /** The first revision that a watch can start from. */
  readonly historyStart: number
}

/** The origin of a store that was never written to. */
const freshOrigin: IndexOrigin = { revision: 1, compacted: 0, historyStart: 1 }

/** Which keys to visit, as of which revision. */
interface Scan {
  readonly prefix: string
  readonly start?: string
  readonly revision: number
}

const stop = { break: true } as const

/**
 * The keys in order with each one's chain of revisions, and the log of revisions: all that a store knows besides
 * values on disk. Synchronous; every call sees one state.
 *
 * Invariants: the log holds every revision from {@link logStart} to {@link current} without a gap;
 * `swept <= compacted <= current`; what a revision `>= swept` shows is reachable from the tree.
 */
export class RevisionIndex {
  readonly order: KeyOrder
  readonly pins: Pins
  #tree: Tree
  /** `#log[i]` has revision `#logStart + i`. */
  #log: KeyRevision[] = []
  #logStart: number
  #current: number
  #compacted: number
  #swept: number
  #historyStart: number
  #keys = 0
  #bytes = 0
  readonly #now: () => number

  constructor(now: () => number, origin: IndexOrigin = freshOrigin, order: KeyOrder = new KeyOrder()) {
    this.order = order
    this.pins = new Pins(now)
    this.#now = now
    this.#tree = new BTree<string, KeyRevision>(undefined, order.compare, 64)
    this.#current = origin.revision
    this.#compacted = origin.compacted
    this.#swept = Math.min(origin.compacted, origin.revision)
    this.#historyStart = origin.historyStart
    this.#logStart = origin.revision + 1
  }

  get current(): number {
    return this.#current
  }

  get compacted(): number {
    return this.#compacted
  }

  get swept(): number {
    return this.#swept
  }

  get historyStart(): number {
    return this.#historyStart
  }

  get logStart(): number {
    return this.#logStart
  }

  get keys(): number {
    return this.#keys
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes the next revision in. */
  apply(record: KeyRevision): void {
    if (record.revision !== this.#current + 1) {
      throw new Error(`revision ${record.revision} cannot follow ${this.#current}`)
    }
    this.#current = record.revision
    this.#log.push(record)
    this.#place(record)
  }

  /**
   * Fills a new index at once: `newest` has each key's last write, `history` the log from the origin on, both linked
   * already.
   */
  fill(newest: ReadonlyMap<string, KeyRevision>, history: readonly KeyRevision[]): void {
    const keys = [...newest.keys()]
    for (const key of keys) this.order.admit(key)
    // In order, every key goes to the tree's right edge: a third of the cost of putting them in as they come.
    for (const key of this.order.sort(keys)) {
      const record = newest.get(key)
      if (record === undefined) continue
      this.#tree.set(key, record)
      if (!record.deleted) this.#count(record, 1)
    }
    this.#log = [...history]
    this.#current += history.length
  }

  #place(record: KeyRevision): void {
    this.order.admit(record.key)
    const previous = record.previous
    if (previous !== undefined && !previous.deleted) this.#count(previous, -1)
    if (!record.deleted) this.#count(record, 1)
    this.#tree.set(record.key, record)
  }

  #count(record: KeyRevision, sign: 1 | -1): void {
    this.#keys += sign
    this.#bytes += sign * (Buffer.byteLength(record.key) + record.size)
  }

  /** The key's newest write, which may be a delete. */
  newest(key: string): KeyRevision | undefined {
    return this.#tree.get(key)
  }

  /** The key's state at a kept revision; undefined where it was absent. */
  at(key: string, revision: number): KeyRevision | undefined {
    const record = this.#tree.get(key)?.at(revision)
    return record === undefined || record.deleted ? undefined : record
  }

  /** Up to `limit` live records in key order. */
  collect(scan: Scan, limit: number): KeyRevision[] {
    const records: KeyRevision[] = []
    this.#visit(scan, (record) => {
      records.push(record)
      return records.length < limit ? undefined : stop
    })
    return records
  }

  /** How many live records there are from `scan.start` on; linear, about 20 ns each. */
  count(scan: Scan): number {
    let count = 0
    this.#visit(scan, () => {
      count++
      return undefined
    })
    return count
  }

  #visit(scan: Scan, onRecord: (record: KeyRevision) => { break: true } | undefined): void {
    const { prefix, start, revision } = scan
    const end = prefixEnd(prefix)
    const high = end ?? this.#tree.maxKey()
    if (high === undefined) return
    const low = start !== undefined && this.order.compare(start, prefix) > 0 ? start : prefix
    if (this.order.compare(low, high) > 0) return
    this.#tree.forRange(low, high, end === undefined, (_key, newest) => {
      const record = newest.revision <= revision ? newest : newest.at(revision)
      return record === undefined || record.deleted ? undefined : onRecord(record)
    })
  }

  /** Log records from `from` on, at most `max`, in revision order. */
  history(from: number, max: number): readonly KeyRevision[] {
    const offset = Math.max(0, from - this.#logStart)
    return this.#log.slice(offset, offset + max)
  }

  /** Errors: `Compacted`, `FutureRevision`. */
  assertReadable(revision: number): void {
    if (revision < this.#compacted) throw this.compactedError(revision)
    if (revision > this.#current) throw this.#futureError(revision)
  }

  compactedError(revision: number): StorageError {
    return new StorageError('Compacted', `revision ${revision} has been compacted, the oldest is ${this.#compacted}`, {
      revision,
      actualRevision: this.#compacted,
    })
  }

  #futureError(revision: number): StorageError {
    return new StorageError(
      'FutureRevision',
      `revision ${revision} is yet to come, the present one is ${this.#current}`,
      {
        revision,
        actualRevision: this.#current,
      },
    )
  }

  /** Refuses everything below `revision` from now on; {@link sweep} lets go of it. Errors: `Compacted`, `FutureRevision`. */
  compact(revision: number): void {
    if (revision <= this.#compacted) throw this.compactedError(revision)
    if (revision > this.#current) throw this.#futureError(revision)
    this.#compacted = revision
    this.#historyStart = Math.max(this.#historyStart, revision)
  }

  /** True while {@link sweep} has something to do that no reader needs. */
  sweepable(): boolean {
    return Math.min(this.#compacted, this.pins.oldest()) > this.#swept
  }

  /**
   * Lets go of compacted history up to `through`, at most `max` revisions of it; returns what nothing refers to any
   * more.
   */
  sweep(through: number, max: number): readonly KeyRevision[] {
    const target = Math.min(through, this.#compacted, this.pins.oldest(), this.#swept + max)
    if (target <= this.#swept) return []
    const dropped: KeyRevision[] = []
    let n = 0
    for (; n < this.#log.length; n++) {
      const record = this.#log[n]
      if (record === undefined || record.revision > target) break
      if (record.previous !== undefined) {
        if (!record.previous.deleted) dropped.push(record.previous)
        record.previous = undefined
      }
      // A delete at the target itself stays in the log, for watches that start there.
      if (record.deleted) {
        if (this.#tree.get(record.key) === record) this.#tree.delete(record.key)
        if (record.revision < target) dropped.push(record)
      }
    }
    this.#swept = target
    this.#trim(target)
    return dropped
  }

  #trim(target: number): void {
    const count = Math.min(this.#log.length, target - this.#logStart)
    if (count <= 0) return
    this.#log.splice(0, count)
    this.#logStart += count
  }

  /** All live records in key order, as of now. */
  live(): KeyRevision[] {
    return this.collect({ prefix: '', revision: this.#current }, Number.POSITIVE_INFINITY)
  }

  /** Every record that something refers to, oldest first: the log, and what is older yet still shown or in a chain. */
  reachable(): KeyRevision[] {
    const records: KeyRevision[] = [...this.#log]
    this.#visitAll((_key, newest) => {
      let record: KeyRevision | undefined = newest
      while (record !== undefined) {
        if (record.revision < this.#logStart && !record.deleted) records.push(record)
        record = record.previous
      }
    })
    return records.sort((a, b) => a.revision - b.revision)
  }

  /** An index with the same present state, no past, and nothing mutable in common. Costs the length of the log. */
  fork(): RevisionIndex {
    const origin: IndexOrigin = {
      revision: this.#current,
      compacted: this.#current,
      historyStart: this.#current + 1,
    }
    const fork = new RevisionIndex(this.#now, origin, this.order)
    fork.#tree = this.#tree.clone()
    for (const record of this.#log) {
      if (record.deleted && fork.#tree.get(record.key) === record) fork.#tree.delete(record.key)
    }
    fork.#keys = this.#keys
    fork.#bytes = this.#bytes
    return fork
  }

  /** Names every broken invariant. */
  problems(): string[] {
    return [...this.#lineProblems(), ...this.#logProblems(), ...this.#treeProblems()]
  }

  #lineProblems(): string[] {
    const problems: string[] = []
    if (this.#swept > this.#compacted) problems.push(`swept ${this.#swept} is past compacted ${this.#compacted}`)
    if (this.#compacted > this.#current) problems.push(`compacted ${this.#compacted} is past ${this.#current}`)
    if (this.#logStart + this.#log.length - 1 !== this.#current) {
      problems.push(`the log ends at ${this.#logStart + this.#log.length - 1}, the revision line at ${this.#current}`)
    }
    return problems
  }

  #logProblems(): string[] {
    const problems: string[] = []
    for (const [i, record] of this.#log.entries()) {
      if (record.revision !== this.#logStart + i)
        problems.push(`the log has ${record.revision} at ${this.#logStart + i}`)
      const newest = this.#tree.get(record.key)
      if (newest?.at(record.revision) !== record && !(record.deleted && record.revision <= this.#swept)) {
        problems.push(`revision ${record.revision} of ${record.key} is in the log but not in the key's chain`)
      }
    }
    return problems
  }

  #treeProblems(): string[] {
    const problems: string[] = []
    let keys = 0
    let bytes = 0
    this.#tree.checkValid(true)
    this.#visitAll((key, newest) => {
      if (newest.key !== key) problems.push(`${key} leads to a record of ${newest.key}`)
      if (newest.revision > this.#current) problems.push(`${key} has revision ${newest.revision}, past the present one`)
      if (newest.deleted && newest.revision <= this.#swept) problems.push(`${key} is deleted and compacted yet listed`)
      problems.push(...chainProblems(newest, this.#swept))
      if (newest.deleted) return
      keys++
      bytes += Buffer.byteLength(key) + newest.size
    })
    if (keys !== this.#keys) problems.push(`${keys} live keys, counted ${this.#keys}`)
    if (bytes !== this.#bytes) problems.push(`${bytes} live bytes, counted ${this.#bytes}`)
    return problems
  }

  #visitAll(onEntry: (key: string, newest: KeyRevision) => void): void {
    const last = this.#tree.maxKey()
    if (last === undefined) return
    this.#tree.forRange('', last, true, (key, newest) => {
      onEntry(key, newest)
      return undefined
    })
  }
}

function chainProblems(newest: KeyRevision, swept: number): string[] {
  const problems: string[] = []
  for (let record: KeyRevision = newest; record.previous !== undefined; record = record.previous) {
    const before = record.previous
    const where = `revision ${record.revision} of ${record.key}`
    if (record.revision <= swept) {
      // A fork shares records with its origin, which may still keep their past; nobody reads it through the fork.
      break
    }
    if (before.key !== record.key) problems.push(`${where} follows a record of ${before.key}`)
    if (before.revision >= record.revision) problems.push(`${where} follows revision ${before.revision}`)
    problems.push(...lineageProblems(record, before).map((problem) => `${where}: ${problem}`))
  }
  return problems
}

function lineageProblems(record: KeyRevision, before: KeyRevision): string[] {
  if (record.deleted) {
    if (before.deleted) return ['a delete follows a delete']
    const same = record.createRevision === before.createRevision && record.version === before.version
    return same ? [] : ['a delete does not repeat the state that it ended']
  }
  if (before.deleted) {
    return record.version === 1 && record.createRevision === record.revision ? [] : ['a create is not version 1']
  }
  const next = record.version === before.version + 1 && record.createRevision === before.createRevision
  return next ? [] : ['an update does not continue the version before it']
}
