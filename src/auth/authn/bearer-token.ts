import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
} from './authenticator.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

/** The bearer token of a request's Authorization header; undefined where it has none. */
export function bearerTokenOf({ headers }: AuthenticationRequest): string | undefined {
  const parts = headers.authorization?.trim().split(' ')
  if (!parts || parts.length < 2 || parts[0]!.toLowerCase() !== 'bearer') return undefined
  return parts[1] === '' ? undefined : parts[1]
}

/** Hands the bearer token of a request to a token authenticator, which has to know it. */
export class BearerTokenAuthenticator implements Authenticator {
  readonly name = 'bearer-token'
  readonly #tokens: TokenAuthenticator
  readonly #audiences: readonly string[]

  /** `audiences`: those of this API server. */
  constructor(tokens: TokenAuthenticator, audiences: readonly string[]) {
    this.#tokens = tokens
    this.#audiences = audiences
  }

  async authenticate(request: AuthenticationRequest): Promise<Authenticated | undefined> {
    const token = bearerTokenOf(request)
    return token === undefined ? undefined : await authenticateBearer(this.#tokens, token, this.#audiences)
  }
}

/** Who holds a bearer token. Throws {@link AuthenticationError} where nobody knows it. */
export async function authenticateBearer(
  tokens: TokenAuthenticator,
  token: string,
  audiences: readonly string[],
): Promise<Authenticated> {
  const authenticated = await tokens.authenticateToken(token, audiences)
  if (!authenticated) throw new AuthenticationError('invalid bearer token')
  return authenticated
}
