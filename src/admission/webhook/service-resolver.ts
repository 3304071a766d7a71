import { isIP } from 'node:net'
import { notFound } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { Service } from '../../apimachinery/types/core-v1.ts'
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
 * runs on the host can be reached by the name of its service; then as kube-apiserver does, by the service's cluster IP or
 * external name.
 *
 * @throws {Error} for a table entry that is no address
 * @see apiserver pkg/util/proxy/proxy.go ResolveCluster
 */
export function serviceResolver(
  reader: Pick<ObjectReader, 'get'>,
  table: Readonly<Record<string, string>> = {},
): ServiceResolver {
  const addresses = new Map(
    Object.entries(table).map(([service, address]) => [service, parseAddress(service, address)]),
  )
  return {
    async resolve(namespace, name, port) {
      const service = `${namespace}/${name}`
      const local = addresses.get(`${service}:${port}`) ?? addresses.get(service)
      if (local) return local
      const object = await reader.get('', 'services', namespace, name)
      if (!object) throw notFound({ group: '', resource: 'services' }, name)
      return clusterAddress(object as unknown as Service, port)
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

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
