import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { ResourceIdentity } from './resource-identity.ts'

/** What a request has made of an object. The objects are shared: neither to be kept nor to be written into. */
export interface StoredChange {
  /** `unchanged`: the write would have changed nothing and was left out. */
  readonly action: 'created' | 'updated' | 'deleted' | 'unchanged'
  readonly identity: ResourceIdentity
  readonly object: KubeObject
  /** State before an update. */
  readonly old?: KubeObject
  readonly revision: number
}

/** Hears of the changes that a request makes, once they are stored. Must not throw. */
export interface WriteTrace {
  wrote(change: StoredChange): void
}

/** What the registry must know of the request on whose behalf it works. */
export interface RequestContext {
  /** Undefined where the server itself acts. */
  readonly user: UserInfo | undefined
  /** Group in the request's path. */
  readonly apiGroup?: string | undefined
  /** Namespace of the request path; '' for cluster-scoped resources and lists over all namespaces. */
  readonly namespace: string
  readonly dryRun: boolean
  readonly trace?: WriteTrace | undefined
  /** Adds a `Warning` header to the answer. */
  warn(text: string): void
  /** Hears how many milliseconds the store took; set where somebody wants to know. */
  spent?(layer: 'etcd', ms: number): void
}
