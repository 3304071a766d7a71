import type { Clock } from '../../apimachinery/clock.ts'
import { StorageError } from '../storage-error.ts'
import type {
  DeleteResult,
  GetResult,
  KeyValue,
  RangeOptions,
  RangeResult,
  ReadOptions,
  SnapshotStore,
  StoreStatus,
  WatchHandle,
  WatchOptions,
  WatchSink,
  WriteOptions,
} from '../store.ts'
import { type CompactionOptions, CompactionPolicy } from './compaction.ts'
import { Expirer } from './expirer.ts'
import { type Flight, GroupCommit } from './group-commit.ts'
import type { Journal } from './journal.ts'
import { KeyRevision, toBareKeyValue, toKeyValue } from './key-revision.ts'
import type { Pin } from './pins.ts'
import { ResidentValues } from './resident-values.ts'
import { RevisionIndex } from './revision-index.ts'
import {
  decodeSnapshot,
  openSnapshotFile,
  type SnapshotContents,
  type SnapshotEntry,
  snapshotPieces,
  writeSnapshotFile,
} from './snapshot-format.ts'
import { Sweeper } from './sweeper.ts'
import { WatchHub } from './watch-hub.ts'

/** What every MVCC store takes, whatever lies below it. */
interface MvccOptions {
  readonly clock: Clock
  readonly compaction?: CompactionOptions
}

/** The durable side of a store; without one it lives in memory. */
interface MvccBacking {
  readonly journal: Journal
  readonly backend: 'leveldb'
  /** Bytes of values of recent writes to keep in memory. */
  readonly residentBytes: number
}

/** Live records per batch of a stream. */
const streamBatch = 500

/**
 * The store that memory and LevelDB share: decides each write against the newest state (in flight included), makes it
 * durable where there is a journal, then makes it visible to reads and watches in one synchronous step.
 *
 * A value handed to a write belongs to the store from then on: it is kept and given out without a copy.
 */
