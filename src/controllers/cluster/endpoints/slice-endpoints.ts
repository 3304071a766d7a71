import { isIPv6 } from 'node:net'
import type { Node, Pod, Service } from '../../../apimachinery/types/core-v1.ts'
import type { Endpoint } from '../../../apimachinery/types/discovery-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { CacheReader } from '../../runtime/controller.ts'
import { NODES } from '../../runtime/resources.ts'
import { isPodReady } from '../../workloads/pod-state.ts'
import { inSliceOrder } from './port-order.ts'
import { belongsInEndpoints, hostnameIn, type NumberedPort, portsOn } from './service-pods.ts'
import { type PortGroup, portsKey } from './slice-plan.ts'
import { wantsTopologyHints, ZONE_LABEL } from './topology-hints.ts'

export type AddressType = 'IPv4' | 'IPv6'

/** The families that a service has slices of. */
export function addressTypesOf({ spec }: Typed<Service>): readonly AddressType[] {
  if (spec?.ipFamilies?.length) return spec.ipFamilies as AddressType[]
  if (spec?.clusterIP && spec.clusterIP !== 'None') return [isIPv6(spec.clusterIP) ? 'IPv6' : 'IPv4']
  return ['IPv4', 'IPv6']
}

/** A service's endpoints of one address type by their ports, and what is said of pods that had to be left out. */
export function desiredEndpoints(
  service: Typed<Service>,
  pods: readonly Typed<Pod>[],
  addressType: AddressType,
  cache: CacheReader,
): { readonly groups: readonly PortGroup[]; readonly errors: readonly string[] } {
  const groups = new Map<string, { ports: readonly NumberedPort[]; endpoints: Endpoint[] }>()
  const errors: string[] = []
  for (const pod of pods) {
    if (!belongsInEndpoints(pod, { terminating: true })) continue
    const addresses = (pod.status?.podIPs ?? [])
      .map((p) => p.ip!)
      .filter((ip) => isIPv6(ip) === (addressType === 'IPv6'))
    if (addresses.length === 0) continue
    const { nodeName } = pod.spec ?? {}
    const node = nodeName ? cache.get(NODES, { namespace: '', name: nodeName }) : undefined
    if (nodeName && !node && !service.spec?.publishNotReadyAddresses) {
      const { namespace, name } = service.metadata
      errors.push(`skipping Pod ${pod.metadata.name} for Service ${namespace}/${name}: Node ${nodeName} Not Found`)
      continue
    }
    const ports = inSliceOrder(portsOn(pod, service))
    const key = portsKey(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(endpointOf(service, pod, addresses, node))
  }
  return {
    groups: [...groups.values()].map((g) => ({ ports: g.ports, endpoints: hinted(service, g.endpoints) })),
    errors,
  }
}

function endpointOf(
  service: Typed<Service>,
  pod: Typed<Pod>,
  addresses: string[],
  node: Typed<Node> | undefined,
): Endpoint {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata
  const serving = isPodReady(pod)
  const terminating = deletionTimestamp !== undefined
  const zone = node?.metadata.labels?.[ZONE_LABEL]
  const hostname = hostnameIn(pod, service)
  const nodeName = pod.spec?.nodeName
  return {
    addresses,
    conditions: {
      ready: (service.spec?.publishNotReadyAddresses ?? false) || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  }
}

/**
 * Endpoints with the zones and nodes that traffic should come from, as the service's trafficDistribution says, unless its
 * annotation asks for another way. None has hints where one of the ready ones has no zone.
 *
 * @see https://kep.k8s.io/4444, https://kep.k8s.io/3015
 */
function hinted(service: Typed<Service>, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (wantsTopologyHints(service)) return endpoints
  const distribution = service.spec?.trafficDistribution
  const zones = distribution === 'PreferClose' || distribution === 'PreferSameZone' || distribution === 'PreferSameNode'
  if (!zones || endpoints.some((e) => e.conditions?.ready && !e.zone)) return endpoints
  return endpoints.map((endpoint) => {
    const { zone, nodeName } = endpoint
    if (!endpoint.conditions?.ready || !zone) return endpoint
    const forNodes = distribution === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {}
    return { ...endpoint, hints: { forZones: [{ name: zone }], ...forNodes } }
  })
}
