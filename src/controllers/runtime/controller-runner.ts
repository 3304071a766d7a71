import { isConflict } from '../../apimachinery/api-error.ts'
import { type Cause, causedByChange, later } from '../../apimachinery/cause.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { ApiEventRecorder } from './api-event-recorder.ts'
import type { Client, ObjectKey, ResourceRef } from './client.ts'
import type { Controller, ReconcileContext, WatchSource } from './controller.ts'
import type { InformerHandler } from './informer.ts'
import type { InformerSet } from './informer-set.ts'
import type { Logger } from './logger.ts'
import { keyOf, keyText, parseKey } from './object-key.ts'
import { RecentWrites } from './recent-writes.ts'
import { resourceId } from './resources.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'
import { type TakenKey, WorkQueue } from './work-queue.ts'

export interface ControllerRunnerOptions {
  /** The manager's own client: the controller's identity is made of it. */
  readonly client: Client
  readonly informers: InformerSet
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: RuntimeMetrics
  /** How often everything is reconciled though nothing has changed, where a controller does not say so itself. */
  readonly resyncMs: number
}

const DEFAULT_CONCURRENCY = 5
/** Reconciles that never wait for I/O give way to it after so long. */
const SLICE_MS = 8

/** Groups that every service account of kube-system is in. */
const SERVICE_ACCOUNT_GROUPS = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated']

/** Runs one controller: its informers wake keys, the queue hands them out, the controller reconciles them. */
export class ControllerRunner {
  readonly #controller: Controller
  readonly #options: ControllerRunnerOptions
  readonly #client: Client
  readonly #events: ApiEventRecorder
  readonly #writes: RecentWrites
  readonly #queue: WorkQueue
  readonly #removals: (() => void)[] = []
  readonly #watched = new Set<string>()
  #running = 0
  #sliceStart = 0
  #isYielding = false
  #isStarted = false
  #isStopped = false
  #onIdle: (() => void) | undefined

