import { readFileSync } from 'node:fs'
import { forbiddenMessage } from '../api/filters/authorization.ts'
import { asApiError, forbidden, unauthorized } from '../apimachinery/api-error.ts'
import { type Clock, every, type Timer } from '../apimachinery/clock.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import { anonymousAuthenticator } from '../auth/authn/anonymous.ts'
import { AuthenticatedGroupAdder } from '../auth/authn/authenticated-group.ts'
import type { Authenticated, AuthenticationRequest, Authenticator } from '../auth/authn/authenticator.ts'
import { BearerTokenAuthenticator } from '../auth/authn/bearer-token.ts'
import { CertificateVerifier } from '../auth/authn/certificate-chain.ts'
import { FailOnErrorAuthenticator } from '../auth/authn/fail-on-error.ts'
import { RequestHeaderAuthenticator } from '../auth/authn/request-header.ts'
import type { TokenAuthenticator } from '../auth/authn/token-authenticator.ts'
import { UnionAuthenticator } from '../auth/authn/union.ts'
import { X509Authenticator } from '../auth/authn/x509.ts'
import { ExpiringCache } from '../auth/webhook/expiring-cache.ts'
import type { Client } from '../controllers/runtime/client.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { CONFIG_MAPS } from '../controllers/runtime/resources.ts'
import type { ProxyHeaders, RequestHeaderFlags } from './auth-options.ts'
import { DelegatedAccess } from './delegated-access.ts'

/** How a component that is no API server finds out who its clients are and what they may do. */
export interface DelegatedAuthOptions {
  /** `--client-ca-file`; undefined: what the API server publishes counts. */
  readonly clientCaFile?: string | undefined
  /** `--requestheader-*`; undefined: what the API server publishes counts. */
  readonly requestHeader?: RequestHeaderFlags | undefined
  /** `--authentication-skip-lookup`: what the API server publishes counts for nothing. */
  readonly skipLookup: boolean
  /** `--authorization-always-allow-paths`; those that end in `*` stand for all that begin so. */
  readonly alwaysAllowPaths: readonly string[]
  /** How long the API server's answers count. */
  readonly tokenTtlMs: number
  readonly authorizedTtlMs: number
  readonly unauthorizedTtlMs: number
}

interface DelegatedAuthParts {
  /** May create TokenReviews and SubjectAccessReviews, and read `extension-apiserver-authentication`. */
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Called when other certificates of clients begin to count. */
  changed(): void
}

/** Where an API server says whose certificates count. */
const PUBLISHED = { namespace: 'kube-system', name: 'extension-apiserver-authentication' }
/** How often it is read, and tried while it could never be. */
const LOOKUP_MS = 60_000
const FIRST_LOOKUP_MS = 1000
const MAX_CACHED = 1000

/** Whose certificates count, and for what. */
interface Trust {
  /** PEM; '': nobody's. */
  readonly userCa: string
  readonly proxyCa: string
  readonly headers: ProxyHeaders
}

/**
 * Asks the API server who a client is and what it may do.
 *
 * @see apiserver pkg/server/options authentication.go, authorization.go (delegating); pkg/authentication/authenticatorfactory
 */
export class DelegatedAuth {
  readonly #options: DelegatedAuthOptions
  readonly #parts: DelegatedAuthParts
  readonly #decisions: ExpiringCache<boolean>
  readonly #access: DelegatedAccess
  readonly #tokens: TokenAuthenticator
  readonly #poll: Timer
  #trust: Trust
  #authenticator: Authenticator
  #hasLooked = false

