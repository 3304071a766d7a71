import { type Command, Option } from 'commander'
import { type AuthOptions, DEFAULT_ISSUER, type OidcFlags } from '../cluster/auth-options.ts'
import { durationMs } from './duration.ts'
import {
  addRequestHeaderFlags,
  joined,
  listOf,
  type RequestHeaderFlagValues,
  requestHeaderOf,
  requestHeaderWarnings,
} from './request-header-flags.ts'

/** Flags of authentication and authorization as commander hands them over. */
export interface AuthFlags extends RequestHeaderFlagValues {
  authorizationMode: string
  authorizationPolicyFile?: string
  authorizationWebhookConfigFile?: string
  authorizationWebhookVersion: 'v1' | 'v1beta1'
  authorizationWebhookCacheAuthorizedTtl: string
  authorizationWebhookCacheUnauthorizedTtl: string
  anonymousAuth: boolean
  clientCaFile?: string
  tokenAuthFile?: string
  basicAuthFile?: string
  enableBootstrapTokenAuth: boolean
  serviceAccountIssuer: string[]
  serviceAccountKeyFile: string[]
  serviceAccountSigningKeyFile?: string
  serviceAccountJwksUri?: string
  serviceAccountMaxTokenExpiration?: string
  serviceAccountExtendTokenExpiration: boolean
  serviceAccountLookup: boolean
  serviceAccountSigningEndpoint?: string
  authenticationConfig?: string
  authorizationConfig?: string
  apiAudiences?: string
  oidcIssuerUrl?: string
  oidcClientId?: string
  oidcCaFile?: string
  oidcUsernameClaim: string
  oidcUsernamePrefix?: string
  oidcGroupsClaim?: string
  oidcGroupsPrefix: string
  oidcRequiredClaim: string[]
  oidcSigningAlgs: string
  authenticationTokenWebhookConfigFile?: string
  authenticationTokenWebhookVersion: 'v1' | 'v1beta1'
  authenticationTokenWebhookCacheTtl: string
}

const collect = (value: string, before: string[]): string[] => [...before, value]

/** Adds kube-apiserver's own flags of authentication and authorization. */
export function addAuthFlags<C extends Command>(command: C): C {
  return addAuthorizationFlags(addTokenFlags(addOidcFlags(addRequestHeaderFlags(command))))
    .option('--authentication-config <file>', 'refused: structured configuration needs CEL')
    .option('--anonymous-auth [bool]', 'let requests without a credential in as system:anonymous', true)
    .option('--client-ca-file <file>', 'CAs whose client certificates are taken besides those of the cluster')
    .option('--basic-auth-file <file>', 'CSV file of passwords: password,user,uid,"groups"')
}

function addAuthorizationFlags<C extends Command>(command: C): C {
  return command
    .option('--authorization-config <file>', 'refused: structured configuration needs CEL')
    .option('--authorization-mode <modes>', 'authorizers in order', 'AlwaysAllow')
    .option('--authorization-policy-file <file>', 'ABAC policies, one JSON object a line')
    .option('--authorization-webhook-config-file <file>', 'kubeconfig of the webhook authorizer')
    .addOption(webhookVersion('--authorization-webhook-version <version>'))
    .option('--authorization-webhook-cache-authorized-ttl <duration>', 'how long an allow counts', '5m0s')
    .option('--authorization-webhook-cache-unauthorized-ttl <duration>', 'how long a refusal counts', '30s')
}

function addTokenFlags<C extends Command>(command: C): C {
  return command
    .option('--token-auth-file <file>', 'CSV file of static tokens: token,user,uid,"groups"')
    .option('--enable-bootstrap-token-auth [bool]', 'take bootstrap tokens from Secrets of kube-system', false)
    .option('--service-account-issuer <url>', 'issuer of tokens of service accounts, may be repeated', collect, [])
    .option('--service-account-key-file <file>', 'keys that verify such tokens, may be repeated', collect, [])
    .option('--service-account-signing-key-file <file>', 'key that signs them')
    .option('--service-account-jwks-uri <url>', 'where relying parties find the keys')
    .option('--service-account-max-token-expiration <duration>', 'longest life of such a token')
    .option('--service-account-extend-token-expiration [bool]', 'let injected tokens live on with a warning', true)
    .option('--service-account-lookup [bool]', 'take tokens that lie in Secrets only as long as they are there', true)
    .option('--service-account-signing-endpoint <socket>', 'refused: tokens are signed here')
    .option('--api-audiences <names>', 'audiences of this API server, separated by commas', joined)
    .option('--authentication-token-webhook-config-file <file>', 'kubeconfig of the token review webhook')
    .addOption(webhookVersion('--authentication-token-webhook-version <version>'))
    .option('--authentication-token-webhook-cache-ttl <duration>', 'how long its answers count', '2m0s')
}

