import type { MaybePromise } from '../../apimachinery/maybe-promise.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'

/** What an authorizer judges. */
export interface AuthorizationAttributes {
  readonly user: UserInfo
  /** Of resource requests: get, list, watch, create, …; else the lower-case HTTP method. */
  readonly verb: string
  readonly isResourceRequest: boolean
  readonly path: string
  readonly apiGroup: string
  readonly apiVersion: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  /** Text of the selectors of a list, watch or deletecollection, '' where there is none. */
  readonly fieldSelector: string
  readonly labelSelector: string
}

export interface AuthorizationDecision {
  /** `no-opinion` asks the next authorizer; where all have none, the request is refused. */
  readonly decision: 'allow' | 'deny' | 'no-opinion'
  /** Shown to the client behind the refusal, and written to the audit. */
  readonly reason: string
  /** A failure on the way: the decision stands all the same. */
  readonly error?: string
  /** Name of the authorizer that decided, where one of several did. */
  readonly by?: string
}

/** One way to decide what a user may do. */
export interface Authorizer {
  readonly name: string
  authorize(attributes: AuthorizationAttributes): MaybePromise<AuthorizationDecision>
  /** Rules that this authorizer would let the user use in a namespace (SelfSubjectRulesReview). */
  rulesFor?(user: UserInfo, namespace: string): UserRules | Promise<UserRules>
}

export interface ResourceRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
}

export interface NonResourceRule {
  readonly verbs: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

export interface UserRules {
  readonly resourceRules: readonly ResourceRule[]
  readonly nonResourceRules: readonly NonResourceRule[]
  /** The list may lack rules. */
  readonly incomplete: boolean
  readonly evaluationError?: string
}
