import { describe, expect, test } from 'vitest'
import { SeededRandom, seedOfRun } from '../../../../test/suites/seeded-random.ts'
import type { PolicyRule, Subject } from '../../../apimachinery/types/rbac-v1.ts'
import type { UserInfo } from '../../../apimachinery/user-info.ts'
import type { AuthorizationAttributes } from '../authorizer.ts'
import { compactRules, compactString, missingRules } from './covers.ts'
import { RbacAuthorizer } from './rbac-authorizer.ts'
import { type RbacBinding, RbacPolicy } from './rbac-policy.ts'

const ROLE_GROUP = 'rbac.authorization.k8s.io'

function userOf(name: string, ...groups: string[]): UserInfo {
  return { name, uid: '', groups, extra: {} }
}

function request(user: UserInfo, fields: Partial<AuthorizationAttributes>): AuthorizationAttributes {
  return {
    user,
    verb: 'get',
    isResourceRequest: true,
    path: '',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: '',
    resource: 'pods',
    subresource: '',
    name: '',
    fieldSelector: '',
    labelSelector: '',
    ...fields,
  }
}

function policyOf(roles: readonly [namespace: string, name: string, rules: PolicyRule[]][], bindings: RbacBinding[]) {
  const policy = new RbacPolicy()
  for (const [namespace, name, rules] of roles) policy.setRole(namespace, name, rules)
  for (const binding of bindings) policy.setBinding(binding)
  return policy
}

const readPods: PolicyRule = { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }

describe('RbacAuthorizer', () => {
  const bind = (namespace: string, kind: 'Role' | 'ClusterRole', ...subjects: Subject[]): RbacBinding => ({
    namespace,
    name: 'readers',
    roleRef: { apiGroup: ROLE_GROUP, kind, name: 'reader' },
    subjects,
  })
  const ask = (policy: RbacPolicy, attributes: AuthorizationAttributes) =>
    new RbacAuthorizer(() => policy).authorize(attributes)

  test('a RoleBinding counts in its namespace only, and the reason names it', () => {
    const policy = policyOf([['dev', 'reader', [readPods]]], [bind('dev', 'Role', { kind: 'User', name: 'jane' })])
    expect(ask(policy, request(userOf('jane'), { namespace: 'dev' }))).toEqual({
      decision: 'allow',
      reason: 'RBAC: allowed by RoleBinding "readers/dev" of Role "reader" to User "jane"',
    })
    for (const namespace of ['', 'prod'])
      expect(ask(policy, request(userOf('jane'), { namespace })).decision).toBe('no-opinion')
  })

  test('a ClusterRoleBinding counts everywhere; a service account is named with its namespace behind', () => {
    const subject = { kind: 'ServiceAccount', name: 'robot', namespace: 'ci' }
    const policy = policyOf([['', 'reader', [readPods]]], [bind('', 'ClusterRole', subject)])
    const robot = userOf('system:serviceaccount:ci:robot')
    expect(ask(policy, request(robot, { namespace: 'dev', subresource: 'log' })).reason).toBe(
      'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to ServiceAccount "robot/ci"',
    )
    expect(ask(policy, request(robot, { subresource: 'exec' })).decision).toBe('no-opinion')
  })

  test('a service account without a namespace is one of the RoleBinding’s own, and nobody in a ClusterRoleBinding', () => {
    const subject = { kind: 'ServiceAccount', name: 'robot' }
    const local = policyOf([['dev', 'reader', [readPods]]], [bind('dev', 'Role', subject)])
    const robot = userOf('system:serviceaccount:dev:robot')
    expect(ask(local, request(robot, { namespace: 'dev' })).decision).toBe('allow')
    const cluster = policyOf([['', 'reader', [readPods]]], [bind('', 'ClusterRole', subject)])
    expect(ask(cluster, request(robot, { namespace: 'dev' })).decision).toBe('no-opinion')
  })

  test('a missing role is told in the reason', () => {
    const policy = policyOf([], [bind('dev', 'Role', { kind: 'Group', name: 'qa' })])
    expect(ask(policy, request(userOf('jane', 'qa'), { namespace: 'dev' })).reason).toBe(
      'RBAC: role.rbac.authorization.k8s.io "reader" not found',
    )
  })

  test('what is taken away counts no more', () => {
    const policy = policyOf([['dev', 'reader', [readPods]]], [bind('dev', 'Role', { kind: 'User', name: 'jane' })])
    const asked = request(userOf('jane'), { namespace: 'dev' })
    policy.setRole('dev', 'reader', [])
    expect(ask(policy, asked).decision).toBe('no-opinion')
    policy.setRole('dev', 'reader', [readPods])
    policy.setBinding(bind('dev', 'Role', { kind: 'User', name: 'bob' }))
    expect(ask(policy, asked).decision).toBe('no-opinion')
    expect(ask(policy, request(userOf('bob'), { namespace: 'dev' })).decision).toBe('allow')
    policy.removeBinding('dev', 'readers')
    expect(ask(policy, request(userOf('bob'), { namespace: 'dev' })).decision).toBe('no-opinion')
  })

  test.each([
    ['/healthz', ['/healthz'], true],
    ['/healthz/etcd', ['/healthz'], false],
    ['/healthz/etcd', ['/healthz/*'], true],
    ['/api', ['*'], true],
    ['/apix', ['/api*'], true],
  ])('path %s and rule %j', (path, nonResourceURLs, isAllowed) => {
    const rule = { nonResourceURLs, verbs: ['get'] }
    const policy = policyOf([['', 'reader', [rule]]], [bind('', 'ClusterRole', { kind: 'User', name: 'jane' })])
    const { decision } = ask(policy, request(userOf('jane'), { isResourceRequest: false, path }))
    expect(decision === 'allow').toBe(isAllowed)
  })
})

