import type { IRangeRequest, IRangeResponse, IRequestOp, ITxnResponse } from 'etcd3'
import { type Clock, systemClock } from '../../apimachinery/clock.ts'
import { isStorageError, StorageError, type StorageErrorDetails } from '../storage-error.ts'
import type {
  DeleteResult,
  GetResult,
  KeyValue,
  RangeOptions,
  RangeResult,
  ReadOptions,
  Store,
  StoreStatus,
  WatchHandle,
  WatchOptions,
  WatchSink,
  WriteOptions,
} from '../store.ts'
import { type EtcdCall, EtcdClient, type EtcdTls } from './etcd-client.ts'
import { EtcdCompactor } from './etcd-compactor.ts'
import { isLeaseGone } from './etcd-errors.ts'
import { EtcdKeys, FIRST_KEY, rangeEnd } from './etcd-keys.ts'
import { EtcdLeases } from './etcd-leases.ts'
import { allCanRequestProgress } from './etcd-progress.ts'
import { EtcdWatch, type EtcdWatchContext } from './etcd-watch.ts'

export interface EtcdStoreOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoints: readonly string[]
  readonly tls?: EtcdTls
  /** Put in front of every key; unset: keys are stored as they are. */
  readonly keyPrefix?: string
  /** Longest time for one attempt of a call: default 10 s. */
  readonly requestTimeoutMs?: number
  /** How long a call goes on trying while the cluster can't be reached: default 5 s. */
  readonly retryMs?: number
  /** Compact what is older than this: upstream's default is 5 min. Unset or 0: somebody else does. */
  readonly compactionIntervalMs?: number
  /** Trust the servers' answers to progress requests; unset: as their version allows. */
  readonly progressRequests?: boolean
  readonly clock?: Clock
  /** Told when a background compaction fails; it is tried again an interval later. */
  readonly onCompactionError?: (error: unknown) => void
}

/** Bytes of one page of a long range, and keys of the first one, whose size nobody knows. */
const PAGE_BYTES = 8 * 1024 * 1024
const FIRST_PAGE_KEYS = 250
const MAX_PAGE_KEYS = 2_000
/** Expected by an update or delete whose caller names no revision: no key is there. */
const NO_REVISION = -1

/** A page of a range, and what stands behind it. */
interface Page {
  readonly kvs: KeyValue[]
  readonly revision: number
  /** Keys of the range from the page's start on. */
  readonly count: number
}

/** What a compare-and-set found instead of what it expected: the key's state, or undefined where it is absent. */
type CasResult = { readonly response: ITxnResponse } | { readonly found: KeyValue | undefined }

/** A {@link Store} on an etcd v3 cluster. Any number of processes may use one at the same time. */
export class EtcdStore implements Store {
  readonly #client: EtcdClient
  readonly #keys: EtcdKeys
  readonly #leases: EtcdLeases
  readonly #compactor: EtcdCompactor | undefined
  readonly #watches = new Set<EtcdWatch>()
  readonly #watchContext: EtcdWatchContext
  readonly #revisionKey: Buffer
  readonly #inFlight = new Set<Promise<unknown>>()
  #progressRequests: boolean | undefined
  /** The compacted revision when last looked for. */
  #compactedRevision = 0
  #revisionCall: Promise<number> | undefined
  #nextRevisionCall: Promise<number> | undefined
  #closing: Promise<void> | undefined

