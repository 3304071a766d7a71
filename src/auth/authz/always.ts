import type { AuthorizationDecision, Authorizer } from './authorizer.ts'

const ALLOWED: AuthorizationDecision = { decision: 'allow', reason: '' }
const NO_OPINION: AuthorizationDecision = { decision: 'no-opinion', reason: '' }

/** `--authorization-mode=AlwaysAllow` */
export const alwaysAllowAuthorizer: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ALLOWED,
  rulesFor: () => ({
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
  }),
}

/** `--authorization-mode=AlwaysDeny` */
export const alwaysDenyAuthorizer: Authorizer = {
  name: 'AlwaysDeny',
  authorize: () => ({ decision: 'no-opinion', reason: 'Everything is forbidden.' }),
  rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }),
}

/** Members of system:masters may do anything; stands first. */
export const privilegedGroupAuthorizer: Authorizer = {
  name: 'SystemMasters',
  authorize: ({ user }) => (user.groups.includes('system:masters') ? ALLOWED : NO_OPINION),
  // Upstream's rules reviews don't tell of it either.
  rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }),
}
