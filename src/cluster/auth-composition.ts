import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rbacBootstrap } from '../../openapi/data.ts'
import type { VirtualHandlers } from '../api/api-resource.ts'
import type { PathHandler } from '../api/api-server.ts'
import { Impersonation } from '../api/filters/impersonation.ts'
import type { Impersonate } from '../api/pipeline.ts'
import { selfSubjectReview } from '../api/virtual/self-subject-review.ts'
import { accessReviews } from '../api/virtual/subject-access-reviews.ts'
import { tokenReview } from '../api/virtual/token-review.ts'
import type { Clock } from '../apimachinery/clock.ts'
import type { PolicyRule } from '../apimachinery/types/rbac-v1.ts'
import { anonymousAuthenticator } from '../auth/authn/anonymous.ts'
import { AuthenticatedGroupAdder } from '../auth/authn/authenticated-group.ts'
import type { Authenticator } from '../auth/authn/authenticator.ts'
import { BasicAuthenticator } from '../auth/authn/basic.ts'
import { BearerTokenAuthenticator } from '../auth/authn/bearer-token.ts'
import { BootstrapTokenAuthenticator } from '../auth/authn/bootstrap-token.ts'
import { CertificateVerifier, certificateBlocks } from '../auth/authn/certificate-chain.ts'
import { FailOnErrorAuthenticator } from '../auth/authn/fail-on-error.ts'
import { OidcAuthenticator } from '../auth/authn/oidc/oidc.ts'
import { RequestHeaderAuthenticator } from '../auth/authn/request-header.ts'
import type { TokenIssuer } from '../auth/authn/service-account/token-issuer.ts'
import { AudienceAgnosticToken, type TokenAuthenticator, TokenUnion } from '../auth/authn/token-authenticator.ts'
import { TokenFileAuthenticator } from '../auth/authn/token-file.ts'
import { UnionAuthenticator } from '../auth/authn/union.ts'
import { WebhookTokenAuthenticator } from '../auth/authn/webhook-token.ts'
import { WebSocketTokenAuthenticator } from '../auth/authn/websocket-token.ts'
import { X509Authenticator } from '../auth/authn/x509.ts'
import { AbacAuthorizer } from '../auth/authz/abac.ts'
import { alwaysAllowAuthorizer, alwaysDenyAuthorizer, privilegedGroupAuthorizer } from '../auth/authz/always.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import { NodeAuthorizer } from '../auth/authz/node/node-authorizer.ts'
import { EscalationCheck, type RbacWrite } from '../auth/authz/rbac/escalation-check.ts'
import { RbacAuthorizer } from '../auth/authz/rbac/rbac-authorizer.ts'
import { UnionAuthorizer } from '../auth/authz/union.ts'
import { WebhookAuthorizer } from '../auth/authz/webhook-authorizer.ts'
import { textFetcher } from '../auth/webhook/fetch-text.ts'
import { ReviewClient } from '../auth/webhook/review-client.ts'
import { readWebhookConfig } from '../auth/webhook/webhook-config.ts'
import type { Registry } from '../registry/generic/registry.ts'
import type { AnyResourceEntry } from '../registry/resource.ts'
import type { AuthOptions, OidcFlags } from './auth-options.ts'
import type { ClientTrust } from './bootstrap/client-trust.ts'
import { NodeUsageSource } from './node-usage-source.ts'
import { RbacSource } from './rbac-source.ts'
import { registryObjectReader } from './registry-object-reader.ts'
import { ServiceAccountAuth } from './service-account-auth.ts'
import { WatchedFiles } from './watched-files.ts'

const GUARDED: ReadonlySet<string> = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'])

interface AuthParts {
  readonly registry: Registry
  readonly clock: Clock
}

/** What a server has of its own for authentication. */
interface AuthMaterial {
  /** Makes or reads the private key (PEM) that signs tokens of service accounts where the options name none. */
  readonly serviceAccountKey: () => Promise<string>
  /** CAs of the cluster's own client certificates, in PEM. */
  readonly clientCas: readonly string[]
  /** Tokens that are known besides those that the options name. */
  readonly tokens?: TokenAuthenticator
}

