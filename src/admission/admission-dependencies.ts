import type { Clock } from '../apimachinery/clock.ts'
import type { GroupVersionKind, GroupVersionResource } from '../apimachinery/group-version.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import type { RegistryConfig } from '../registry/resource.ts'
import type { AdmissionObserver } from './admission-observer.ts'
import type { ObjectReader } from './object-reader.ts'
import type { QuotaStatusWriter } from './plugins/resource-quota/quota-accessor.ts'
import type { ServiceResolver } from './webhook/service-resolver.ts'
import type { VersionedObjects } from './webhook/versioned-objects.ts'

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
  /** Objects in the versions that webhooks ask for. */
  readonly versions: VersionedObjects
  /** Where webhooks that are named by a service are. */
  readonly services: ServiceResolver
  readonly quotaStatus: QuotaStatusWriter
  readonly observer: AdmissionObserver
  /** Creates a namespace as the server itself; nothing where it exists. */
  createNamespace(name: string): Promise<void>
  /** The resource that serves a kind; undefined where none does. */
  resourceOf(kind: GroupVersionKind): ServedResource | undefined
}
