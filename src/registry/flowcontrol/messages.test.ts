import { expect, test } from 'vitest'
import { LABEL, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import { flowcontrolEntries } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const schemas = new StrategyMessages(flowcontrolEntries, 'flowschemas', 'FlowSchema')
const levels = new StrategyMessages(flowcontrolEntries, 'prioritylevelconfigurations', 'PriorityLevelConfiguration')

const USER = { kind: 'User', user: { name: 'nobody' } }
const RESOURCE_RULE = { verbs: ['get'], apiGroups: ['none.example.com'], resources: ['x'], clusterScope: true }
const RULE = { subjects: [USER], resourceRules: [RESOURCE_RULE] }
const LEVEL = { priorityLevelConfiguration: { name: 'catch-all' } }

const rulesErrors = (rules: object[]): string[] =>
  schemas.createErrors({ spec: { ...LEVEL, matchingPrecedence: 9990, rules: rules as [] } })

test('the level and the precedence of a schema', () => {
  expect(schemas.createErrors({ spec: { ...LEVEL, rules: [RULE] } })).toEqual([])
  expect(schemas.createErrors({ spec: {} })).toEqual([
    'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
  ])
  const spec = {
    priorityLevelConfiguration: { name: 'Bad_' },
    matchingPrecedence: 10001,
    rules: [RULE],
    distinguisherMethod: { type: 'ByColour' },
  }
  expect(schemas.createErrors({ spec })).toEqual([
    'spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000',
    'spec.distinguisherMethod.type: Unsupported value: {"Type":"ByColour"}: supported values: "ByNamespace", "ByUser"',
    `spec.priorityLevelConfiguration.name: Invalid value: "Bad_": ${SUBDOMAIN}`,
  ])
  expect(schemas.createErrors({ spec: { ...LEVEL, matchingPrecedence: 1, rules: [RULE] } })).toEqual([
    "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
  ])
})

test('subjects of a schema', () => {
  const subjects = [
    { kind: 'User' },
    { kind: 'User', user: { name: '' }, group: { name: 'g' } },
    { kind: 'Robot' },
    { kind: 'ServiceAccount', serviceAccount: { name: 'Bad_', namespace: '*' } },
    { kind: 'Group', group: { name: '' } },
  ]
  expect(
    rulesErrors([
      { ...RULE, subjects: [] },
      { ...RULE, subjects },
    ]),
  ).toEqual([
    'spec.rules[0].subjects: Required value: subjects must contain at least one value',
    "spec.rules[1].subjects[0].user: Required value: user is required when subject kind is 'User'",
    'spec.rules[1].subjects[1].user.name: Required value',
    "spec.rules[1].subjects[1].group: Forbidden: group is forbidden when subject kind is not 'Group'",
    'spec.rules[1].subjects[2].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"',
    `spec.rules[1].subjects[3].serviceAccount.name: Invalid value: "Bad_": ${SUBDOMAIN}`,
    `spec.rules[1].subjects[3].serviceAccount.namespace: Invalid value: "*": ${LABEL}`,
    'spec.rules[1].subjects[4].group.name: Required value',
  ])
})

test('rules of a schema', () => {
  const resourceRules = [
    { verbs: ['get', '*'], apiGroups: ['*', 'x'], resources: [], namespaces: [] },
    { verbs: ['fly'], apiGroups: [], resources: ['*', 'a'], clusterScope: true, namespaces: ['*', 'n'] },
  ]
  const nonResourceRules = [{ verbs: [], nonResourceURLs: ['x', '/a*', '/a//b', '*', '/a b'] }]
  const rules = [
    { subjects: [USER], resourceRules: [] },
    { subjects: [USER], resourceRules, nonResourceRules },
  ]
  const at = 'spec.rules[1].resourceRules'
  const only = "if '*' is present, must not specify other"
  expect(rulesErrors(rules)).toEqual([
    'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    `${at}[0].verbs: Invalid value: ["get","*"]: ${only} verbs`,
    `${at}[0].apiGroups: Invalid value: ["*","x"]: ${only} api groups`,
    `${at}[0].resources: Required value: resource rules must supply at least one resource`,
    `${at}[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`,
    `${at}[1].verbs: Unsupported value: ["fly"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"`,
    `${at}[1].apiGroups: Required value: resource rules must supply at least one api group`,
    `${at}[1].resources: Invalid value: ["*","a"]: ${only} resources`,
    `${at}[1].namespaces: Invalid value: ["*","n"]: ${only} namespaces`,
    'spec.rules[1].nonResourceRules[0].verbs: Required value: verbs must contain at least one value',
    `spec.rules[1].nonResourceRules[0].nonResourceURLs: Invalid value: ["x","/a*","/a//b","*","/a b"]: ${only} non-resource URLs`,
  ])
})

test('a schema that the server needs has its fixed value', () => {
  const manifest = { metadata: { name: 'catch-all' }, spec: { priorityLevelConfiguration: { name: 'x' } } }
  expect(schemas.createErrors(manifest)).toEqual([
    `spec: Invalid value: {"PriorityLevelConfiguration":{"Name":"x"},"MatchingPrecedence":1000,"DistinguisherMethod":null,"Rules":null}: spec of 'catch-all' must equal the fixed value`,
  ])
})

test('the type of a level', () => {
  expect(levels.createErrors({ spec: {} })).toEqual([
    'spec.type: Unsupported value: "": supported values: "Exempt", "Limited"',
  ])
  expect(levels.createErrors({ spec: { type: 'Limited', exempt: {} } })).toEqual([
    'spec.exempt: Forbidden: must be nil if the type is Limited',
    'spec.limited: Required value: must not be empty when type is Limited',
  ])
  const exempt = { nominalConcurrencyShares: 1, lendablePercent: 101 }
  expect(levels.createErrors({ spec: { type: 'Exempt', exempt } })).toEqual([
    "spec.type: Invalid value: \"Exempt\": must be 'Exempt' if and only if `name` is 'exempt'",
    'spec.exempt.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
  ])
})

const limitErrors = (limited: object): string[] =>
  levels.createErrors({ spec: { type: 'Limited', limited: limited as Record<string, never> } })
const queueErrors = (queuing: object): string[] => limitErrors({ limitResponse: { type: 'Queue', queuing } })

test('limits of a level', () => {
  const at = 'spec.limited.limitResponse'
  expect(queueErrors({})).toEqual([])
  expect(limitErrors({})).toEqual([`${at}.type: Unsupported value: "": supported values: "Queue", "Reject"`])
  expect(limitErrors({ limitResponse: { type: 'Queue' } })).toEqual([
    `${at}.queuing: Required value: must not be empty if limited.limitResponse.type is Limited`,
  ])
  const errors = limitErrors({
    nominalConcurrencyShares: -1,
    lendablePercent: 101,
    borrowingLimitPercent: -1,
    limitResponse: { type: 'Reject', queuing: { queues: 1 } },
  })
  expect(errors).toEqual([
    'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
    `${at}.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited`,
    'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
    'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
  ])
})

test('queues of a level', () => {
  const at = 'spec.limited.limitResponse.queuing'
  expect(queueErrors({ queues: 4, handSize: 5 })).toEqual([
    `${at}.handSize: Invalid value: 5: should not be greater than queues (4)`,
  ])
  expect(queueErrors({ queues: 10000001, handSize: 12 })).toEqual([
    `${at}.queues: Invalid value: 10000001: must not be greater than 10000000`,
    `${at}.handSize: Invalid value: 12: required entropy bits of deckSize 10000001 and handSize 12 should not be greater than 60`,
  ])
})

const ACCOUNT = { kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'n' } }
const GROUP = { kind: 'Group', group: { name: '*' } }
const subject = (value: object): object => ({ ...RULE, subjects: [value] })
const resource = (value: object): object => ({ subjects: [USER], resourceRules: [{ ...RESOURCE_RULE, ...value }] })
const urls = (...nonResourceURLs: string[]): object => ({
  subjects: [USER],
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs }],
})
const AT_URLS = 'spec.rules[0].nonResourceRules[0].nonResourceURLs'
const AT_SUBJECT = 'spec.rules[0].subjects[0]'
const AT_RESOURCE = 'spec.rules[0].resourceRules[0]'
const MEMBER = "each member of this list must be '*' or a DNS-1123 label; "

