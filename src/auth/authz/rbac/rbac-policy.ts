import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { PolicyRule, RoleRef, Subject } from '../../../apimachinery/types/rbac-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'

/** A RoleBinding, or a ClusterRoleBinding where `namespace` is ''. */
export interface RbacBinding {
  readonly namespace: string
  readonly name: string
  readonly roleRef: RoleRef
  readonly subjects: readonly Subject[]
}

/** Takes what applies to a user, rule by rule; false ends the visit. */
interface RuleVisitor {
  rule(rule: PolicyRule, binding: RbacBinding): boolean
  /** A binding whose role can't be had. */
  unresolved(error: string): boolean
}

/** Bindings of one subject that lead to the same role. */
interface RoleGroup {
  readonly roleRef: RoleRef
  readonly bindings: Map<string, RbacBinding>
}

/** By subject, then by role: a role that many bindings lead to is looked at once. */
type ScopeIndex = Map<string, Map<string, RoleGroup>>

/**
 * Roles and bindings, indexed by whom they are for, so that a question costs what applies to its user, not what exists.
 * Cluster-wide objects have the namespace ''.
 *
 * @see kubernetes pkg/registry/rbac/validation/rule.go
 */
export class RbacPolicy {
  readonly #roles = new Map<string, readonly PolicyRule[]>()
  readonly #bindings = new Map<string, RbacBinding>()
  readonly #scopes = new Map<string, ScopeIndex>()

  /** `rules` is kept, not copied. */
  setRole(namespace: string, name: string, rules: readonly PolicyRule[]): void {
    this.#roles.set(`${namespace}/${name}`, rules)
  }

  removeRole(namespace: string, name: string): void {
    this.#roles.delete(`${namespace}/${name}`)
  }

  setBinding(binding: RbacBinding): void {
    const { namespace, name, roleRef } = binding
    this.removeBinding(namespace, name)
    this.#bindings.set(`${namespace}/${name}`, binding)
    let scope = this.#scopes.get(namespace)
    if (!scope) {
      scope = new Map()
      this.#scopes.set(namespace, scope)
    }
    const role = roleKey(roleRef)
    for (const subject of subjectKeys(binding)) {
      let groups = scope.get(subject)
      if (!groups) {
        groups = new Map()
        scope.set(subject, groups)
      }
      const group = groups.get(role)
      if (group) group.bindings.set(name, binding)
      else groups.set(role, { roleRef, bindings: new Map([[name, binding]]) })
    }
  }

  removeBinding(namespace: string, name: string): void {
    const key = `${namespace}/${name}`
    const binding = this.#bindings.get(key)
    if (!binding) return
    this.#bindings.delete(key)
    // A scope goes with its last subject: bindings without any may outlive it.
    const scope = this.#scopes.get(namespace)
    if (!scope) return
    const role = roleKey(binding.roleRef)
    for (const subject of subjectKeys(binding)) {
      const groups = scope.get(subject)
      const group = groups?.get(role)
      if (!groups || !group) continue
      group.bindings.delete(name)
      if (group.bindings.size === 0) groups.delete(role)
      if (groups.size === 0) scope.delete(subject)
    }
    if (scope.size === 0) this.#scopes.delete(namespace)
  }

  /** Rules of the role that a binding in `namespace` refers to. Throws {@link RoleNotFound}, or RangeError for a bad kind. */
  rulesOf(roleRef: RoleRef, namespace: string): readonly PolicyRule[] {
    const { kind, name } = roleRef
    if (kind !== 'Role' && kind !== 'ClusterRole') {
      throw new RangeError(`unsupported role reference kind: ${goQuote(kind)}`)
    }
    const rules = this.#roles.get(`${kind === 'Role' ? namespace : ''}/${name}`)
    if (!rules) throw new RoleNotFound(kind, name)
    return rules
  }

