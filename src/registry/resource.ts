import type { Clock } from '../apimachinery/clock.ts'
import type { FieldError } from '../apimachinery/field-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'

/** Settings of the cluster that change what is valid or how it is prepared. */
export interface RegistryConfig {
  /** Pods may ask for privileged containers (`--allow-privileged`). */
  readonly allowPrivileged: boolean
  /** `--service-cluster-ip-range`: one CIDR, or two for dual stack; the first is the default family. */
  readonly serviceClusterIpRanges: readonly string[]
  /** `--service-node-port-range`, both ends inclusive. */
  readonly serviceNodePortRange: { readonly first: number; readonly last: number }
  /** `--event-ttl`. */
  readonly eventTtlSeconds: number
  /** Feature gates that differ from the default of v1.36. */
  readonly featureGates: Readonly<Record<string, boolean>>
}

/** What a strategy may know besides the object. */
export interface StrategyContext {
  readonly clock: Clock
  readonly config: RegistryConfig
  /** Namespace of the request; '' for cluster-scoped resources. */
  readonly namespace: string
  /** Undefined where the server itself writes. */
  readonly user: UserInfo | undefined
  /** Group of the API that the request came by, where a kind is served by several; undefined as `user` is. */
  readonly apiGroup?: string | undefined
  /** A new random uid. */
  newUid(): string
  /** Warns the client, whether or not the write goes on. */
  warn(text: string): void
}

/**
 * What is special about writing a kind. Objects come decoded, defaulted and with zero values left out, in the version
 * of the resource's hub. `prepare…`, `canonicalize` and `defaults` may write into `obj` (never into `old`); the others
 * only look. The order of errors is contract: clients see it in `details.causes`.
 *
 * @see apiserver pkg/registry/rest/create.go, update.go
 */
export interface CreateStrategy<T> {
  /** Runs before validation: drops what a client may not set (status), sets generation and the like. */
  prepareForCreate?(obj: T, context: StrategyContext): void
  validate(obj: T, context: StrategyContext): FieldError[]
  warningsOnCreate?(obj: T, context: StrategyContext): string[]
  /** Brings the validated object into its one stored form. */
  canonicalize?(obj: T): void
}

export interface UpdateStrategy<T> {
  /** Runs before validation: takes from `old` what this endpoint may not change, raises generation. */
  prepareForUpdate?(obj: T, old: T, context: StrategyContext): void
  validateUpdate(obj: T, old: T, context: StrategyContext): FieldError[]
  warningsOnUpdate?(obj: T, old: T, context: StrategyContext): string[]
  canonicalize?(obj: T): void
}

export interface DeleteStrategy<T> {
  /**
   * Whether the object stays for a grace period, and how long; undefined: it is deleted at once. `requested` is
   * gracePeriodSeconds of the options. (Pods only, upstream.)
   */
  gracePeriodSeconds?(obj: T, requested: number | undefined): number | undefined
}

export interface Strategy<T> extends CreateStrategy<T>, UpdateStrategy<T>, DeleteStrategy<T> {}

/** One cell of a Table. */
export type Cell = string | number | boolean | null

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority?: number
  readonly description?: string
}

export interface TableDefinition<T> {
  readonly columns: readonly Column[]
  /** One row; as many cells as columns (or more, where upstream sends more). Objects may come without managedFields. */
  cells(obj: T, now: number): Cell[]
  /** Order of the rows of a list, where it isn't that of the names. */
  compareRows?(a: T, b: T): number
  /** Conditions of the row: printers leave completed objects out or grey. */
  rowConditions?(obj: T): readonly RowCondition[]
}

/** metav1.TableRowCondition. */
export interface RowCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

/** A scale subresource on fields of the object. */
export interface ScaleDefinition<T> {
  /** Path of the replicas in the object, as field ownership tracks it; default `['spec', 'replicas']`. */
  readonly replicasPath?: readonly string[]
  readonly specReplicas: (obj: T) => number | undefined
  readonly setSpecReplicas: (obj: T, replicas: number) => void
  readonly statusReplicas: (obj: T) => number
  /** Label selector in string form, '' where there is none. */
  readonly selector: (obj: T) => string
}

