import type { Authenticated, AuthenticationRequest, Authenticator } from './authenticator.ts'

const AUTHENTICATED = 'system:authenticated'
const UNAUTHENTICATED = 'system:unauthenticated'

/** Adds `system:authenticated` to everyone that the inner authenticator knows, unless anonymous. */
export class AuthenticatedGroupAdder implements Authenticator {
  readonly name: string
  readonly #inner: Authenticator

  constructor(inner: Authenticator) {
    this.name = inner.name
    this.#inner = inner
  }

  async authenticate(request: AuthenticationRequest): Promise<Authenticated | undefined> {
    const answer = await this.#inner.authenticate(request)
    if (!answer) return undefined
    const { groups } = answer.user
    if (groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED)) return answer
    return { ...answer, user: { ...answer.user, groups: [...groups, AUTHENTICATED] } }
  }
}