/** Rules of kubernetes pkg/apis/flowcontrol/validation/validation.go about flow schemas, one by one. */
test.each<[string, object, string[]]>([
  ['any account of a namespace', subject(ACCOUNT), []],
  ['any group', subject(GROUP), []],
  [
    'an account that is not said',
    subject({ kind: 'ServiceAccount' }),
    [`${AT_SUBJECT}.serviceAccount: Required value: serviceAccount is required when subject kind is 'ServiceAccount'`],
  ],
  [
    'an account without name and namespace',
    subject({ kind: 'ServiceAccount', serviceAccount: {} }),
    [
      `${AT_SUBJECT}.serviceAccount.name: Required value`,
      `${AT_SUBJECT}.serviceAccount.namespace: Required value: must specify namespace for service account`,
    ],
  ],
  [
    'an account and others',
    subject({ ...ACCOUNT, user: { name: 'u' }, group: { name: 'g' } }),
    [
      `${AT_SUBJECT}.user: Forbidden: user is forbidden when subject kind is not 'User'`,
      `${AT_SUBJECT}.group: Forbidden: group is forbidden when subject kind is not 'Group'`,
    ],
  ],
  [
    'a user and others',
    subject({ ...USER, serviceAccount: { name: 'a', namespace: 'n' }, group: { name: 'g' } }),
    [
      `${AT_SUBJECT}.serviceAccount: Forbidden: serviceAccount is forbidden when subject kind is not 'ServiceAccount'`,
      `${AT_SUBJECT}.group: Forbidden: group is forbidden when subject kind is not 'Group'`,
    ],
  ],
  [
    'a group that is not said',
    subject({ kind: 'Group' }),
    [`${AT_SUBJECT}.group: Required value: group is required when subject kind is 'Group'`],
  ],
  [
    'a group and others',
    subject({ ...GROUP, user: { name: 'u' } }),
    [`${AT_SUBJECT}.user: Forbidden: user is forbidden when subject kind is not 'User'`],
  ],
  [
    'no kind',
    subject({}),
    [`${AT_SUBJECT}.kind: Unsupported value: "": supported values: "Group", "ServiceAccount", "User"`],
  ],
  ['all verbs', resource({ verbs: ['*'] }), []],
  [
    'no verbs',
    resource({ verbs: [] }),
    [`${AT_RESOURCE}.verbs: Required value: verbs must contain at least one value`],
  ],
  ['a namespace for what has none', resource({ namespaces: ['n'] }), []],
  [
    'names that are none',
    resource({ clusterScope: false, namespaces: ['n', 'N_'] }),
    [`${AT_RESOURCE}.namespaces[1]: Invalid value: "N_": ${MEMBER}${LABEL}`],
  ],
  [
    'neither namespaces nor the cluster',
    resource({ clusterScope: false }),
    [
      `${AT_RESOURCE}.namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`,
    ],
  ],
  [
    'no groups',
    resource({ apiGroups: [] }),
    [`${AT_RESOURCE}.apiGroups: Required value: resource rules must supply at least one api group`],
  ],
  ['good URLs', urls('/', '/healthz', '/a/*'), []],
  ['no URLs', urls(), [`${AT_URLS}: Required value: nonResourceURLs must contain at least one value`]],
  ['an empty URL', urls(''), [`${AT_URLS}[0]: Invalid value: "": must not be empty`]],
  ['a relative URL', urls('a'), [`${AT_URLS}[0]: Invalid value: "a": must start with slash`]],
  ['a blank', urls('/a b'), [`${AT_URLS}[0]: Invalid value: "/a b": must not contain white-space`]],
  ['two slashes', urls('/a//b'), [`${AT_URLS}[0]: Invalid value: "/a//b": must not contain double slash`]],
  [
    'a star within',
    urls('/a*', '/*/a', '/*/*'),
    [
      `${AT_URLS}[0]: Invalid value: "/a*": wildcard can only do suffix matching`,
      `${AT_URLS}[1]: Invalid value: "/*/a": wildcard can only do suffix matching`,
      `${AT_URLS}[2]: Invalid value: "/*/*": wildcard can only do suffix matching`,
    ],
  ],
])('a schema: %s', (_, rule, errors) => {
  expect(rulesErrors([rule])).toEqual(errors)
})

