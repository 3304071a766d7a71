import { describe, expect, test } from 'vitest'
import type { Container, Pod } from '../../apimachinery/types/core-v1.ts'
import { podRequests } from './resource-amounts.ts'

const container = (cpu?: string, memory?: string, more: Partial<Container> = {}): Container => ({
  name: 'c',
  resources: { requests: { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) } },
  ...more,
})

const pod = (spec: Partial<Pod['spec'] & object>): Pod => ({ metadata: {}, spec: { containers: [], ...spec } })

describe('podRequests', () => {
  test('containers add up', () => {
    const requests = podRequests(pod({ containers: [container('100m', '1Gi'), container('1', '512Mi')] }))
    expect(Object.fromEntries(requests)).toEqual({ cpu: 1100, memory: 1536 * 1024 * 1024 })
  })

  test('an init container counts where it needs more than all containers together', () => {
    const requests = podRequests(
      pod({ containers: [container('100m', '1Gi')], initContainers: [container('2', '1Mi'), container('1', '2Gi')] }),
    )
    expect(Object.fromEntries(requests)).toEqual({ cpu: 2000, memory: 2 * 1024 ** 3 })
  })

  test('a sidecar counts beside the containers and beside the init containers behind it', () => {
    const sidecar = container('200m', undefined, { restartPolicy: 'Always' })
    const requests = podRequests(pod({ containers: [container('100m')], initContainers: [sidecar, container('1')] }))
    expect(requests.get('cpu')).toBe(1200)
  })

  test('pod-level requests replace the sum; overhead comes on top', () => {
    const requests = podRequests(
      pod({
        containers: [container('100m', '1Gi')],
        resources: { requests: { cpu: '3' } },
        overhead: { cpu: '250m', memory: '1Gi' },
      }),
    )
    expect(Object.fromEntries(requests)).toEqual({ cpu: 3250, memory: 2 * 1024 ** 3 })
  })

  test('for scoring, containers that ask for nothing count as 0.1 core and 200 MiB', () => {
    const requests = podRequests(pod({ containers: [container(), container('1')] }), { countMissing: true })
    expect(Object.fromEntries(requests)).toEqual({ cpu: 1100, memory: 2 * 200 * 1024 * 1024 })
  })

  test('a container that is being shrunk counts with what it holds', () => {
    const resized = pod({ containers: [container('1')] })
    resized.status = {
      containerStatuses: [
        {
          name: 'c',
          image: '',
          imageID: '',
          ready: true,
          restartCount: 0,
          allocatedResources: { cpu: '1' },
          resources: { requests: { cpu: '2' } },
        },
      ],
    }
    expect(podRequests(resized, { useStatus: true }).get('cpu')).toBe(2000)
    expect(podRequests(resized).get('cpu')).toBe(1000)
  })
})
