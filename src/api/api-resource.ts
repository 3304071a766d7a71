import type { ResourceFact, SubresourceFact } from '../../openapi/data.ts'
import type { FieldManager } from '../apimachinery/field-manager/field-manager.ts'
import type { GroupVersionKind, GroupVersionResource } from '../apimachinery/group-version.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { StructNode } from '../apimachinery/schema/schema-node.ts'
import type { ResourceBacking } from '../registry/generic/registry.ts'
import type { TableDefinition, VersionView } from '../registry/resource.ts'
import type { Call } from './call.ts'

/** One resource as it is served in one version: what handlers work on. */
export interface ApiResource {
  readonly fact: ResourceFact
  readonly gvr: GroupVersionResource
  readonly gvk: GroupVersionKind
  /** Schema of the served version. */
  readonly node: StructNode
  /** Undefined where nothing is stored (reviews, bindings, componentstatuses). */
  readonly backing: ResourceBacking | undefined
  /** How this version shows the stored object; undefined where it is the stored version. */
  readonly view: VersionView | undefined
  readonly subresources: ReadonlyMap<string, SubresourceFact>
  /** Tracks who owns which fields of writes to this version and subresource ('' for the resource itself). */
  fieldManager(subresource: string): FieldManager
  /** Answers what no stored object stands behind: by subresource ('' for the resource itself). */
  readonly virtual: ReadonlyMap<string, VirtualHandlers>
  /** Milliseconds since the epoch that the ages in Tables are told by. */
  now(): number
}

/** Handlers of a resource or subresource that is not a stored object; each returns what to answer. */
export interface VirtualHandlers {
  /** uid, times and the like of a body's metadata mean something to `create` (preconditions of a binding). */
  readonly keepsSystemFields?: boolean
  /** Fills in what the client left out. */
  defaults?(body: KubeObject): void
  /** Versions of the body besides that of discovery (policy/v1beta1 of an Eviction). */
  readonly acceptedVersions?: readonly string[]
  /** How objects look as a Table, where no stored resource says it. */
  readonly table?: TableDefinition<KubeObject>
  get?(call: Call, name: string): Promise<KubeObject>
  list?(call: Call): Promise<readonly KubeObject[]>
  /** `body` is decoded and in normal form. */
  create?(call: Call, request: VirtualCreate): Promise<KubeObject>
  /**
   * Long-running or proxied: takes over the connection or answers by itself. `subpath` is what stands behind the
   * subresource, decoded, with the slash before it.
   */
  connect?(call: Call, name: string, subpath: string): Promise<void>
}

export interface VirtualCreate {
  /** Name in the path ('' for a collection). */
  readonly name: string
  readonly namespace: string
  readonly body: KubeObject
  readonly dryRun: boolean
  /** Validating admission: to be called once the handler's own checks have passed, before anything is written. */
  validate(): Promise<void>
}

/** The hub form of an object that a client sent. */
export function toHub(resource: ApiResource, served: KubeObject): KubeObject {
  return resource.view ? resource.view.toHub(served) : served
}
