import { describe, expect, test } from 'vitest'
import { fieldErrorMessage } from '../../../apimachinery/field-error.ts'
import type { Container, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { StrategyContext } from '../../resource.ts'
import { setPodDefaults } from './pod-defaults.ts'
import { podResizeStrategy } from './pod-strategy.ts'

const CONTEXT = { config: { allowPrivileged: false, featureGates: {} } } as unknown as StrategyContext

function container(
  requests: Record<string, string>,
  limits: Record<string, string>,
  more: Partial<Container> = {},
): Container {
  return { name: 'c', image: 'i:1', resources: { requests, limits }, ...more }
}

function podOf(...containers: Container[]): Pod {
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1', generation: 1 },
    spec: { containers, serviceAccountName: 'default' },
    status: { phase: 'Running', qosClass: 'Burstable' },
  }
  setPodDefaults(pod)
  return pod
}

/** Expectations: kubernetes pkg/apis/core/validation/validation_test.go TestValidatePodResize. */
function resize(old: Pod, change: (pod: Pod) => void): { errors: string[]; pod: Pod } {
  const pod = structuredClone(old)
  change(pod)
  podResizeStrategy.prepareForUpdate!(pod, old, CONTEXT)
  return { errors: podResizeStrategy.validateUpdate(pod, old, CONTEXT).map(fieldErrorMessage), pod }
}

const setRequest = (name: string, value: string) => (pod: Pod) => {
  pod.spec!.containers[0]!.resources!.requests![name] = value
}

describe('pods/resize', () => {
  const old = podOf(container({ cpu: '1', memory: '1Gi' }, { cpu: '2' }))

  test('cpu of a container changes, and with it the generation', () => {
    const { errors, pod } = resize(old, setRequest('cpu', '1500m'))
    expect(errors).toEqual([])
    expect(pod.metadata.generation).toBe(2)
  })

  test('the same amount in other words is no change', () => {
    expect(resize(old, setRequest('cpu', '1000m')).pod.metadata.generation).toBe(1)
  })

  test('fields that a resize does not reach are taken from the old pod', () => {
    const { errors, pod } = resize(old, (p) => {
      p.spec!.containers[0]!.image = 'other'
      p.spec!.nodeName = 'n'
      p.metadata.labels = { a: 'b' }
    })
    expect(errors).toEqual([])
    expect(pod.spec).toEqual(old.spec)
    expect(pod.metadata.labels).toBeUndefined()
  })

  test('other resources do not change', () => {
    const before = podOf(container({ cpu: '1', 'ephemeral-storage': '1Gi' }, {}))
    const { errors } = resize(before, setRequest('ephemeral-storage', '2Gi'))
    expect(errors).toEqual(['spec: Forbidden: only cpu and memory resources are mutable'])
  })

  test('amounts cannot be removed', () => {
    const { errors } = resize(old, (p) => {
      delete p.spec!.containers[0]!.resources!.requests!['memory']
      delete p.spec!.containers[0]!.resources!.limits
    })
    expect(errors).toEqual([
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ])
  })

  test('the class of service stays', () => {
    const before = podOf(container({ cpu: '1', memory: '1Gi' }, { cpu: '1', memory: '1Gi' }))
    before.status!.qosClass = 'Guaranteed'
    expect(resize(before, setRequest('cpu', '500m')).errors).toEqual([
      'spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing',
    ])
  })

  test('containers are neither added, removed nor renamed', () => {
    const added = resize(old, (p) => void p.spec!.containers.push(container({ cpu: '1' }, {}, { name: 'd' }))).errors
    expect(added).toContain('spec.containers: Forbidden: containers may not be added or removed on resize')
    const renamed = resize(old, (p) => {
      p.spec!.containers[0]!.name = 'd'
    }).errors
    expect(renamed).toContain(
      'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
    )
  })

  test('pods of Windows and static pods are not resized', () => {
    const windows = structuredClone(old)
    windows.spec!.os = { name: 'windows' }
    expect(resize(windows, () => {}).errors).toEqual(['[]: Forbidden: windows pods cannot be resized'])
    const mirror = structuredClone(old)
    mirror.metadata.annotations = { 'kubernetes.io/config.mirror': 'x' }
    expect(resize(mirror, () => {}).errors).toEqual(['[]: Forbidden: static pods cannot be resized'])
  })

  test('a node that reports no resources cannot resize', () => {
    const running = structuredClone(old)
    const state = { running: { startedAt: '2026-01-01T00:00:00Z' } }
    const status = { name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0, state }
    running.status!.containerStatuses = [status]
    expect(resize(running, setRequest('cpu', '1500m')).errors).toEqual([
      'spec: Forbidden: Pod running on node without support for resize',
    ])
  })

  test('resources of the pod itself grow, but are not taken away', () => {
    const before = podOf(container({ cpu: '1' }, {}))
    before.spec!.resources = { requests: { cpu: '2' }, limits: { cpu: '4' } }
    const grow = resize(before, (p) => {
      p.spec!.resources!.limits!['cpu'] = '8'
    })
    expect(grow.errors).toEqual([])
    const removed = resize(before, (p) => {
      delete p.spec!.resources
    })
    expect(removed.errors).toContain('spec.resources: Forbidden: pod-level resources cannot be removed')
  })
})