/** Upstream's evaluation, written as plainly as it can be: every binding, every subject, every rule. */
function naive(
  roles: ReadonlyMap<string, PolicyRule[]>,
  bindings: readonly RbacBinding[],
  { user, verb, apiGroup, namespace, resource, subresource, name, isResourceRequest, path }: AuthorizationAttributes,
): boolean {
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list?.some((item) => item === '*' || item === value) ?? false
  const isFor = (subject: Subject, bindingNamespace: string): boolean => {
    if (subject.kind === 'User') return subject.name === user.name
    if (subject.kind === 'Group') return user.groups.includes(subject.name)
    const own = subject.namespace ?? bindingNamespace
    return own !== '' && user.name === `system:serviceaccount:${own}:${subject.name}`
  }
  const allows = (rule: PolicyRule): boolean => {
    if (!has(rule.verbs, verb)) return false
    if (!isResourceRequest) {
      return (rule.nonResourceURLs ?? []).some(
        (url) => url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))),
      )
    }
    const combined = subresource ? `${resource}/${subresource}` : resource
    const isResource = (rule.resources ?? []).some(
      (r) => r === '*' || r === combined || (subresource !== '' && r === `*/${subresource}`),
    )
    const isNamed = !rule.resourceNames?.length || rule.resourceNames.includes(name)
    return has(rule.apiGroups, apiGroup) && isResource && isNamed
  }
  return bindings
    .filter((b) => b.namespace === '' || b.namespace === namespace)
    .filter((b) => b.subjects.some((s) => isFor(s, b.namespace)))
    .flatMap((b) => roles.get(`${b.roleRef.kind === 'Role' ? b.namespace : ''}/${b.roleRef.name}`) ?? [])
    .some(allows)
}