/** A served version that is not the hub: a view of the stored object. */
export interface VersionView {
  /** Group of the view where it is another than the hub's (events.k8s.io). */
  readonly group?: string
  readonly version: string
  /** Defaults of this version, before conversion: instead of the hub's. */
  defaults?(obj: KubeObject): void
  toHub(obj: KubeObject): KubeObject
  fromHub(obj: KubeObject): KubeObject
}

/**
 * Work around a write that reaches other objects or tables (service address allocation). Called once names and system
 * fields are set and before the strategy prepares and validates (upstream's BeginCreate, BeginUpdate); what it returns
 * is called once, as soon as the write is sure to be made (true) or has failed (false).
 */
export type Finish = (success: boolean) => void | Promise<void>

export interface WriteHooks<T> {
  /**
   * Throws where the user may not make this write at all: asked before the resourceVersion is looked at. `name` is that
   * of the request's path, '' for a POST; `old` is undefined for a create.
   */
  authorize?(
    write: { readonly object: T; readonly old: T | undefined; readonly name: string },
    context: StrategyContext,
  ): Promise<void>
  beginCreate?(obj: T, context: StrategyContext, dryRun: boolean): Promise<Finish | undefined>
  beginUpdate?(obj: T, old: T, context: StrategyContext, dryRun: boolean): Promise<Finish | undefined>
  afterDelete?(obj: T, context: StrategyContext): Promise<void>
}

/** What deletes of a resource do differently. */
export interface DeletionRules<T> {
  /** Default when the client says no propagation policy: dependents go in the background unless named here. */
  readonly dependents?: 'orphan' | 'unsupported'
  /** DELETE answers with the object instead of a Status. */
  readonly returnsObject?: boolean
  /** What the client should know of the options it chose, or left open. */
  warnings?(options: DeleteOptionsLike): string[]
  /** A further condition for an update that takes the last finalizer to remove the object. */
  mayDeleteDuringUpdate?(obj: T): boolean
  /**
   * First request to delete: turns the object into its terminating form instead of deleting it, where the kind has a
   * life cycle of its own (namespaces). Runs on a copy that it may change.
   */
  beginTermination?(obj: T, options: DeleteOptionsLike, context: StrategyContext): void
  /** With `beginTermination`: the object has been emptied and may go. */
  isTerminated?(obj: T): boolean
}

/** The members of metav1.DeleteOptions that deletion rules look at. */
export interface DeleteOptionsLike {
  readonly orphanDependents?: boolean
  readonly propagationPolicy?: string
}

/**
 * All that is special about one resource. Names, scope, verbs, short names, storage prefix and the list of subresources
 * come from `openapi/data` (upstream's discovery); this entry adds behaviour.
 */
export interface ResourceEntry<T> {
  readonly group: string
  readonly resource: string
  /** The version in which strategies see objects and in which they are stored. */
  readonly hubVersion: string
  /** Sets the defaults of the hub version; runs after decoding a request and after reading a stored object. */
  defaults?(obj: T): void
  /** False where a name that is to be generated is the given prefix itself (IPAddresses). */
  readonly generatesNames?: false
  readonly strategy: Strategy<T>
  /** Strategy of PUT/PATCH on subresources that take the same kind: status, approval, finalize, resize, … */
  readonly subresourceStrategies?: Readonly<Record<string, UpdateStrategy<T>>>
  readonly scale?: ScaleDefinition<T>
  readonly views?: readonly VersionView[]
  /** Words for a field label that can't be selected by, where they are not the common ones. */
  unsupportedFieldLabel?(label: string): string
  /** Values of the field selectors beyond metadata.name and metadata.namespace (facts: field-selectors.json). */
  selectableFields?(obj: T): Readonly<Record<string, string>>
  readonly table?: TableDefinition<T>
  readonly hooks?: WriteHooks<T>
  readonly deletion?: DeletionRules<T>
  /** Warning on every request for a resource that should be used no more. */
  readonly deprecation?: string
  /** Seconds until a stored object goes away by itself. */
  ttlSeconds?(obj: T, config: RegistryConfig): number
  /** Fields of the object as stored that a read must fill in (aliases of old fields). Must be cheap. */
  decorate?(obj: T): void
}

/** An entry with its type erased, as the generic code holds it. */
export type AnyResourceEntry = ResourceEntry<KubeObject>

/** Declares a resource; keeps the kind's own type inside the entry and erases it outside. */
export function defineResource<T>(entry: ResourceEntry<T>): AnyResourceEntry {
  return entry as unknown as AnyResourceEntry
}