const AT_QUEUING = 'spec.limited.limitResponse.queuing'

/** The same about priority levels. */
test.each<[string, object, string[]]>([
  ['no shares', { nominalConcurrencyShares: 0, limitResponse: { type: 'Reject' } }, []],
  ['lending all', { lendablePercent: 100, borrowingLimitPercent: 1000, limitResponse: { type: 'Reject' } }, []],
  [
    'lending less than none',
    { lendablePercent: -1, limitResponse: { type: 'Reject' } },
    ['spec.limited.lendablePercent: Invalid value: -1: must be between 0 and 100, inclusive'],
  ],
  [
    'another answer',
    { limitResponse: { type: 'Drop' } },
    ['spec.limited.limitResponse.type: Unsupported value: "Drop": supported values: "Queue", "Reject"'],
  ],
  ['the widest hand', { limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 10 } } }, []],
  [
    'a wider one',
    { limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 11 } } },
    [
      `${AT_QUEUING}.handSize: Invalid value: 11: required entropy bits of deckSize 64 and handSize 11 should not be greater than 60`,
    ],
  ],
  ['one queue, of which one is dealt', { limitResponse: { type: 'Queue', queuing: { queues: 1, handSize: 1 } } }, []],
  [
    'less than none of all',
    { limitResponse: { type: 'Queue', queuing: { queues: -1, handSize: -2, queueLengthLimit: -3 } } },
    [
      `${AT_QUEUING}.queueLengthLimit: Invalid value: -3: must be positive`,
      `${AT_QUEUING}.queues: Invalid value: -1: must be positive`,
      `${AT_QUEUING}.handSize: Invalid value: -2: must be positive`,
    ],
  ],
])('a level: %s', (_, limited, errors) => {
  expect(limitErrors(limited)).toEqual(errors)
})

test('a level that is exempt has no limits; only the one of that name is', () => {
  const spec = {
    type: 'Exempt',
    limited: { limitResponse: { type: 'Reject' } },
    exempt: { nominalConcurrencyShares: -1 },
  }
  expect(levels.createErrors({ metadata: { name: 'exempt' }, spec })).toEqual([
    'spec.limited: Forbidden: must be nil if the type is not Limited',
    'spec.exempt.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
    expect.stringMatching(
      /^spec: Invalid value: .*: spec of 'exempt' except the 'spec.exempt' field must equal the fixed value$/,
    ),
  ])
})

test.each<[string, StrategyMessages, JsonObject]>([
  ['schemas', schemas, { ...LEVEL, rules: [RULE] }],
  ['levels', levels, { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } }],
])('a status write of %s: conditions have types, each once', (_, kind, spec) => {
  const conditions = [{ type: 'Dangling', status: 'Maybe' }, { type: 'Dangling' }, {}]
  expect(kind.update({ spec }, { status: { conditions } }, 'status').errors).toEqual([
    'status.conditions[1].type: Duplicate value: "Dangling"',
    'status.conditions[2].type: Required value',
  ])
})
