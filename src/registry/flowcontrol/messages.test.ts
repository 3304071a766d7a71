import { expect, test } from 'vitest'
import { LABEL, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
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
