import { StorageError } from '../../src/storage/storage-error.ts'
import type {
  DeleteResult,
  GetResult,
  KeyValue,
  RangeOptions,
  RangeResult,
  ReadOptions,
  Store,
  StoreEvent,
  StoreStatus,
  WatchHandle,
  WatchOptions,
  WatchSink,
} from '../../src/storage/store.ts'

interface FakeWatch {
  readonly options: WatchOptions
  readonly sink: WatchSink
  delivered: number
}

/**
 * A plain model of a store whose watches a test holds back, lets go on and breaks: what a remote store can do to a
 * cache. Not for contract tests: it keeps all history and copies on every read.
 */
export class FakeStore implements Store {
  readonly history: StoreEvent[] = []
  /** Watches get nothing while true. */
  held = false
  /** Calls fail with it while set. */
  failure: StorageError | undefined
  progressRequests = 0
  compactedRevision = 0
  ranges = 0
  readonly #watches = new Set<FakeWatch>()
  #revision = 1

  get openWatches(): number {
    return this.#watches.size
  }

  async currentRevision(): Promise<number> {
    this.#mayFail()
    return this.#revision
  }

  async get(key: string, options: ReadOptions = {}): Promise<GetResult> {
    this.#mayFail()
    return { kv: this.#stateAt(options.revision).get(key), revision: options.revision || this.#revision }
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#mayFail()
    this.ranges++
    const { revision = 0, start = '', limit = 0 } = options
    if (revision > 0 && revision < this.compactedRevision) {
      throw new StorageError('Compacted', `revision ${revision} is compacted`, { revision })
    }
    const all = [...this.#stateAt(revision).values()].filter((kv) => kv.key.startsWith(prefix) && kv.key >= start)
    all.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    const kvs = limit > 0 ? all.slice(0, limit) : all
    return { kvs, revision: revision || this.#revision, remaining: all.length - kvs.length }
  }

  async *stream(prefix: string, options: RangeOptions = {}): AsyncIterable<readonly KeyValue[]> {
    yield (await this.range(prefix, options)).kvs
  }

  async create(key: string, value: Buffer): Promise<KeyValue> {
    return this.#put(key, value, undefined)
  }

  async update(key: string, value: Buffer, expected: number): Promise<KeyValue> {
    const previous = this.#stateAt(0).get(key)
    if (previous?.modRevision !== expected) throw new StorageError('RevisionConflict', 'conflict', { key })
    return this.#put(key, value, previous)
  }

  /** Writes whatever is there. */
  async put(key: string, text: string): Promise<KeyValue> {
    return this.#put(key, Buffer.from(text), this.#stateAt(0).get(key))
  }

  async delete(key: string): Promise<DeleteResult> {
    const previous = this.#stateAt(0).get(key)
    if (previous === undefined) throw new StorageError('KeyNotFound', 'not found', { key })
    const revision = ++this.#revision
    this.#record({ type: 'delete', kv: { ...previous, modRevision: revision }, previous })
    return { previous, revision }
  }

  /** Moves the revision line without a change below any prefix that a test watches. */
  skipRevision(): number {
    return ++this.#revision
  }

  watch(options: WatchOptions, sink: WatchSink): WatchHandle {
    const from = options.fromRevision || this.#revision + 1
    const watch: FakeWatch = { options, sink, delivered: from - 1 }
    const refused =
      this.failure ?? (from <= this.compactedRevision ? new StorageError('Compacted', 'compacted') : undefined)
    if (refused !== undefined) {
      queueMicrotask(() => sink.end(refused))
      return { ready: Promise.reject(refused), requestProgress: () => {}, close: () => {} }
    }
    this.#watches.add(watch)
    queueMicrotask(() => this.#deliver(watch))
    return {
      ready: Promise.resolve(),
      requestProgress: () => {
        this.progressRequests++
        queueMicrotask(() => {
          if (!this.held && this.#watches.has(watch)) sink.progress(this.#revision)
        })
      },
      close: () => this.#watches.delete(watch),
    }
  }

  /** Lets watches go on after `held`. */
  release(): void {
    this.held = false
    for (const watch of this.#watches) this.#deliver(watch)
  }

  /** Ends every watch with an error. */
  breakWatches(error: StorageError): void {
    const broken = [...this.#watches]
    this.#watches.clear()
    for (const { sink } of broken) sink.end(error)
  }

  async compact(revision: number): Promise<void> {
    this.compactedRevision = revision
  }

  async status(): Promise<StoreStatus> {
    const keys = this.#stateAt(0).size
    return { backend: 'memory', revision: this.#revision, compactedRevision: this.compactedRevision, keys, bytes: 0 }
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {
    this.breakWatches(new StorageError('Closed', 'closed'))
  }

  #mayFail(): void {
    if (this.failure !== undefined) throw this.failure
  }

  #put(key: string, value: Buffer, previous: KeyValue | undefined): KeyValue {
    const modRevision = ++this.#revision
    const createRevision = previous?.createRevision ?? modRevision
    const kv = { key, value, createRevision, modRevision, version: (previous?.version ?? 0) + 1 }
    this.#record({ type: 'put', kv, previous })
    return kv
  }

  #record(event: StoreEvent): void {
    this.history.push(event)
    for (const watch of this.#watches) this.#deliver(watch)
  }

  #deliver(watch: FakeWatch): void {
    if (this.held || !this.#watches.has(watch)) return
    for (const event of this.history) {
      if (event.kv.modRevision <= watch.delivered || !event.kv.key.startsWith(watch.options.prefix)) continue
      watch.delivered = event.kv.modRevision
      watch.sink.events([event])
    }
  }

  #stateAt(revision: number | undefined): Map<string, KeyValue> {
    const state = new Map<string, KeyValue>()
    for (const { type, kv } of this.history) {
      if (revision && kv.modRevision > revision) break
      if (type === 'put') state.set(kv.key, kv)
      else state.delete(kv.key)
    }
    return state
  }
}