/** Authentication and authorization of one server, put together as its options say, in upstream's order. */
export class ClusterAuth {
  readonly #options: AuthOptions
  readonly #audiences: readonly string[]
  readonly #serviceAccounts: ServiceAccountAuth
  readonly #givenTokens: TokenAuthenticator | undefined
  readonly #rbac = new RbacSource()
  readonly #nodeUsage = new NodeUsageSource()
  readonly #webhooks: ReviewClient[] = []
  readonly #impersonation = new Impersonation()
  readonly #ownCas: readonly string[]
  #tokens: TokenAuthenticator | undefined
  #authorizer: Authorizer | undefined
  #authenticator: Authenticator | undefined

  #userCas: CaBundle
  #proxyCas: CaBundle | undefined
  #caFiles: WatchedFiles | undefined

  /** Throws where a file that the options name can't be read or understood. */
  constructor(options: AuthOptions, material: AuthMaterial) {
    this.#options = options
    this.#givenTokens = material.tokens
    this.#ownCas = material.clientCas
    const { clientCaFile, requestHeader } = options
    this.#userCas = this.#userBundle(clientCaFile && readFileSync(clientCaFile, 'utf8'))
    this.#proxyCas = requestHeader && new CaBundle([readFileSync(requestHeader.clientCaFile, 'utf8')])
    if (requestHeader && requestHeader.allowedNames.length === 0) refuseOverlap(this.#userCas, this.#proxyCas!)
    this.#audiences = options.apiAudiences ?? [options.serviceAccounts.issuers[0]!]
    this.#serviceAccounts = new ServiceAccountAuth(options.serviceAccounts, this.#audiences, material.serviceAccountKey)
  }

  /** CAs whose client certificates count for something, as PEM bundles. */
  get clientCas(): readonly string[] {
    return [...this.#userCas.texts, ...(this.#proxyCas?.texts ?? [])]
  }

  /** Takes over the files of CAs as they change; `changed` is called where one has, `onError` where it is no good. */
  watchCas(clock: Clock, changed: () => void, onError: (error: unknown) => void): void {
    const { clientCaFile, requestHeader } = this.#options
    const proxyFile = requestHeader?.clientCaFile
    const paths = [clientCaFile, proxyFile].filter((path) => path !== undefined)
    if (paths.length === 0) return
    const onChange = (texts: readonly string[]): void => {
      const rest = [...texts]
      const userCas = this.#userBundle(clientCaFile && rest.shift())
      this.#proxyCas = proxyFile === undefined ? undefined : new CaBundle(rest)
      this.#userCas = userCas
      changed()
    }
    this.#caFiles = new WatchedFiles({ paths, clock, onChange, onError })
  }

  /** Who a client is. */
  authenticator(parts: AuthParts): Authenticator {
    this.#authenticator ??= this.#createAuthenticator(parts)
    return this.#authenticator
  }

  /** Lets clients count as others. */
  get impersonate(): Impersonate {
    return this.#impersonation.impersonate
  }

  /** What a client may do. */
  authorizer({ clock }: AuthParts): Authorizer {
    this.#authorizer ??= new UnionAuthorizer([
      privilegedGroupAuthorizer,
      ...this.#options.authorizationModes.map((mode) => this.#authorizerOf(mode, clock)),
    ])
    return this.#authorizer
  }

