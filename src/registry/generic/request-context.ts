import type { UserInfo } from '../../apimachinery/user-info.ts'

/** What the registry must know of the request on whose behalf it works. */
export interface RequestContext {
  /** Undefined where the server itself acts. */
  readonly user: UserInfo | undefined
  /** Group in the request's path. */
  readonly apiGroup?: string | undefined
  /** Namespace of the request path; '' for cluster-scoped resources and lists over all namespaces. */
  readonly namespace: string
  readonly dryRun: boolean
  /** Adds a `Warning` header to the answer. */
  warn(text: string): void
  /** Hears how many milliseconds the store took; set where somebody wants to know. */
  spent?(layer: 'etcd', ms: number): void
}
