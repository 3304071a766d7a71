import type { Clock } from '../apimachinery/clock.ts'
import type { GroupVersionKind, GroupVersionResource } from '../apimachinery/group-version.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import type { RegistryConfig } from '../registry/resource.ts'
import type { ObjectReader } from './object-reader.ts'

/** Where objects of a kind are served. */
export interface ServedResource extends GroupVersionResource {
  readonly namespaced: boolean
}

/** What the server passes to the plugins that need it. */
export interface AdmissionDependencies {
  readonly reader: ObjectReader
  readonly clock: Clock
  readonly authorizer: Authorizer
  readonly config: RegistryConfig
  /** Creates a namespace as the server itself; nothing where it exists. */
  createNamespace(name: string): Promise<void>
  /** The resource that serves a kind; undefined where none does. */
  resourceOf(kind: GroupVersionKind): ServedResource | undefined
}
