import { isIP } from 'node:net'
import { notFound } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { EndpointSubset, Endpoints, Service } from '../../apimachinery/types/core-v1.ts'
import type { EndpointSlice } from '../../apimachinery/types/discovery-v1.ts'
import type { ObjectReader } from '../object-reader.ts'

/** Where to connect to. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Finds the address behind a service of the cluster. */
export interface ServiceResolver {
  /** Errors: what the client is told about a service that leads nowhere. */
  resolve(namespace: string, name: string, port: number): Promise<Address>
}

/**
 * Resolves services by a table first (`namespace/name` or `namespace/name:port` → `host:port`), so that a webhook which
 * runs on the host can be reached by the name of its service; then by the service's external name or ready endpoints, as
 * nothing routes cluster IPs here; its cluster IP is left where it has none.
 *
 * @throws {Error} for a table entry that is no address
 * @see apiserver pkg/util/proxy/proxy.go ResolveEndpoint, ResolveCluster
 */
export function serviceResolver(reader: ObjectReader, table: Readonly<Record<string, string>> = {}): ServiceResolver {
  const addresses = new Map(
    Object.entries(table).map(([service, address]) => [service, parseAddress(service, address)]),
  )
  return {
    async resolve(namespace, name, port) {
      const key = `${namespace}/${name}`
      const local = addresses.get(`${key}:${port}`) ?? addresses.get(key)
      if (local) return local
      const object = await reader.get('', 'services', namespace, name)
      if (!object) throw notFound({ group: '', resource: 'service' }, name)
      const service = object as unknown as Service
      const address = clusterAddress(service, port)
      return service.spec?.type === 'ExternalName' ? address : ((await endpointOf(reader, service, port)) ?? address)
    },
  }
}

function parseAddress(service: string, address: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(address)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Error(`service ${service}: ${goQuote(address)} is no address: want host:port`)
  }
  return { host, port }
}

function clusterAddress({ metadata, spec }: Service, port: number): Address {
  const type = spec?.type ?? ''
  if (type === 'ExternalName') return { host: spec?.externalName ?? '', port }
  if (type === 'ClusterIP' && spec?.clusterIP === 'None')
    throw new Error('cannot route to service with ClusterIP "None"')
  if (type !== 'ClusterIP' && type !== 'NodePort' && type !== 'LoadBalancer') {
    throw new Error(`unsupported service type ${goQuote(type)}`)
  }
  if (!spec?.ports?.some((p) => p.port === port)) {
    throw new Error(`no service port ${port} found for service ${goQuote(metadata.name ?? '')}`)
  }
  return { host: spec.clusterIP ?? '', port }
}

/** A ready endpoint behind a port, any of them; those of EndpointSlices before those of Endpoints. */
async function endpointOf(
  reader: ObjectReader,
  { metadata, spec }: Service,
  port: number,
): Promise<Address | undefined> {
  const { name = '', namespace = '' } = metadata
  const portName = spec?.ports?.find((p) => p.port === port)?.name ?? ''
  const all = (await reader.list('discovery.k8s.io', 'endpointslices', namespace)) as unknown as EndpointSlice[]
  const slices = all.filter((slice) => slice.metadata.labels?.[SERVICE_NAME_LABEL] === name)
  const found = slices.flatMap((slice) => addressesOfSlice(slice, portName))
  if (found.length > 0) return anyOf(found)
  const endpoints = (await reader.get('', 'endpoints', namespace, name)) as unknown as Endpoints | undefined
  return anyOf((endpoints?.subsets ?? []).flatMap((subset) => addressesOfSubset(subset, portName)))
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

function addressesOfSlice({ addressType, ports, endpoints }: EndpointSlice, portName: string): Address[] {
  const port = ports?.find((p) => (p.name ?? '') === portName)?.port
  if (addressType === 'FQDN' || port === undefined) return []
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses.slice(0, 1).map((host) => ({ host, port })))
}

function addressesOfSubset({ addresses, ports }: EndpointSubset, portName: string): Address[] {
  const port = ports?.find((p) => (p.name ?? '') === portName)?.port
  return port === undefined ? [] : (addresses ?? []).map(({ ip }) => ({ host: ip, port }))
}

const anyOf = (addresses: readonly Address[]): Address | undefined =>
  addresses[Math.floor(Math.random() * addresses.length)]

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
