/** How clients are told apart and what they may do, as the command line says it. */
export interface AuthOptions {
  /** Authorizers in order (`--authorization-mode`). */
  readonly authorizationModes: readonly string[]
  readonly anonymousAuth: boolean
  readonly tokenAuthFile?: string | undefined
  readonly serviceAccounts: ServiceAccountOptions
  /** Audiences of this API server (`--api-audiences`); undefined: the issuer. */
  readonly apiAudiences?: readonly string[] | undefined
}

export interface ServiceAccountOptions {
  /** `--service-account-issuer`, several: the first issues, all are taken. */
  readonly issuers: readonly string[]
  /** `--service-account-key-file`: keys that verify; with none, the signing key alone. */
  readonly keyFiles: readonly string[]
  /** `--service-account-signing-key-file`; undefined: a key of the server's own. */
  readonly signingKeyFile?: string | undefined
  readonly jwksUri?: string | undefined
  /** `--service-account-max-token-expiration`, in seconds. */
  readonly maxTokenSeconds?: number | undefined
  readonly extendExpiration: boolean
}

/** Upstream has no default issuer; this is the one that clusters use. */
export const DEFAULT_ISSUER = 'https://kubernetes.default.svc'
