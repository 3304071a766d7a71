import { describe, expect, test } from 'vitest'
import type { Container } from '../../../apimachinery/types/core-v1.ts'
import { aggregateContainers, computePodQOS } from './pod-resources.ts'
import { specEqual } from './spec-equal.ts'

const container = (
  requests: Record<string, string>,
  limits: Record<string, string>,
  more: Partial<Container> = {},
): Container => ({
  name: 'c',
  resources: { requests, limits },
  ...more,
})

/** Expectations: kubernetes pkg/apis/core/v1/helper/qos/qos_test.go. */
describe('class of service', () => {
  const full = { cpu: '100m', memory: '100Mi' }
  test.each([
    ['BestEffort', [container({}, {})]],
    ['BestEffort', [container({ cpu: '0' }, {})]],
    ['BestEffort', [container({ 'example.com/gpu': '1' }, { 'example.com/gpu': '1' })]],
    ['Guaranteed', [container(full, full)]],
    ['Guaranteed', [container(full, full), container(full, full)]],
    ['Guaranteed', [container({ cpu: '0.1', memory: '100Mi' }, full)]],
    ['Burstable', [container(full, full), container({}, {})]],
    ['Burstable', [container({ cpu: '50m' }, full)]],
    ['Burstable', [container({ cpu: '100m' }, { cpu: '100m' })]],
  ])('%s', (expected, containers) => {
    expect(computePodQOS({ containers })).toBe(expected)
  })

  test('init containers count', () => {
    expect(computePodQOS({ containers: [container(full, full)], initContainers: [container({}, {})] })).toBe(
      'Burstable',
    )
  })

  test("the pod's own resources decide where it has them", () => {
    const containers = [container({ cpu: '1' }, {})]
    expect(computePodQOS({ containers, resources: { requests: full, limits: full } })).toBe('Guaranteed')
    expect(computePodQOS({ containers, resources: { requests: { cpu: '1' } } })).toBe('Burstable')
    expect(computePodQOS({ containers, resources: {} })).toBe('BestEffort')
  })
})

test('sidecars add to what runs beside them, init containers only raise it', () => {
  const spec = {
    containers: [container({ cpu: '1' }, {}), container({ cpu: '1' }, {})],
    initContainers: [
      container({ cpu: '500m' }, {}, { restartPolicy: 'Always' }),
      container({ cpu: '4' }, {}),
      container({ memory: '1Gi' }, {}),
    ],
  }
  const total = aggregateContainers(spec, 'requests')
  expect(total.get('cpu')?.toString()).toBe('4500m')
  expect(total.get('memory')?.toString()).toBe('1Gi')
})

describe('equality of specs', () => {
  test.each([
    [{ limits: { cpu: '1' } }, { limits: { cpu: '1000m' } }, true],
    [{ limits: { memory: '1Gi' } }, { limits: { memory: '1073741824' } }, true],
    [{ limits: { cpu: '1' } }, { limits: { cpu: '2' } }, false],
    [{ nodeSelector: {} }, {}, true],
    [{ args: [] }, {}, true],
    [{ args: ['a'] }, { args: ['a', 'b'] }, false],
    [{ resources: {} }, {}, true],
    [{ resources: { limits: {} } }, {}, true],
    [{ securityContext: {} }, {}, false],
    [{ hostUsers: false }, {}, false],
    [{ emptyDir: { sizeLimit: '1Ki' } }, { emptyDir: { sizeLimit: '1024' } }, true],
  ])('%j and %j: %s', (a, b, equal) => {
    expect(specEqual(a, b)).toBe(equal)
    expect(specEqual(b, a)).toBe(equal)
  })
})
