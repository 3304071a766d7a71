import type { UserInfo } from '../../../apimachinery/user-info.ts'

const USER_PREFIX = 'system:node:'
const GROUP = 'system:nodes'

/**
 * The node that a user is; '' for a node without a name, undefined for anybody else.
 *
 * @see kubernetes pkg/auth/nodeidentifier/default.go
 */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(USER_PREFIX) || !user.groups.includes(GROUP)) return undefined
  return user.name.slice(USER_PREFIX.length)
}
