import type { IEvent, IWatchResponse } from 'etcd3'
import type { Clock, Timer } from '../../apimachinery/clock.ts'
import { StorageError } from '../storage-error.ts'
import type { KeyValue, StoreEvent, WatchHandle, WatchOptions, WatchSink } from '../store.ts'
import type { EtcdClient } from './etcd-client.ts'
import { etcdFailure } from './etcd-errors.ts'
import { type EtcdKeys, FIRST_KEY, hasPrefix, rangeEnd } from './etcd-keys.ts'

type WatchStream = Awaited<ReturnType<EtcdClient['current']['watchClient']['watch']>>

export interface EtcdWatchContext {
  readonly client: EtcdClient
  readonly clock: Clock
  readonly keys: EtcdKeys
  /** The first connection has to stand within this time; later ones are tried until the watch is closed. */
  readonly connectTimeoutMs: number
  /** Whether the servers' answers to progress requests can be trusted. */
  progressRequests(): Promise<boolean>
  currentRevision(): Promise<number>
  /** The watch is over. */
  forget(watch: EtcdWatch): void
}

const FIRST_BACKOFF_MS = 25
const MAX_BACKOFF_MS = 1_000
/** The watch id of an answer to a progress request. */
const NO_WATCH = '-1'

/**
 * One watch on one stream of its own: etcd3's watcher shares a stream, throws at the answer to a progress request and
 * can't take fragments. Goes on behind the last delivered revision when the connection or the server is lost.
 *
 * Servers whose progress answers can't be trusted are watched whole: every revision then comes with an event, ours or
 * another's, and progress is what has been seen.
 */
export class EtcdWatch implements WatchHandle {
  readonly ready: Promise<void>
  readonly #context: EtcdWatchContext
  readonly #sink: WatchSink
  readonly #prefix: Buffer
  /** First revision that is still to be delivered; 0 before the server has named it. */
  #next: number
  #stream: WatchStream | undefined
  #watchesAll = false
  #fragments: IEvent[] = []
  #isOver = false
  #isReady = false
  #backoffMs = FIRST_BACKOFF_MS
  #resolveReady: () => void = () => {}
  #rejectReady: (error: Error) => void = () => {}
  readonly #connectTimer: Timer
  #progressTimer: Timer | undefined
  #retryTimer: Timer | undefined
  /** Progress is owed once everything up to this revision has been seen. */
  #owedProgress = 0

