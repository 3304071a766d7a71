/** An object that a token is bound to. */
interface BoundReference {
  readonly name: string
  readonly uid: string
}

/** The claims of a token of a service account (kubernetes pkg/serviceaccount/claims.go). Times in seconds. */
export interface ServiceAccountClaims {
  readonly iss?: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly jti: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: BoundReference
    readonly pod?: BoundReference
    readonly secret?: BoundReference
    readonly node?: { readonly name: string; readonly uid?: string }
    readonly warnafter?: number
  }
}

export const LEGACY_ISSUER = 'kubernetes/serviceaccount'

/** How the audit log calls the token with this `jti`. */
export const credentialIdOf = (jti: string): string => `JTI=${jti}`
