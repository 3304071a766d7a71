import type { Clock } from '../../../apimachinery/clock.ts'
import type { JsonObject } from '../../../apimachinery/kube-object.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import type { FetchText } from '../../webhook/fetch-text.ts'
import { type Authenticated, AuthenticationError } from '../authenticator.ts'
import type { TokenAuthenticator } from '../token-authenticator.ts'
import { DistributedClaim } from './distributed-claim.ts'
import { IssuerVerifier, oidcIssuerOf } from './issuer-verifier.ts'

interface OidcOptions {
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
  readonly fetchText: FetchText
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

/**
 * ID tokens of an OpenID Connect issuer: its discovery document tells where its keys are; claims make the user.
 *
 * @see apiserver plugin/pkg/authenticator/token/oidc/oidc.go
 */
export class OidcAuthenticator implements TokenAuthenticator {
  readonly name = 'oidc'
  readonly #options: OidcOptions
  readonly #usernamePrefix: string
  readonly #verifier: IssuerVerifier
  readonly #groups: DistributedClaim | undefined

  /** Throws where the issuer is no https URL or an algorithm is none that is safe to take. */
  constructor(options: OidcOptions) {
    if (!options.issuerUrl.startsWith('https://')) throw new Error('the OIDC issuer must be an https URL')
    for (const name of options.signingAlgorithms) {
      if (!ALGORITHMS.has(name)) throw new Error(`OIDC signing algorithm ${name} is not supported`)
    }
    this.#options = options
    this.#usernamePrefix = usernamePrefixOf(options)
    this.#verifier = new IssuerVerifier(options)
    const { groupsClaim } = options
    this.#groups = groupsClaim === undefined ? undefined : new DistributedClaim(groupsClaim, options)
  }

  async authenticateToken(token: string): Promise<Authenticated | undefined> {
    if (oidcIssuerOf(token) !== this.#options.issuerUrl) return undefined
    try {
      const claims = await this.#verifier.verify(token)
      return { user: this.#userOf((await this.#groups?.expand(claims)) ?? claims) }
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error
      throw new AuthenticationError(`oidc: ${error.message}`, { cause: error })
    }
  }

  #userOf(claims: JsonObject): UserInfo {
    const { usernameClaim, requiredClaims } = this.#options
    for (const [name, value] of Object.entries(requiredClaims)) {
      if (claims[name] !== value) throw new AuthenticationError(`required claim ${name} is missing or another`)
    }
    const name = claims[usernameClaim]
    if (typeof name !== 'string' || name === '') {
      throw new AuthenticationError(`claim ${usernameClaim} is missing or no string`)
    }
    if (usernameClaim === 'email' && claims['email_verified'] !== undefined && claims['email_verified'] !== true) {
      throw new AuthenticationError('email not verified')
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
      throw new AuthenticationError(`claim ${groupsClaim} holds more than strings`)
    }
    return groups.map((group) => groupsPrefix + group)
  }
}

function usernamePrefixOf({ usernamePrefix, usernameClaim, issuerUrl }: OidcOptions): string {
  if (usernamePrefix === '-') return ''
  if (usernamePrefix !== undefined && usernamePrefix !== '') return usernamePrefix
  return usernameClaim === 'email' ? '' : `${issuerUrl}#`
}
