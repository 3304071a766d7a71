import type { Cause } from '../../apimachinery/cause.ts'
import type { GroupVersionResource } from '../../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'

/** A resource as controllers name it: where it is served, what its objects are, whether they live in namespaces. */
export interface ResourceRef<T extends KubeObject = KubeObject> extends GroupVersionResource {
  readonly kind: string
  readonly namespaced: boolean
  /** Only carries the type of the objects. */
  readonly objectType?: T
}

/** An object of a kind with the members that every object has: what a generated type lacks to be a `KubeObject`. */
export type Typed<T> = T & KubeObject

export interface ObjectKey {
  /** '' for cluster-scoped objects. */
  readonly namespace: string
  readonly name: string
}

export interface ListQuery {
  /** '' or unset: all namespaces. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** '' latest, '0' whatever is at hand, or a revision that the answer must not be older than. */
  readonly resourceVersion?: string
  readonly limit?: number
  readonly continueToken?: string
}

export interface ObjectList<T extends KubeObject = KubeObject> {
  readonly items: readonly T[]
  readonly resourceVersion: string
  readonly continueToken?: string
}

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }

export interface WatchQuery {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Events behind this revision. */
  readonly resourceVersion: string
}

/** Receives a watch. Events come one at a time, in order; objects are shared and must never be written to. */
export interface WatchReceiver<T extends KubeObject = KubeObject> {
  event(event: WatchEvent<T>): void
  /** Over: without an error by a timeout of the server's; an `ApiError` Expired (410) asks for a new list. */
  end(error?: Error): void
}

export interface WriteOptions {
  readonly dryRun?: boolean
  readonly fieldManager?: string
}

export interface DeleteOptions extends WriteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

/**
 * All that controllers, the scheduler and simulated nodes know of the API. Failures are `ApiError`s with upstream's
 * reasons. Objects that come out are shared and frozen in spirit: clone before changing one. Objects that go in are
 * neither kept nor changed: parts of them may be shared with others.
 *
 * In process it goes to the registry with the caller's identity and through admission; over HTTP it works against any
 * kube-apiserver.
 */
export interface Client {
  get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): Promise<T>
  /** GET of a subresource: the scale of a workload. */
  getSubresource(resource: ResourceRef, key: ObjectKey, subresource: string): Promise<KubeObject>
  list<T extends KubeObject>(resource: ResourceRef<T>, query?: ListQuery): Promise<ObjectList<T>>
  /** Begins a watch; the returned function ends it (nothing is received any more). */
  watch<T extends KubeObject>(resource: ResourceRef<T>, query: WatchQuery, receiver: WatchReceiver<T>): () => void
  create<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T>
  update<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T>
  /** PUT of a subresource: status, finalize, approval; scale takes a Scale. */
  updateSubresource<T extends KubeObject>(
    resource: ResourceRef<T>,
    subresource: string,
    object: T,
    options?: WriteOptions,
  ): Promise<T>
  patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    type: PatchType,
    patch: JsonObject | readonly JsonObject[],
    options?: WriteOptions & { readonly subresource?: string; readonly force?: boolean },
  ): Promise<T>
  /** POST to a subresource: binding, eviction, token. */
  createSubresource(
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<KubeObject>
  /** Resolves with what the server answers: the object as it was left, or a Status. */
  delete(resource: ResourceRef, key: ObjectKey, options?: DeleteOptions): Promise<KubeObject>
  /**
   * Every resource, built in or not, whose objects can be listed, watched and deleted, each in the version that its group
   * prefers.
   */
  resources(): Promise<readonly ResourceRef[]>
  /** The same API as another user: each controller has an identity of its own. */
  as(userName: string, groups?: readonly string[]): Client
  /** The same API, whose writes say what caused them, for the trace. */
  causedBy(cause: Cause): Client
}
