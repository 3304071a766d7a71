import { expect, test } from 'vitest'
import { NAME_PART, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import { rbacEntries } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const roles = new StrategyMessages(rbacEntries, 'roles', 'Role', true)
const clusterRoles = new StrategyMessages(rbacEntries, 'clusterroles', 'ClusterRole')
const roleBindings = new StrategyMessages(rbacEntries, 'rolebindings', 'RoleBinding', true)
const clusterRoleBindings = new StrategyMessages(rbacEntries, 'clusterrolebindings', 'ClusterRoleBinding')

const RBAC = 'rbac.authorization.k8s.io'
const ROLE_REF = { apiGroup: RBAC, kind: 'Role', name: 'r' }

test('a role takes names that are no DNS names, and rules for resources only', () => {
  const verbs = ['get']
  expect(
    roles.createErrors({ metadata: { name: 'a:b.C_d' }, rules: [{ verbs, apiGroups: [''], resources: ['x'] }] }),
  ).toEqual([])
  const rules = [
    {},
    { verbs },
    { verbs, apiGroups: [''] },
    { verbs, nonResourceURLs: ['/x'] },
    { apiGroups: [''], resources: ['pods'], verbs: [] },
  ]
  expect(roles.createErrors({ metadata: { name: 'a/b' }, rules })).toEqual([
    'metadata.name: Invalid value: "a/b": may not contain \'/\'',
    'rules[0].verbs: Required value: verbs must contain at least one value',
    'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    'rules[0].resources: Required value: resource rules must supply at least one resource',
    'rules[1].apiGroups: Required value: resource rules must supply at least one api group',
    'rules[1].resources: Required value: resource rules must supply at least one resource',
    'rules[2].resources: Required value: resource rules must supply at least one resource',
    'rules[3].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    'rules[4].verbs: Required value: verbs must contain at least one value',
  ])
})

test('a rule of a cluster role is for resources or for URLs', () => {
  const both = { verbs: ['get'], nonResourceURLs: ['/x'], apiGroups: [''], resources: ['pods'] }
  const named = { verbs: ['get'], nonResourceURLs: ['/x'], resourceNames: ['y'] }
  const message = 'rules cannot apply to both regular resources and non-resource URLs'
  expect(clusterRoles.createErrors({ rules: [both, named] })).toEqual([
    `rules[0].nonResourceURLs: Invalid value: ["/x"]: ${message}`,
    `rules[1].nonResourceURLs: Invalid value: ["/x"]: ${message}`,
  ])
})

test('selectors of an aggregation', () => {
  expect(clusterRoles.createErrors({ aggregationRule: { clusterRoleSelectors: [] } })).toEqual([
    'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
  ])
  const clusterRoleSelectors = [{ matchLabels: { 'a b': 'c' } }, { matchExpressions: [{ key: 'k', operator: 'Has' }] }]
  expect(clusterRoles.createErrors({ aggregationRule: { clusterRoleSelectors } })).toEqual([
    `aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "a b": ${NAME_PART}`,
    'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.',
    'aggregationRule.clusterRoleSelectors[1].matchExpressions[0].operator: Invalid value: "Has": not a valid selector operator',
    'aggregationRule.clusterRoleSelectors[1]: Invalid value: null: invalid label selector.',
  ])
})

test('subjects of a binding', () => {
  const subjects = [
    { kind: 'User', apiGroup: 'x', name: 'u' },
    { kind: 'ServiceAccount', apiGroup: RBAC, name: 'Bad_', namespace: 'n' },
    { kind: 'Robot', name: 'r' },
    { kind: 'Group', name: '' },
    { kind: 'User', apiGroup: RBAC, name: 'u', namespace: 'ns' },
  ]
  expect(roleBindings.createErrors({ roleRef: ROLE_REF, subjects })).toEqual([
    `subjects[0].apiGroup: Unsupported value: "x": supported values: "${RBAC}"`,
    `subjects[1].name: Invalid value: "Bad_": ${SUBDOMAIN}`,
    `subjects[1].apiGroup: Unsupported value: "${RBAC}": supported values: ""`,
    'subjects[2].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    'subjects[3].name: Required value',
  ])
})

test('the role of a binding', () => {
  expect(roleBindings.createErrors({ roleRef: { apiGroup: 'other', kind: 'Widget', name: 'a/b' } })).toEqual([
    `roleRef.apiGroup: Unsupported value: "other": supported values: "${RBAC}"`,
    'roleRef.kind: Unsupported value: "Widget": supported values: "Role", "ClusterRole"',
    'roleRef.name: Invalid value: "a/b": may not contain \'/\'',
  ])
  expect(roleBindings.createErrors({})).toEqual([
    'roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole"',
    'roleRef.name: Required value',
  ])
  const subjects = [{ kind: 'ServiceAccount', name: 's' }]
  expect(clusterRoleBindings.createErrors({ roleRef: { kind: 'Role', name: 'r' }, subjects })).toEqual([
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    'subjects[0].namespace: Required value',
  ])
})

test('the role of a binding never changes, its subjects may', () => {
  expect(roleBindings.update({ roleRef: ROLE_REF }, { roleRef: { name: 'other' } }).errors).toEqual([
    `roleRef: Invalid value: {"APIGroup":"${RBAC}","Kind":"Role","Name":"other"}: cannot change roleRef`,
  ])
  const subjects = [{ kind: 'User', name: 'u' }]
  expect(roleBindings.update({ roleRef: ROLE_REF }, { subjects }).errors).toEqual([])
})
