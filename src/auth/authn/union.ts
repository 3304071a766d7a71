import { andThen, firstAnswer, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
  askByMethod,
} from './authenticator.ts'

/** Asks each authenticator in turn; the first that knows the client wins. */
export class UnionAuthenticator implements Authenticator {
  readonly name = 'union'
  readonly #authenticators: readonly Authenticator[]

  constructor(authenticators: readonly Authenticator[]) {
    this.#authenticators = authenticators
  }

  /** Undefined where no credential was given. Throws where all that were given are no good. */
  authenticate(request: AuthenticationRequest): MaybePromise<Authenticated | undefined> {
    let failures: unknown[] | undefined
    const failed = (error: unknown): void => {
      if (!(error instanceof AuthenticationError)) throw error
      failures ??= []
      failures.push(error)
    }
    const answer = firstAnswer(this.#authenticators, (a) => askByMethod(a, a.authenticate(request)), failed)
    return andThen(answer, (authenticated) => {
      if (authenticated || !failures) return authenticated
      const cause = new AggregateError(failures)
      throw new AuthenticationError('no authenticator accepted the credentials', { cause })
    })
  }
}
