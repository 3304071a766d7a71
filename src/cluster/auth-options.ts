/** How clients are told apart and what they may do, as the command line says it. */
export interface AuthOptions {
  /** What whoever starts the server should know of these options. */
  readonly warnings: readonly string[]
  /** Authorizers in order (`--authorization-mode`). */
  readonly authorizationModes: readonly string[]
  readonly authorizationPolicyFile?: string | undefined
  readonly authorizationWebhook?: AuthorizationWebhookOptions | undefined
  readonly anonymousAuth: boolean
  /** CAs of client certificates (`--client-ca-file`) besides the cluster's own. */
  readonly clientCaFile?: string | undefined
  readonly requestHeader?: RequestHeaderFlags | undefined
  readonly tokenAuthFile?: string | undefined
  readonly basicAuthFile?: string | undefined
  readonly bootstrapTokens: boolean
  readonly serviceAccounts: ServiceAccountOptions
  readonly oidc?: OidcFlags | undefined
  readonly tokenWebhook?: TokenWebhookOptions | undefined
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
  /** `--service-account-lookup`: tokens that lie in Secrets count only as long as they are there. */
  readonly lookup: boolean
}

/** `--requestheader-*` */
export interface RequestHeaderFlags extends ProxyHeaders {
  readonly clientCaFile: string
}

/** Which front proxies are taken at their word, and in which headers. */
export interface ProxyHeaders {
  readonly allowedNames: readonly string[]
  readonly usernameHeaders: readonly string[]
  readonly uidHeaders: readonly string[]
  readonly groupHeaders: readonly string[]
  readonly extraHeaderPrefixes: readonly string[]
}

/** `--oidc-*` */
export interface OidcFlags {
  readonly issuerUrl: string
  readonly clientId: string
  readonly caFile?: string | undefined
  readonly usernameClaim: string
  /** `-`: none; undefined: the issuer's URL and `#`, unless the claim is `email`. */
  readonly usernamePrefix?: string | undefined
  readonly groupsClaim?: string | undefined
  readonly groupsPrefix: string
  readonly requiredClaims: Readonly<Record<string, string>>
  readonly signingAlgorithms: readonly string[]
}

/** `--authentication-token-webhook-*` */
interface TokenWebhookOptions {
  readonly configFile: string
  readonly version: 'v1' | 'v1beta1'
  readonly cacheTtlMs: number
}

/** `--authorization-webhook-*` */
interface AuthorizationWebhookOptions {
  readonly configFile: string
  readonly version: 'v1' | 'v1beta1'
  readonly authorizedTtlMs: number
  readonly unauthorizedTtlMs: number
}

/** Upstream has no default issuer; this is the one that clusters use. */
export const DEFAULT_ISSUER = 'https://kubernetes.default.svc'
