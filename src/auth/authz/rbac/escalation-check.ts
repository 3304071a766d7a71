import { type ApiError, forbidden, notFound, unknownError } from '../../../apimachinery/api-error.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from '../../../apimachinery/types/rbac-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import type { Authorizer } from '../authorizer.ts'
import { compactRules, compactString, missingRules, quotedList } from './covers.ts'
import { rulesOfUser } from './rbac-authorizer.ts'
import { type RbacPolicy, RoleNotFound } from './rbac-policy.ts'

const GROUP = 'rbac.authorization.k8s.io'

const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
]

/** A write of a role or binding that its user must be entitled to. */
export interface RbacWrite {
  readonly resource: 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings'
  readonly namespace: string
  readonly user: UserInfo
  /** Of the request's path: '' for a POST. */
  readonly name: string
  readonly object: KubeObject
  /** Undefined for a create. */
  readonly old: KubeObject | undefined
}

/**
 * Keeps users from granting what they do not have themselves, unless they may `escalate` the role or `bind` it.
 *
 * @see kubernetes pkg/registry/rbac/escalation_check.go and pkg/registry/rbac/<kind>/policybased/storage.go
 */
export class EscalationCheck {
  readonly #authorizer: Authorizer
  readonly #policy: () => RbacPolicy

  constructor(authorizer: Authorizer, policy: () => RbacPolicy) {
    this.#authorizer = authorizer
    this.#policy = policy
  }

  /** Resolves where the write may go on. Errors: 403, 404 where a binding's role does not exist. */
  async check(write: RbacWrite): Promise<void> {
    if (write.user.groups.includes('system:masters')) return
    if (write.resource === 'roles' || write.resource === 'clusterroles') await this.#checkRole(write)
    else await this.#checkBinding(write)
  }

  async #checkRole(write: RbacWrite): Promise<void> {
    const { resource, name, object, old } = write
    if (await this.#may(write, { verb: 'escalate', resource, name })) return
    if (old && changesOnlyOwnership(object, old)) return
    const role = object as unknown as Role | ClusterRole
    const why = this.#escalation(write, role.rules ?? [])
    if (why !== undefined) throw refusal(write, why)
    if (!isAggregated(object) && !(old && isAggregated(old))) return
    if (this.#escalation(write, FULL_AUTHORITY) !== undefined) {
      throw refusal(write, 'must have cluster-admin privileges to use the aggregationRule')
    }
  }

  async #checkBinding(write: RbacWrite): Promise<void> {
    const { object, old } = write
    if (old && changesOnlyOwnership(object, old)) return
    const roleRef = (object as unknown as RoleBinding | ClusterRoleBinding).roleRef as RoleRef | undefined
    if (!roleRef) throw unknownError('unsupported role reference kind: ""')
    const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
    const isRole = roleRef.kind === 'ClusterRole' || roleRef.kind === 'Role'
    if (isRole && (await this.#may(write, { verb: 'bind', resource, name: roleRef.name }))) return
    const why = this.#escalation(write, this.#rulesOf(write, roleRef))
    if (why !== undefined) throw refusal(write, why)
  }

  #rulesOf({ resource, namespace }: RbacWrite, roleRef: RoleRef): readonly PolicyRule[] {
    try {
      return this.#policy().rulesOf(roleRef, namespace)
    } catch (error) {
      // Upstream names the resource that is written, not the role that is missing.
      if (error instanceof RoleNotFound) throw notFound({ group: GROUP, resource }, error.roleName)
      if (error instanceof RangeError) throw unknownError(error.message)
      throw error
    }
  }

  async #may(
    { user, namespace }: RbacWrite,
    asked: { readonly verb: string; readonly resource: string; readonly name: string },
  ): Promise<boolean> {
    const { decision } = await this.#authorizer.authorize({
      user,
      ...asked,
      isResourceRequest: true,
      path: '',
      apiGroup: GROUP,
      apiVersion: '*',
      namespace,
      subresource: '',
      fieldSelector: '',
      labelSelector: '',
    })
    return decision === 'allow'
  }

  /** What the user would grant without having it; undefined where all is held. */
  #escalation({ user, namespace }: RbacWrite, granted: readonly PolicyRule[]): string | undefined {
    const { rules, errors } = rulesOfUser(this.#policy(), user, namespace)
    const missing = missingRules(rules, granted)
    if (missing.length === 0) return undefined
    const lines = [...new Set(compactRules(missing).map(compactString))].sort()
    const head = `user ${goQuote(user.name)} (groups=${quotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:`
    const tail = errors.length > 0 ? `; resolution errors: [${errors.join(' ')}]` : ''
    return `${head}\n${lines.join('\n')}${tail}`
  }
}

function refusal({ resource, object }: RbacWrite, why: string): ApiError {
  return forbidden({ group: GROUP, resource }, object.metadata.name ?? '', why)
}

function isAggregated(object: KubeObject): boolean {
  return ((object as unknown as ClusterRole).aggregationRule?.clusterRoleSelectors?.length ?? 0) > 0
}

/** The garbage collector must be able to do its work whatever rights it has. */
function changesOnlyOwnership(object: KubeObject, old: KubeObject): boolean {
  const { ownerReferences, finalizers, managedFields } = old.metadata
  return semanticEqual({ ...object, metadata: { ...object.metadata, ownerReferences, finalizers, managedFields } }, old)
}