  constructor(options: EtcdStoreOptions) {
    const clock = options.clock ?? systemClock
    const requestTimeoutMs = options.requestTimeoutMs ?? 10_000
    const retryMs = options.retryMs ?? 5_000
    this.#client = new EtcdClient({ endpoints: options.endpoints, tls: options.tls, clock, requestTimeoutMs, retryMs })
    this.#keys = new EtcdKeys(options.keyPrefix ?? '')
    this.#revisionKey = Buffer.from(`${options.keyPrefix ?? ''}/`)
    this.#leases = new EtcdLeases(clock, () => this.#client.deadline())
    this.#progressRequests = options.progressRequests
    this.#watchContext = {
      client: this.#client,
      clock,
      keys: this.#keys,
      connectTimeoutMs: requestTimeoutMs,
      progressRequests: () => this.#canRequestProgress(),
      currentRevision: () => this.currentRevision(),
      forget: (watch) => this.#watches.delete(watch),
    }
    if (options.compactionIntervalMs) {
      this.#compactor = new EtcdCompactor({
        client: this.#client,
        clock,
        intervalMs: options.compactionIntervalMs,
        onError: options.onCompactionError ?? (() => {}),
      })
    }
  }

  /** Callers that come while a question is under way share the next one: theirs must begin after they asked. */
  currentRevision(): Promise<number> {
    if (this.#revisionCall === undefined) {
      this.#revisionCall = this.#askRevision().finally(() => {
        this.#revisionCall = undefined
      })
      return this.#revisionCall
    }
    this.#nextRevisionCall ??= this.#revisionCall
      .catch(() => {})
      .then(() => {
        this.#nextRevisionCall = undefined
        return this.currentRevision()
      })
    return this.#nextRevisionCall
  }

  async checkServers(): Promise<readonly (Error | undefined)[]> {
    const request = { key: this.#revisionKey, count_only: true }
    return await Promise.all(
      this.#client.all.map((etcd) =>
        etcd.kv.range(request, this.#client.deadline()).then(
          () => undefined,
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        ),
      ),
    )
  }

  async get(key: string, options: ReadOptions = {}): Promise<GetResult> {
    const { revision = 0 } = options
    const answer = await this.#range({ key: this.#keys.toEtcd(key), revision }, { key, revision })
    const [kv] = answer.kvs
    return {
      kv: kv === undefined ? undefined : this.#keys.keyValue(kv),
      revision: revision || Number(answer.header.revision),
    }
  }

  /** A long range is fetched page by page at one revision, so that no message grows without bound. */
  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const kvs: KeyValue[] = []
    let first: Page | undefined
    for await (const page of this.#pages(prefix, options)) {
      first ??= page
      for (const kv of page.kvs) kvs.push(kv)
    }
    return { kvs, revision: first?.revision ?? 0, remaining: (first?.count ?? 0) - kvs.length }
  }

  async *stream(prefix: string, options: RangeOptions = {}): AsyncIterable<readonly KeyValue[]> {
    for await (const { kvs } of this.#pages(prefix, options)) if (kvs.length > 0) yield kvs
  }

  async create(key: string, value: Buffer, options: WriteOptions = {}): Promise<KeyValue> {
    const result = await this.#write(key, 0, this.#put(key, value), options)
    if ('found' in result) {
      throw new StorageError('KeyExists', `key ${key} exists`, { key, actualRevision: result.found?.modRevision })
    }
    const revision = Number(result.response.header.revision)
    return { key, value, createRevision: revision, modRevision: revision, version: 1 }
  }

  async update(key: string, value: Buffer, expected: number, options: WriteOptions = {}): Promise<KeyValue> {
    const result = await this.#write(key, expected || NO_REVISION, this.#put(key, value), options)
    if ('found' in result) throw conflict(key, expected, result.found)
    const [written] = result.response.responses[1]?.response_range.kvs ?? []
    if (written === undefined) throw new StorageError('Corrupt', `etcd wrote ${key} and does not find it`, { key })
    return { ...this.#keys.keyValue(written), value }
  }

  async delete(key: string, expected: number): Promise<DeleteResult> {
    const operations = [{ request_delete_range: { key: this.#keys.toEtcd(key), prev_kv: true } }]
    const result = await this.#write(key, expected || NO_REVISION, () => operations, {})
    if ('found' in result) throw conflict(key, expected, result.found)
    const [previous] = result.response.responses[0]?.response_delete_range.prev_kvs ?? []
    if (previous === undefined) throw new StorageError('Corrupt', `etcd deleted ${key} and does not know it`, { key })
    return { previous: this.#keys.keyValue(previous), revision: Number(result.response.header.revision) }
  }

  watch(options: WatchOptions, sink: WatchSink): WatchHandle {
    if (this.#closing !== undefined) {
      const error = closedError()
      const ready = Promise.reject(error)
      ready.catch(() => {})
      queueMicrotask(() => sink.end(error))
      return { ready, requestProgress: () => {}, close: () => {} }
    }
    const watch = new EtcdWatch(this.#watchContext, options, sink)
    this.#watches.add(watch)
    return watch
  }

  async compact(revision: number): Promise<void> {
    await this.#run((etcd) => etcd.kv.compact({ revision }, this.#client.deadline()), { revision })
  }

  async status(): Promise<StoreStatus> {
    const prefix = this.#keys.toEtcd('')
    const all = { key: prefix.length === 0 ? FIRST_KEY : prefix, range_end: rangeEnd(prefix), count_only: true }
    const [answer, server] = await Promise.all([
      this.#range(all, {}),
      this.#run((etcd) => etcd.maintenance.status(this.#client.deadline())),
    ])
    const revision = Number(answer.header.revision)
    return {
      backend: 'etcd',
      revision,
      compactedRevision: await this.#oldestRevision(revision),
      keys: Number(answer.count),
      bytes: Number(server.dbSizeInUse) || Number(server.dbSize),
    }
  }

  /** What a client can see: keys in order, each with revisions that can be. */
  async check(): Promise<void> {
    const current = await this.currentRevision()
    const broken: Error[] = []
    let last: Buffer | undefined
    for await (const batch of this.stream('', { keysOnly: true, revision: current })) {
      for (const { key, createRevision, modRevision, version } of batch) {
        const bytes = Buffer.from(key)
        if (last !== undefined && last.compare(bytes) >= 0) broken.push(new Error(`${key} is out of order`))
        if (createRevision > modRevision || modRevision > current || version < 1) {
          broken.push(new Error(`${key} has revisions ${createRevision}, ${modRevision} and version ${version}`))
        }
        last = bytes
      }
    }
    if (broken.length > 0) throw new AggregateError(broken, 'the store is broken')
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  async #shutDown(): Promise<void> {
    this.#compactor?.stop()
    this.#client.stopRetrying()
    for (const watch of [...this.#watches]) watch.end(closedError())
    await Promise.allSettled(this.#inFlight)
    this.#client.close()
  }

  /** Runs a call unless the store is closed, and lets `close` wait for it. */
  #run<T>(call: EtcdCall<T>, details?: StorageErrorDetails): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError())
    const running = this.#client.run(call, details)
    const done = (): void => {
      this.#inFlight.delete(running)
    }
    this.#inFlight.add(running)
    running.then(done, done)
    return running
  }

  #range(request: IRangeRequest, details: StorageErrorDetails): Promise<IRangeResponse> {
    return this.#run((etcd) => etcd.kv.range(request, this.#client.deadline()), details)
  }

  async #askRevision(): Promise<number> {
    const { header } = await this.#range({ key: this.#revisionKey, count_only: true }, {})
    return Number(header.revision)
  }

  async *#pages(prefix: string, options: RangeOptions): AsyncGenerator<Page> {
    const { limit = 0, keysOnly = false, start } = options
    const first = this.#keys.toEtcd(prefix)
    const end = rangeEnd(first)
    let key = start === undefined ? first : later(first, this.#keys.toEtcd(start))
    if (key.length === 0) key = FIRST_KEY
    let revision = options.revision ?? 0
    let pageKeys = limit > 0 ? Math.min(limit, MAX_PAGE_KEYS) : FIRST_PAGE_KEYS
    for (let taken = 0; ; ) {
      const request = { key, range_end: end, revision, limit: pageKeys, keys_only: keysOnly }
      const answer = await this.#range(request, { key: prefix, revision })
      revision ||= Number(answer.header.revision)
      const kvs = answer.kvs.map((kv) => this.#keys.keyValue(kv))
      yield { kvs, revision, count: Number(answer.count) }
      taken += kvs.length
      const last = answer.kvs.at(-1)
      if (last === undefined || !answer.more || (limit > 0 && taken >= limit)) return
      key = Buffer.concat([last.key, FIRST_KEY])
      pageKeys = nextPageKeys(kvs, limit > 0 ? limit - taken : MAX_PAGE_KEYS)
    }
  }

  /**
   * A write that takes place only at the key's expected revision (0: absent). An attempt whose outcome is unknown is
   * repeated, as at most one of them can take place; where the repetition then finds another revision, nobody can say
   * whose write that was: `Unavailable`.
   */
  #write(
    key: string,
    expected: number,
    operations: (lease: string) => IRequestOp[],
    options: WriteOptions,
  ): Promise<CasResult> {
    const etcdKey = this.#keys.toEtcd(key)
    const attempt: EtcdCall<CasResult> = async (etcd, { isUncertain }) => {
      const lease = options.ttlSeconds ? await this.#leases.lease(etcd, options.ttlSeconds) : '0'
      const response = await etcd.kv
        .txn(
          {
            compare: [{ key: etcdKey, target: 'Mod', result: 'Equal', mod_revision: expected }],
            success: operations(lease),
            failure: [{ request_range: { key: etcdKey, keys_only: true } }],
          },
          this.#client.deadline(),
        )
        .catch((error: unknown) => {
          if (isLeaseGone(error)) this.#leases.forget(lease)
          throw error
        })
      if (response.succeeded) return { response }
      if (isUncertain) throw new StorageError('Unavailable', `etcd: nobody knows whether ${key} was written`, { key })
      const [found] = response.responses[0]?.response_range.kvs ?? []
      return { found: found === undefined ? undefined : this.#keys.keyValue(found) }
    }
    return this.#run(attempt, { key, revision: expected })
  }

  /** The put, and a look at what it made: the key's create revision and version. */
  #put(key: string, value: Buffer): (lease: string) => IRequestOp[] {
    const etcdKey = this.#keys.toEtcd(key)
    return (lease) => [
      { request_put: { key: etcdKey, value, lease } },
      { request_range: { key: etcdKey, keys_only: true } },
    ]
  }

  async #canRequestProgress(): Promise<boolean> {
    this.#progressRequests ??= await allCanRequestProgress(this.#client.all, () => this.#client.deadline())
    return this.#progressRequests ?? false
  }

  /** etcd does not tell: looks for the oldest revision that can be read, from the last known one on. */
  async #oldestRevision(current: number): Promise<number> {
    let low = Math.max(this.#compactedRevision, 1)
    if (await this.#isReadable(low)) return low === 1 ? 0 : low
    for (let high = current; high - low > 1; ) {
      const middle = low + Math.floor((high - low) / 2)
      if (await this.#isReadable(middle)) high = middle
      else low = middle
    }
    this.#compactedRevision = low + 1
    return this.#compactedRevision
  }

  #isReadable(revision: number): Promise<boolean> {
    return this.#range({ key: this.#revisionKey, revision, count_only: true }, { revision }).then(
      () => true,
      (error: unknown) => {
        if (isStorageError(error, 'Compacted')) return false
        throw error
      },
    )
  }
}

/** Opens a store and makes sure that the cluster answers. Errors: `Unavailable` after `retryMs`. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const store = new EtcdStore(options)
  try {
    await store.currentRevision()
  } catch (error) {
    await store.close()
    const why = error instanceof Error ? error.message : String(error)
    const message = `etcd at ${options.endpoints.join(', ')} can't be used: ${why}`
    if (isStorageError(error, 'Unavailable')) throw new StorageError('Unavailable', message, { cause: error })
    throw error
  }
  return store
}

function closedError(): StorageError {
  return new StorageError('Closed', 'the store is closed')
}

function conflict(key: string, expected: number, found: KeyValue | undefined): StorageError {
  if (found === undefined) return new StorageError('KeyNotFound', `key ${key} not found`, { key, revision: expected })
  return new StorageError('RevisionConflict', `key ${key} is at revision ${found.modRevision}, not ${expected}`, {
    key,
    revision: expected,
    actualRevision: found.modRevision,
  })
}

function later(a: Buffer, b: Buffer): Buffer {
  return a.compare(b) < 0 ? b : a
}

/** As many keys as should fill a page, by the size of those of the page before. */
function nextPageKeys(kvs: readonly KeyValue[], most: number): number {
  let bytes = 0
  for (const { value } of kvs) bytes += value.length
  const fitting = Math.floor((PAGE_BYTES * kvs.length) / Math.max(bytes, 1))
  return Math.max(1, Math.min(fitting, most, MAX_PAGE_KEYS))
}
