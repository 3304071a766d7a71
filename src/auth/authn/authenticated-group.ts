import { andThen, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import { type Authenticated, type AuthenticationRequest, type Authenticator, DerivedAnswers } from './authenticator.ts'

const AUTHENTICATED = 'system:authenticated'
const UNAUTHENTICATED = 'system:unauthenticated'

/** Adds `system:authenticated` to everyone that the inner authenticator knows, unless anonymous. */
export class AuthenticatedGroupAdder implements Authenticator {
  readonly name: string
  readonly #inner: Authenticator
  readonly #answers = new DerivedAnswers((answer) => ({ ...answer, user: withAuthenticatedGroup(answer.user) }))

  constructor(inner: Authenticator) {
    this.name = inner.name
    this.#inner = inner
  }

  authenticate(request: AuthenticationRequest): MaybePromise<Authenticated | undefined> {
    return andThen(this.#inner.authenticate(request), (answer) => answer && this.#answers.of(answer))
  }
}

/** The user as a member of `system:authenticated`, unless it is known to be unauthenticated. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  const { groups } = user
  if (groups.includes(AUTHENTICATED) || groups.includes(UNAUTHENTICATED)) return user
  return { ...user, groups: [...groups, AUTHENTICATED] }
}
