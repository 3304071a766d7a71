import { firstAnswer, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import { type Authenticated, type AuthenticationRequest, type Authenticator, askByMethod } from './authenticator.ts'

/**
 * Asks each authenticator in turn and stops at the first that knows the client or refuses its credential: a bad
 * credential must not fall back to what comes behind (anonymous).
 *
 * @see apiserver pkg/authentication/request/union/union.go NewFailOnError
 */
export class FailOnErrorAuthenticator implements Authenticator {
  readonly name = 'union'
  readonly #authenticators: readonly Authenticator[]

  constructor(authenticators: readonly Authenticator[]) {
    this.#authenticators = authenticators
  }

  authenticate(request: AuthenticationRequest): MaybePromise<Authenticated | undefined> {
    const failed = (error: unknown): void => {
      throw error
    }
    return firstAnswer(this.#authenticators, (a) => askByMethod(a, a.authenticate(request)), failed)
  }
}