describe('matrix', () => {
  const seed = seedOfRun()
  const NAMESPACES = ['', 'dev', 'prod', 'ci']
  const USERS = ['jane', 'bob', 'eve', 'system:serviceaccount:dev:robot', 'system:serviceaccount:ci:robot']
  const GROUPS = ['dev', 'qa', 'ops', 'system:authenticated']
  const VERBS = ['get', 'list', 'create', 'delete', '*']
  const API_GROUPS = ['', 'apps', '*']
  const RESOURCES = ['pods', 'pods/log', 'deployments', 'deployments/scale', '*/scale', '*/log', '*']
  const NAMES = ['a', 'b']
  const PATHS = ['/healthz', '/healthz/*', '/api*', '/metrics', '*']

  const some = <T>(random: SeededRandom, items: readonly T[]): T[] =>
    Array.from({ length: random.between(1, 2) }, () => random.pick(items))

  function ruleFrom(random: SeededRandom): PolicyRule {
    if (random.chance(0.2)) return { verbs: some(random, VERBS), nonResourceURLs: some(random, PATHS) }
    return {
      verbs: some(random, VERBS),
      apiGroups: some(random, API_GROUPS),
      resources: some(random, RESOURCES),
      ...(random.chance(0.3) ? { resourceNames: some(random, NAMES) } : {}),
    }
  }

  function subjectFrom(random: SeededRandom): Subject {
    const kind = random.pick(['User', 'Group', 'ServiceAccount'])
    if (kind === 'User') return { kind, name: random.pick(USERS) }
    if (kind === 'Group') return { kind, name: random.pick(GROUPS) }
    return { kind, name: 'robot', ...(random.chance(0.5) ? { namespace: random.pick(['dev', 'ci']) } : {}) }
  }

  function requestFrom(random: SeededRandom): AuthorizationAttributes {
    const user = userOf(random.pick(USERS), ...(random.chance(0.7) ? some(random, GROUPS) : []))
    const verb = random.pick(['get', 'list', 'create', 'delete', 'watch'])
    if (random.chance(0.2)) {
      return request(user, {
        verb,
        isResourceRequest: false,
        path: random.pick(['/healthz', '/healthz/x', '/api', '/']),
      })
    }
    return request(user, {
      verb,
      apiGroup: random.pick(['', 'apps', 'batch']),
      namespace: random.pick(NAMESPACES),
      resource: random.pick(['pods', 'deployments', 'secrets']),
      subresource: random.pick(['', 'log', 'scale']),
      name: random.pick(['', 'a', 'b', 'c']),
    })
  }

  test(`the index decides as a naive evaluator does (repeat with SEED=${seed})`, () => {
    const random = new SeededRandom(seed)
    let allowed = 0
    for (let round = 0; round < 60; round++) {
      const policy = new RbacPolicy()
      const roles = new Map<string, PolicyRule[]>()
      const bindings = new Map<string, RbacBinding>()
      for (let step = 0; step < 40; step++) {
        const namespace = random.pick(NAMESPACES)
        const name = `n${random.between(0, 3)}`
        const key = `${namespace}/${name}`
        switch (random.between(0, 5)) {
          case 0:
            policy.removeRole(namespace, name)
            roles.delete(key)
            break
          case 1:
            policy.removeBinding(namespace, name)
            bindings.delete(key)
            break
          case 2:
          case 3: {
            const rules = Array.from({ length: random.between(1, 4) }, () => ruleFrom(random))
            policy.setRole(namespace, name, rules)
            roles.set(key, rules)
            break
          }
          default: {
            const kind = namespace === '' || random.chance(0.5) ? 'ClusterRole' : 'Role'
            const roleRef = { apiGroup: ROLE_GROUP, kind, name: `n${random.between(0, 3)}` }
            const subjects = Array.from({ length: random.between(1, 4) }, () => subjectFrom(random))
            const binding = { namespace, name, roleRef, subjects }
            policy.setBinding(binding)
            bindings.set(key, binding)
          }
        }
      }
      const authorizer = new RbacAuthorizer(() => policy)
      for (let i = 0; i < 60; i++) {
        const asked = requestFrom(random)
        const expected = naive(roles, [...bindings.values()], asked)
        expect(authorizer.authorize(asked).decision === 'allow', JSON.stringify(asked)).toBe(expected)
        if (expected) allowed++
      }
    }
    expect(allowed).toBeGreaterThan(50)
  })
})

describe('missingRules', () => {
  const rule = (groups: string[], resources: string[], verbs: string[], names?: string[]): PolicyRule => ({
    apiGroups: groups,
    resources,
    verbs,
    ...(names ? { resourceNames: names } : {}),
  })

  test.each([
    ['the same', [rule([''], ['pods'], ['get'])], [rule([''], ['pods'], ['get'])]],
    [
      'two rules together',
      [rule([''], ['pods'], ['get']), rule([''], ['pods'], ['list'])],
      [rule([''], ['pods'], ['get', 'list'])],
    ],
    ['a wildcard', [rule(['*'], ['*'], ['*'])], [rule(['apps'], ['deployments/scale'], ['update'])]],
    ['a subresource of everything', [rule([''], ['*/scale'], ['get'])], [rule([''], ['pods/scale'], ['get'])]],
    ['one name of all', [rule([''], ['pods'], ['get'])], [rule([''], ['pods'], ['get'], ['a'])]],
  ])('%s is held', (_, held, wanted) => {
    expect(missingRules(held, wanted)).toEqual([])
  })

  test.each([
    ['all names of one', [rule([''], ['pods'], ['get'], ['a'])], [rule([''], ['pods'], ['get'])]],
    ['a wildcard of a list', [rule([''], ['pods'], ['get', 'list'])], [rule([''], ['*'], ['get'])]],
    ['the subresource of its resource', [rule([''], ['pods'], ['get'])], [rule([''], ['pods/log'], ['get'])]],
    ['a path of resources', [rule(['*'], ['*'], ['*'])], [{ nonResourceURLs: ['/x'], verbs: ['get'] }]],
  ])('%s is not', (_, held, wanted) => {
    expect(missingRules(held, wanted)).not.toEqual([])
  })

  test('what is missing is told by resource, verbs together', () => {
    const missing = missingRules([], [rule([''], ['secrets', 'pods'], ['get', 'list'])])
    expect(compactRules(missing).map(compactString)).toEqual([
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
      '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    ])
  })
})