  constructor(controller: Controller, options: ControllerRunnerOptions) {
    const { client, clock, logger, metrics } = options
    this.#controller = controller
    this.#options = options
    const { serviceAccount, name } = controller
    this.#client = serviceAccount
      ? client.as(`system:serviceaccount:kube-system:${serviceAccount}`, SERVICE_ACCOUNT_GROUPS)
      : client
    this.#events = new ApiEventRecorder({
      client: this.#client,
      clock,
      logger,
      component: controller.eventSource ?? name,
    })
    this.#writes = new RecentWrites(options.informers)
    this.#queue = new WorkQueue({
      clock,
      onReady: () => this.#wake(),
      metrics: (state) => metrics.queue(controller.queueName ?? name, state),
    })
  }

  get name(): string {
    return this.#controller.name
  }

  /** True while nothing waits to be reconciled and nothing is. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#queue.depth === 0
  }

  /** Begins to work once every informer that the controller reads has its first list. */
  async start(): Promise<void> {
    const { informers } = this.#options
    const { watches = [], reads = [], indexes = [] } = this.#controller
    const resources = [this.#controller.for, ...watches.map((w) => w.resource), ...reads]
    for (const { resource, name, values } of indexes) informers.informer(resource).addIndex(name, values)
    await Promise.all([...resources, ...indexes.map((i) => i.resource)].map((r) => informers.informer(r).synced))
    if (this.#isStopped) return
    this.#listen(
      this.#controller.for,
      (object, old, cache) => ((this.#controller.isRelevant?.(object, old, cache) ?? true) ? [keyOf(object)] : []),
      (object, old) => old !== undefined && object.metadata.generation === old.metadata.generation,
      this.#controller.resyncMs ?? this.#options.resyncMs,
    )
    for (const { resource, enqueue } of watches) {
      this.#watched.add(resourceId(resource))
      this.#listen(resource, enqueue as never, () => true)
    }
    this.#isStarted = true
    this.#wake()
  }

  /** Takes no more keys; resolves when those that are being reconciled are done. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const remove of this.#removals) remove()
    this.#queue.stop()
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    this.#events.stop()
  }

  #listen(
    resource: ResourceRef,
    enqueue: (object: KubeObject, old: KubeObject | undefined, cache: InformerSet) => readonly ObjectKey[],
    isBatched: (object: KubeObject, old: KubeObject | undefined) => boolean,
    resyncMs?: number,
  ): void {
    const { informers } = this.#options
    const wake = (object: KubeObject, old: KubeObject | undefined): void => {
      for (const key of enqueue(object, old, informers)) this.#enqueue(key, object, isBatched(object, old))
    }
    const handler: InformerHandler = {
      set: (object, old) => wake(object, old),
      remove: (object) => wake(object, undefined),
      resync: (object) => this.#queue.add(keyText(keyOf(object))),
    }
    this.#removals.push(informers.informer(resource).addHandler(handler, resyncMs))
  }

  /** The key comes again once the watch is there: until then nobody would have told it of a change. */
  #watch({ resource, enqueue }: WatchSource, key: string): void {
    const id = resourceId(resource)
    if (this.#watched.has(id)) return
    this.#watched.add(id)
    const { synced } = this.#options.informers.informer(resource)
    void synced.then(() => {
      if (this.#isStopped) return
      this.#listen(resource, enqueue, () => true)
      this.#queue.add(key)
    })
  }

  #enqueue(key: ObjectKey, object: KubeObject, isBatched: boolean): void {
    const delayMs = isBatched ? (this.#controller.batchMs?.(key, this.#options.informers) ?? 0) : 0
    const cause = causedByChange(object)
    if (delayMs > 0) this.#queue.addBatched(keyText(key), delayMs, cause)
    else this.#queue.add(keyText(key), cause)
  }

  /** Gives out keys as far as the concurrency allows. */
  #wake(): void {
    if (!this.#isStarted || this.#isYielding) return
    const limit = this.#controller.concurrency ?? DEFAULT_CONCURRENCY
    while (this.#running < limit && this.#queue.depth > 0) {
      if (this.#shouldYield()) return
      const taken = this.#queue.take()
      if (!taken) return
      const isVisible = this.#writes.isVisible(taken.key, () => this.#queue.add(taken.key, taken.cause))
      if (isVisible) void this.#process(taken)
      else this.#queue.done(taken.key)
    }
  }

  /** Keeps long runs of reconciles that never wait from holding up the event loop. */
  #shouldYield(): boolean {
    const now = performance.now()
    if (this.#sliceStart === 0) {
      this.#sliceStart = now
      setImmediate(() => {
        this.#sliceStart = 0
      })
    }
    if (now - this.#sliceStart < SLICE_MS) return false
    this.#isYielding = true
    setImmediate(() => {
      this.#isYielding = false
      this.#wake()
    })
    return true
  }

  async #process({ key, cause }: TakenKey): Promise<void> {
    this.#running++
    try {
      const result = await this.#controller.reconcile(parseKey(key), this.#context(key, cause))
      this.#queue.forget(key)
      if (result) this.#queue.addAfter(key, Math.max(result.requeueAfterMs, 1), later(cause, 'timer'))
    } catch (error) {
      this.#failed(key, cause, error)
    }
    this.#running--
    this.#queue.done(key)
    if (this.#isStopped && this.#running === 0) this.#onIdle?.()
    else this.#wake()
  }

  #context(key: string, cause: Cause): ReconcileContext {
    const { informers, clock } = this.#options
    return {
      client: this.#writes.client(key, this.#client.causedBy(cause)),
      cache: informers,
      clock,
      events: this.#events,
      watch: (source) => this.#watch(source, key),
    }
  }

  #failed(key: string, cause: Cause, error: unknown): void {
    if (this.#isStopped) return
    const { logger } = this.#options
    const fields = { err: error, controller: this.name, key, failures: this.#queue.failures(key) }
    // A conflict only says that the cache was behind: it is tried again and works.
    if (isConflict(error)) logger.debug(fields, 'reconcile met a newer object, trying again')
    else logger.warn(fields, 'reconcile failed, trying again')
    this.#queue.addWithBackoff(key, cause)
  }
}
