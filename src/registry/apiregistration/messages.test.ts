import { describe, expect, test } from 'vitest'
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

const NO_SERVICE = { group: 'example.com', version: 'v1', ...PRIORITIES }
const PEM = Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64')
const PRIORITY = (field: string, value: number, max: number): string =>
  `spec.${field}: Invalid value: ${value}: must be positive and less than ${max}`
const PORT = (port: number): string =>
  `spec.service.port: Invalid value: ${port}: port is not valid: must be between 1 and 65535, inclusive`

/** Rules of kube-aggregator pkg/apis/apiregistration/validation/validation.go, one by one. */
test.each<[string, object, string, string[]]>([
  ['served here', NO_SERVICE, 'v1.example.com', []],
  ['the legacy group', { ...NO_SERVICE, group: '' }, 'v1.', []],
  [
    'no spec',
    {},
    '.',
    [
      'metadata.name: Invalid value: ".": may not be \'.\'',
      'spec.group: Required value: only v1 may have an empty group and it better be legacy kube',
      `spec.version: Invalid value: "": ${DNS1035}`,
      PRIORITY('groupPriorityMinimum', 0, 20000),
      PRIORITY('versionPriority', 0, 1000),
    ],
  ],
  [
    'version before group',
    GOOD,
    'example.com.v1',
    ['metadata.name: Invalid value: "example.com.v1": must be `spec.version+"."+spec.group`: "v1.example.com"'],
  ],
  [
    'a name with a slash',
    GOOD,
    'v1/example.com',
    ['metadata.name: Invalid value: "v1/example.com": may not contain \'/\''],
  ],
  [
    'a name with a percent sign',
    GOOD,
    'v1%example.com',
    ['metadata.name: Invalid value: "v1%example.com": may not contain \'%\''],
  ],
  [
    'a group that is too long',
    { ...NO_SERVICE, group: 'g'.repeat(254) },
    `v1.${'g'.repeat(254)}`,
    [`spec.group: Invalid value: "${'g'.repeat(254)}": must be no more than 253 characters`],
  ],
  [
    'a version that is too long',
    { ...NO_SERVICE, version: 'v'.repeat(64) },
    `${'v'.repeat(64)}.example.com`,
    [`spec.version: Invalid value: "${'v'.repeat(64)}": must be no more than 63 characters`],
  ],
  [
    'a version that begins with a digit',
    { ...NO_SERVICE, version: '1v' },
    '1v.example.com',
    [`spec.version: Invalid value: "1v": ${DNS1035}`],
  ],
  [
    'the highest priorities',
    { ...NO_SERVICE, groupPriorityMinimum: 20000, versionPriority: 1000 },
    'v1.example.com',
    [],
  ],
  [
    'a negative priority of the group',
    { ...NO_SERVICE, groupPriorityMinimum: -1 },
    'v1.example.com',
    [PRIORITY('groupPriorityMinimum', -1, 20000)],
  ],
  [
    'no priority of the version',
    { ...NO_SERVICE, versionPriority: 0 },
    'v1.example.com',
    [PRIORITY('versionPriority', 0, 1000)],
  ],
  ['a service', { ...NO_SERVICE, service: { namespace: 'n', name: 's', port: 8443 } }, 'v1.example.com', []],
  ['a service with a bundle', { ...GOOD, insecureSkipTLSVerify: false, caBundle: PEM }, 'v1.example.com', []],
  [
    'a service without a namespace',
    { ...NO_SERVICE, service: { name: 's' } },
    'v1.example.com',
    ['spec.service.namespace: Required value'],
  ],
  [
    'a service without a name',
    { ...NO_SERVICE, service: { namespace: 'n' } },
    'v1.example.com',
    ['spec.service.name: Required value'],
  ],
  ['port 0', { ...NO_SERVICE, service: { namespace: 'n', name: 's', port: 0 } }, 'v1.example.com', [PORT(0)]],
  [
    'a negative port',
    { ...NO_SERVICE, service: { namespace: 'n', name: 's', port: -1 } },
    'v1.example.com',
    [PORT(-1)],
  ],
  [
    'trust in everybody and a bundle',
    { ...GOOD, caBundle: PEM },
    'v1.example.com',
    ['spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'],
  ],
  [
    'served here, with a bundle',
    { ...NO_SERVICE, caBundle: PEM },
    'v1.example.com',
    ['spec.caBundle: Invalid value: "27 bytes": local APIServices may not have a caBundle'],
  ],
])('%s', (_, spec, name, errors) => {
  expect(errorsOf(spec, name)).toEqual(errors)
})

describe('updates', () => {
  const manifest = { metadata: { name: 'v1.example.com', labels: { a: 'b' } }, spec: GOOD }

  test("the port of a service is 443 unless it says so; a status is the server's", () => {
    const { object } = services.create({ ...manifest, status: { conditions: [{ type: 'Available', status: 'True' }] } })
    expect(object).toMatchObject({ spec: { service: { port: 443 } }, status: {} })
    expect(object['status']).not.toHaveProperty('conditions')
  })

  test('who is served here is available', () => {
    const { object } = services.create({ metadata: { name: 'v1.example.com' }, spec: NO_SERVICE })
    expect(object['status']).toMatchObject({ conditions: [{ type: 'Available', status: 'True', reason: 'Local' }] })
  })

  test('the version would need another name', () => {
    expect(services.update(manifest, { spec: { version: 'v2' } }).errors).toEqual([
      'metadata.name: Invalid value: "v1.example.com": must be `spec.version+"."+spec.group`: "v2.example.com"',
    ])
  })

  test('a status write changes the status alone', () => {
    const conditions = [{ type: 'Available', status: 'False', reason: 'Gone' }]
    const patch = {
      metadata: { labels: { a: 'c' }, finalizers: ['x.io/y'] },
      spec: { versionPriority: 9 },
      status: { conditions },
    }
    const { object, errors } = services.update(manifest, patch, 'status')
    expect(errors).toEqual([])
    expect(object).toMatchObject({
      metadata: { labels: { a: 'b' } },
      spec: { versionPriority: 10 },
      status: { conditions },
    })
    expect(object.metadata.finalizers).toBeUndefined()
  })

  test('conditions are true, false or unknown', () => {
    const conditions = [{ type: 'Available', status: 'Maybe' }, { type: 'Other', status: 'Unknown' }, { type: '' }]
    const supported = 'supported values: "True", "False", "Unknown"'
    expect(services.update(manifest, { status: { conditions } }, 'status').errors).toEqual([
      `status.conditions[0].status: Unsupported value: "Maybe": ${supported}`,
      `status.conditions[2].status: Unsupported value: "": ${supported}`,
    ])
  })
})
