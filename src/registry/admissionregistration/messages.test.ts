import { expect, test } from 'vitest'
import { DNS1035, NAME_PART, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import { admissionregistrationEntries } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const validating = new StrategyMessages(
  admissionregistrationEntries,
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
)
const mutating = new StrategyMessages(
  admissionregistrationEntries,
  'mutatingwebhookconfigurations',
  'MutatingWebhookConfiguration',
)
const policies = new StrategyMessages(
  admissionregistrationEntries,
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
)

const RULE = { apiGroups: ['none.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] }
const HOOK = {
  name: 'a.b.c',
  clientConfig: { url: 'https://127.0.0.1:1/x' },
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  rules: [RULE],
}

const hookErrors = (...changes: object[]): string[] =>
  validating.createErrors({ webhooks: changes.map((change) => ({ ...HOOK, ...change })) })

test('what a webhook needs', () => {
  expect(hookErrors({})).toEqual([])
  expect(validating.createErrors({ webhooks: [{ name: 'nodots', clientConfig: {} }] })).toEqual([
    'webhooks[0].name: Invalid value: "nodots": should be a domain with at least three segments separated by dots',
    'webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun',
    'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
    'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
  ])
})

test('values of a webhook', () => {
  const change = {
    sideEffects: 'Some',
    admissionReviewVersions: ['v1beta1', ''],
    failurePolicy: 'Maybe',
    matchPolicy: 'Fuzzy',
    timeoutSeconds: 31,
  }
  expect(hookErrors(change)).toEqual([
    'webhooks[0].failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"',
    'webhooks[0].matchPolicy: Unsupported value: "Fuzzy": supported values: "Equivalent", "Exact"',
    'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
    `webhooks[0].admissionReviewVersions[1]: Invalid value: "": ${DNS1035}`,
  ])
  expect(hookErrors({ sideEffects: 'Unknown' }, { timeoutSeconds: 0 })).toEqual([
    'webhooks[0].sideEffects: Unsupported value: "Unknown": supported values: "None", "NoneOnDryRun"',
    'webhooks[1].timeoutSeconds: Invalid value: 0: the timeout value must be between 1 and 30 seconds',
    'webhooks[1].name: Duplicate value: "a.b.c"',
  ])
})

test('rules of a webhook', () => {
  const rules = [
    {},
    {
      apiGroups: ['*', 'x'],
      apiVersions: [''],
      operations: ['CREATE', '*'],
      resources: ['*', 'pods'],
      scope: 'Galaxy',
    },
    {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['GET'],
      resources: ['pods/*', 'pods/log', '*/*', '*/scale', '', 'a/b/c'],
    },
  ]
  const at = 'webhooks[0].rules'
  expect(hookErrors({ rules })).toEqual([
    `${at}[0].operations: Required value`,
    `${at}[0].apiGroups: Required value`,
    `${at}[0].apiVersions: Required value`,
    `${at}[0].resources: Required value`,
    `${at}[1].operations: Invalid value: ["CREATE","*"]: if '*' is present, must not specify other operations`,
    `${at}[1].apiGroups: Invalid value: ["*","x"]: if '*' is present, must not specify other API groups`,
    `${at}[1].apiVersions[0]: Required value`,
    `${at}[1].resources: Invalid value: ["*","pods"]: if '*' is present, must not specify other resources without subresources`,
    `${at}[1].scope: Unsupported value: "Galaxy": supported values: "*", "Cluster", "Namespaced"`,
    `${at}[2].operations[0]: Unsupported value: "GET": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
    `${at}[2].resources[1]: Invalid value: "pods/log": if 'pods/*' is present, must not specify pods/log`,
    `${at}[2].resources[3]: Invalid value: "*/scale": if '*/*' is present, must not specify */scale`,
    `${at}[2].resources[4]: Required value`,
    `${at}[2].resources: Invalid value: ["pods/*","pods/log","*/*","*/scale","","a/b/c"]: if '*/*' is present, must not specify other resources`,
  ])
})

test('URLs of webhooks', () => {
  const urls = ['http://x', 'https://u:p@h/x?y=1#f', 'https:///x']
  const errors = hookErrors(...urls.map((url, i) => ({ name: `${'abc'[i]}.b.c`, clientConfig: { url } })))
  expect(errors).toEqual([
    `webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
    'webhooks[1].clientConfig.url: Invalid value: "u:p": user information is not permitted in the URL',
    'webhooks[1].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
    'webhooks[1].clientConfig.url: Invalid value: "y=1": query parameters are not permitted in the URL',
    'webhooks[2].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]',
  ])
})

test('services of webhooks', () => {
  const first = { namespace: '', name: '', port: 0, path: 'x//y' }
  const second = { namespace: 'n', name: 's', port: 70000, path: '/a/B_/' }
  const errors = hookErrors({ clientConfig: { service: first } }, { name: 'd.b.c', clientConfig: { service: second } })
  const at = 'clientConfig.service'
  expect(errors).toEqual([
    `webhooks[0].${at}.name: Required value`,
    `webhooks[0].${at}.namespace: Required value`,
    `webhooks[0].${at}.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive`,
    `webhooks[0].${at}.path: Invalid value: "x//y": must start with a '/'`,
    `webhooks[0].${at}.path: Invalid value: "x//y": segment[0] may not be empty`,
    `webhooks[0].${at}.path: Invalid value: "x//y": segment[1] may not be empty`,
    `webhooks[1].${at}.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive`,
    `webhooks[1].${at}.path: Invalid value: "/a/B_/": segment[1]: ${SUBDOMAIN}`,
  ])
})

test('match conditions of a webhook', () => {
  const matchConditions = [
    { name: 'ok', expression: 'true' },
    { name: 'ok', expression: 'true' },
    { name: '', expression: '' },
    { name: 'bad name', expression: 'true' },
  ]
  const at = 'webhooks[0].matchConditions'
  expect(hookErrors({ matchConditions })).toEqual([
    `${at}[1].name: Duplicate value: "ok"`,
    `${at}[2].expression: Required value`,
    `${at}[2].name: Required value`,
    `${at}[3].name: Invalid value: "bad name": ${NAME_PART}`,
  ])
})

test('when a mutating webhook is called again', () => {
  const webhooks = [
    { ...HOOK, reinvocationPolicy: 'Always' },
    { ...HOOK, name: 'd.b.c', reinvocationPolicy: '' },
  ]
  expect(mutating.createErrors({ webhooks })).toEqual([
    'webhooks[0].reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"',
    'webhooks[1].reinvocationPolicy: Unsupported value: "": supported values: "IfNeeded", "Never"',
  ])
})

const POLICY = { matchConstraints: { resourceRules: [RULE] }, validations: [{ expression: 'true' }] }
const policyErrors = (spec: object): string[] => policies.createErrors({ spec: { ...POLICY, ...spec } })

test('what a policy needs', () => {
  expect(policyErrors({})).toEqual([])
  expect(policies.createErrors({ spec: {} })).toEqual([
    'spec.matchConstraints: Required value',
    'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
    'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
  ])
  expect(policyErrors({ matchConstraints: { resourceRules: [] }, failurePolicy: 'Perhaps' })).toEqual([
    'spec.failurePolicy: Unsupported value: "Perhaps": supported values: "Fail", "Ignore"',
    'spec.matchConstraints.resourceRules: Required value',
  ])
})

test('parts of a policy', () => {
  expect(policyErrors({ paramKind: { apiVersion: 'a/b/c', kind: '' } })).toEqual([
    'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
    'spec.paramKind.kind: Required value',
  ])
  expect(
    policyErrors({ validations: [{ expression: 'true', message: 'a\nb', reason: 'Nope' }, { expression: '' }] }),
  ).toEqual([
    'spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks',
    'spec.validations[0].reason: Unsupported value: "Nope": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    'spec.validations[1].expression: Required value: expression is not specified',
  ])
  expect(policyErrors({ variables: [{ name: 'a-b', expression: '1' }] })).toEqual([
    'spec.variables[0].name: Invalid value: "a-b": must be a valid CEL identifier',
  ])
  const auditAnnotations = [
    { key: 'Bad Key', valueExpression: '""' },
    { key: 'k', valueExpression: '""' },
    { key: 'k', valueExpression: '' },
  ]
  expect(policyErrors({ auditAnnotations })).toEqual([
    `spec.auditAnnotations[0].key: Invalid value: "x/Bad Key": ${NAME_PART}`,
    'spec.auditAnnotations[2].valueExpression: Required value: valueExpression is not specified',
    'spec.auditAnnotations[2].key: Duplicate value: "k"',
  ])
})
