import { isExpired } from '../../apimachinery/api-error.ts'
import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Client, ObjectKey, ResourceRef, WatchEvent } from './client.ts'
import type { Logger } from './logger.ts'
import { MinHeap } from './min-heap.ts'
import { type IndexValues, ObjectIndex } from './object-index.ts'
import { keyOf, keyText } from './object-key.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'

/** Hears of every object and what happens to it, in order. Objects are shared: never write into one. */
export interface InformerHandler<T extends KubeObject = KubeObject> {
  /** `old` is undefined for an object that the handler hears of for the first time. */
  set(object: T, old: T | undefined): void
  /** An object that is gone, in its last known state. */
  remove(object: T): void
  /** Told of every object again each time that the handler's resync period is over. */
  resync?(object: T): void
}

/** A handler that hears of all objects again and again. */
interface Resync<T extends KubeObject> {
  readonly periodMs: number
  resync(object: T): void
  nextAt: number
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Pick<Client, 'list' | 'watch'>
  readonly resource: ResourceRef<T>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: RuntimeMetrics
}

/** Back-off of failed lists and watches, as client-go's reflector has it. */
const FIRST_RETRY_MS = 800
const MAX_RETRY_MS = 30_000
/** A watch that ended sooner, and brought nothing, is as good as one that failed. */
const MIN_WATCH_MS = 1000
/** A watch that lasted this long was a good one: the next failure begins with the shortest back-off. */
const RESET_RETRY_MS = 120_000
/** Nobody is told of everything more often, as client-go. */
const MIN_RESYNC_MS = 1000

/**
 * The objects of one resource, kept in step with the API by a list and a watch that goes on from where it ended.
 *
 * @see client-go tools/cache/reflector.go, shared_informer.go
 */
export class Informer<T extends KubeObject = KubeObject> {
  readonly #options: InformerOptions<T>
  readonly #objects = new ObjectIndex()
  readonly #handlers = new Set<InformerHandler<T>>()
  readonly #resyncs = new Set<Resync<T>>()
  readonly #revisionWaiters = new MinHeap<() => void>()
  readonly #objectWaiters = new Map<string, (() => void)[]>()
  readonly #synced: Promise<void>
  #resolveSynced: () => void = () => {}
  #hasSynced = false
  #resourceVersion = ''
  #revision = 0
  #stopWatch: (() => void) | undefined
  #retry: Timer | undefined
  #resyncTimer: Timer | undefined
  #resyncAt = Number.POSITIVE_INFINITY
  #retryMs = FIRST_RETRY_MS
  #watchStartedAt = 0
  #hasReceived = false
  #isStarted = false
  #isStopped = false