  /** The entry of a resource, guarded against users who grant more than they have where it is one of RBAC's. */
  guarded(entry: AnyResourceEntry): AnyResourceEntry {
    const { group, resource } = entry
    if (group !== 'rbac.authorization.k8s.io' || !GUARDED.has(resource)) return entry
    return {
      ...entry,
      hooks: {
        authorize: async (write, { user, namespace }) => {
          if (!user) return
          const escalations = new EscalationCheck(this.#authorizer!, this.#rbac.policy)
          await escalations.check({ ...write, user, namespace, resource: resource as RbacWrite['resource'] })
        },
      },
    }
  }

  /** What reviews and token requests are answered by. */
  virtualHandlers(parts: AuthParts): ReadonlyMap<string, VirtualHandlers> {
    const { registry, clock } = parts
    return new Map([
      ...accessReviews(this.authorizer(parts)),
      ['authentication.k8s.io/selfsubjectreviews', selfSubjectReview(clock)],
      ['authentication.k8s.io/tokenreviews', tokenReview(this.#tokenAuthenticator(parts), this.#audiences)],
      ['/serviceaccounts/token', this.#serviceAccounts.tokenRequests(registry, clock)],
    ])
  }

  /** Whom this server trusts to say who a client is. */
  get clientTrust(): ClientTrust {
    const { requestHeader } = this.#options
    const [ca] = this.#proxyCas?.texts ?? []
    const frontProxy = requestHeader && ca ? { ca, headers: requestHeader } : undefined
    return { userCas: this.#userCas.texts, frontProxy }
  }

  /** Signs tokens of service accounts. */
  get tokenIssuer(): TokenIssuer {
    return this.#serviceAccounts.issuer
  }

  /** OpenID discovery for the tokens of service accounts; `address` is where clients reach this server. */
  discovery(address: () => string): PathHandler {
    return this.#serviceAccounts.discovery(address)
  }

  /** Lets go of files and of connections to webhooks. */
  close(): void {
    this.#caFiles?.close()
    for (const client of this.#webhooks) client.close()
  }

  /** To be awaited before the first request: what decisions look at is loaded. */
  async start(registry: Registry): Promise<void> {
    await this.#rbac.start(registry)
    if (this.#options.authorizationModes.includes('Node')) await this.#nodeUsage.start(registry)
  }

  #userBundle(file: string | undefined): CaBundle {
    return new CaBundle(file ? [...this.#ownCas, file] : this.#ownCas)
  }

  #reviewer(configFile: string, clock: Clock): ReviewClient {
    const client = new ReviewClient(readWebhookConfig(configFile), clock)
    this.#webhooks.push(client)
    return client
  }

  #createAuthenticator(parts: AuthParts): Authenticator {
    const tokens = this.#tokenAuthenticator(parts)
    const mechanisms: Authenticator[] = [
      ...this.#certificateAuthenticators(parts.clock),
      new BearerTokenAuthenticator(tokens, this.#audiences),
      new WebSocketTokenAuthenticator(tokens, this.#audiences),
    ]
    const known = new AuthenticatedGroupAdder(new UnionAuthenticator(mechanisms))
    return this.#options.anonymousAuth ? new FailOnErrorAuthenticator([known, anonymousAuthenticator]) : known
  }

  /** Front proxy, client certificates and passwords, as far as the options ask for them. */
  #certificateAuthenticators(clock: Clock): Authenticator[] {
    const { requestHeader, basicAuthFile } = this.#options
    const mechanisms: Authenticator[] = []
    if (requestHeader) {
      const verifier = (): CertificateVerifier => this.#proxyCas!.verifier
      mechanisms.push(new RequestHeaderAuthenticator({ ...requestHeader, verifier, clock }))
    }
    if (this.#userCas.texts.length > 0) mechanisms.push(new X509Authenticator(() => this.#userCas.verifier, clock))
    if (basicAuthFile) mechanisms.push(new BasicAuthenticator(readFileSync(basicAuthFile, 'utf8')))
    return mechanisms
  }

  /** All that know bearer tokens: what is local first, then what asks others. */
  #tokenAuthenticator({ registry, clock }: AuthParts): TokenAuthenticator {
    this.#tokens ??= this.#createTokenAuthenticator(registry, clock)
    return this.#tokens
  }

  #createTokenAuthenticator(registry: Registry, clock: Clock): TokenAuthenticator {
    const { tokenAuthFile, bootstrapTokens, oidc, tokenWebhook } = this.#options
    const members: TokenAuthenticator[] = []
    const agnostic = (inner: TokenAuthenticator): void => {
      members.push(new AudienceAgnosticToken(inner, this.#audiences))
    }
    if (this.#givenTokens) agnostic(this.#givenTokens)
    if (tokenAuthFile) agnostic(new TokenFileAuthenticator(readFileSync(tokenAuthFile, 'utf8')))
    members.push(...this.#serviceAccounts.authenticators(registry, clock))
    if (bootstrapTokens) agnostic(new BootstrapTokenAuthenticator(registryObjectReader(registry), clock))
    if (oidc) agnostic(oidcAuthenticator(oidc, clock))
    if (tokenWebhook) {
      const { configFile, version, cacheTtlMs } = tokenWebhook
      const reviewer = this.#reviewer(configFile, clock)
      const audiences = this.#audiences
      members.push(new WebhookTokenAuthenticator({ reviewer, version, cacheTtlMs, audiences, clock }))
    }
    return new TokenUnion(members)
  }

  #authorizerOf(mode: string, clock: Clock): Authorizer {
    switch (mode) {
      case 'AlwaysAllow':
        return alwaysAllowAuthorizer
      case 'AlwaysDeny':
        return alwaysDenyAuthorizer
      case 'RBAC':
        return new RbacAuthorizer(this.#rbac.policy)
      case 'Node':
        return new NodeAuthorizer(this.#nodeUsage.usage, nodeRules())
      case 'ABAC':
        return new AbacAuthorizer(readFileSync(this.#options.authorizationPolicyFile!, 'utf8'))
      case 'Webhook': {
        const { configFile, ...settings } = this.#options.authorizationWebhook!
        return new WebhookAuthorizer({ ...settings, reviewer: this.#reviewer(configFile, clock), clock })
      }
      default:
        throw new Error(`unknown authorization mode ${mode}`)
    }
  }
}

/** @see kubernetes pkg/kubeapiserver/options/authentication.go certificatesOverlap */
function refuseOverlap(users: CaBundle, proxies: CaBundle): void {
  const fingerprints = ({ texts }: CaBundle): string[] =>
    texts.flatMap(certificateBlocks).map((pem) => new X509Certificate(pem).fingerprint256)
  const known = fingerprints(users)
  if (!fingerprints(proxies).some((fingerprint) => known.includes(fingerprint))) return
  throw new Error(
    '--requestheader-client-ca-file and --client-ca-file contain overlapping certificates; --requestheader-allowed-names must be specified to ensure regular client certificates cannot set authenticating proxy headers for arbitrary users',
  )
}

/** CAs as PEM texts, and what verifies with them. */
class CaBundle {
  readonly texts: readonly string[]
  readonly #verifier: CertificateVerifier | undefined

  /** Throws where a text holds no certificate. */
  constructor(texts: readonly string[]) {
    this.texts = texts
    this.#verifier = texts.length > 0 ? new CertificateVerifier(texts) : undefined
  }

  get verifier(): CertificateVerifier {
    if (!this.#verifier) throw new Error('there are no CAs to verify with')
    return this.#verifier
  }
}

function oidcAuthenticator(
  { caFile, usernamePrefix, groupsClaim, ...flags }: OidcFlags,
  clock: Clock,
): OidcAuthenticator {
  const fetchText = textFetcher(caFile ? readFileSync(caFile, 'utf8') : undefined)
  return new OidcAuthenticator({ ...flags, usernamePrefix, groupsClaim, fetchText, clock })
}

/** What every node may do alike: the default role of nodes. */
function nodeRules(): readonly PolicyRule[] {
  const rules = rbacBootstrap().clusterRoles.find((role) => role.name === 'system:node')?.rules ?? []
  return rules as unknown as readonly PolicyRule[]
}