export class MvccStore implements SnapshotStore {
  readonly #options: MvccOptions
  readonly #backing: MvccBacking | undefined
  readonly #hub: WatchHub
  readonly #commits: GroupCommit | undefined
  readonly #resident: ResidentValues | undefined
  readonly #compaction: CompactionPolicy
  readonly #sweeper: Sweeper
  readonly #expirer: Expirer
  /** What stands in snapshots that somebody still has and may come back to. */
  readonly #snapshots: WeakMap<Buffer, SnapshotContents> = new WeakMap()
  #index: RevisionIndex
  /** The newest revision given out, in flight included. */
  #assigned: number
  /** While set, writes and compaction wait: something needs the store to itself. */
  #gate: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /**
   * Takes the index over: nobody else may touch it. Records of a store without a journal have resident values.
   * `expiring` spares looking for the records with a TTL among all that live.
   */
  constructor(options: MvccOptions, index: RevisionIndex, backing?: MvccBacking, expiring?: Iterable<KeyRevision>) {
    this.#options = options
    this.#index = index
    this.#assigned = index.current
    this.#backing = backing
    if (backing !== undefined) {
      this.#resident = new ResidentValues(backing.residentBytes)
      this.#commits = new GroupCommit(
        backing.journal,
        (flights) => this.#publish(flights),
        () => {
          this.#assigned = this.#index.current
        },
      )
    }
    this.#hub = new WatchHub({
      clock: options.clock,
      index: () => this.#index,
      valuesOf: (records) => this.#valuesOf(records),
    })
    this.#expirer = new Expirer(options.clock, (record) => this.delete(record.key, record.revision))
    this.#expirer.reset(expiring ?? index.live())
    this.#sweeper = new Sweeper({
      journal: backing?.journal,
      index: () => this.#index,
      wanted: () => this.#gate !== undefined || this.#closing !== undefined,
    })
    // What a crash left half swept.
    if (index.sweepable()) this.#sweeper.soon()
    this.#compaction = new CompactionPolicy(options.clock, options.compaction)
    this.#compaction.start(
      () => this.#index.current,
      (revision) => this.#compactSilently(revision),
    )
  }

  async currentRevision(): Promise<number> {
    this.#assertOpen()
    return this.#index.current
  }

  async get(key: string, options: ReadOptions = {}): Promise<GetResult> {
    this.#assertOpen()
    const index = this.#index
    const revision = this.#readRevision(options.revision)
    const record = index.at(key, revision)
    if (record === undefined) return { kv: undefined, revision }
    if (record.value !== undefined) return { kv: toKeyValue(record), revision }
    const [value] = await this.#pinned(index, revision, [record])
    return { kv: toKeyValue(record, value), revision }
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#assertOpen()
    const index = this.#index
    const limit = this.#admitRange(prefix, options)
    const revision = this.#readRevision(options.revision)
    const scan = { prefix, start: options.start, revision }
    const records = index.collect(scan, limit)
    const last = records.at(-1)
    const remaining =
      last === undefined || records.length < limit ? 0 : index.count({ ...scan, start: `${last.key}\0` })
    const kvs = await this.#keyValues(index, revision, records, options)
    return { kvs, revision, remaining }
  }

  async *stream(prefix: string, options: RangeOptions = {}): AsyncGenerator<readonly KeyValue[]> {
    this.#assertOpen()
    const index = this.#index
    let left = this.#admitRange(prefix, options)
    const revision = this.#readRevision(options.revision)
    const pin = index.pins.acquire(revision)
    try {
      let start = options.start
      while (left > 0) {
        this.#assertOpen()
        if (index !== this.#index || revision < index.swept) throw this.#index.compactedError(revision)
        pin.touch()
        const records = index.collect({ prefix, start, revision }, Math.min(left, streamBatch))
        const last = records.at(-1)
        if (last === undefined) return
        yield await this.#keyValues(index, revision, records, options)
        left -= records.length
        start = `${last.key}\0`
      }
    } finally {
      pin.release()
    }
  }

  async create(key: string, value: Buffer, options: WriteOptions = {}): Promise<KeyValue> {
    const expiresAt = this.#expiresAt(options)
    const flight = await this.#write(
      key,
      (newest) => (isLive(newest) ? existsError(key, newest) : undefined),
      (revision, previous) =>
        new KeyRevision({
          key,
          revision,
          createRevision: revision,
          version: 1,
          deleted: false,
          size: value.length,
          expiresAt,
          value,
          previous,
        }),
      options.decoded,
    )
    return toKeyValue(flight.record, value)
  }

  async update(key: string, value: Buffer, expected: number, options: WriteOptions = {}): Promise<KeyValue> {
    const expiresAt = this.#expiresAt(options)
    const flight = await this.#write(
      key,
      (newest) => mismatch(key, newest, expected),
      (revision, previous) =>
        new KeyRevision({
          key,
          revision,
          createRevision: previous?.createRevision ?? revision,
          version: (previous?.version ?? 0) + 1,
          deleted: false,
          size: value.length,
          expiresAt,
          value,
          previous,
        }),
      options.decoded,
    )
    return toKeyValue(flight.record, value)
  }

  async delete(key: string, expected: number): Promise<DeleteResult> {
    let before: KeyRevision | undefined
    const { record, previousValue } = await this.#write(
      key,
      (newest) => mismatch(key, newest, expected),
      (revision, previous) => {
        before = previous
        return deletion(key, revision, previous)
      },
    )
    if (before === undefined) throw new Error(`delete of ${key} without a state before it`)
    return { previous: toKeyValue(before, previousValue), revision: record.revision }
  }

  watch(options: WatchOptions, sink: WatchSink): WatchHandle {
    try {
      this.#assertOpen()
      this.#index.order.admit(options.prefix)
      assertCount('fromRevision', options.fromRevision)
    } catch (error) {
      if (error instanceof StorageError) return this.#hub.refuse(error, sink)
      throw error
    }
    return this.#hub.watch(options, sink)
  }

  async compact(revision: number): Promise<void> {
    while (this.#gate !== undefined) await this.#gate
    this.#assertOpen()
    assertCount('revision', revision)
    this.#index.compact(revision)
    await this.#sweeper.note()
    this.#sweeper.soon()
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen()
    const { current, compacted, keys, bytes } = this.#index
    return { backend: this.#backing?.backend ?? 'memory', revision: current, compactedRevision: compacted, keys, bytes }
  }

  async check(): Promise<void> {
    this.#assertOpen()
    await this.#sweeper.idle()
    await this.#expirer.idle()
    const problems = await this.#exclusively(async () => {
      const index = this.#index
      const found = index.problems()
      if (this.#assigned !== index.current) found.push(`revision ${this.#assigned} is given out but not visible`)
      found.push(...this.#expirer.problems(index.live()))
      if (this.#backing !== undefined) {
        found.push(...(await this.#backing.journal.problems(index.reachable(), this.#sweeper.notedRevision)))
      }
      return found
    })
    if (problems.length === 0) return
    throw new AggregateError(
      problems.map((problem) => new StorageError('Corrupt', problem)),
      `the store is broken: ${problems.slice(0, 5).join('; ')}`,
    )
  }

  async snapshot(): Promise<Buffer> {
    this.#assertOpen()
    const pieces: Buffer[] = []
    for await (const piece of this.#snapshotPieces()) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  async snapshotTo(path: string): Promise<void> {
    this.#assertOpen()
    await writeSnapshotFile(path, this.#snapshotPieces())
  }

  async restore(snapshot: Buffer): Promise<void> {
    this.#assertOpen()
    const { revision, records } = decodeSnapshot(snapshot)
    await this.#replace(revision, oneBatch(records))
  }

  async restoreFrom(path: string): Promise<void> {
    this.#assertOpen()
    const file = await openSnapshotFile(path)
    await this.#replace(file.revision, file.records())
  }

  async rewind(snapshot: Buffer): Promise<void> {
    this.#assertOpen()
    const contents = this.#snapshots.get(snapshot) ?? decodeSnapshot(snapshot)
    this.#snapshots.set(snapshot, contents)
    await this.#exclusively(async () => {
      const flights = await this.#differences(contents)
      if (this.#commits === undefined) this.#publish(flights)
      else await Promise.all(flights.map((flight) => this.#commits?.commit(flight)))
    })
  }

  async fork(): Promise<MvccStore> {
    this.#assertOpen()
    const source = this.#index
    if (this.#backing === undefined)
      return new MvccStore(this.#options, source.fork(), undefined, this.#expirer.records())
    const revision = source.current
    const records = source.live()
    const values = await this.#pinned(source, revision, records)
    const index = new RevisionIndex(() => this.#options.clock.now(), {
      revision,
      compacted: revision,
      historyStart: revision + 1,
    })
    const copies = records.map((record, i) => new KeyRevision({ ...record, value: values[i], previous: undefined }))
    index.fill(byKey(copies), [])
    return new MvccStore(this.#options, index)
  }

  async *#snapshotPieces(): AsyncGenerator<Buffer> {
    const index = this.#index
    const revision = index.current
    const pin = index.pins.acquire(revision)
    try {
      const records = index.live()
      yield* snapshotPieces(revision, records.length, this.#entries(records, pin))
    } finally {
      pin.release()
    }
  }

  async *#entries(records: readonly KeyRevision[], pin: Pin): AsyncGenerator<readonly SnapshotEntry[]> {
    for (let i = 0; i < records.length; i += streamBatch) {
      this.#assertOpen()
      pin.touch()
      const batch = records.slice(i, i + streamBatch)
      const values = await this.#valuesOf(batch)
      yield batch.map((record, n) => ({ record, value: values[n] }))
    }
  }

  /** Takes the state of a snapshot over whole, with its own revisions; watches end with `Compacted`. */
  async #replace(taken: number, batches: AsyncIterable<readonly KeyRevision[]>): Promise<void> {
    await this.#exclusively(async () => {
      const { current } = this.#index
      // A line that has been seen past the snapshot's revision moves on by one: this state is a new one.
      const revision = taken > current ? taken : current + 1
      const records: KeyRevision[] = []
      const switchOver = (): void => {
        const origin = { revision, compacted: revision, historyStart: revision + 1 }
        const index = new RevisionIndex(() => this.#options.clock.now(), origin, this.#index.order)
        index.fill(byKey(records), [])
        this.#adoptIndex(index, records)
        this.#hub.endAll(index.compactedError(current))
      }
      const kept = keeping(batches, records)
      if (this.#backing !== undefined) {
        await this.#backing.journal.replace({ compacted: revision, records: kept }, switchOver)
        return
      }
      for await (const _batch of kept);
      switchOver()
    })
  }

  /** The writes that lead from the present state to that of a snapshot. */
  async #differences({ records }: SnapshotContents): Promise<Flight[]> {
    const index = this.#index
    const live = index.live()
    const values = await this.#pinned(index, index.current, live)
    const wanted = new Map(records.map((record) => [record.key, record]))
    const flights: Flight[] = []
    for (const [i, record] of live.entries()) {
      const { key } = record
      const previousValue = values[i]
      const target = wanted.get(key)
      wanted.delete(key)
      if (target?.value !== undefined && previousValue?.equals(target.value)) continue
      const revision = ++this.#assigned
      flights.push({
        record: target ? renewal(target, revision, record) : deletion(key, revision, record),
        previousValue,
      })
    }
    for (const target of wanted.values()) {
      const record = renewal(target, ++this.#assigned, index.newest(target.key))
      flights.push({ record, previousValue: undefined })
    }
    return flights
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    this.#compaction.stop()
    this.#expirer.stop()
    while (this.#gate !== undefined) await this.#gate
    await this.#commits?.idle()
    await this.#expirer.idle()
    await this.#sweeper.idle()
    this.#hub.endAll(closedError())
    await this.#backing?.journal.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError()
  }

  #readRevision(asked: number | undefined): number {
    assertCount('revision', asked)
    if (asked === undefined || asked === 0) return this.#index.current
    this.#index.assertReadable(asked)
    return asked
  }

  /** Checks a range's arguments; returns its limit. */
  #admitRange(prefix: string, options: RangeOptions): number {
    this.#index.order.admit(prefix)
    if (options.start !== undefined) this.#index.order.admit(options.start)
    assertCount('limit', options.limit)
    return options.limit === undefined || options.limit === 0 ? Number.POSITIVE_INFINITY : options.limit
  }

  #expiresAt(options: WriteOptions): number {
    const { ttlSeconds } = options
    if (ttlSeconds === undefined) return 0
    if (!(ttlSeconds > 0 && ttlSeconds < 1e10)) {
      throw new StorageError('InvalidArgument', `ttlSeconds must be positive, not ${ttlSeconds}`)
    }
    return Math.ceil(this.#options.clock.now() + ttlSeconds * 1000)
  }

  /**
   * Decides on the newest state, commits, publishes. A refusal speaks of the visible state, so that whoever is refused
   * finds the reason when it reads; one that only a write in flight causes waits for that write's end.
   */
  async #write(
    key: string,
    refuse: (newest: KeyRevision | undefined) => StorageError | undefined,
    make: (revision: number, previous: KeyRevision | undefined) => KeyRevision,
    decoded?: unknown,
  ): Promise<Flight> {
    if (key === '') throw new StorageError('InvalidArgument', 'the key must not be empty')
    this.#index.order.admit(key)
    let loaded: { readonly record: KeyRevision; readonly value: Buffer | undefined } | undefined
    for (;;) {
      while (this.#gate !== undefined) await this.#gate
      this.#assertOpen()
      const visible = this.#index.newest(key)
      const newest = this.#commits?.newest(key) ?? visible
      if (refuse(newest) !== undefined) {
        const refusal = refuse(visible)
        if (refusal !== undefined) throw refusal
        await this.#commits?.settled(key)
      } else if (isLive(newest) && newest.value === undefined && newest !== loaded?.record) {
        // Whoever watches or deletes wants to see it. Then decided anew: the key may have moved on meanwhile.
        const [value] = await this.#pinned(this.#index, newest.revision, [newest])
        loaded = { record: newest, value }
      } else {
        const previousValue = newest?.value ?? (newest === loaded?.record ? loaded?.value : undefined)
        const flight = { record: make(++this.#assigned, newest), previousValue, decoded }
        if (this.#commits === undefined) this.#publish([flight])
        else await this.#commits.commit(flight)
        return flight
      }
    }
  }

  #publish(flights: readonly Flight[]): void {
    for (const { record } of flights) {
      this.#index.apply(record)
      this.#expirer.apply(record)
    }
    for (const flight of flights) this.#hub.dispatch(flight)
    if (this.#resident !== undefined) for (const { record } of flights) this.#resident.add(record)
    else this.#sweeper.keepUp()
    const target = this.#compaction.byCount(this.#index.current, this.#index.compacted)
    if (target !== undefined) this.#compactSilently(target)
  }

  #adoptIndex(index: RevisionIndex, records: readonly KeyRevision[]): void {
    this.#index = index
    this.#assigned = index.current
    this.#sweeper.reset()
    this.#expirer.reset(records)
  }

  async #keyValues(
    index: RevisionIndex,
    revision: number,
    records: readonly KeyRevision[],
    options: RangeOptions,
  ): Promise<readonly KeyValue[]> {
    if (options.keysOnly === true) return records.map(toBareKeyValue)
    if (this.#backing === undefined) return records.map((record) => toKeyValue(record))
    const values = await this.#pinned(index, revision, records)
    return records.map((record, i) => toKeyValue(record, values[i]))
  }

  /** Values of records that `revision` shows, safe from sweeping meanwhile. */
  async #pinned(
    index: RevisionIndex,
    revision: number,
    records: readonly KeyRevision[],
  ): Promise<readonly (Buffer | undefined)[]> {
    const pin = index.pins.acquire(revision)
    try {
      return await this.#valuesOf(records)
    } finally {
      pin.release()
    }
  }

  #valuesOf(
    records: readonly (KeyRevision | undefined)[],
  ): readonly (Buffer | undefined)[] | Promise<readonly (Buffer | undefined)[]> {
    const values = records.map((record) => record?.value)
    if (this.#backing === undefined) return values
    const missing: number[] = []
    for (const [i, record] of records.entries()) {
      if (record !== undefined && !record.deleted && record.value === undefined) missing.push(i)
    }
    if (missing.length === 0) return values
    const wanted = missing.map((i) => records[i]).filter((record) => record !== undefined)
    return this.#backing.journal.load(wanted).then((loaded) => {
      for (const [n, i] of missing.entries()) values[i] = loaded[n]
      return values
    })
  }

  /** Runs `work` while no write is in flight and none begins, and no history is being swept. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    while (this.#gate !== undefined) await this.#gate
    let open = (): void => {}
    this.#gate = new Promise((resolve) => {
      open = resolve
    })
    try {
      await this.#commits?.idle()
      await this.#sweeper.idle()
      return await work()
    } finally {
      this.#gate = undefined
      open()
      if (this.#index.sweepable()) this.#sweeper.soon()
    }
  }

  /** For compaction that nobody called for: where it fails (a full disk), the next one tries again. */
  #compactSilently(revision: number): void {
    // A reader that is still at it keeps what it reads.
    const target = Math.min(revision, this.#index.pins.oldest())
    if (target <= this.#index.compacted || this.#closing !== undefined) return
    this.#index.compact(target)
    this.#sweeper.soon()
  }
}

function byKey(records: readonly KeyRevision[]): ReadonlyMap<string, KeyRevision> {
  return new Map(records.map((record) => [record.key, record]))
}

async function* oneBatch<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield items
}

/** Hands on what comes and keeps it. */
async function* keeping<T>(batches: AsyncIterable<readonly T[]>, kept: T[]): AsyncGenerator<readonly T[]> {
  for await (const batch of batches) {
    for (const item of batch) kept.push(item)
    yield batch
  }
}

/** A write that gives a key the value and the life that it had in a snapshot. */
function renewal(
  { key, value, size, expiresAt }: KeyRevision,
  revision: number,
  previous: KeyRevision | undefined,
): KeyRevision {
  const isUpdate = isLive(previous)
  return new KeyRevision({
    key,
    revision,
    createRevision: isUpdate ? previous.createRevision : revision,
    version: isUpdate ? previous.version + 1 : 1,
    deleted: false,
    size,
    expiresAt,
    // The snapshot's bytes are the caller's.
    value: value && Buffer.from(value),
    previous,
  })
}

function isLive(record: KeyRevision | undefined): record is KeyRevision {
  return record !== undefined && !record.deleted
}

function deletion(key: string, revision: number, previous: KeyRevision | undefined): KeyRevision {
  return new KeyRevision({
    key,
    revision,
    createRevision: previous?.createRevision ?? revision,
    version: previous?.version ?? 0,
    deleted: true,
    size: 0,
    expiresAt: 0,
    value: undefined,
    previous,
  })
}

function existsError(key: string, newest: KeyRevision): StorageError {
  return new StorageError('KeyExists', `key ${key} exists at revision ${newest.revision}`, {
    key,
    actualRevision: newest.revision,
  })
}

function mismatch(key: string, newest: KeyRevision | undefined, expected: number): StorageError | undefined {
  if (!isLive(newest)) return new StorageError('KeyNotFound', `key ${key} not found`, { key, revision: expected })
  if (newest.revision === expected) return undefined
  return new StorageError('RevisionConflict', `key ${key} is at revision ${newest.revision}, expected ${expected}`, {
    key,
    revision: expected,
    actualRevision: newest.revision,
  })
}

function closedError(): StorageError {
  return new StorageError('Closed', 'the store is closed')
}

function assertCount(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return
  throw new StorageError('InvalidArgument', `${name} must be a whole number that is not negative, not ${value}`)
}
