import { equalJson } from '../../apimachinery/clone.ts'
import { labelSelectorAsSelector } from '../../apimachinery/label-selector.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { ClusterRole, PolicyRule } from '../../apimachinery/types/rbac-v1.ts'
import type { Typed } from '../runtime/client.ts'
import type { Controller } from '../runtime/controller.ts'
import { keyOf } from '../runtime/object-key.ts'
import { CLUSTER_ROLES } from '../runtime/resources.ts'

const FIELD_MANAGER = 'clusterrole-aggregation-controller'

/**
 * Fills the rules of cluster roles that gather those of others by label.
 *
 * @see pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go
 */
export const clusterRoleAggregationController: Controller<Typed<ClusterRole>> = {
  name: 'clusterrole-aggregation-controller',
  queueName: 'ClusterRoleAggregator',
  serviceAccount: 'clusterrole-aggregation-controller',
  for: CLUSTER_ROLES,
  watches: [
    {
      resource: CLUSTER_ROLES,
      // Any role may be one that others gather.
      enqueue: (_role, _old, cache) =>
        cache
          .list(CLUSTER_ROLES)
          .filter((r) => r.aggregationRule)
          .map(keyOf),
    },
  ],
  async reconcile(key, { cache, client }) {
    const role = cache.get(CLUSTER_ROLES, key)
    if (!role?.aggregationRule) return
    const rules = aggregatedRules(role, cache.list(CLUSTER_ROLES))
    if (semanticEqual(rules, role.rules ?? [])) return
    const { apiVersion, kind } = role
    const patch = { apiVersion, kind, metadata: { name: key.name }, rules: rules.map(appliedRule) }
    await client.patch(CLUSTER_ROLES, key, 'apply', patch, { fieldManager: FIELD_MANAGER, force: true })
  },
}

/** The rules that a role's selectors gather, without repetitions, roles in the order of their names. */
function aggregatedRules(role: Typed<ClusterRole>, all: readonly Typed<ClusterRole>[]): readonly PolicyRule[] {
  const byName = [...all].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))
  const rules: PolicyRule[] = []
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matching = labelSelectorAsSelector(selector)
    for (const { metadata, rules: own } of byName) {
      if (metadata.name === role.metadata.name || !matching.matches(metadata.labels)) continue
      // A kube-apiserver writes `null` where nothing has been gathered yet.
      for (const rule of own ?? []) if (!rules.some((r) => semanticEqual(r, rule))) rules.push(rule)
    }
  }
  return rules
}

/** Lists without items are left out of what is applied. */
function appliedRule(rule: PolicyRule): Partial<PolicyRule> {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => !equalJson(value, [])))
}
