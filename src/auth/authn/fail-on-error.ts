import { type Authenticated, type AuthenticationRequest, type Authenticator, byMethod } from './authenticator.ts'

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

  async authenticate(request: AuthenticationRequest): Promise<Authenticated | undefined> {
    for (const authenticator of this.#authenticators) {
      const answer = authenticator.authenticate(request)
      const authenticated = answer instanceof Promise ? await answer : answer
      if (authenticated) return byMethod(authenticated, authenticator)
    }
    return undefined
  }
}
