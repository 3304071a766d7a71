import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import { type Authenticated, AuthenticationError } from './authenticator.ts'
import { claimedIssuer } from './service-account/jwt-verifier.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

/** GETs a JSON document. Throws where the answer is not one. */
export type FetchJson = (url: string) => Promise<unknown>

export interface OidcOptions {
  readonly issuerUrl: string
  /** Audience that a token must have. */
  readonly clientId: string
  readonly usernameClaim: string
  /** `-`: none; undefined: the issuer's URL and `#`, unless the claim is `email`. */
  readonly usernamePrefix: string | undefined
  readonly groupsClaim: string | undefined
  readonly groupsPrefix: string
  readonly requiredClaims: Readonly<Record<string, string>>
  readonly signingAlgorithms: readonly string[]
  readonly fetchJson: FetchJson
  readonly clock: Clock
}

const ALGORITHMS: ReadonlySet<string> = new Set([
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
])

/** How long the issuer's keys count without being looked at again, and how often at most they are fetched. */
const KEYS_MAX_AGE_MS = 600_000
const KEYS_COOLDOWN_MS = 30_000
/** After a failed discovery, the issuer is left alone for so long. */
const DISCOVERY_RETRY_MS = 10_000

type KeySet = ReturnType<typeof createRemoteJWKSet>

/**
 * ID tokens of an OpenID Connect issuer: its discovery document tells where its keys are; claims make the user.
 *
 * @see apiserver plugin/pkg/authenticator/token/oidc/oidc.go
 */
export class OidcAuthenticator implements TokenAuthenticator {
  readonly name = 'oidc'
  readonly #options: OidcOptions
  readonly #usernamePrefix: string
  #keys: Promise<KeySet> | undefined
  #retryAt = 0

  /** Throws where the issuer is no https URL or an algorithm is none that is safe to take. */
  constructor(options: OidcOptions) {
    if (!options.issuerUrl.startsWith('https://')) throw new Error('the OIDC issuer must be an https URL')
    for (const name of options.signingAlgorithms) {
      if (!ALGORITHMS.has(name)) throw new Error(`OIDC signing algorithm ${name} is not supported`)
    }
    this.#options = options
    this.#usernamePrefix = usernamePrefixOf(options)
  }

  async authenticateToken(token: string): Promise<Authenticated | undefined> {
    const { issuerUrl, clientId, signingAlgorithms, clock } = this.#options
    if (claimedIssuer(token) !== issuerUrl) return undefined
    const keys = await this.#keySet()
    let claims: JWTPayload
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: issuerUrl,
        audience: clientId,
        algorithms: [...signingAlgorithms],
        requiredClaims: ['exp'],
        currentDate: new Date(clock.now()),
      })
      claims = payload
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        throw new AuthenticationError(`oidc: verify token: ${error.message}`, { cause: error })
      }
      throw error
    }
    return { user: this.#userOf(claims as JsonObject) }
  }

  /** The issuer's keys, by way of its discovery document, which is read once. */
  #keySet(): Promise<KeySet> {
    if (this.#keys) return this.#keys
    if (this.#options.clock.now() < this.#retryAt) throw new AuthenticationError('oidc: authenticator not initialized')
    const keys = this.#discover().catch((error: unknown) => {
      this.#keys = undefined
      this.#retryAt = this.#options.clock.now() + DISCOVERY_RETRY_MS
      throw new AuthenticationError('oidc: the issuer could not be discovered', { cause: error })
    })
    this.#keys = keys
    return keys
  }

  async #discover(): Promise<KeySet> {
    const { issuerUrl, fetchJson } = this.#options
    const document = await fetchJson(`${issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`)
    if (!isJsonObject(document) || document['issuer'] !== issuerUrl) {
      throw new Error('the discovery document is for another issuer')
    }
    const uri = document['jwks_uri']
    if (typeof uri !== 'string') throw new Error('the discovery document names no keys')
    return createRemoteJWKSet(new URL(uri), {
      cacheMaxAge: KEYS_MAX_AGE_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
      [customFetch]: async (url) => Response.json(await fetchJson(url)),
    })
  }

  #userOf(claims: JsonObject): UserInfo {
    const { usernameClaim, requiredClaims } = this.#options
    for (const [name, value] of Object.entries(requiredClaims)) {
      if (claims[name] !== value) throw new AuthenticationError(`oidc: required claim ${name} is missing or another`)
    }
    const name = claims[usernameClaim]
    if (typeof name !== 'string' || name === '') {
      throw new AuthenticationError(`oidc: claim ${usernameClaim} is missing or no string`)
    }
    if (usernameClaim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) {
      throw new AuthenticationError('oidc: email not verified')
    }
    const jti = claims['jti']
    return {
      name: this.#usernamePrefix + name,
      uid: '',
      groups: this.#groupsOf(claims),
      extra:
        typeof jti === 'string' && jti !== '' ? { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] } : {},
    }
  }

  #groupsOf(claims: JsonObject): string[] {
    const { groupsClaim, groupsPrefix } = this.#options
    const value = groupsClaim === undefined ? undefined : claims[groupsClaim]
    if (value === undefined) return []
    const groups: unknown[] = Array.isArray(value) ? value : [value]
    if (!groups.every((group): group is string => typeof group === 'string')) {
      throw new AuthenticationError(`oidc: claim ${groupsClaim} holds more than strings`)
    }
    return groups.map((group) => groupsPrefix + group)
  }
}

function usernamePrefixOf({ usernamePrefix, usernameClaim, issuerUrl }: OidcOptions): string {
  if (usernamePrefix === '-') return ''
  if (usernamePrefix !== undefined && usernamePrefix !== '') return usernamePrefix
  return usernameClaim === 'email' ? '' : `${issuerUrl}#`
}
