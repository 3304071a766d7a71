import { compactVerify } from 'jose'
import { aggregateMessage } from '../../../apimachinery/api-error.ts'
import { isJsonObject, type JsonObject } from '../../../apimachinery/kube-object.ts'
import { BoundedCache } from '../../bounded-cache.ts'
import { AuthenticationError } from '../authenticator.ts'
import { digestOf } from '../timing-safe.ts'
import { keysFor, type ServiceAccountKeys } from './signing-keys.ts'

/** Tokens whose signature was found good lately: checking one costs a hundred times what this look-up does. */
const MAX_VERIFIED = 4096

/** Verifies the signatures of service account tokens. Neither time nor audience nor binding is looked at here. */
export class JwtVerifier {
  readonly #keys: () => Promise<ServiceAccountKeys>
  readonly #verified = new BoundedCache<JsonObject>(MAX_VERIFIED)

  constructor(keys: () => Promise<ServiceAccountKeys>) {
    this.#keys = keys
  }

  /** The issuer that a token claims, undefined where it is no JWT: told without parsing where it was verified before. */
  issuerOf(token: string): string | undefined {
    const issuer = this.#verified.get(keyOf(token))?.['iss']
    return typeof issuer === 'string' ? issuer : claimedIssuer(token)
  }

  /** The claims of a token that is signed by one of the keys. Throws {@link AuthenticationError}. */
  async verify(token: string): Promise<JsonObject> {
    const digest = keyOf(token)
    const known = this.#verified.get(digest)
    if (known) return known
    const header = decodePart(token, 0)
    const keyId = typeof header?.['kid'] === 'string' ? header['kid'] : undefined
    const keys = keysFor(await this.#keys(), keyId)
    if (keys.length === 0) throw new AuthenticationError('invalid signature, no keys found')
    const failures: string[] = []
    for (const { key, algorithm } of keys) {
      try {
        // One algorithm per key: a token must not choose how it is verified (RFC 8725, 3.1).
        const { payload } = await compactVerify(token, key, { algorithms: [algorithm] })
        const claims: unknown = JSON.parse(Buffer.from(payload).toString('utf8'))
        if (!isJsonObject(claims)) throw new AuthenticationError('token claims are not an object')
        this.#verified.set(digest, claims)
        return claims
      } catch {
        failures.push('go-jose/go-jose: error in cryptographic primitive')
      }
    }
    throw new AuthenticationError(aggregateMessage(failures))
  }
}

const keyOf = (token: string): string => digestOf(token).toString('base64')

/** The issuer that a token claims, unverified; undefined where it does not look like a signed JWT. */
export function claimedIssuer(token: string): string | undefined {
  if (token.split('.').length !== 3) return undefined
  const issuer = decodePart(token, 1)?.['iss']
  return typeof issuer === 'string' ? issuer : undefined
}

function decodePart(token: string, index: number): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString('utf8'))
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
