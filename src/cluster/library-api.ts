import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Trace, TraceQuery } from '../api/trace/trace-record.ts'
import type { StatusReason } from '../apimachinery/api-error.ts'
import type { JsonObject, KubeObject } from '../apimachinery/kube-object.ts'
import type { ManualClock } from '../apimachinery/manual-clock.ts'
import type { KindMap } from '../apimachinery/types/kinds.ts'
import type { SimulatedNodesOptions } from '../controllers/nodes/nodes-options.ts'
import type {
  Client,
  DeleteOptions,
  ListQuery,
  PatchType,
  ResourceRef,
  Typed,
  WatchEvent,
  WriteOptions,
} from '../controllers/runtime/client.ts'

/** What the API server of a cluster that a program starts is to be like. */
export interface LibraryServerOptions {
  /** Listen on a port; default true. Otherwise there are `app.inject()`, supertest and `client`. */
  readonly listen?: boolean
  /** Default: a free one. */
  readonly port?: number
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string
  /** HTTPS with a certificate of the cluster's own CA; default: where it listens. */
  readonly tls?: boolean
  /** Folder that the objects are kept in, in LevelDB; default: memory. */
  readonly dataDir?: string
  /** `--authorization-mode`; default Node and RBAC. */
  readonly authorizationModes?: readonly ('AlwaysAllow' | 'AlwaysDeny' | 'Node' | 'RBAC')[]
  /** Let requests without a credential in as `system:anonymous`; default true, as upstream. */
  readonly anonymousAuth?: boolean
  /** `--enable-admission-plugins`, `--disable-admission-plugins` */
  readonly admissionPlugins?: { readonly enable?: readonly string[]; readonly disable?: readonly string[] }
  /** `--runtime-config`: `{ 'resource.k8s.io/v1beta2': true }` */
  readonly runtimeConfig?: Readonly<Record<string, boolean>>
  /** `--feature-gates` */
  readonly featureGates?: Readonly<Record<string, boolean>>
  /** `--service-cluster-ip-range`; default 10.96.0.0/12. */
  readonly serviceClusterIpRanges?: readonly string[]
}

/** What a cluster is to be like; everything has a default. */
export interface CreateClusterOptions extends LibraryServerOptions {
  /** Simulated nodes: how many, or more about them. Default 1. */
  readonly nodes?: number | SimulatedNodesOptions
  /** Run the controllers; default true. Without them objects stay as they are written. */
  readonly controllers?: boolean
  /** Run the scheduler; default: where controllers run. */
  readonly scheduler?: boolean
  /**
   * `manual`: the time stands still until `clock.advance()` (or `waitFor`) moves it, from now on; or a clock of your own
   * with another beginning. Default: the machine's.
   */
  readonly clock?: 'system' | 'manual' | ManualClock
  /** State to begin with: what {@link Cluster.snapshot} or `kubemu snapshot save` made. */
  readonly snapshot?: Uint8Array
  /** Who is told what goes on; default: nobody. */
  readonly logger?: FastifyBaseLogger
  /** What the chance of {@link Cluster.faults} begins with; default 1. */
  readonly seed?: number
}

/** What another cluster is to have in common with the one that it is made of, and what not. */
export type ForkOptions = Omit<CreateClusterOptions, 'snapshot' | 'dataDir'>