  /** Throws where a file cannot be read or holds no certificate. */
  constructor(options: DelegatedAuthOptions, parts: DelegatedAuthParts) {
    this.#options = options
    this.#parts = parts
    this.#decisions = new ExpiringCache(MAX_CACHED, parts.clock)
    this.#access = new DelegatedAccess(parts.client)
    this.#tokens = new ReviewedTokens(this.#access, parts.clock, options.tokenTtlMs)
    this.#trust = this.#trustOf({})
    this.#authenticator = this.#authenticatorFor(this.#trust)
    let lookedAt = Number.NEGATIVE_INFINITY
    const look = (): void => {
      const now = parts.clock.now()
      if (this.#hasLooked && now - lookedAt < LOOKUP_MS) return
      lookedAt = now
      void this.#lookUp()
    }
    const isLooking = !options.skipLookup && !(options.clientCaFile && options.requestHeader)
    this.#poll = isLooking ? every(parts.clock, FIRST_LOOKUP_MS, look) : { cancel: () => {} }
    if (isLooking) look()
  }

  /** CAs whose certificates clients may show, in PEM. */
  get clientCas(): readonly string[] {
    return [this.#trust.userCa, this.#trust.proxyCa].filter((pem) => pem !== '')
  }

  /** Errors: 401. */
  async userOf(request: AuthenticationRequest): Promise<UserInfo> {
    try {
      const authenticated = await this.#authenticator.authenticate(request)
      if (authenticated) return authenticated.user
    } catch (error) {
      this.#parts.logger.info({ err: error }, 'unable to authenticate the request')
    }
    throw unauthorized()
  }

  /** Errors: 403; 500 where the API server does not answer. */
  async authorize(user: UserInfo, verb: string, path: string): Promise<void> {
    if (user.groups.includes('system:masters') || this.#isOpen(path)) return
    const key = JSON.stringify([user, verb, path])
    let isAllowed = this.#decisions.get(key)
    if (isAllowed === undefined) {
      isAllowed = await this.#access.isAllowed(user, { nonResourceAttributes: { path, verb } })
      const { authorizedTtlMs, unauthorizedTtlMs } = this.#options
      this.#decisions.set(key, isAllowed, isAllowed ? authorizedTtlMs : unauthorizedTtlMs)
    }
    if (!isAllowed) throw forbidden({ group: '', resource: '' }, '', forbiddenMessage(pathAttributes(user, verb, path)))
  }

  close(): void {
    this.#poll.cancel()
  }

  #isOpen(path: string): boolean {
    const inside = path.replace(/^\/+/, '')
    return this.#options.alwaysAllowPaths.some((allowed) => {
      const wanted = allowed.replace(/^\/+/, '')
      return wanted.endsWith('*') ? inside.startsWith(wanted.slice(0, -1)) : inside === wanted
    })
  }

  async #lookUp(): Promise<void> {
    const { client, logger } = this.#parts
    try {
      const published = (await client.get(CONFIG_MAPS, PUBLISHED)).data ?? {}
      this.#hasLooked = true
      const trust = this.#trustOf(published)
      if (JSON.stringify(trust) === JSON.stringify(this.#trust)) return
      this.#authenticator = this.#authenticatorFor(trust)
      this.#trust = trust
      this.#parts.changed()
    } catch (error) {
      const fields = { err: error, reason: asApiError(error)?.reason }
      logger.warn(fields, 'could not look up whose client certificates count, trying again')
    }
  }

  /** Throws where a file cannot be read, or what is published is not understood. */
  #trustOf(published: Readonly<Record<string, string>>): Trust {
    const { clientCaFile, requestHeader } = this.#options
    const list = (key: string): string[] => JSON.parse(published[`requestheader-${key}`] || '[]') as string[]
    return {
      userCa: clientCaFile ? readFileSync(clientCaFile, 'utf8') : (published['client-ca-file'] ?? ''),
      proxyCa: requestHeader
        ? readFileSync(requestHeader.clientCaFile, 'utf8')
        : (published['requestheader-client-ca-file'] ?? ''),
      headers: requestHeader ?? {
        allowedNames: list('allowed-names'),
        usernameHeaders: list('username-headers'),
        uidHeaders: list('uid-headers'),
        groupHeaders: list('group-headers'),
        extraHeaderPrefixes: list('extra-headers-prefix'),
      },
    }
  }

  /** Throws where there is no certificate in what should be one. */
  #authenticatorFor({ userCa, proxyCa, headers }: Trust): Authenticator {
    const { clock } = this.#parts
    const mechanisms: Authenticator[] = []
    if (proxyCa !== '') {
      const verifier = new CertificateVerifier([proxyCa])
      mechanisms.push(new RequestHeaderAuthenticator({ ...headers, verifier: () => verifier, clock }))
    }
    if (userCa !== '') {
      const verifier = new CertificateVerifier([userCa])
      mechanisms.push(new X509Authenticator(() => verifier, clock))
    }
    mechanisms.push(new BearerTokenAuthenticator(this.#tokens, []))
    const known = new AuthenticatedGroupAdder(new UnionAuthenticator(mechanisms))
    return new FailOnErrorAuthenticator([known, anonymousAuthenticator])
  }
}

/** Tokens that the API server knows. */
class ReviewedTokens implements TokenAuthenticator {
  readonly name = 'token-review'
  readonly #access: DelegatedAccess
  readonly #ttlMs: number
  readonly #known: ExpiringCache<Authenticated | 'unknown'>

  constructor(access: DelegatedAccess, clock: Clock, ttlMs: number) {
    this.#access = access
    this.#ttlMs = ttlMs
    this.#known = new ExpiringCache(MAX_CACHED, clock)
  }

  async authenticateToken(token: string): Promise<Authenticated | undefined> {
    let answer = this.#known.get(token)
    if (!answer) {
      const user = await this.#access.userOf(token)
      answer = user ? { user } : 'unknown'
      this.#known.set(token, answer, this.#ttlMs)
    }
    return answer === 'unknown' ? undefined : answer
  }
}

function pathAttributes(user: UserInfo, verb: string, path: string) {
  const none = { apiGroup: '', apiVersion: '', namespace: '', resource: '', subresource: '', name: '' }
  return { user, verb, path, isResourceRequest: false, ...none, fieldSelector: '', labelSelector: '' }
}