function webhookVersion(flags: string): Option {
  return new Option(flags, 'version of the review that is sent').choices(['v1', 'v1beta1']).default('v1beta1')
}

function addOidcFlags<C extends Command>(command: C): C {
  return command
    .option('--oidc-issuer-url <url>', 'OpenID issuer whose tokens are taken')
    .option('--oidc-client-id <id>', 'client that the tokens must be for')
    .option('--oidc-ca-file <file>', "CA of the issuer's certificate")
    .option('--oidc-username-claim <claim>', 'claim that is the user name', 'sub')
    .option('--oidc-username-prefix <prefix>', 'prefix of user names; - for none')
    .option('--oidc-groups-claim <claim>', 'claim that holds the groups')
    .option('--oidc-groups-prefix <prefix>', 'prefix of groups', '')
    .option('--oidc-required-claim <claim=value>', 'claim that a token must have, may be repeated', collect, [])
    .option('--oidc-signing-algs <names>', 'algorithms that are taken', 'RS256')
}

/** Checks the flags and makes options of them. Throws where they don't go together. */
export function authOptionsOf(flags: AuthFlags): AuthOptions {
  const modes = flags.authorizationMode.split(',')
  refuseUnsupported(flags)
  checkModes(modes, flags)
  const issuers = flags.serviceAccountIssuer
  checkServiceAccounts(flags)
  const maxTokenSeconds = maxTokenSecondsOf(flags)
  return {
    warnings: [...requestHeaderWarnings(flags), ...expirationWarnings(flags, maxTokenSeconds)],
    authorizationModes: modes,
    authorizationPolicyFile: flags.authorizationPolicyFile,
    authorizationWebhook: flags.authorizationWebhookConfigFile
      ? {
          configFile: flags.authorizationWebhookConfigFile,
          version: flags.authorizationWebhookVersion,
          authorizedTtlMs: durationMs(flags.authorizationWebhookCacheAuthorizedTtl),
          unauthorizedTtlMs: durationMs(flags.authorizationWebhookCacheUnauthorizedTtl),
        }
      : undefined,
    anonymousAuth: flags.anonymousAuth,
    clientCaFile: flags.clientCaFile,
    requestHeader: requestHeaderOf(flags),
    tokenAuthFile: flags.tokenAuthFile,
    basicAuthFile: flags.basicAuthFile,
    bootstrapTokens: flags.enableBootstrapTokenAuth,
    serviceAccounts: {
      issuers: issuers.length > 0 ? issuers : [DEFAULT_ISSUER],
      keyFiles: flags.serviceAccountKeyFile,
      signingKeyFile: flags.serviceAccountSigningKeyFile,
      jwksUri: flags.serviceAccountJwksUri,
      maxTokenSeconds,
      extendExpiration: flags.serviceAccountExtendTokenExpiration,
      lookup: flags.serviceAccountLookup,
    },
    oidc: oidcOf(flags),
    tokenWebhook: flags.authenticationTokenWebhookConfigFile
      ? {
          configFile: flags.authenticationTokenWebhookConfigFile,
          version: flags.authenticationTokenWebhookVersion,
          cacheTtlMs: durationMs(flags.authenticationTokenWebhookCacheTtl),
        }
      : undefined,
    apiAudiences: flags.apiAudiences ? listOf(flags.apiAudiences) : undefined,
  }
}

/** What would otherwise be left undone without a word. */
function refuseUnsupported(flags: AuthFlags): void {
  const { authenticationConfig, authorizationConfig, serviceAccountSigningEndpoint } = flags
  if (authenticationConfig) throw new Error('--authentication-config is not supported: it needs CEL')
  if (authorizationConfig) throw new Error('--authorization-config is not supported: it needs CEL')
  if (serviceAccountSigningEndpoint) {
    throw new Error('--service-account-signing-endpoint is not supported: use --service-account-signing-key-file')
  }
}

/** @see kubernetes pkg/kubeapiserver/options/authentication.go Validate */
function checkServiceAccounts({ serviceAccountIssuer: issuers, serviceAccountJwksUri: jwksUri }: AuthFlags): void {
  for (const [i, issuer] of issuers.entries()) {
    if (issuer === '') throw new Error('service-account-issuer should not be an empty string')
    if (issuer.includes(':') && !URL.canParse(issuer)) {
      throw new Error(`service-account-issuer "${issuer}" contained a ':' but was not a valid URL`)
    }
    if (issuers.indexOf(issuer) !== i) throw new Error(`service-account-issuer "${issuer}" is already specified`)
  }
  if (!jwksUri) return
  if (!URL.canParse(jwksUri)) throw new Error(`service-account-jwks-uri must be a valid URL: ${jwksUri}`)
  if (new URL(jwksUri).protocol !== 'https:') {
    throw new Error(`service-account-jwks-uri requires https scheme, parsed as: ${jwksUri}`)
  }
}

