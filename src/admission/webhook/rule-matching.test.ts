import { describe, expect, test } from 'vitest'
import { isAdmissionConfiguration, matchesRule, type RuleSubject } from './rule-matching.ts'

/** A request as `group/version/resource[/subresource]`, in a namespace unless said otherwise. */
function request(path: string, fields: Partial<RuleSubject> = {}): RuleSubject {
  const [group = '', version = '', resource = '', subresource = ''] = path.split('/')
  return { operation: 'CREATE', namespace: 'ns', subresource, resource: { group, version, resource }, ...fields }
}

const rule = (fields: object = {}) => ({
  operations: ['*'],
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources: ['*'],
  ...fields,
})

describe('matchesRule', () => {
  test.each([
    ['*', 'g/v/r', true],
    ['*', 'g/v/r/exec', false],
    ['*/*', 'g/v/r', true],
    ['*/*', 'g/v/r/exec', true],
    ['*/exec', 'g/v/r/exec', true],
    ['*/exec', 'g/v/r/scale', false],
    ['*/exec', 'g/v/r', false],
    ['r/*', 'g/v/r', true],
    ['r/*', 'g/v/r/exec', true],
    ['r/*', 'g/v/s/exec', false],
    ['r', 'g/v/r', true],
    ['r', 'g/v/r/exec', false],
    ['r/exec', 'g/v/r/exec', true],
    ['r/exec', 'g/v/r', false],
  ])('resources %s: %s → %s', (pattern, path, expected) => {
    expect(matchesRule(rule({ resources: [pattern] }), request(path))).toBe(expected)
  })

  test.each([
    ['apiGroups', ['a', 'b'], 'b/v/r', true],
    ['apiGroups', ['a'], 'b/v/r', false],
    ['apiGroups', [''], '/v1/pods', true],
    ['apiVersions', ['v1'], 'g/v1/r', true],
    ['apiVersions', ['v1'], 'g/v2/r', false],
    ['operations', ['UPDATE', 'CREATE'], 'g/v/r', true],
    ['operations', ['UPDATE'], 'g/v/r', false],
    ['operations', [], 'g/v/r', false],
  ])('%s %j: %s → %s', (member, values, path, expected) => {
    expect(matchesRule(rule({ [member]: values }), request(path))).toBe(expected)
  })

  test.each([
    ['*', '/v1/pods', 'ns', true],
    ['*', '/v1/nodes', '', true],
    ['Namespaced', '/v1/pods', 'ns', true],
    ['Namespaced', '/v1/nodes', '', false],
    ['Namespaced', '/v1/namespaces', 'ns', false],
    ['Cluster', '/v1/pods', 'ns', false],
    ['Cluster', '/v1/nodes', '', true],
    ['Cluster', '/v1/namespaces', 'ns', true],
    ['Odd', '/v1/pods', 'ns', false],
  ])('scope %s: %s in namespace "%s" → %s', (scope, path, namespace, expected) => {
    expect(matchesRule(rule({ scope }), request(path, { namespace }))).toBe(expected)
  })
})

test.each([
  ['admissionregistration.k8s.io', 'MutatingWebhookConfiguration', true],
  ['admissionregistration.k8s.io', 'ValidatingAdmissionPolicyBinding', true],
  ['admissionregistration.k8s.io', 'Other', false],
  ['example.com', 'MutatingWebhookConfiguration', false],
])('isAdmissionConfiguration: %s %s → %s', (group, kind, expected) => {
  expect(isAdmissionConfiguration({ kind: { group, version: 'v1', kind } })).toBe(expected)
})
