import { describe, expect, it } from 'vitest'
import type { Node, Pod, Service } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { CacheReader } from '../../runtime/controller.ts'
import { subsetsOf, truncated } from './endpoint-subsets.ts'
import { portsOn } from './service-pods.ts'
import { desiredEndpoints } from './slice-endpoints.ts'
import { TriggerTimes } from './trigger-times.ts'

function service(spec: Partial<Service['spec']> = {}): Typed<Service> {
  const metadata = { name: 'web', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' }
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: '10.0.0.1', ipFamilies: ['IPv4'], ...spec } }
}

function pod(name: string, ip: string, spec: Partial<Pod['spec']> = {}, readyAt = '2026-01-01T00:00:10Z'): Typed<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: name },
    spec: { nodeName: 'n', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: readyAt }],
    },
  }
}

function cacheOf(zone: string | undefined): CacheReader {
  const labels: Record<string, string> = zone ? { 'topology.kubernetes.io/zone': zone } : {}
  const node: Typed<Node> = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels } }
  return { get: () => node as never, list: () => [], byIndex: () => [] }
}

describe('ports of a service on a pod', () => {
  it('by number, by name, of sidecars; names that the pod lacks are left out', () => {
    const ports = [
      { name: 'a', port: 80 },
      { name: 'b', port: 81, targetPort: 9090 },
      { name: 'c', port: 82, targetPort: 'http' },
      { name: 'd', port: 83, targetPort: 'side' },
      { name: 'e', port: 84, targetPort: 'missing' },
      { name: 'f', port: 85, targetPort: 'http', protocol: 'UDP' },
    ]
    const sidecar = { name: 's', restartPolicy: 'Always', ports: [{ name: 'side', containerPort: 7070 }] }
    const found = portsOn(pod('p', '10.1.0.1', { initContainers: [sidecar] }), service({ ports }))
    expect(found.map(({ name, port }) => [name, port])).toEqual([
      ['a', 80],
      ['b', 9090],
      ['c', 8080],
      ['d', 7070],
    ])
  })
})

describe('Endpoints', () => {
  it('pods with the same ports share a subset, addresses in order', () => {
    const other = { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 9090 }] }] }
    const ports = [{ port: 80, targetPort: 'http' }]
    const subsets = subsetsOf(service({ ports }), [
      pod('b', '10.1.0.2'),
      pod('a', '10.1.0.1'),
      pod('c', '10.1.0.3', other),
    ])
    expect(subsets.map((s) => [s.addresses?.map((a) => a.ip), s.ports])).toEqual([
      [['10.1.0.1', '10.1.0.2'], [{ port: 8080, protocol: 'TCP' }]],
      [['10.1.0.3'], [{ port: 9090, protocol: 'TCP' }]],
    ])
  })

  it('more than 1000 addresses: those that are not ready go first', () => {
    const addresses = (n: number) => Array.from({ length: n }, (_, i) => ({ ip: `10.${i >> 8}.0.${i & 255}` }))
    expect(truncated([{ addresses: addresses(1000) }]).isTruncated).toBe(false)
    const some = truncated([{ addresses: addresses(900), notReadyAddresses: addresses(200) }])
    expect(some.isTruncated).toBe(true)
    expect(some.subsets.map((s) => [s.addresses?.length, s.notReadyAddresses?.length])).toEqual([[900, 100]])
    const many = truncated([
      { addresses: addresses(1500), notReadyAddresses: addresses(5) },
      { addresses: addresses(500) },
    ])
    expect(many.subsets.map((s) => [s.addresses?.length, s.notReadyAddresses])).toEqual([
      [750, undefined],
      [250, undefined],
    ])
  })
})

describe('EndpointSlices', () => {
  const endpointsOf = (trafficDistribution: string | undefined, zone: string | undefined) => {
    const given = service({ ports: [{ port: 80 }], ...(trafficDistribution ? { trafficDistribution } : {}) })
    return desiredEndpoints(given, [pod('a', '10.1.0.1')], 'IPv4', cacheOf(zone)).groups[0]!.endpoints
  }

  it.each([
    [undefined, 'z', undefined],
    ['PreferClose', 'z', { forZones: [{ name: 'z' }] }],
    ['PreferSameZone', 'z', { forZones: [{ name: 'z' }] }],
    ['PreferSameNode', 'z', { forZones: [{ name: 'z' }], forNodes: [{ name: 'n' }] }],
    ['PreferClose', undefined, undefined],
  ])('trafficDistribution %s, zone %s → hints %j', (distribution, zone, hints) => {
    expect(endpointsOf(distribution, zone)[0]!.hints).toEqual(hints)
  })

  it('a pod of a node that is not known is left out, and named', () => {
    const cache: CacheReader = { get: () => undefined, list: () => [], byIndex: () => [] }
    expect(desiredEndpoints(service(), [pod('a', '10.1.0.1')], 'IPv4', cache)).toEqual({
      groups: [],
      errors: ['skipping Pod a for Service default/web: Node n Not Found'],
    })
  })
})

describe('trigger times', () => {
  it('first that of the service, then of what changed, then none', () => {
    const times = new TriggerTimes()
    expect(times.of(service(), [pod('a', '10.1.0.1')])).toBe(Date.UTC(2026, 0, 1))
    expect(times.of(service(), [pod('a', '10.1.0.1')])).toBeUndefined()
    const later = pod('a', '10.1.0.1', {}, '2026-01-01T00:00:20Z')
    const first = pod('b', '10.1.0.2', {}, '2026-01-01T00:00:15Z')
    expect(times.of(service(), [later, first])).toBe(Date.UTC(2026, 0, 1, 0, 0, 15))
  })
})
