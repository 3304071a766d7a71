import { isIPv6 } from 'node:net'
import type {
  EndpointAddress,
  EndpointPort,
  EndpointSubset,
  Pod,
  Service,
} from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { isPodReady } from '../../workloads/pod-state.ts'
import { inSubsetOrder } from './port-order.ts'
import { belongsInEndpoints, hostnameIn, isHeadless, portsOn } from './service-pods.ts'

/** Most addresses that an Endpoints object holds. */
const MAX_ADDRESSES = 1000

interface Member {
  readonly address: EndpointAddress
  readonly isReady: boolean
}

/**
 * The subsets of a service: addresses grouped by the ports that they have, everything in a fixed order. Upstream orders
 * subsets by a hash; here they go by port.
 *
 * @see pkg/api/v1/endpoints/util.go RepackSubsets
 */
export function subsetsOf(service: Typed<Service>, pods: readonly Typed<Pod>[]): readonly EndpointSubset[] {
  const byPort = new Map<string, Map<string, Member>>()
  const terminating = service.spec?.publishNotReadyAddresses ?? false
  for (const pod of pods) {
    if (!belongsInEndpoints(pod, { terminating })) continue
    const address = addressOf(pod, service)
    if (!address) continue
    const member = { address, isReady: terminating || isPodReady(pod) }
    for (const port of endpointPorts(pod, service)) {
      const members = byPort.get(port) ?? new Map<string, Member>()
      members.set(`${address.ip} ${address.targetRef?.uid}`, member)
      byPort.set(port, members)
    }
  }
  return grouped(byPort)
}

/** Each as JSON; '' stands for the ports of a headless service without any. */
function endpointPorts(pod: Typed<Pod>, service: Typed<Service>): readonly string[] {
  if (!service.spec?.ports?.length) return service.spec?.clusterIP === 'None' ? [''] : []
  return portsOn(pod, service).map(({ name, ...port }) => JSON.stringify(name === '' ? port : { name, ...port }))
}

function addressOf(pod: Typed<Pod>, service: Typed<Service>): EndpointAddress | undefined {
  const family = service.spec?.ipFamilies?.[0]
  const addresses = pod.status?.podIPs?.map((p) => p.ip!) ?? [pod.status?.podIP ?? '']
  const wantsIPv6 = family
    ? family === 'IPv6'
    : isHeadless(service)
      ? isIPv6(addresses[0]!)
      : isIPv6(service.spec!.clusterIP!)
  const ip = addresses.find((a) => isIPv6(a) === wantsIPv6)
  if (!ip) return undefined
  const { namespace, name, uid } = pod.metadata
  const hostname = hostnameIn(pod, service)
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

function grouped(byPort: ReadonlyMap<string, ReadonlyMap<string, Member>>): readonly EndpointSubset[] {
  const groups = new Map<string, { readonly members: ReadonlyMap<string, Member>; readonly ports: string[] }>()
  for (const port of [...byPort.keys()].sort()) {
    const members = byPort.get(port)!
    const key = [...members.keys()].sort().join()
    const group = groups.get(key)
    if (!group) groups.set(key, { members, ports: port === '' ? [] : [port] })
    else if (port !== '') group.ports.push(port)
  }
  return [...groups.values()].map(({ members, ports }) => {
    const ofState = (isReady: boolean): EndpointAddress[] =>
      [...members.values()]
        .filter((m) => m.isReady === isReady)
        .map((m) => m.address)
        .sort(byAddress)
    const [addresses, notReadyAddresses] = [ofState(true), ofState(false)]
    return {
      ...(addresses.length > 0 ? { addresses } : {}),
      ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
      ...(ports.length > 0 ? { ports: [...inSubsetOrder(ports.map((p) => JSON.parse(p) as EndpointPort))] } : {}),
    }
  })
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1
  return (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1
}

/** Subsets cut down to what an Endpoints object holds: ready addresses first, each subset's share in proportion. */
export function truncated(subsets: readonly EndpointSubset[]): {
  readonly subsets: readonly EndpointSubset[]
  readonly isTruncated: boolean
} {
  const ready = sum(subsets.map((s) => s.addresses?.length ?? 0))
  const notReady = sum(subsets.map((s) => s.notReadyAddresses?.length ?? 0))
  if (ready + notReady <= MAX_ADDRESSES) return { subsets, isTruncated: false }
  const cutsReady = ready > MAX_ADDRESSES
  const room = cutsReady ? MAX_ADDRESSES : MAX_ADDRESSES - ready
  const total = cutsReady ? ready : notReady
  let left = room
  const cut = subsets.map((subset): EndpointSubset => {
    const { addresses = [], notReadyAddresses = [], ports } = subset
    const list = cutsReady ? addresses : notReadyAddresses
    const kept = list.slice(0, Math.min(Math.ceil((list.length / total) * room), left))
    left -= kept.length
    const rest = { ...(ports ? { ports } : {}) }
    return cutsReady ? { addresses: kept, ...rest } : { addresses, notReadyAddresses: kept, ...rest }
  })
  return { subsets: cut, isTruncated: true }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
