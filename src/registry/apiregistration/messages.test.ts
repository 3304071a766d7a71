import { expect, test } from 'vitest'
import { DNS1035, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import { apiregistrationEntries } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const services = new StrategyMessages(apiregistrationEntries, 'apiservices', 'APIService')

const PRIORITIES = { groupPriorityMinimum: 10, versionPriority: 10 }
const GOOD = {
  group: 'example.com',
  version: 'v1',
  ...PRIORITIES,
  insecureSkipTLSVerify: true,
  service: { namespace: 'n', name: 's' },
}

const errorsOf = (spec: Record<string, never> | object, name = 'v1.example.com'): string[] =>
  services.createErrors({ metadata: { name }, spec: spec as Record<string, never> })

test('the name is made of version and group', () => {
  expect(errorsOf(GOOD)).toEqual([])
  expect(errorsOf(GOOD, 'v2.other.example.com')).toEqual([
    'metadata.name: Invalid value: "v2.other.example.com": must be `spec.version+"."+spec.group`: "v1.example.com"',
  ])
  expect(errorsOf({ ...GOOD, group: 'Example.com', version: 'V1_' }, 'V1_.Example.com')).toEqual([
    `spec.group: Invalid value: "Example.com": ${SUBDOMAIN}`,
    `spec.version: Invalid value: "V1_": ${DNS1035}`,
  ])
  expect(errorsOf({ ...GOOD, group: '', version: 'v9' }, 'v9.')).toEqual([
    'spec.group: Required value: only v1 may have an empty group and it better be legacy kube',
  ])
})

test('priorities', () => {
  expect(errorsOf({ ...GOOD, groupPriorityMinimum: 20001, versionPriority: 1001 })).toEqual([
    'spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000',
    'spec.versionPriority: Invalid value: 1001: must be positive and less than 1000',
  ])
  expect(errorsOf({ ...GOOD, groupPriorityMinimum: 0, versionPriority: -1 })).toEqual([
    'spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000',
    'spec.versionPriority: Invalid value: -1: must be positive and less than 1000',
  ])
})

test('the service, and how it is trusted', () => {
  expect(errorsOf({ ...GOOD, service: { namespace: '', name: '', port: 70000 } })).toEqual([
    'spec.service.namespace: Required value',
    'spec.service.name: Required value',
    'spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive',
  ])
  expect(errorsOf({ ...GOOD, caBundle: 'bm90IHBlbQ==' })).toEqual([
    'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present',
  ])
  expect(errorsOf({ ...GOOD, service: undefined, caBundle: 'bm90IHBlbQ==' })).toEqual([
    'spec.caBundle: Invalid value: "7 bytes": local APIServices may not have a caBundle',
    'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
  ])
})