  constructor(context: EtcdWatchContext, options: WatchOptions, sink: WatchSink) {
    this.#context = context
    this.#sink = sink
    this.#prefix = context.keys.toEtcd(options.prefix)
    this.#next = options.fromRevision ?? 0
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.ready.catch(() => {})
    this.#connectTimer = context.clock.setTimer(() => {
      if (!this.#isReady) this.end(new StorageError('Unavailable', 'etcd: the watch could not be placed in time'))
    }, context.connectTimeoutMs)
    if (options.progressIntervalMs !== undefined) this.#askEvery(options.progressIntervalMs)
    void this.#open()
  }

  requestProgress(): void {
    if (this.#isOver) return
    if (!this.#watchesAll) {
      this.#stream?.write({ progress_request: {} })
      return
    }
    this.#context.currentRevision().then(
      (revision) => this.#owe(revision),
      () => {},
    )
  }

  close(): void {
    this.end()
  }

  /** Ends the watch, once. */
  end(error?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#connectTimer.cancel()
    this.#progressTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#drop()
    this.#context.forget(this)
    if (error !== undefined) this.#rejectReady(error)
    else this.#resolveReady()
    this.#sink.end(error)
  }

  #askEvery(intervalMs: number): void {
    const ask = (): void => {
      if (this.#isOver) return
      this.requestProgress()
      this.#progressTimer = this.#context.clock.setTimer(ask, intervalMs)
    }
    this.#progressTimer = this.#context.clock.setTimer(ask, intervalMs)
  }

  async #open(): Promise<void> {
    const etcd = this.#context.client.current
    try {
      this.#watchesAll = !(await this.#context.progressRequests())
      const stream = await etcd.watchClient.watch()
      if (this.#isOver) {
        stream.on('error', () => {})
        stream.cancel()
        return
      }
      this.#stream = stream
      this.#fragments = []
      const lost = (error: unknown): void => {
        if (this.#stream !== stream) return
        this.#context.client.moveOn(etcd)
        this.#lost(error)
      }
      stream.on('data', (response: IWatchResponse) => {
        if (this.#stream === stream) this.#take(response)
      })
      stream.on('error', lost)
      stream.on('end', () => lost(new Error('14 UNAVAILABLE: the watch stream ended')))
      stream.write({ create_request: this.#request() })
    } catch (error) {
      this.#context.client.moveOn(etcd)
      this.#lost(error)
    }
  }

  #request(): object {
    const key = this.#watchesAll ? FIRST_KEY : this.#prefix
    return {
      key: key.length === 0 ? FIRST_KEY : key,
      range_end: this.#watchesAll ? FIRST_KEY : rangeEnd(this.#prefix),
      start_revision: this.#next,
      progress_notify: true,
      prev_kv: true,
      fragment: true,
    }
  }

  #drop(): void {
    const stream = this.#stream
    this.#stream = undefined
    if (stream === undefined) return
    stream.on('error', () => {})
    stream.cancel()
  }

  /** Connects anew behind what has been delivered, unless trying again can't help. */
  #lost(error: unknown): void {
    if (this.#isOver) return
    this.#drop()
    const failure = etcdFailure(error)
    if (!failure.isTransient) {
      this.end(failure.error)
      return
    }
    this.#retryTimer?.cancel()
    this.#retryTimer = this.#context.clock.setTimer(() => void this.#open(), this.#backoffMs)
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS)
  }

  #take(response: IWatchResponse): void {
    if (response.canceled) {
      this.#canceled(response)
      return
    }
    const revision = Number(response.header.revision)
    if (response.created) {
      this.#backoffMs = FIRST_BACKOFF_MS
      if (this.#next === 0) this.#next = revision + 1
      this.#isReady = true
      this.#connectTimer.cancel()
      this.#resolveReady()
      return
    }
    if (response.events.length === 0) {
      if (!this.#watchesAll || response.watch_id !== NO_WATCH) this.#progress(revision)
      return
    }
    if (this.#fragments.length > 0 || response.fragment) {
      for (const event of response.events) this.#fragments.push(event)
      if (response.fragment) return
      const events = this.#fragments
      this.#fragments = []
      this.#deliver(events)
    } else this.#deliver(response.events)
  }

  #canceled(response: IWatchResponse): void {
    const compacted = Number(response.compact_revision)
    if (compacted > 0) {
      this.end(
        new StorageError('Compacted', `revision ${this.#next} has been compacted, the oldest is ${compacted}`, {
          revision: this.#next,
          actualRevision: compacted,
        }),
      )
      return
    }
    this.#lost(new Error(response.cancel_reason || '14 UNAVAILABLE: the server ended the watch'))
  }

  #deliver(events: readonly IEvent[]): void {
    const mine: StoreEvent[] = []
    for (const event of events) {
      if (Number(event.kv.mod_revision) < this.#next) continue
      if (this.#watchesAll && !hasPrefix(event.kv.key, this.#prefix)) continue
      mine.push(this.#toEvent(event))
    }
    const last = Number(events.at(-1)?.kv.mod_revision)
    if (last < this.#next) return
    this.#next = last + 1
    if (mine.length > 0) this.#sink.events(mine)
    if (mine.length === 0 || (this.#owedProgress > 0 && this.#owedProgress <= last)) this.#progress(last)
  }

  #progress(revision: number): void {
    if (this.#isOver || revision < this.#next - 1) return
    this.#next = revision + 1
    if (this.#owedProgress <= revision) this.#owedProgress = 0
    this.#sink.progress(revision)
  }

  #owe(revision: number): void {
    if (this.#isOver) return
    if (this.#next > revision) this.#sink.progress(this.#next - 1)
    else this.#owedProgress = Math.max(this.#owedProgress, revision)
  }

  #toEvent({ type, kv, prev_kv }: IEvent): StoreEvent {
    const { keys } = this.#context
    const previous = prev_kv == null ? undefined : keys.keyValue(prev_kv)
    if (type === 'Put') return { type: 'put', kv: keys.keyValue(kv), previous }
    const modRevision = Number(kv.mod_revision)
    const last: KeyValue = previous ?? keys.keyValue(kv)
    return { type: 'delete', kv: { ...last, modRevision }, previous }
  }
}
