import { aggregateMessage } from '../../../apimachinery/api-error.ts'
import type { PolicyRule } from '../../../apimachinery/types/rbac-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  Authorizer,
  NonResourceRule,
  ResourceRule,
  UserRules,
} from '../authorizer.ts'
import { ruleAllows } from './policy-rule.ts'
import { describeBinding, type RbacBinding, type RbacPolicy } from './rbac-policy.ts'

const NO_OPINION: AuthorizationDecision = { decision: 'no-opinion', reason: '' }

/** Decides by Roles, ClusterRoles and their bindings (kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go). */
export class RbacAuthorizer implements Authorizer {
  readonly name = 'RBAC'
  readonly #policy: () => RbacPolicy

  /** `policy` is asked for at each decision and brings itself up to date there. */
  constructor(policy: () => RbacPolicy) {
    this.#policy = policy
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    let allowedBy: RbacBinding | undefined
    let errors: string[] | undefined
    this.#policy().visit(attributes.user, attributes.namespace, {
      rule(rule, binding) {
        if (!ruleAllows(rule, attributes)) return true
        allowedBy = binding
        return false
      },
      unresolved(error) {
        errors ??= []
        errors.push(error)
        return true
      },
    })
    if (allowedBy) {
      return { decision: 'allow', reason: `RBAC: allowed by ${describeBinding(allowedBy, attributes.user)}` }
    }
    return errors ? { decision: 'no-opinion', reason: `RBAC: ${aggregateMessage(errors)}` } : NO_OPINION
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    const { rules, errors } = rulesOfUser(this.#policy(), user, namespace)
    const resourceRules: ResourceRule[] = []
    const nonResourceRules: NonResourceRule[] = []
    for (const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } of rules) {
      if (resources?.length) {
        resourceRules.push({
          verbs,
          ...(apiGroups?.length ? { apiGroups } : {}),
          resources,
          ...(resourceNames?.length ? { resourceNames } : {}),
        })
      }
      if (nonResourceURLs?.length) nonResourceRules.push({ verbs, nonResourceURLs })
    }
    const evaluationError = errors.length > 0 ? { evaluationError: aggregateMessage(errors) } : {}
    return { resourceRules, nonResourceRules, incomplete: false, ...evaluationError }
  }
}

/** All that RBAC lets a user do in a namespace, and what could not be found out. */
export function rulesOfUser(
  policy: RbacPolicy,
  user: UserInfo,
  namespace: string,
): { readonly rules: readonly PolicyRule[]; readonly errors: readonly string[] } {
  const rules: PolicyRule[] = []
  const errors: string[] = []
  for (const binding of policy.bindingsOf(user, namespace)) {
    try {
      rules.push(...policy.rulesOf(binding.roleRef, binding.namespace))
    } catch (error) {
      errors.push((error as Error).message)
    }
  }
  return { rules, errors }
}
