import { andThen, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
} from './authenticator.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

/** What a token is that nobody knows. */
export const INVALID_TOKEN = 'invalid bearer token'

const EXTRA_SPACE = 'the provided Authorization header contains extra space before the bearer token, and is ignored'

/** The bearer token of a request's Authorization header; undefined where it has none. */
export function bearerTokenOf({ headers, warn }: Pick<AuthenticationRequest, 'headers' | 'warn'>): string | undefined {
  const text = headers.authorization?.trim()
  const at = text?.indexOf(' ') ?? -1
  if (text === undefined || at < 0 || text.slice(0, at).toLowerCase() !== 'bearer') return undefined
  const end = text.indexOf(' ', at + 1)
  const token = text.slice(at + 1, end < 0 ? undefined : end)
  if (token !== '') return token
  if (end >= 0) warn?.(EXTRA_SPACE)
  return undefined
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

  authenticate(request: AuthenticationRequest): MaybePromise<Authenticated | undefined> {
    const token = bearerTokenOf(request)
    return token === undefined ? undefined : authenticateBearer(this.#tokens, token, this.#audiences)
  }
}

/** Who holds a bearer token. Throws {@link AuthenticationError} where nobody knows it. */
export function authenticateBearer(
  tokens: TokenAuthenticator,
  token: string,
  audiences: readonly string[],
): MaybePromise<Authenticated> {
  return andThen(tokens.authenticateToken(token, audiences), (authenticated) => {
    if (!authenticated) throw new AuthenticationError(INVALID_TOKEN)
    return authenticated
  })
}
