import { aggregateMessage } from '../../apimachinery/api-error.ts'
import { andThen, firstAnswer, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import { type Authenticated, AuthenticationError, askByMethod, DerivedAnswers } from './authenticator.ts'

/**
 * One way to tell who holds a token. Undefined: not a token of this kind. Throwing {@link AuthenticationError}: it is,
 * and no good. `audiences` are those that the token must be for, at least one of them.
 */
export interface TokenAuthenticator {
  readonly name: string
  authenticateToken(token: string, audiences: readonly string[]): MaybePromise<Authenticated | undefined>
}

/** Asks each in turn; the first that knows the token wins (apiserver pkg/authentication/token/union). */
export class TokenUnion implements TokenAuthenticator {
  readonly name = 'token-union'
  readonly #members: readonly TokenAuthenticator[]

  constructor(members: readonly TokenAuthenticator[]) {
    this.#members = members
  }

  authenticateToken(token: string, audiences: readonly string[]): MaybePromise<Authenticated | undefined> {
    let failures: AuthenticationError[] | undefined
    const failed = (error: unknown): void => {
      if (!(error instanceof AuthenticationError)) throw error
      failures ??= []
      failures.push(error)
    }
    const ask = (member: TokenAuthenticator): MaybePromise<Authenticated | undefined> =>
      askByMethod(member, member.authenticateToken(token, audiences))
    return andThen(firstAnswer(this.#members, ask, failed), (authenticated) => {
      if (authenticated || !failures) return authenticated
      throw new AuthenticationError(aggregateMessage(failures.map((f) => f.message)), {
        cause: new AggregateError(failures),
      })
    })
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
  /** By the audiences asked for: a server asks for its own, always in the same array. */
  readonly #answers = new WeakMap<readonly string[], DerivedAnswers>()

  constructor(inner: TokenAuthenticator, ownAudiences: readonly string[]) {
    this.name = inner.name
    this.#inner = inner
    this.#own = ownAudiences
  }

  authenticateToken(token: string, audiences: readonly string[]): MaybePromise<Authenticated | undefined> {
    const answers = this.#answers.get(audiences) ?? this.#answersFor(audiences)
    if (!answers) return undefined
    return andThen(this.#inner.authenticateToken(token, audiences), (answer) => answer && answers.of(answer))
  }

  #answersFor(audiences: readonly string[]): DerivedAnswers | undefined {
    const shared = intersection(this.#own, audiences)
    if (shared.length === 0) return undefined
    const answers = new DerivedAnswers((answer) => ({ ...answer, audiences: shared }))
    this.#answers.set(audiences, answers)
    return answers
  }
}

/** Members of `wanted` that are in `held`, in the order of `held`. */
export function intersection(held: readonly string[], wanted: readonly string[]): string[] {
  return held.filter((audience) => wanted.includes(audience))
}
