import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
  byMethod,
} from './authenticator.ts'

/** Asks each authenticator in turn; the first that knows the client wins. */
export class UnionAuthenticator implements Authenticator {
  readonly name = 'union'
  readonly #authenticators: readonly Authenticator[]

  constructor(authenticators: readonly Authenticator[]) {
    this.#authenticators = authenticators
  }

  /** Undefined where no credential was given. Throws where all that were given are no good. */
  async authenticate(request: AuthenticationRequest): Promise<Authenticated | undefined> {
    const failures: unknown[] = []
    for (const authenticator of this.#authenticators) {
      try {
        const answer = authenticator.authenticate(request)
        const authenticated = answer instanceof Promise ? await answer : answer
        if (authenticated) return byMethod(authenticated, authenticator)
      } catch (error) {
        if (!(error instanceof AuthenticationError)) throw error
        failures.push(error)
      }
    }
    if (failures.length === 0) return undefined
    throw new AuthenticationError('no authenticator accepted the credentials', { cause: new AggregateError(failures) })
  }
}
