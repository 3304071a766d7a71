import { expect, test } from 'vitest'
import { LABEL, NAME_PART, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import { resourceEntries, resourceEntriesWith } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const classes = new StrategyMessages(resourceEntries, 'deviceclasses', 'DeviceClass')
const slices = new StrategyMessages(resourceEntries, 'resourceslices', 'ResourceSlice')
const claims = new StrategyMessages(resourceEntries, 'resourceclaims', 'ResourceClaim', true)
const templates = new StrategyMessages(resourceEntries, 'resourceclaimtemplates', 'ResourceClaimTemplate', true)

const CLAIM = { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu.example.com' } }] } } }
const RESULT = { request: 'r', driver: 'd.example.com', pool: 'p', device: 'dev-0' }
const ALLOCATED = { status: { allocation: { devices: { results: [RESULT] } } } }
const SLICE = {
  driver: 'd.example.com',
  pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
  nodeName: 'n',
}

const sliceErrors = (spec: object): string[] => slices.createErrors({ spec: { ...SLICE, ...spec } })

test('a class', () => {
  expect(classes.createErrors({ spec: {} })).toEqual([])
  const config = [{}, { opaque: { driver: '', parameters: 'text' } }]
  expect(classes.createErrors({ spec: { config } })).toEqual([
    'spec.config[0].opaque: Required value',
    'spec.config[1].opaque.driver: Required value',
    'spec.config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
  ])
  expect(classes.createErrors({ spec: { extendedResourceName: 'nodomain' } })).toEqual([
    'spec.extendedResourceName: Invalid value: "nodomain": must be a valid extended resource name',
  ])
})

test('expressions of a class are judged by the environment', () => {
  const environment = {
    checkExpression: (expression: string) => ({ type: 'invalid', detail: `no ${expression}` }) as const,
    allowsAdminAccess: () => false,
  }
  const judged = new StrategyMessages(resourceEntriesWith(environment), 'deviceclasses', 'DeviceClass')
  expect(judged.createErrors({ spec: { selectors: [{ cel: { expression: 'x' } }] } })).toEqual([
    'spec.selectors[0].cel.expression: Invalid value: "x": no x',
  ])
})

test('where the devices of a slice are', () => {
  const choice = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'
  expect(sliceErrors({})).toEqual([])
  expect(sliceErrors({ nodeName: undefined })).toEqual([`spec: Required value: ${choice}`])
  expect(sliceErrors({ allNodes: true })).toEqual([
    `spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${choice}, but multiple fields are set`,
  ])
})

test('the pool of a slice', () => {
  expect(sliceErrors({ driver: 'Bad_', pool: { name: 'A/b_', generation: -1, resourceSliceCount: 0 } })).toEqual([
    `spec.driver: Invalid value: "Bad_": ${SUBDOMAIN}`,
    `spec.pool.name: Invalid value: "A": ${SUBDOMAIN}`,
    `spec.pool.name: Invalid value: "b_": ${SUBDOMAIN}`,
    'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
    'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
  ])
})

test('devices of a slice', () => {
  const devices = [
    { name: 'Bad_', attributes: { a: { string: 'x', int: 1 } } },
    { name: 'd', attributes: { b: {} } },
    { name: 'd', attributes: { v: { version: '1.x' } } },
  ]
  const value =
    '{"IntValue":1,"BoolValue":null,"StringValue":"x","VersionValue":null,"IntValues":null,"BoolValues":null,"StringValues":null,"VersionValues":null}'
  expect(sliceErrors({ devices })).toEqual([
    `spec.devices[0].name: Invalid value: "Bad_": ${LABEL}`,
    `spec.devices[0].attributes[a]: Invalid value: ${value}: exactly one value must be specified`,
    'spec.devices[1].attributes[b]: Invalid value: "": exactly one value must be specified',
    'spec.devices[2].attributes[v].version: Invalid value: "1.x": must be a string compatible with semver.org spec 2.0.0',
    'spec.devices[2]: Duplicate value: "d"',
  ])
})

test('taints of devices', () => {
  const taints = [
    { key: '', effect: 'Boom' },
    { key: 'bad key', effect: 'NoExecute' },
  ]
  const at = 'spec.devices[0].taints'
  expect(sliceErrors({ devices: [{ name: 'd', taints }] })).toEqual([
    `${at}[0].key: Invalid value: "": name part must be non-empty`,
    `${at}[0].key: Invalid value: "": ${NAME_PART}`,
    `${at}[0].effect: Unsupported value: "Boom": supported values: "NoExecute", "NoSchedule", "None"`,
    `${at}[1].key: Invalid value: "bad key": ${NAME_PART}`,
  ])
})

test('counters of a slice', () => {
  const sharedCounters = [
    { name: 'C_', counters: { m: { value: '1Gi' } } },
    { name: 'd', counters: {} },
    { name: 'd', counters: { 'B!': { value: '1' } } },
  ]
  expect(sliceErrors({ sharedCounters })).toEqual([
    `spec.sharedCounters[0].name: Invalid value: "C_": ${LABEL}`,
    'spec.sharedCounters[1].counters: Required value',
    `spec.sharedCounters[2].counters: Invalid value: "B!": ${LABEL}`,
    'spec.sharedCounters[2]: Duplicate value: "d"',
  ])
  const [, , counters] = sharedCounters
  expect(
    sliceErrors({ devices: [{ name: 'd' }], sharedCounters: [{ ...counters, counters: { m: { value: '1' } } }] }),
  ).toEqual(['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'])
})

test('what never changes in a slice', () => {
  const patch = { spec: { driver: 'e.example.com', nodeName: 'm', pool: { name: 'q' } } }
  expect(slices.update({ spec: SLICE }, patch).errors).toEqual([
    'spec.pool.name: Invalid value: "q": field is immutable',
    'spec.driver: Invalid value: "e.example.com": field is immutable',
    'spec.nodeName: Invalid value: "m": field is immutable',
  ])
})

test('the spec of a claim never changes', () => {
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu.example.com', count: 3 } }]
  expect(claims.update(CLAIM, { spec: { devices: { requests } } }).errors).toEqual([
    'spec: Invalid value: {"Devices":{"Requests":[{"Name":"r","Exactly":{"DeviceClassName":"gpu.example.com","Selectors":null,"AllocationMode":"ExactCount","Count":3,"AdminAccess":null,"Tolerations":null,"Capacity":null},"FirstAvailable":null}],"Constraints":null,"Config":null}}: field is immutable',
  ])
})

test('admin access needs a namespace that allows it', () => {
  const exactly = { deviceClassName: 'gpu.example.com', adminAccess: true }
  expect(claims.createErrors({ spec: { devices: { requests: [{ name: 'r', exactly }] } } })).toHaveLength(1)
  const environment = { checkExpression: () => undefined, allowsAdminAccess: (name: string) => name === 'ns' }
  const allowed = new StrategyMessages(resourceEntriesWith(environment), 'resourceclaims', 'ResourceClaim', true)
  expect(allowed.createErrors({ spec: { devices: { requests: [{ name: 'r', exactly }] } } })).toEqual([])
})

test('a claim is allocated once, and reserved when it is', () => {
  const reservedFor = [{ resource: 'pods', name: 'p', uid: 'u1' }]
  expect(claims.update(CLAIM, { status: { reservedFor } }, 'status').errors).toEqual([
    'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
  ])
  const allocated = claims.update(CLAIM, ALLOCATED, 'status')
  expect(allocated.errors).toEqual([])
  const results = [{ ...RESULT, device: 'dev-1' }]
  expect(claims.patch(allocated.object, { status: { allocation: { devices: { results } } } }, 'status').errors).toEqual(
    [
      'status.allocation: Invalid value: {"Devices":{"Results":[{"Request":"r","Driver":"d.example.com","Pool":"p","Device":"dev-1","AdminAccess":null,"Tolerations":null,"BindingConditions":null,"BindingFailureConditions":null,"ShareID":null,"ConsumedCapacity":null}],"Config":null},"NodeSelector":null,"AllocationTimestamp":null}: field is immutable',
    ],
  )
  const twice = [...reservedFor, { resource: 'pods', name: 'q', uid: 'u1' }, { resource: '', name: '', uid: '' }]
  expect(claims.patch(allocated.object, { status: { reservedFor: twice } }, 'status').errors).toEqual([
    'status.reservedFor[2].resource: Required value',
    'status.reservedFor[2].name: Required value',
    'status.reservedFor[2].uid: Required value',
    'status.reservedFor[1]: Duplicate value: "u1"',
  ])
})

test('an allocation', () => {
  const results = [
    { request: 'zz', driver: 'Bad_', pool: 'Bad_/', device: '' },
    { request: 'r', driver: 'd', pool: 'p', device: 'D_' },
  ]
  const config = [{ source: 'Other', opaque: { driver: 'd', parameters: {} } }]
  const allocation = { devices: { results, config }, nodeSelector: { nodeSelectorTerms: [] } }
  const at = 'status.allocation'
  expect(claims.update(CLAIM, { status: { allocation } }, 'status').errors).toEqual([
    `${at}.devices.results[0].request: Invalid value: "zz": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
    `${at}.devices.results[0].driver: Invalid value: "Bad_": ${SUBDOMAIN}`,
    `${at}.devices.results[0].pool: Invalid value: "Bad_": ${SUBDOMAIN}`,
    `${at}.devices.results[0].pool: Invalid value: "": ${SUBDOMAIN}`,
    `${at}.devices.results[0].device: Invalid value: "": ${LABEL}`,
    `${at}.devices.results[1].device: Invalid value: "D_": ${LABEL}`,
    `${at}.devices.config[0].source: Unsupported value: "Other": supported values: "FromClaim", "FromClass"`,
    `${at}.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term`,
  ])
})

test('a template takes labels and annotations, and never changes', () => {
  const metadata = { labels: { a: 'b' }, name: 'no', annotations: { x: 'y' }, finalizers: ['a/b'] }
  expect(templates.createErrors({ spec: { metadata, spec: CLAIM.spec } })).toEqual([
    'spec.metadata.name: Forbidden: cannot be set',
    'spec.metadata.finalizers: Forbidden: cannot be set',
  ])
  const bad = { devices: { requests: [{ name: 'r', exactly: { deviceClassName: '', allocationMode: 'Q' } }] } }
  expect(templates.createErrors({ spec: { spec: bad } })).toEqual([
    'spec.spec.devices.requests[0].exactly.deviceClassName: Required value',
    'spec.spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Q": supported values: "All", "ExactCount"',
  ])
  const stored = { spec: { metadata: { labels: { a: 'b' } }, spec: CLAIM.spec } }
  expect(templates.update(stored, { spec: { metadata: { labels: { a: 'c' } } } }).errors).toEqual([
    'spec: Invalid value: {"labels":{"a":"c"},"Spec":{"Devices":{"Requests":[{"Name":"r","Exactly":{"DeviceClassName":"gpu.example.com","Selectors":null,"AllocationMode":"ExactCount","Count":1,"AdminAccess":null,"Tolerations":null,"Capacity":null},"FirstAvailable":null}],"Constraints":null,"Config":null}}}: field is immutable',
  ])
})
