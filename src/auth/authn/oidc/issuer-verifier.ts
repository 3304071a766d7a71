import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '../../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../../apimachinery/kube-object.ts'
import type { FetchText } from '../../webhook/fetch-text.ts'
import { AuthenticationError } from '../authenticator.ts'
import { claimedIssuer } from '../service-account/jwt-verifier.ts'

export interface IssuerVerifierOptions {
  readonly issuerUrl: string
  /** Audience that a token must have. */
  readonly clientId: string
  readonly signingAlgorithms: readonly string[]
  readonly fetchText: FetchText
  readonly clock: Clock
}

/** How long the issuer's keys count without being looked at again. */
const KEYS_MAX_AGE_MS = 600_000
/** A token of a key that is not known makes for a fetch, as upstream; but not more often than this. */
const KEYS_COOLDOWN_MS = 1_000
/** After a failed discovery, the issuer is left alone for so long. */
const DISCOVERY_RETRY_MS = 10_000

/** Google's tokens may name their issuer without its scheme (OpenID Connect Core 1.0, 16.18). */
const GOOGLE = { issuer: 'https://accounts.google.com', claim: 'accounts.google.com' } as const

type KeySet = ReturnType<typeof createRemoteJWKSet>

/** The issuer that a token claims, unverified; undefined where it does not look like a signed JWT. */
export function oidcIssuerOf(token: string): string | undefined {
  const issuer = claimedIssuer(token)
  return issuer === GOOGLE.claim ? GOOGLE.issuer : issuer
}

/** Verifies the tokens of one OpenID Connect issuer, whose discovery document tells where its keys are. */
export class IssuerVerifier {
  readonly #options: IssuerVerifierOptions
  #keys: Promise<KeySet> | undefined
  #retryAt = 0

  constructor(options: IssuerVerifierOptions) {
    this.#options = options
  }

  /** The claims of a token. Throws {@link AuthenticationError} where it is no good. */
  async verify(token: string): Promise<JsonObject> {
    const { issuerUrl, clientId, signingAlgorithms, clock } = this.#options
    const keys = await this.#keySet()
    try {
      const { payload }: { readonly payload: JWTPayload } = await jwtVerify(token, keys, {
        issuer: issuerUrl === GOOGLE.issuer ? [GOOGLE.issuer, GOOGLE.claim] : issuerUrl,
        audience: clientId,
        algorithms: [...signingAlgorithms],
        requiredClaims: ['exp'],
        currentDate: new Date(clock.now()),
      })
      return payload as JsonObject
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        throw new AuthenticationError(`verify token: ${error.message}`, { cause: error })
      }
      throw error
    }
  }

  /** The issuer's keys, by way of its discovery document, which is read once. */
  #keySet(): Promise<KeySet> {
    if (this.#keys) return this.#keys
    if (this.#options.clock.now() < this.#retryAt) throw new AuthenticationError('authenticator not initialized')
    const keys = this.#discover().catch((error: unknown) => {
      this.#keys = undefined
      this.#retryAt = this.#options.clock.now() + DISCOVERY_RETRY_MS
      throw new AuthenticationError('the issuer could not be discovered', { cause: error })
    })
    this.#keys = keys
    return keys
  }

  async #discover(): Promise<KeySet> {
    const { issuerUrl, fetchText } = this.#options
    const text = await fetchText(`${issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`)
    const document: unknown = JSON.parse(text)
    if (!isJsonObject(document) || document['issuer'] !== issuerUrl) {
      throw new Error('the discovery document is for another issuer')
    }
    const uri = document['jwks_uri']
    if (typeof uri !== 'string') throw new Error('the discovery document names no keys')
    return createRemoteJWKSet(new URL(uri), {
      cacheMaxAge: KEYS_MAX_AGE_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
      [customFetch]: async (url) => new Response(await this.#fetchKeys(url)),
    })
  }

  async #fetchKeys(url: string): Promise<string> {
    try {
      return await this.#options.fetchText(url)
    } catch (error) {
      throw new AuthenticationError('the keys of the issuer could not be fetched', { cause: error })
    }
  }
}
