import type { EndpointPort as SubsetPort } from '../../../apimachinery/types/core-v1.ts'
import type { EndpointPort as SlicePort } from '../../../apimachinery/types/discovery-v1.ts'

const FNV_OFFSET = 0x6c62272e07bb014262b821756295c58dn
const FNV_PRIME = 0x0000000001000000000000000000013bn
const MASK = (1n << 128n) - 1n
const NIL = '<nil>'

/**
 * The ports of an EndpointSlice in upstream's order, which is that of hashes of what Go prints for them.
 *
 * @see k8s.io/endpointslice/util controller_utils.go portsInOrder; kubernetes pkg/util/hash
 */
export function inSliceOrder<T extends SlicePort>(ports: readonly T[]): readonly T[] {
  return byHash(ports, ({ name, protocol, port, appProtocol }) => {
    const fields = `Name:(*string)${name ?? NIL} Protocol:(*v1.Protocol)${protocol ?? NIL} Port:(*int32)${port ?? NIL}`
    return `(v1.EndpointPort){${fields} AppProtocol:(*string)${appProtocol ?? NIL}}`
  })
}

/**
 * The same for a subset of Endpoints.
 *
 * @see kubernetes pkg/api/v1/endpoints/util.go portsByHash
 */
export function inSubsetOrder<T extends SubsetPort>(ports: readonly T[]): readonly T[] {
  return byHash(ports, ({ name = '', protocol = '', port, appProtocol }) => {
    const fields = `Name:(string)${name} Port:(int32)${port} Protocol:(v1.Protocol)${protocol}`
    return `(v1.EndpointPort){${fields} AppProtocol:(*string)${appProtocol ?? NIL}}`
  })
}

function byHash<T>(ports: readonly T[], dump: (port: T) => string): readonly T[] {
  if (ports.length < 2) return ports
  return ports
    .map((port) => ({ port, hash: fnv128a(dump(port)) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))
    .map(({ port }) => port)
}

function fnv128a(text: string): bigint {
  let hash = FNV_OFFSET
  for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & MASK
  return hash
}
