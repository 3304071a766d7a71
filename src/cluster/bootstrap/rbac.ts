import { type RbacBootstrap, type RoleBindingFact, type RoleFact, rbacBootstrap } from '../../../openapi/data.ts'
import type { ResourceCatalog } from '../../api/resource-catalog.ts'
import { cloneJson, equalJson } from '../../apimachinery/clone.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { labelSelectorAsSelector } from '../../apimachinery/label-selector.ts'
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
} from '../../apimachinery/types/rbac-v1.ts'
import { missingRules } from '../../auth/authz/rbac/covers.ts'
import type { Registry, ResourceBacking } from '../../registry/generic/registry.ts'
import { ensureInitialObject, systemContext } from './ensure.ts'

const GROUP = 'rbac.authorization.k8s.io'
const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

/**
 * The roles and bindings that every cluster has: made where they are missing, and given back what they lack where they
 * are there, unless the annotation `rbac.authorization.kubernetes.io/autoupdate: "false"` says to leave them.
 *
 * @see component-helpers auth/rbac/reconciliation
 */
export async function ensureRbac(registry: Registry, catalog: ResourceCatalog): Promise<void> {
  const facts = factsFor(catalog)
  await Promise.all([
    ...facts.clusterRoles.map((f) => ensureRole(registry, 'clusterroles', clusterRoleOf(f, facts))),
    ...facts.roles.map((f) => ensureRole(registry, 'roles', roleOf('Role', f))),
    ...facts.clusterRoleBindings.map((f) =>
      ensureBinding(registry, 'clusterrolebindings', bindingOf('ClusterRoleBinding', f)),
    ),
    ...facts.roleBindings.map((f) => ensureBinding(registry, 'rolebindings', bindingOf('RoleBinding', f))),
  ])
}

/** The facts, with the roles of add-ons that are served. */
function factsFor(catalog: ResourceCatalog): RbacBootstrap {
  const facts = rbacBootstrap()
  const served = Object.entries(facts.optionalClusterRoles).filter(([group]) => catalog.group(group))
  return { ...facts, clusterRoles: [...facts.clusterRoles, ...served.flatMap(([, roles]) => roles)] }
}

function metadataOf({ name, namespace, labels }: RoleFact): KubeObject['metadata'] {
  return {
    name,
    ...(namespace ? { namespace } : {}),
    annotations: { [AUTO_UPDATE]: 'true' },
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
  }
}

function roleOf(kind: 'Role' | 'ClusterRole', fact: RoleFact): KubeObject {
  const { rules, aggregationRule } = fact
  return {
    kind,
    apiVersion: `${GROUP}/v1`,
    metadata: metadataOf(fact),
    ...(aggregationRule ? { aggregationRule } : {}),
    ...(rules ? { rules } : {}),
  }
}

/** An aggregated role begins with what it aggregates of the default roles, so that it is good for something at once. */
function clusterRoleOf(fact: RoleFact, { clusterRoles }: RbacBootstrap): KubeObject {
  const role = roleOf('ClusterRole', fact)
  return fact.aggregationRule ? { ...role, rules: aggregatedRules(fact, clusterRoles) } : role
}

/** Rules of the roles that the selectors choose, by selector, then by name, each rule once. */
function aggregatedRules({ name, aggregationRule, rules = [] }: RoleFact, all: readonly RoleFact[]): PolicyRule[] {
  if (!aggregationRule) return rules as unknown as PolicyRule[]
  const found: PolicyRule[] = []
  for (const selector of aggregationRule.clusterRoleSelectors) {
    const matcher = labelSelectorAsSelector({ matchLabels: { ...selector.matchLabels } })
    const chosen = all.filter((r) => r.name !== name && matcher.matches(metadataOf(r).labels))
    for (const role of chosen.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
      for (const rule of aggregatedRules(role, all)) if (!found.some((f) => equalJson(f, rule))) found.push(rule)
  }
  return found
}

function bindingOf(kind: 'RoleBinding' | 'ClusterRoleBinding', fact: RoleBindingFact): KubeObject {
  const { roleRef, subjects } = fact
  const metadata = metadataOf(fact)
  return { kind, apiVersion: `${GROUP}/v1`, metadata, roleRef, ...(subjects ? { subjects } : {}) }
}

async function ensureRole(registry: Registry, resource: string, expected: KubeObject): Promise<void> {
  if (await ensureInitialObject(registry, GROUP, resource, expected)) return
  await reconcile(registry.backing(GROUP, resource)!, expected, (object) => {
    const role = object as unknown as ClusterRole
    const wanted = expected as unknown as ClusterRole & Role
    // Rules of an aggregated role are the controller's.
    if (wanted.aggregationRule) {
      const selectors = role.aggregationRule?.clusterRoleSelectors ?? []
      for (const selector of wanted.aggregationRule.clusterRoleSelectors ?? [])
        if (!selectors.some((s) => equalJson(s, selector))) selectors.push(cloneJson(selector))
      role.aggregationRule = { clusterRoleSelectors: selectors }
      return
    }
    if (equalJson(role.rules, wanted.rules)) return
    const missing = missingRules(role.rules ?? [], wanted.rules ?? [])
    if (missing.length > 0) role.rules = [...(role.rules ?? []), ...missing]
  })
}

async function ensureBinding(registry: Registry, resource: string, expected: KubeObject): Promise<void> {
  if (await ensureInitialObject(registry, GROUP, resource, expected)) return
  const backing = registry.backing(GROUP, resource)!
  const { name = '', namespace = '' } = expected.metadata
  const wanted = expected as unknown as RoleBinding & ClusterRoleBinding
  const existing = (await backing.store.get(systemContext(namespace), name)).object
  // What a binding refers to can't be changed: one that leads elsewhere is made anew.
  if (!equalJson((existing as unknown as RoleBinding).roleRef, wanted.roleRef) && !isProtected(existing)) {
    await backing.store.delete(systemContext(namespace), name, {})
    await ensureInitialObject(registry, GROUP, resource, expected)
    return
  }
  await reconcile(backing, expected, (object) => {
    const binding = object as unknown as RoleBinding
    for (const subject of wanted.subjects ?? []) {
      if (!binding.subjects?.some((s) => equalJson(s, subject))) {
        binding.subjects = [...(binding.subjects ?? []), { ...subject }]
      }
    }
  })
}

async function reconcile(
  { store }: ResourceBacking,
  expected: KubeObject,
  complete: (object: KubeObject) => void,
): Promise<void> {
  const { name = '', namespace = '', labels, annotations } = expected.metadata
  const completed = (existing: KubeObject): KubeObject => {
    const object = cloneJson(existing)
    if (isProtected(object)) return object
    object.metadata.labels = { ...labels, ...object.metadata.labels }
    object.metadata.annotations = { ...annotations, ...object.metadata.annotations }
    complete(object)
    return object
  }
  const context = systemContext(namespace)
  const { object } = await store.get(context, name)
  // By far the most are as they should be.
  if (equalJson(completed(object), object)) return
  await store.update(context, name, { updatedObject: (existing) => completed(existing!) })
}

const isProtected = (object: KubeObject): boolean => object.metadata.annotations?.[AUTO_UPDATE] === 'false'
