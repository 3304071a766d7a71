import type { Authenticated, Authenticator } from './authenticator.ts'

const ANONYMOUS: Authenticated = {
  user: { name: 'system:anonymous', uid: '', groups: ['system:unauthenticated'], extra: {} },
  isLasting: true,
}

/** Takes everyone who has shown no credential for `system:anonymous`. Stands last. */
export const anonymousAuthenticator: Authenticator = {
  name: 'anonymous',
  authenticate: (): Authenticated => ANONYMOUS,
}
