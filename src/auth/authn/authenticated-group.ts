import type { UserInfo } from '../../apimachinery/user-info.ts'
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
    return answer && { ...answer, user: withAuthenticatedGroup(answer.user) }
  }
}

/** The user as a member of `system:authenticated`, unless it is known to be unauthenticated. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  const { groups } = user
  if (groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED)) return user
  return { ...user, groups: [...groups, AUTHENTICATED] }
}
