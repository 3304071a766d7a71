import { aggregateMessage } from '../../apimachinery/api-error.ts'
import { type Authenticated, AuthenticationError, byMethod } from './authenticator.ts'

/**
 * One way to tell who holds a token. Undefined: not a token of this kind. Throwing {@link AuthenticationError}: it is,
 * and no good. `audiences` are those that the token must be for, at least one of them.
 */
export interface TokenAuthenticator {
  readonly name: string
  authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<Authenticated | undefined> | Authenticated | undefined
}

/** Asks each in turn; the first that knows the token wins (apiserver pkg/authentication/token/union). */
export class TokenUnion implements TokenAuthenticator {
  readonly name = 'token-union'
  readonly #members: readonly TokenAuthenticator[]

  constructor(members: readonly TokenAuthenticator[]) {
    this.#members = members
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const failures: AuthenticationError[] = []
    for (const member of this.#members) {
      try {
        const answer = member.authenticateToken(token, audiences)
        const authenticated = answer instanceof Promise ? await answer : answer
        if (authenticated) return byMethod(authenticated, member)
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error
        failures.push(error)
      }
    }
    if (failures.length === 0) return undefined
    throw new AuthenticationError(aggregateMessage(failures.map((f) => f.message)))
  }
}

/**
 * For tokens that know no audience: they are good for the API server's own, and for nothing else.
 *
 * @see apiserver pkg/authentication/authenticator/audagnostic.go
 */
export class AudienceAgnosticToken implements TokenAuthenticator {
  readonly name: string
  readonly #inner: TokenAuthenticator
  readonly #own: readonly string[]

  constructor(inner: TokenAuthenticator, ownAudiences: readonly string[]) {
    this.name = inner.name
    this.#inner = inner
    this.#own = ownAudiences
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const shared = intersection(this.#own, audiences)
    if (shared.length === 0) return undefined
    const answer = await this.#inner.authenticateToken(token, audiences)
    return answer && { ...answer, audiences: shared }
  }
}

/** Members of `wanted` that are in `held`, in the order of `held`. */
export function intersection(held: readonly string[], wanted: readonly string[]): string[] {
  return held.filter((audience) => wanted.includes(audience))
}