/** A Kubernetes cluster in this process. */
export interface Cluster {
  /** `https://127.0.0.1:41235`; '' where it does not listen. */
  readonly url: string
  /** The HTTP surface, for supertest (`request(cluster.app.server)`) and `cluster.app.inject()`. */
  readonly app: FastifyInstance
  /** Bearer token of an administrator (`system:masters`). */
  readonly token: string
  /** CA that clients verify the server with, in PEM; undefined for plain HTTP. */
  readonly ca: string | undefined
  /** kubeconfig (YAML) of the administrator. Throws where the cluster does not listen. */
  readonly kubeconfig: string
  /** The API without HTTP in between, as the administrator. */
  readonly client: ClusterClient
  readonly clock: ClusterClock
  /** What goes wrong with requests over HTTP. */
  readonly faults: Faults
  /** Bearer token of any user; the groups are upstream's word for roles to be bound to. */
  tokenFor(user: string, groups?: readonly string[]): string
  /** kubeconfig (YAML) of any user. Throws where the cluster does not listen. */
  kubeconfigFor(user: string, groups?: readonly string[]): string
  /** Merges the administrator's entry into a kubeconfig file, which is made where it is missing, and makes it current. */
  writeKubeconfig(path: string): Promise<void>
  /**
   * Server-side apply of manifests: definitions of resources and namespaces first. Resolves with the objects, in the
   * order of the manifests. Rejects with an Error that says which one failed, with the `ApiError` as its cause.
   */
  apply(manifests: Manifests, options?: ApplyOptions): Promise<readonly KubeObject[]>
  /**
   * Resolves with the object once it is as wanted; rejects with a {@link WaitTimeoutError} that shows what it was like,
   * and with a TypeError where the object is not named in its `metadata`.
   */
  waitFor<const R extends ObjectRef>(
    object: R,
    condition: Condition<ReferredObject<R>>,
    options?: WaitOptions,
  ): Promise<ReferredObject<R>>
  /** The same for all objects of a kind: `(pods) => pods.length === 3`. */
  waitFor<V extends string, K extends string>(
    objects: ObjectsRef<V, K>,
    predicate: (objects: readonly ObjectOf<V, K>[]) => boolean,
    options?: WaitOptions,
  ): Promise<readonly ObjectOf<V, K>[]>
  /**
   * What was written to an object, why, and what followed from it: `trace({ kind: 'Deployment', name: 'web' })`. Throws an
   * `ApiError` (404) where nothing is known of it.
   */
  trace(query: TraceQuery): Trace
  /** Resolves once what has begun in the cluster has come to rest, apart from what waits for the time to pass. */
  settled(): Promise<void>
  /** The state as one byte string, to be restored here or elsewhere. */
  snapshot(): Promise<Buffer>
  /**
   * Takes the cluster to the state of a snapshot. Watches see what that changes as ordinary events; revisions go on.
   * Controllers and nodes begin anew on it: nothing that they had under way is written. Requests of other clients that
   * are under way are not held up: they count for the state that they meet. Rejects where it is no snapshot.
   */
  restore(snapshot: Uint8Array): Promise<void>
  /** Back to the state in which it was ready, or that of the last {@link Cluster.baseline}; without faults. */
  reset(): Promise<void>
  /** Makes the present state, once it has come to rest, the one that {@link Cluster.reset} leads back to. */
  baseline(): Promise<void>
  /** Another cluster that begins with this one's state and time, and goes its own way. Its users and tokens are the same. */
  fork(options?: ForkOptions): Promise<Cluster>
  /** Ends everything. Called again, resolves with the first call. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** The time that a cluster lives in. */
export interface ClusterClock {
  /** Milliseconds since the epoch. */
  now(): number
  /**
   * Moves a manual clock: everything that waits in the cluster (controllers, kubelets, leases, tokens, cron) happens in
   * its order, each with what follows from it before the next. Throws where the clock is the machine's.
   */
  advance(ms: number): Promise<void>
}

/** YAML or JSON text with one or more documents, an object, or a list of either; kinds ending in `List` stand for their items. */
export type Manifests = string | object | readonly (string | object)[]

export interface ApplyOptions {
  /** Namespace of objects that name none; default `default`. */
  readonly namespace?: string
  /** Who owns the fields; default `kubemu`. */
  readonly fieldManager?: string
  /** Take fields over that others own; default true. */
  readonly force?: boolean
  readonly dryRun?: boolean
}

/** One object by its name. What {@link Cluster.apply} and clients return is one as well. */
export interface ObjectRef<V extends string = string, K extends string = string> {
  readonly apiVersion: V
  readonly kind: K
  readonly metadata: { readonly name?: string; readonly namespace?: string }
}

/** What a reference stands for: the built-in kind that it names, or what it is itself where that is an object at hand. */
export type ReferredObject<R extends ObjectRef> = string extends R['apiVersion']
  ? R & KubeObject
  : ObjectOf<R['apiVersion'], R['kind']>

/** The objects of a kind, of all namespaces unless one is given. */
export interface ObjectsRef<V extends string = string, K extends string = string> {
  readonly apiVersion: V
  readonly kind: K
  /** One object is named in its `metadata`: {@link ObjectRef}. */
  readonly name?: never
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

/**
 * What an object is to be: `exists`, `deleted`, the type of a condition that is to be True (`Available`, `Ready`), a
 * condition with another status (`Complete=False`), or whatever a function says of it.
 */
export type Condition<T extends KubeObject> = 'exists' | 'deleted' | (string & {}) | ((object: T) => boolean)

export interface WaitOptions {
  /** Milliseconds; default 10,000. On a manual clock they are the cluster's, which moves meanwhile. */
  readonly timeout?: number
}

/** The objects of a kind, by its apiVersion and name; what is not built in is any object. */
export type ObjectOf<V extends string, K extends string> = V extends keyof KindMap
  ? K extends keyof KindMap[V]
    ? Typed<KindMap[V][K]>
    : KubeObject
  : KubeObject

/** An object to be written: `apiVersion` and `kind` may be left out, as the resource knows them. */
export type Draft<T extends KubeObject> = Omit<Partial<T>, 'metadata'> & { metadata: KubeObject['metadata'] }

/** Where an object lives; default: `default` for kinds that live in namespaces. */
export interface InNamespace {
  readonly namespace?: string
}

/** The API in this process, as an administrator: without HTTP, authorization or injected faults. */
export interface ClusterClient extends Client {
  /** The objects of a kind. Throws where it is not served. */
  resource<V extends string, K extends string>(apiVersion: V, kind: K): ResourceClient<ObjectOf<V, K>>
}

/**
 * The objects of one kind. Failures are `ApiError`s with upstream's code, reason and message. What comes out is shared:
 * copy it (`structuredClone`) before you change it.
 */
export interface ResourceClient<T extends KubeObject> {
  readonly ref: ResourceRef<T>
  get(name: string, options?: InNamespace): Promise<T>
  /** Undefined where it does not exist. */
  find(name: string, options?: InNamespace): Promise<T | undefined>
  /** Of all namespaces unless one is given. */
  list(query?: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>): Promise<readonly T[]>
  create(object: Draft<T>, options?: WriteOptions): Promise<T>
  update(object: Draft<T>, options?: WriteOptions): Promise<T>
  /** PUT of the `status` subresource. */
  updateStatus(object: Draft<T>, options?: WriteOptions): Promise<T>
  /** A merge patch unless `type` says otherwise. */
  patch(
    name: string,
    patch: JsonObject | readonly JsonObject[],
    options?: InNamespace & WriteOptions & { readonly type?: PatchType; readonly subresource?: string },
  ): Promise<T>
  /** Server-side apply; takes fields over from other managers unless `force` is false. */
  apply(object: Draft<T>, options?: WriteOptions & { readonly force?: boolean }): Promise<T>
  delete(name: string, options?: InNamespace & DeleteOptions): Promise<void>
  /** Calls back for each object that there is and each change from now on; the returned function ends it. */
  watch(
    query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    event: (event: Exclude<WatchEvent<T>, { type: 'BOOKMARK' }>) => void,
  ): () => void
}

/** Which requests are meant: each member that is given must fit, one of several values is enough. */
export interface RequestFilter {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb?: string | readonly string[]
  /** `''` for the core group. */
  readonly group?: string | readonly string[]
  /** Plural names: `pods`, `deployments`. */
  readonly resource?: string | readonly string[]
  /** `''` for the objects themselves, `status`, `scale`, …; unset: any. */
  readonly subresource?: string | readonly string[]
  readonly namespace?: string | readonly string[]
  readonly name?: string | readonly string[]
  /** Name of the user whose request it is. */
  readonly user?: string | readonly string[]
}

/**
 * How a watch ends: with the end of its stream, as by a timeout; with a broken connection; or told that its revision is
 * too old (410 Expired), so that the client has to list anew.
 */
export type WatchCut = 'end' | 'reset' | 'expired'

/** What happens to the requests that a rule is for. */
export interface FaultRule extends RequestFilter {
  /** Share of the requests that are meant, from 0 to 1; default 1. Drawn with the cluster's seed. */
  readonly probability?: number
  /** How many requests it happens to before the rule is used up; default: all. */
  readonly times?: number
  /** How many requests that fit go by unharmed first; default 0. */
  readonly after?: number
  /** Milliseconds, by the machine's clock, before anything else happens; two numbers: drawn between them. */
  readonly latency?: number | readonly [min: number, max: number]
  /** Answered with this code, not served: 409, 429, 500, 503, or any other from 400 on. */
  readonly status?: number
  /** Reason of that Status; default: what upstream has for the code. */
  readonly reason?: StatusReason
  readonly message?: string
  /** `Retry-After` of that answer, in seconds. */
  readonly retryAfter?: number
  /**
   * The connection breaks: `before` the request is served, or `after`, so that the change is made and the client does not
   * hear of it.
   */
  readonly reset?: 'before' | 'after'
  /** For watches: cut so many milliseconds after they began, by the machine's clock. */
  readonly cutWatch?: { readonly afterMs: number; readonly how?: WatchCut }
}

/** A rule that is in force. */
export interface Fault {
  /** How many requests it has happened to. */
  readonly hits: number
  /** Takes the rule back. Twice does nothing. */
  remove(): void
}

/**
 * Makes requests that come over HTTP fail, slow, or cuts them, by rules: to see how a client copes. What goes on inside
 * the cluster (controllers, nodes, `cluster.client`) does not meet them.
 */
export interface Faults {
  /**
   * Puts a rule in force. Of several that fit a request, each happens, in the order in which they came, up to the first
   * that keeps it from being served. Throws a RangeError where the rule makes no sense.
   */
  add(rule: FaultRule): Fault
  /** Takes all rules back. */
  clear(): void
  /** Cuts the watches that run now, by default with a reset; answers how many. */
  cutWatches(filter?: RequestFilter, how?: WatchCut): number
  /** Forgets all history: watches and lists that ask for a revision of before get 410 Expired. Watches that run go on. */
  compact(): Promise<void>
}
