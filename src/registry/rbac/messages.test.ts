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

const POD_RULE = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
const URL_RULE = { verbs: ['get'], nonResourceURLs: ['/x'] }
const RESOURCE_NEEDS = (i: number): string[] => [
  `rules[${i}].apiGroups: Required value: resource rules must supply at least one api group`,
  `rules[${i}].resources: Required value: resource rules must supply at least one resource`,
]
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const NOT_A_SELECTOR = 'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.'

/** Rules of kubernetes pkg/apis/rbac/validation/validation.go, one by one. */
test.each<[string, StrategyMessages, Record<string, unknown>, string[]]>([
  ['a role without rules', roles, {}, []],
  ['a role for everything', roles, { rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] }, []],
  [
    'a role for named objects of several resources',
    roles,
    { rules: [{ ...POD_RULE, resources: ['a', 'b'], resourceNames: ['x'] }] },
    [],
  ],
  ['a role called ..', roles, { metadata: { name: '..' } }, ['metadata.name: Invalid value: "..": may not be \'..\'']],
  [
    'a role with a percent sign',
    roles,
    { metadata: { name: 'a%b' } },
    ['metadata.name: Invalid value: "a%b": may not contain \'%\''],
  ],
  [
    'a rule of a role for URLs and resources',
    roles,
    { rules: [{ ...URL_RULE, resources: ['pods'] }] },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'a rule without anything',
    clusterRoles,
    { rules: [POD_RULE, {}] },
    ['rules[1].verbs: Required value: verbs must contain at least one value', ...RESOURCE_NEEDS(1)],
  ],
  [
    'a rule for URLs without verbs',
    clusterRoles,
    { rules: [{ nonResourceURLs: ['/x'] }] },
    ['rules[0].verbs: Required value: verbs must contain at least one value'],
  ],
  ['URLs of any form', clusterRoles, { rules: [{ ...URL_RULE, nonResourceURLs: ['x', '/a*b', ''] }] }, []],
  ['a rule for names alone', clusterRoles, { rules: [{ verbs: ['get'], resourceNames: ['x'] }] }, RESOURCE_NEEDS(0)],
  [
    'URLs and groups',
    clusterRoles,
    { rules: [{ ...URL_RULE, apiGroups: [''] }] },
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  ['an aggregation of all', clusterRoles, { aggregationRule: { clusterRoleSelectors: [{}] } }, []],
  [
    'an aggregation by a bad value',
    clusterRoles,
    { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b c' } }] } },
    [`aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "b c": ${LABEL_VALUE}`, NOT_A_SELECTOR],
  ],
  [
    'an aggregation by expressions without and with values',
    clusterRoles,
    {
      aggregationRule: {
        clusterRoleSelectors: [
          {
            matchExpressions: [
              { key: 'a', operator: 'In' },
              { key: 'b', operator: 'Exists', values: ['x'] },
            ],
          },
        ],
      },
    },
    [
      "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "aggregationRule.clusterRoleSelectors[0].matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      NOT_A_SELECTOR,
    ],
  ],
  ['a binding without subjects', roleBindings, { roleRef: ROLE_REF }, []],
  ['a binding of a cluster role', roleBindings, { roleRef: { kind: 'ClusterRole', name: 'view' } }, []],
  [
    'a binding of a role called .',
    roleBindings,
    { roleRef: { kind: 'Role', name: '.' } },
    ['roleRef.name: Invalid value: ".": may not be \'.\''],
  ],
  [
    'a subject without anything',
    roleBindings,
    { roleRef: ROLE_REF, subjects: [{}] },
    [
      'subjects[0].name: Required value',
      'subjects[0].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"',
    ],
  ],
  [
    "an account of the binding's namespace",
    roleBindings,
    { roleRef: ROLE_REF, subjects: [{ kind: 'ServiceAccount', name: 's' }] },
    [],
  ],
  [
    'an account without a name',
    roleBindings,
    { roleRef: ROLE_REF, subjects: [{ kind: 'ServiceAccount' }] },
    ['subjects[0].name: Required value'],
  ],
  [
    'a user of another group',
    roleBindings,
    { roleRef: ROLE_REF, subjects: [{ kind: 'User', name: 'u', apiGroup: 'apps' }] },
    [`subjects[0].apiGroup: Unsupported value: "apps": supported values: "${RBAC}"`],
  ],
  ['a group of any name', roleBindings, { roleRef: ROLE_REF, subjects: [{ kind: 'Group', name: 'a b/c%' }] }, []],
  [
    'a cluster binding of a role of another group',
    clusterRoleBindings,
    { roleRef: { apiGroup: 'x', kind: 'ClusterRole', name: 'v' } },
    [`roleRef.apiGroup: Unsupported value: "x": supported values: "${RBAC}"`],
  ],
  [
    'an account of any namespace',
    clusterRoleBindings,
    {
      roleRef: { kind: 'ClusterRole', name: 'v' },
      subjects: [{ kind: 'ServiceAccount', name: 's', namespace: 'Bad NS' }],
    },
    [],
  ],
])('%s', (_, kind, manifest, errors) => {
  expect(kind.createErrors(manifest as Record<string, never>)).toEqual(errors)
})

test('rules of a role are looked at again by an update; a bad selector that is stored may stay', () => {
  expect(roles.update({ rules: [POD_RULE] }, { rules: [{ ...POD_RULE, verbs: [] }] }).errors).toEqual([
    'rules[0].verbs: Required value: verbs must contain at least one value',
  ])
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] }
  expect(clusterRoles.update({ aggregationRule }, { aggregationRule: { clusterRoleSelectors: null } }).errors).toEqual([
    'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
  ])
})

test('the groups of users and of the role are filled in, those of accounts are not', () => {
  const subjects = [
    { kind: 'User', name: 'u' },
    { kind: 'Group', name: 'g' },
    { kind: 'ServiceAccount', name: 's' },
  ]
  const { object } = roleBindings.create({ roleRef: { kind: 'Role', name: 'r' }, subjects })
  expect(object).toMatchObject({
    roleRef: { apiGroup: RBAC },
    subjects: [{ apiGroup: RBAC }, { apiGroup: RBAC }, { kind: 'ServiceAccount', name: 's' }],
  })
  expect((object['subjects'] as object[])[2]).not.toHaveProperty('apiGroup')
})
