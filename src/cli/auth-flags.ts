import { type Command, Option } from 'commander'
import { type AuthOptions, DEFAULT_ISSUER, type OidcFlags, type RequestHeaderFlags } from '../cluster/auth-options.ts'
import { durationMs } from './duration.ts'

/** Flags of authentication and authorization as commander hands them over. */
export interface AuthFlags {
  authorizationMode: string
  authorizationPolicyFile?: string
  authorizationWebhookConfigFile?: string
  authorizationWebhookVersion: 'v1' | 'v1beta1'
  authorizationWebhookCacheAuthorizedTtl: string
  authorizationWebhookCacheUnauthorizedTtl: string
  anonymousAuth: string
  clientCaFile?: string
  tokenAuthFile?: string
  basicAuthFile?: string
  enableBootstrapTokenAuth?: boolean | string
  serviceAccountIssuer: string[]
  serviceAccountKeyFile: string[]
  serviceAccountSigningKeyFile?: string
  serviceAccountJwksUri?: string
  serviceAccountMaxTokenExpiration?: string
  serviceAccountExtendTokenExpiration: string
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
  requestheaderClientCaFile?: string
  requestheaderAllowedNames?: string
  requestheaderUsernameHeaders?: string
  requestheaderUidHeaders?: string
  requestheaderGroupHeaders?: string
  requestheaderExtraHeadersPrefix?: string
}

const collect = (value: string, before: string[]): string[] => [...before, value]

/** Adds kube-apiserver's own flags of authentication and authorization. */
export function addAuthFlags(command: Command): Command {
  return addAuthorizationFlags(addTokenFlags(addOidcFlags(addRequestHeaderFlags(command))))
    .option('--anonymous-auth <bool>', 'let requests without a credential in as system:anonymous', 'true')
    .option('--client-ca-file <file>', 'CAs whose client certificates are taken besides those of the cluster')
    .option('--basic-auth-file <file>', 'CSV file of passwords: password,user,uid,"groups"')
}

function addAuthorizationFlags(command: Command): Command {
  return command
    .option('--authorization-mode <modes>', 'authorizers in order', 'AlwaysAllow')
    .option('--authorization-policy-file <file>', 'ABAC policies, one JSON object a line')
    .option('--authorization-webhook-config-file <file>', 'kubeconfig of the webhook authorizer')
    .addOption(webhookVersion('--authorization-webhook-version <version>'))
    .option('--authorization-webhook-cache-authorized-ttl <duration>', 'how long an allow counts', '5m0s')
    .option('--authorization-webhook-cache-unauthorized-ttl <duration>', 'how long a refusal counts', '30s')
}

function addTokenFlags(command: Command): Command {
  return command
    .option('--token-auth-file <file>', 'CSV file of static tokens: token,user,uid,"groups"')
    .option('--enable-bootstrap-token-auth [bool]', 'take bootstrap tokens from Secrets of kube-system')
    .option('--service-account-issuer <url>', 'issuer of tokens of service accounts, may be repeated', collect, [])
    .option('--service-account-key-file <file>', 'keys that verify such tokens, may be repeated', collect, [])
    .option('--service-account-signing-key-file <file>', 'key that signs them')
    .option('--service-account-jwks-uri <url>', 'where relying parties find the keys')
    .option('--service-account-max-token-expiration <duration>', 'longest life of such a token')
    .option('--service-account-extend-token-expiration <bool>', 'let injected tokens live on with a warning', 'true')
    .option('--api-audiences <names>', 'audiences of this API server, separated by commas')
    .option('--authentication-token-webhook-config-file <file>', 'kubeconfig of the token review webhook')
    .addOption(webhookVersion('--authentication-token-webhook-version <version>'))
    .option('--authentication-token-webhook-cache-ttl <duration>', 'how long its answers count', '2m0s')
}

function webhookVersion(flags: string): Option {
  return new Option(flags, 'version of the review that is sent').choices(['v1', 'v1beta1']).default('v1beta1')
}

function addOidcFlags(command: Command): Command {
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

function addRequestHeaderFlags(command: Command): Command {
  return command
    .option('--requestheader-client-ca-file <file>', 'CAs of front proxies')
    .option('--requestheader-allowed-names <names>', 'common names of their certificates; none: any')
    .option('--requestheader-username-headers <names>', 'headers that name the user')
    .option('--requestheader-uid-headers <names>', 'headers that name its uid')
    .option('--requestheader-group-headers <names>', 'headers that name its groups')
    .option('--requestheader-extra-headers-prefix <prefixes>', 'prefixes of headers with more about it')
}

/** Checks the flags and makes options of them. Throws where they don't go together. */
export function authOptionsOf(flags: AuthFlags): AuthOptions {
  const modes = flags.authorizationMode.split(',')
  checkModes(modes, flags)
  const issuers = flags.serviceAccountIssuer
  return {
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
    anonymousAuth: flags.anonymousAuth !== 'false',
    clientCaFile: flags.clientCaFile,
    requestHeader: requestHeaderOf(flags),
    tokenAuthFile: flags.tokenAuthFile,
    basicAuthFile: flags.basicAuthFile,
    bootstrapTokens: flags.enableBootstrapTokenAuth === true || flags.enableBootstrapTokenAuth === 'true',
    serviceAccounts: {
      issuers: issuers.length > 0 ? issuers : [DEFAULT_ISSUER],
      keyFiles: flags.serviceAccountKeyFile,
      signingKeyFile: flags.serviceAccountSigningKeyFile,
      jwksUri: flags.serviceAccountJwksUri,
      maxTokenSeconds: flags.serviceAccountMaxTokenExpiration
        ? durationMs(flags.serviceAccountMaxTokenExpiration) / 1000
        : undefined,
      extendExpiration: flags.serviceAccountExtendTokenExpiration !== 'false',
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
  if (!oidcIssuerUrl && !oidcClientId) return undefined
  if (!oidcIssuerUrl || !oidcClientId) throw new Error('oidc-issuer-url and oidc-client-id must be specified together')
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

function requestHeaderOf(flags: AuthFlags): RequestHeaderFlags | undefined {
  if (!flags.requestheaderClientCaFile) return undefined
  const headers = (text: string | undefined): string[] => listOf(text ?? '')
  return {
    clientCaFile: flags.requestheaderClientCaFile,
    allowedNames: listOf(flags.requestheaderAllowedNames ?? ''),
    usernameHeaders: headers(flags.requestheaderUsernameHeaders),
    uidHeaders: headers(flags.requestheaderUidHeaders),
    groupHeaders: headers(flags.requestheaderGroupHeaders),
    extraHeaderPrefixes: headers(flags.requestheaderExtraHeadersPrefix),
  }
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
