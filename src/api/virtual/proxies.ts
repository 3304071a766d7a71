import { badRequest, isNotFound, notFound, serviceUnavailable } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { EndpointAddress, Endpoints, Node, Pod, Service } from '../../apimachinery/types/core-v1.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { authority, dialTcp, isProxyable } from '../proxy/dial.ts'
import { joinPaths } from '../proxy/go-path.ts'
import { type ProxyBackend, proxyRequest } from '../proxy/upgrade-aware-proxy.ts'
import { connectorOf, type NodeAccess } from './pod-connect.ts'

/**
 * `nodes/proxy`, `pods/proxy` and `services/proxy`: requests for the HTTP servers of kubelets and pods. Names may have a
 * scheme in front and a port behind: `https:web:443`.
 *
 * @see kubernetes pkg/registry/core/{node,pod}/strategy.go ResourceLocation, service/storage/storage.go
 */
export function proxies(registry: Registry, nodes: NodeAccess): ReadonlyMap<string, VirtualHandlers> {
  const backends = new Backends(registry, nodes)
  const handler = (find: (call: Call, id: string) => Promise<ProxyBackend>): VirtualHandlers => ({
    connect: async (call, id, subpath) => {
      const backend = await find(call, id)
      await proxyRequest(call, backend, subpath === '' ? '' : joinPaths('', subpath))
    },
  })
  return new Map([
    ['/nodes/proxy', handler((call, id) => backends.ofNode(call, id))],
    ['/pods/proxy', handler((call, id) => backends.ofPod(call, id))],
    ['/services/proxy', handler((call, id) => backends.ofService(call, id))],
  ])
}

interface Target {
  readonly name: string
  /** '' where none is named. */
  readonly port: string
  readonly secure: boolean
}

/** `name`, `name:port` or `scheme:name:port`. @see apimachinery pkg/util/net/port_split.go */
function targetOf(id: string, what: string): Target {
  const parts = id.split(':')
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? '']
  if (parts.length > 3 || !name || !['', 'http', 'https'].includes(scheme!)) {
    throw badRequest(`invalid ${what} request ${goQuote(id)}`)
  }
  return { name, port: port ?? '', secure: scheme === 'https' }
}

class Backends {
  readonly #registry: Registry
  readonly #nodes: NodeAccess

  constructor(registry: Registry, nodes: NodeAccess) {
    this.#registry = registry
    this.#nodes = nodes
  }

  async ofNode(call: Call, id: string): Promise<ProxyBackend> {
    const { name, port, secure } = targetOf(id, 'node')
    const node = await this.#read<Node>(call, 'nodes', name)
    const connector = (await connectorOf(name, this.#nodes.connectors))!
    const kubelet = await connector.kubelet(node)
    if (port === '' || port === String(kubelet.port)) return kubelet
    const number = portNumber(port)
    return {
      host: authority(kubelet.hostname, number),
      connect: () => connector.dialNode(node, { port: number, secure }),
    }
  }

  async ofPod(call: Call, id: string): Promise<ProxyBackend> {
    const { name, port, secure } = targetOf(id, 'pod')
    const pod = await this.#read<Pod>(call, 'pods', name)
    const ip = pod.status?.podIP || (pod.status?.podIPs?.[0]?.ip ?? '')
    if (!isProxyable(ip)) throw badRequest('address not allowed')
    const number = podPort(pod, port) ?? (secure ? 443 : 80)
    return this.#portOf(pod, ip, { port: number, secure })
  }

  async ofService(call: Call, id: string): Promise<ProxyBackend> {
    const { name, port, secure } = targetOf(id, 'service')
    const portName = /^[+-]?\d+$/.test(port) ? await this.#portName(call, name, Number(port)) : port
    const { subsets = [] } = await this.#read<Endpoints>(call, 'endpoints', name)
    if (subsets.length === 0) throw serviceUnavailable(`no endpoints available for service ${goQuote(name)}`)
    for (const { addresses = [], ports = [] } of fromAnywhere(subsets)) {
      for (const { port: number } of ports.filter((p) => (p.name ?? '') === portName)) {
        for (const address of fromAnywhere(addresses)) {
          const pod = await this.#podAt(call, address)
          if (pod) return this.#portOf(pod, address.ip, { port: number, secure })
        }
      }
    }
    throw serviceUnavailable(`no endpoints available for service ${goQuote(id)}`)
  }

  async #portName(call: Call, name: string, port: number): Promise<string> {
    const { spec } = await this.#read<Service>(call, 'services', name)
    const found = spec?.ports?.find((p) => p.port === port)
    if (!found) throw serviceUnavailable(`no service port ${port} found for service ${goQuote(name)}`)
    return found.name ?? ''
  }

  /** The pod that has an address, which has to be one of the Service's namespace; undefined: it is no such pod's. */
  async #podAt(call: Call, { ip, targetRef }: EndpointAddress): Promise<Pod | undefined> {
    if (targetRef?.namespace !== call.info.namespace || !targetRef.name) return undefined
    try {
      const pod = await this.#read<Pod>(call, 'pods', targetRef.name)
      return pod.status?.podIPs?.some((own) => own.ip === ip) ? pod : undefined
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  #portOf(pod: Pod, ip: string, target: { readonly port: number; readonly secure: boolean }): ProxyBackend {
    return {
      host: authority(ip, target.port),
      connect: async () => {
        const connector = await connectorOf(pod.spec?.nodeName ?? '', this.#nodes.connectors)
        if (connector) return await connector.dialPod(pod, ip, target)
        return await dialTcp(ip, target.port, target.secure ? { tls: UNVERIFIED } : {})
      },
    }
  }

  /** Errors: 404, of the resource that was asked for, whichever is missing: as upstream. */
  async #read<T>(call: Call, resource: string, name: string): Promise<T> {
    try {
      return (await this.#registry.backing('', resource)!.store.get(call.context(), name)).object as unknown as T
    } catch (error) {
      if (isNotFound(error)) throw notFound({ group: '', resource: call.info.resource }, name)
      throw error
    }
  }
}

/** Addresses are no names that a certificate could be for. */
const UNVERIFIED = { rejectUnauthorized: false }

/** Undefined where the pod names none. A port that is asked for by its name is that of a container. */
function podPort({ spec }: Pod, asked: string): number | undefined {
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  if (asked === '') return ports[0]?.containerPort
  return ports.find((port) => port.name === asked)?.containerPort ?? portNumber(asked)
}

/** Errors: 503, as Go's dialer words it. */
function portNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : undefined
  if (number !== undefined && number <= 65_535) return number
  const why = number === undefined ? `lookup tcp/${text}: unknown port` : `address ${text}: invalid port`
  throw serviceUnavailable(`error trying to reach service: dial tcp: ${why}`)
}

/** All, beginning at a random one. */
function fromAnywhere<T>(items: readonly T[]): readonly T[] {
  const at = Math.floor(Math.random() * items.length)
  return [...items.slice(at), ...items.slice(0, at)]
}