  /** Every binding that is for the user, each once: cluster-wide ones, then those of the namespace. */
  bindingsOf(user: UserInfo, namespace: string): RbacBinding[] {
    const found = new Set<RbacBinding>()
    for (const scopeName of namespace === '' ? [''] : ['', namespace]) {
      const scope = this.#scopes.get(scopeName)
      for (const key of [userKey(user.name), ...user.groups.map(groupKey)])
        for (const { bindings } of scope?.get(key)?.values() ?? []) for (const b of bindings.values()) found.add(b)
    }
    return [...found]
  }

  /**
   * The rules that apply to the user in the namespace ('': cluster-wide only), cluster-wide ones first. Of several
   * bindings in one scope that lead to the same role, only one is looked at.
   */
  visit(user: UserInfo, namespace: string, visitor: RuleVisitor): void {
    if (this.#visitScope(user, '', visitor) && namespace !== '') this.#visitScope(user, namespace, visitor)
  }

  #visitScope(user: UserInfo, namespace: string, visitor: RuleVisitor): boolean {
    const scope = this.#scopes.get(namespace)
    if (!scope) return true
    const seen = new Set<string>()
    const own = scope.get(userKey(user.name))
    if (own && !this.#visitGroups(own, namespace, seen, visitor)) return false
    for (const name of user.groups) {
      const groups = scope.get(groupKey(name))
      if (groups && !this.#visitGroups(groups, namespace, seen, visitor)) return false
    }
    return true
  }

  #visitGroups(
    groups: ReadonlyMap<string, RoleGroup>,
    namespace: string,
    seen: Set<string>,
    visitor: RuleVisitor,
  ): boolean {
    for (const [role, { roleRef, bindings }] of groups) {
      if (seen.has(role)) continue
      seen.add(role)
      let rules: readonly PolicyRule[]
      try {
        rules = this.rulesOf(roleRef, namespace)
      } catch (error) {
        if (!visitor.unresolved((error as Error).message)) return false
        continue
      }
      const binding = bindings.values().next().value!
      for (const rule of rules) if (!visitor.rule(rule, binding)) return false
    }
    return true
  }
}

/** A binding refers to a role that does not exist. */
export class RoleNotFound extends Error {
  readonly roleName: string

  constructor(kind: 'Role' | 'ClusterRole', name: string) {
    super(`${kind.toLowerCase()}.rbac.authorization.k8s.io ${goQuote(name)} not found`)
    this.name = 'RoleNotFound'
    this.roleName = name
  }
}

/** `ClusterRoleBinding "view" of ClusterRole "view" to Group "dev"`, naming the first subject that the user is. */
export function describeBinding({ namespace, name, roleRef, subjects }: RbacBinding, user: UserInfo): string {
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding'
  const named = namespace === '' ? name : `${name}/${namespace}`
  const subject = subjects.find((s) => isUser(subjectKey(s, namespace), user))
  const to = subject ? describeSubject(subject, namespace) : ''
  return `${kind} ${goQuote(named)} of ${roleRef.kind} ${goQuote(roleRef.name)} to ${to}`
}

function describeSubject({ kind, name, namespace }: Subject, bindingNamespace: string): string {
  if (kind !== 'ServiceAccount') return `${kind} ${goQuote(name)}`
  return `${kind} ${goQuote(`${name}/${namespace || bindingNamespace}`)}`
}

function isUser(key: string | undefined, user: UserInfo): boolean {
  return key === userKey(user.name) || (key !== undefined && user.groups.some((g) => groupKey(g) === key))
}

const userKey = (name: string): string => `u${name}`
const groupKey = (name: string): string => `g${name}`
const roleKey = ({ kind, name }: RoleRef): string => `${kind}/${name}`

/** Undefined for a subject that is nobody: another kind, or a service account of no namespace. */
function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === 'User') return userKey(name)
  if (kind === 'Group') return groupKey(name)
  if (kind !== 'ServiceAccount') return undefined
  const accountNamespace = namespace || bindingNamespace
  return accountNamespace === '' ? undefined : userKey(`system:serviceaccount:${accountNamespace}:${name}`)
}

function subjectKeys({ subjects, namespace }: RbacBinding): Set<string> {
  const keys = new Set<string>()
  for (const subject of subjects) {
    const key = subjectKey(subject, namespace)
    if (key !== undefined) keys.add(key)
  }
  return keys
}
