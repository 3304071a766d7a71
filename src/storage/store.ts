/**
 * The store: keys, bytes and one line of revisions, in the manner of etcd.
 *
 * Nothing here knows of HTTP, kinds or JSON. Every backend (memory, LevelDB, etcd) passes one contract suite,
 * `test/suites/store-contract.ts`.
 */

/** One key at one revision. Immutable: holders must never write into `value`. */
export interface KeyValue {
  readonly key: string
  readonly value: Buffer
  /** Revision of the write that made this incarnation of the key. */
  readonly createRevision: number
  /** Revision of the last write to the key: what compare-and-set compares with. */
  readonly modRevision: number
  /** 1 on create, +1 on every update, starts anew after a delete. */
  readonly version: number
  /** {@link WriteOptions.decoded} of the write, in the event that tells of it; reads have none. */
  readonly decoded?: unknown
}

/** One change, in revision order. `kv` of a delete is the key's last state, with `modRevision` = the delete's revision. */
export interface StoreEvent {
  readonly type: 'put' | 'delete'
  readonly kv: KeyValue
  /** State before this change; undefined for a create (and where history before it was compacted away). */
  readonly previous?: KeyValue
}

export interface ReadOptions {
  /** Read as of this revision; latest when 0 or unset. Errors: `Compacted`, `FutureRevision`. */
  readonly revision?: number
}

export interface RangeOptions extends ReadOptions {
  /** First key to return (inclusive), within the prefix. */
  readonly start?: string
  /** At most this many; 0 or unset means all. */
  readonly limit?: number
  /** Return keys and revisions with empty values. */
  readonly keysOnly?: boolean
}

export interface GetResult {
  readonly kv: KeyValue | undefined
  /** Revision at which the answer holds. */
  readonly revision: number
}

export interface RangeResult {
  readonly kvs: readonly KeyValue[]
  readonly revision: number
  /** Keys of the range behind the last one returned. */
  readonly remaining: number
}

export interface WriteOptions {
  /** The key goes away by itself after this many seconds (events); every write of the key sets it anew. */
  readonly ttlSeconds?: number
  /**
   * What the value says, for watches in this process: handed on with the event, so that nobody has to parse what was in
   * memory a moment ago. The writer gives it away. Stores that hear of their own writes from elsewhere drop it.
   */
  readonly decoded?: unknown
}

export interface DeleteResult {
  /** The key's last state, as it was before the delete. */
  readonly previous: KeyValue
  /** The delete's own revision. */
  readonly revision: number
}

export interface WatchOptions {
  readonly prefix: string
  /**
   * First revision to deliver (inclusive). History from there on comes first, then what happens, without a gap or a
   * duplicate. 0 or unset: only what happens after the watch is in place.
   */
  readonly fromRevision?: number
  /** Ask for `progress` about every so many milliseconds while nothing happens. Unset: none but those asked for. */
  readonly progressIntervalMs?: number
}

/**
 * Receives a watch. Calls come one at a time, in revision order; all events of one revision come in one call.
 * A sink must not throw and must not block: it is called on the write path.
 */
export interface WatchSink {
  events(events: readonly StoreEvent[]): void
  /** Everything up to and including this revision has been delivered. */
  progress(revision: number): void
  /**
   * The watch is over and nothing more comes. `Compacted` where history is gone, `Closed` when the store closes;
   * no error after `close()` of the handle.
   */
  end(error?: Error): void
}

export interface WatchHandle {
  /** Resolves once the watch is in place: a write that begins after this is seen. Rejects where it can't be. */
  readonly ready: Promise<void>
  /** Asks for a `progress` call soon (etcd's progress request). */
  requestProgress(): void
  close(): void
}

export interface StoreStatus {
  readonly backend: 'memory' | 'leveldb' | 'etcd'
  readonly revision: number
  readonly compactedRevision: number
  readonly keys: number
  /** Bytes of live keys and values, as far as the backend can tell. */
  readonly bytes: number
}

/** What every backend offers. All errors are {@link StorageError}. */
export interface Store {
  /** Where the revision line stands: the answer is never older than any write acknowledged before the call. */
  currentRevision(): Promise<number>
  /** Asks each of the servers behind the store: what it failed with, or undefined. Unset where there are none. */
  checkServers?(): Promise<readonly (Error | undefined)[]>
  get(key: string, options?: ReadOptions): Promise<GetResult>
  /** Keys that begin with `prefix`, in byte order of their UTF-8. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>
  /** The same in batches over one snapshot, so that a million keys never sit in one array. */
  stream(prefix: string, options?: RangeOptions): AsyncIterable<readonly KeyValue[]>
  /** Writes only if the key is absent; `KeyExists` else. Resolves when durable as the backend's mode says. */
  create(key: string, value: Buffer, options?: WriteOptions): Promise<KeyValue>
  /** Writes only if the key's modRevision is `expected`; `RevisionConflict` (or `KeyNotFound`) else. */
  update(key: string, value: Buffer, expected: number, options?: WriteOptions): Promise<KeyValue>
  /** Deletes only if the key's modRevision is `expected`; `RevisionConflict` (or `KeyNotFound`) else. */
  delete(key: string, expected: number): Promise<DeleteResult>
  watch(options: WatchOptions, sink: WatchSink): WatchHandle
  /** Forgets what only revisions below `revision` show. Errors: `Compacted`, `FutureRevision`. */
  compact(revision: number): Promise<void>
  status(): Promise<StoreStatus>
  /** Verifies every invariant of the store; throws an `AggregateError` that names each broken one. */
  check(): Promise<void>
  /** Waits for what is in flight, ends every watch with `Closed`; later calls fail with `Closed`. Idempotent. */
  close(): Promise<void>
}

/** Backends that can be copied whole: memory and LevelDB. */
export interface SnapshotStore extends Store {
  /** The live keys with their revisions and the revision line, as one self-describing, checksummed byte string. */
  snapshot(): Promise<Buffer>
  /** The same in a file, written piece by piece; it is whole or not there. Only its owner may read it. */
  snapshotTo(path: string): Promise<void>
  /**
   * Replaces everything by a snapshot; watches end with `Compacted`. The revision line never goes back.
   * Errors: `Corrupt`, `UnsupportedFormat`; nothing has changed then.
   */
  restore(snapshot: Buffer): Promise<void>
  /** The same from a file, read piece by piece. */
  restoreFrom(path: string): Promise<void>
  /**
   * Gives every key the value that it has in a snapshot, by writes of their own: watches see each as an event and go on.
   * What is as it was is not written. On disk a failure may leave some of these writes done; called again, it goes on.
   * The bytes must stay as they are: the next time they are not read anew.
   */
  rewind(snapshot: Buffer): Promise<void>
  /** A store in memory that starts with this one's present state and shares nothing mutable with it. */
  fork(): Promise<SnapshotStore>
}
