import { isIPv4, isIPv6 } from 'node:net'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { EndpointAddress, EndpointSubset } from '../../../apimachinery/types/core-v1.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../apimachinery/types/discovery-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { inSliceOrder } from './port-order.ts'
import type { AddressType } from './slice-endpoints.ts'
import { portsKey } from './slice-plan.ts'

/** Most endpoints of one subset that are mirrored: upstream's mirroring-max-endpoints-per-subset. */
export const MAX_PER_SUBSET = 1000

/** A slice as subsets of Endpoints ask for it. */
export interface MirroredSlice {
  readonly addressType: AddressType
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

export interface Mirror {
  readonly slices: readonly MirroredSlice[]
  /** Addresses that are none. */
  readonly invalid: number
  /** Addresses that were left out, the invalid ones as well. */
  readonly skipped: number
}

/** The slices that show what subsets say: one for all that have the same ports and type of address. */
export function mirrorOf(subsets: readonly EndpointSubset[]): Mirror {
  const slices = new Map<string, MirroredSlice & { readonly endpoints: Endpoint[] }>()
  let invalid = 0
  let skipped = 0
  for (const { addresses = [], notReadyAddresses = [], ports: subsetPorts = [] } of subsets) {
    const ports = inSliceOrder(
      subsetPorts.map(({ name = '', protocol = 'TCP', port, appProtocol }): EndpointPort => {
        return { name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }
      }),
    )
    let added = 0
    const add = (address: EndpointAddress, ready: boolean): void => {
      if (added >= MAX_PER_SUBSET) return
      const addressType = isIPv4(address.ip) ? 'IPv4' : isIPv6(address.ip) ? 'IPv6' : undefined
      if (!addressType) {
        invalid++
        return
      }
      added++
      const key = `${addressType} ${portsKey(ports)}`
      const slice = slices.get(key) ?? { addressType, ports, endpoints: [] }
      slices.set(key, slice)
      slice.endpoints.push(endpointOf(address, ready))
    }
    for (const address of addresses) add(address, true)
    for (const address of notReadyAddresses) add(address, false)
    skipped += addresses.length + notReadyAddresses.length - added
  }
  return { slices: [...slices.values()], invalid, skipped }
}

function endpointOf({ ip, targetRef, nodeName, hostname }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(targetRef ? { targetRef } : {}),
    ...(nodeName ? { nodeName } : {}),
  }
}

/** The slice shows these endpoints, in whatever order. */
export function showsEndpoints({ endpoints: shown }: Typed<EndpointSlice>, wanted: readonly Endpoint[]): boolean {
  const sorted = (endpoints: readonly Endpoint[] | undefined): Endpoint[] =>
    [...(endpoints ?? [])].sort((a, b) => (a.addresses.join() < b.addresses.join() ? -1 : 1))
  return semanticEqual(sorted(shown), sorted(wanted))
}