  constructor(options: InformerOptions<T>) {
    this.#options = options
    this.#synced = new Promise((resolve) => {
      this.#resolveSynced = resolve
    })
  }

  /** Resolves once the first list is in. Never rejects: a failed list is tried again. */
  get synced(): Promise<void> {
    return this.#synced
  }

  get hasSynced(): boolean {
    return this.#hasSynced
  }

  /** Everything up to this revision has been seen. */
  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key.namespace, key.name) as T | undefined
  }

  /** All of a namespace, or of all namespaces. */
  list(namespace?: string): readonly T[] {
    return this.#objects.list(namespace) as T[]
  }

  byIndex(name: string, value: string): readonly T[] {
    return this.#objects.byIndex(name, value) as T[]
  }

  addIndex(name: string, values: IndexValues): void {
    this.#objects.addIndex(name, values)
  }

  /**
   * Adds a handler; it hears of what is there at once. The returned function removes it.
   *
   * `resyncMs`: how often it hears of everything again, a second at least; undefined: never.
   */
  addHandler(handler: InformerHandler<T>, resyncMs?: number): () => void {
    this.#handlers.add(handler)
    const resync = this.#addResync(handler, resyncMs)
    for (const object of this.list()) this.#guard(() => handler.set(object, undefined))
    return () => {
      this.#handlers.delete(handler)
      if (resync) this.#resyncs.delete(resync)
    }
  }

  #addResync(handler: InformerHandler<T>, resyncMs: number | undefined): Resync<T> | undefined {
    if (!handler.resync || resyncMs === undefined) return undefined
    const periodMs = Math.max(resyncMs, MIN_RESYNC_MS)
    const resync = {
      periodMs,
      resync: (object: T) => handler.resync!(object),
      nextAt: this.#options.clock.now() + periodMs,
    }
    this.#resyncs.add(resync)
    this.#resyncBy(resync.nextAt)
    return resync
  }

  /** Sets the timer for a resync that comes before all others. */
  #resyncBy(nextAt: number): void {
    if (nextAt >= this.#resyncAt || this.#isStopped) return
    this.#resyncTimer?.cancel()
    this.#resyncAt = nextAt
    const { clock } = this.#options
    this.#resyncTimer = clock.setTimer(() => this.#resyncDue(), Math.max(nextAt - clock.now(), 0))
  }

  #resyncDue(): void {
    const now = this.#options.clock.now()
    this.#resyncAt = Number.POSITIVE_INFINITY
    let nextAt = Number.POSITIVE_INFINITY
    for (const resync of this.#resyncs) {
      if (resync.nextAt <= now) {
        resync.nextAt = now + resync.periodMs
        for (const object of this.list()) this.#guard(() => resync.resync(object))
      }
      nextAt = Math.min(nextAt, resync.nextAt)
    }
    this.#resyncBy(nextAt)
  }

  /** Calls back once, when everything up to a revision has been seen. */
  whenAt(revision: number, callback: () => void): void {
    if (revision <= this.#revision) callback()
    else this.#revisionWaiters.push(revision, callback)
  }

  /** Calls back once, at the next change of an object. */
  whenChanged(key: ObjectKey, callback: () => void): void {
    const text = keyText(key)
    const waiting = this.#objectWaiters.get(text)
    if (waiting) waiting.push(callback)
    else this.#objectWaiters.set(text, [callback])
  }

  /** Begins to list and watch. Does nothing the second time. */
  start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    void this.#relist('0')
  }

  stop(): void {
    this.#isStopped = true
    this.#retry?.cancel()
    this.#resyncTimer?.cancel()
    this.#stopWatch?.()
    this.#handlers.clear()
    this.#resyncs.clear()
    this.#resolveSynced()
  }

  async #relist(resourceVersion: string): Promise<void> {
    const { client, resource } = this.#options
    try {
      const list = await client.list(resource, { resourceVersion })
      if (this.#isStopped) return
      this.#replace(list.items)
      this.#resourceVersion = list.resourceVersion
      this.#advance(list.resourceVersion)
      this.#hasSynced = true
      this.#resolveSynced()
      this.#watch()
    } catch (error) {
      if (this.#isStopped) return
      this.#options.logger.warn({ err: error, resource: resource.resource }, 'could not list')
      this.#later(() => void this.#relist(''))
    }
  }

  /** Takes a whole list as the state of now: what is not in it is gone. */
  #replace(items: readonly T[]): void {
    const present = new Set<string>()
    for (const object of items) {
      present.add(keyText(keyOf(object)))
      this.#set(object)
    }
    for (const object of this.list()) if (!present.has(keyText(keyOf(object)))) this.#remove(object)
  }

  #watch(): void {
    if (this.#isStopped) return
    const { client, resource, clock } = this.#options
    this.#watchStartedAt = clock.now()
    this.#hasReceived = false
    let isOver = false
    this.#stopWatch = client.watch<T>(
      resource,
      { resourceVersion: this.#resourceVersion },
      {
        event: (event) => {
          if (isOver) return
          this.#hasReceived = true
          this.#take(event)
        },
        end: (error) => {
          if (isOver) return
          isOver = true
          if (!this.#isStopped) this.#ended(error)
        },
      },
    )
  }

  #ended(error: Error | undefined): void {
    const { logger, metrics, resource, clock } = this.#options
    const lasted = clock.now() - this.#watchStartedAt
    if (lasted >= RESET_RETRY_MS) this.#retryMs = FIRST_RETRY_MS
    if (error && isExpired(error)) {
      logger.debug({ err: error, resource: resource.resource }, 'watch expired, listing anew')
      metrics.informer(resource.resource, 'relist')
      void this.#relist('')
      return
    }
    metrics.informer(resource.resource, 'rewatch')
    if (error) logger.warn({ err: error, resource: resource.resource }, 'watch failed, taking it up again')
    // A watch that ended by its own timeout goes on at once; one that failed, or ended as it began, waits.
    if (!error && (lasted >= MIN_WATCH_MS || this.#hasReceived)) this.#watch()
    else this.#later(() => this.#watch())
  }

  #later(work: () => void): void {
    const delay = this.#retryMs * (1 + Math.random())
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
    this.#retry = this.#options.clock.setTimer(work, delay)
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion
      this.#advance(event.resourceVersion)
      return
    }
    const { object } = event
    const version = object.metadata.resourceVersion ?? ''
    if (event.type === 'DELETED') this.#remove(object)
    else this.#set(object)
    if (version !== '') this.#resourceVersion = version
    this.#advance(version)
  }

  #set(object: T): void {
    const old = this.#objects.set(object) as T | undefined
    // What a relist finds unchanged is no news.
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion) return
    for (const handler of this.#handlers) this.#guard(() => handler.set(object, old))
    this.#changed(object)
  }

  #remove(object: T): void {
    const { namespace, name } = keyOf(object)
    const old = this.#objects.delete(namespace, name)
    if (!old) return
    for (const handler of this.#handlers) this.#guard(() => handler.remove(object))
    this.#changed(object)
  }

  #changed(object: T): void {
    if (this.#objectWaiters.size === 0) return
    const text = keyText(keyOf(object))
    const waiting = this.#objectWaiters.get(text)
    if (!waiting) return
    this.#objectWaiters.delete(text)
    for (const callback of waiting) this.#guard(callback)
  }

  #advance(resourceVersion: string): void {
    const revision = Number(resourceVersion)
    if (!(revision > this.#revision)) return
    this.#revision = revision
    const waiters = this.#revisionWaiters
    while (waiters.size > 0 && waiters.least! <= revision) this.#guard(waiters.pop()!)
  }

  /** A handler that throws must not break the others, nor the watch. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#options.logger.error({ err: error, resource: this.#options.resource.resource }, 'informer handler failed')
    }
  }
}