const HOUR_SECONDS = 3600
/** What the ServiceAccount admission plugin asks for, and what that may be made of. */
const INJECTED_SECONDS = 3607
const EXTENDED_SECONDS = 365 * 24 * HOUR_SECONDS

/** @see kubernetes pkg/controlplane/apiserver/options/options.go */
function maxTokenSecondsOf({ serviceAccountMaxTokenExpiration: text }: AuthFlags): number | undefined {
  const seconds = text ? durationMs(text) / 1000 : 0
  if (seconds === 0) return undefined
  if (seconds >= HOUR_SECONDS && seconds <= 2 ** 32) return seconds
  throw new Error('the service-account-max-token-expiration must be between 1 hour and 2^32 seconds')
}

function expirationWarnings(flags: AuthFlags, maxSeconds: number | undefined): string[] {
  if (maxSeconds === undefined || !flags.serviceAccountExtendTokenExpiration) return []
  const shown = flags.serviceAccountMaxTokenExpiration
  return [
    ...(maxSeconds < INJECTED_SECONDS
      ? [
          `service-account-extend-token-expiration is true, in order to correctly trigger safe transition logic, service-account-max-token-expiration must be set longer than ${INJECTED_SECONDS} seconds (currently ${shown})`,
        ]
      : []),
    ...(maxSeconds < EXTENDED_SECONDS
      ? [
          `service-account-extend-token-expiration is true, enabling tokens valid up to ${EXTENDED_SECONDS} seconds, which is longer than service-account-max-token-expiration set to ${shown}`,
        ]
      : []),
  ]
}

const MODES: ReadonlySet<string> = new Set(['AlwaysAllow', 'AlwaysDeny', 'ABAC', 'Webhook', 'RBAC', 'Node'])

/** @see kubernetes pkg/kubeapiserver/options/authorization.go */
function checkModes(modes: readonly string[], flags: AuthFlags): void {
  for (const mode of modes) {
    if (!MODES.has(mode)) throw new Error(`authorization-mode "${mode}" is not a valid mode`)
  }
  if (new Set(modes).size < modes.length) {
    throw new Error(`authorization-mode ["${modes.join('" "')}"] has mode specified more than once`)
  }
  if (modes.includes('ABAC') && !flags.authorizationPolicyFile) {
    throw new Error("authorization-mode ABAC's authorization policy file not passed")
  }
  if (modes.includes('Webhook') && !flags.authorizationWebhookConfigFile) {
    throw new Error("authorization-mode Webhook's authorization config file not passed")
  }
  if (flags.authorizationPolicyFile && !modes.includes('ABAC')) {
    throw new Error('cannot specify --authorization-policy-file without mode ABAC')
  }
  if (flags.authorizationWebhookConfigFile && !modes.includes('Webhook')) {
    throw new Error('cannot specify --authorization-webhook-config-file without mode Webhook')
  }
}

function oidcOf(flags: AuthFlags): OidcFlags | undefined {
  const { oidcIssuerUrl, oidcClientId } = flags
  const others = [flags.oidcCaFile, flags.oidcUsernamePrefix, flags.oidcGroupsClaim, flags.oidcGroupsPrefix]
  const isAnySet = [oidcIssuerUrl, oidcClientId, ...others].some(Boolean) || flags.oidcRequiredClaim.length > 0
  if (!isAnySet) return undefined
  if (!oidcIssuerUrl || !oidcClientId) {
    throw new Error('oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set')
  }
  return {
    issuerUrl: oidcIssuerUrl,
    clientId: oidcClientId,
    caFile: flags.oidcCaFile,
    usernameClaim: flags.oidcUsernameClaim,
    usernamePrefix: flags.oidcUsernamePrefix,
    groupsClaim: flags.oidcGroupsClaim,
    groupsPrefix: flags.oidcGroupsPrefix,
    requiredClaims: Object.fromEntries(flags.oidcRequiredClaim.map(pairOf)),
    signingAlgorithms: listOf(flags.oidcSigningAlgs),
  }
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`oidc-required-claim must be claim=value, not ${text}`)
  return [text.slice(0, at), text.slice(at + 1)]
}
