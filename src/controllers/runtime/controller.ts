import type { Clock } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Client, ObjectKey, ResourceRef } from './client.ts'

/**
 * What a change of an object means for a controller: the keys to reconcile. `old` is undefined for an object that is
 * new, or gone; `cache` shows the state after the change.
 */
export type Enqueue<T extends KubeObject = KubeObject> = (
  object: T,
  old: T | undefined,
  cache: CacheReader,
) => readonly ObjectKey[]

/** A resource that a controller watches, and whose changes wake it. */
export interface WatchSource<T extends KubeObject = KubeObject> {
  readonly resource: ResourceRef<T>
  readonly enqueue: Enqueue<T>
}

/**
 * Read access to informers: objects as the cache has them, shared, never to be written to. A key is not reconciled
 * before the cache shows what its own earlier reconciles wrote and deleted, so that no expectations are needed.
 */
export interface CacheReader {
  get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): T | undefined
  /** All of a namespace, or of all namespaces. */
  list<T extends KubeObject>(resource: ResourceRef<T>, namespace?: string): readonly T[]
  /** Objects under a value of a named index that the controller (or another one) asked for. */
  byIndex<T extends KubeObject>(resource: ResourceRef<T>, index: string, value: string): readonly T[]
}

export interface ReconcileContext {
  readonly client: Client
  readonly cache: CacheReader
  readonly clock: Clock
  readonly events: EventRecorder
  /** Watches one more resource from now on, where it is not watched already; the key comes again once it is. */
  watch(source: WatchSource): void
}

export interface EventRecorder {
  /**
   * Records an Event about an object, or about a part of it (`spec.containers{web}`); repeated ones are aggregated as
   * upstream's. Never throws.
   */
  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void
}

/** Undefined: done. Otherwise the key comes again after that time, whatever happens. Throwing: again with back-off. */
export type ReconcileResult = { readonly requeueAfterMs: number } | undefined

/**
 * One control loop. Level-based: `reconcile` looks at state, never at which event came, and running it twice changes
 * nothing. The runtime owns informers, queue, retry, concurrency, logs and metrics.
 */
export interface Controller<T extends KubeObject = KubeObject> {
  /** Name as kube-controller-manager has it: `deployment-controller`. */
  readonly name: string
  /** Its service account in kube-system, with the role `system:controller:<that>`; undefined: the manager's own identity. */
  readonly serviceAccount?: string
  /** The resource whose keys it reconciles. */
  readonly for: ResourceRef<T>
  /** False for a change of such an object that means nothing to it, so that no reconcile is spent; default: all count. */
  isRelevant?(object: T, old: T | undefined, cache: CacheReader): boolean
  readonly watches?: readonly WatchSource[]
  /**
   * How long changes of what it watches, and of such an object's status, are collected before its key is reconciled;
   * default: not at all.
   */
  batchMs?(key: ObjectKey, cache: CacheReader): number
  /** Resources that it reads from the cache without being woken by them. */
  readonly reads?: readonly ResourceRef[]
  /** Indexes that it needs: resource, name, values of an object. */
  readonly indexes?: readonly {
    readonly resource: ResourceRef
    readonly name: string
    values(object: KubeObject): readonly string[]
  }[]
  /** Component that its Events name; default: `name`. */
  readonly eventSource?: string
  /** Name of its queue in metrics, as kube-controller-manager has it (`deployment`); default: `name`. */
  readonly queueName?: string
  /**
   * How often every object is reconciled though nothing has changed; default: as the manager says, which is seldom
   * (`--min-resync-period`).
   */
  readonly resyncMs?: number
  /** Keys reconciled at once; default 5. */
  readonly concurrency?: number
  // biome-ignore lint/suspicious/noConfusingVoidType: most controllers return nothing, and an async method that doesn't is void
  reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult | void>
}
