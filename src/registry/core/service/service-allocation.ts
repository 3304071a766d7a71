/**
 * Addresses and ports that a service takes from the cluster.
 *
 * @see kubernetes pkg/registry/core/service/storage/alloc.go
 */
import { ApiError, internalError, invalid as invalidObject } from '../../../apimachinery/api-error.ts'
import { type FieldError, invalid } from '../../../apimachinery/field-error.ts'
import { FieldPath } from '../../../apimachinery/field-path.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import type { Service, ServicePort, ServiceSpec } from '../../../apimachinery/types/core-v1.ts'
import { parseIp } from '../../../apimachinery/validation/ip.ts'
import type { Finish } from '../../resource.ts'
import { type AddressOwner, AllocationError, type ClusterIpAllocator } from './cluster-ip-allocator.ts'
import type { NodePortAllocator } from './node-port-allocator.ts'
import {
  allocatesNodePorts,
  CLUSTER_IP_NONE,
  hasNodePorts,
  needsHealthCheck,
  nodePortsOf,
  specOf,
} from './service-fields.ts'
import { type ClusterFamilies, initIpFamilies, keepsPreferDualStack } from './service-ip-families.ts'

const CLUSTER_IPS = FieldPath.of('spec', 'clusterIPs')
const PORTS = FieldPath.of('spec', 'ports')
/** Below the port that a dry run makes up which has taken none yet. */
const DRY_RUN_PORT_BASE = 32_768

export interface ServiceAllocators {
  readonly ips: ClusterIpAllocator
  readonly ports: NodePortAllocator
}

/** What one write takes and gives back. Everything is taken at once, and given back once the write is made. */
class Allocation {
  readonly #allocators: ServiceAllocators
  readonly #service: Service
  readonly #dryRun: boolean
  readonly #takenIps: string[] = []
  readonly #droppedIps: string[] = []
  readonly #takenPorts: number[] = []
  readonly #droppedPorts: number[] = []

  constructor(allocators: ServiceAllocators, service: Service, dryRun: boolean) {
    this.#allocators = allocators
    this.#service = service
    this.#dryRun = dryRun
  }

  /** Takes the address, or any where it is ''; the address taken. */
  async takeIp(family: string, wanted: string): Promise<string> {
    const taken = wanted === '' ? await this.#takeNextIp(family === 'IPv6' ? 6 : 4) : await this.#takeWantedIp(wanted)
    if (!this.#dryRun) this.#takenIps.push(taken)
    return taken
  }

  async #takeNextIp(family: 4 | 6): Promise<string> {
    const { ips } = this.#allocators
    try {
      return this.#dryRun ? await ips.dryRunNext(family) : await ips.allocateNext(family, this.#owner)
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error
      const words = `failed to allocate a serviceIP for Service ${goQuote(this.#owner.name)}: ${error.message}`
      throw internalError(words, { cause: error })
    }
  }

  async #takeWantedIp(wanted: string): Promise<string> {
    const ip = parseIp(wanted)
    if (!ip) throw internalError(`failed to parse service IP ${goQuote(wanted)}`)
    try {
      if (this.#dryRun) await this.#allocators.ips.dryRun(ip)
      else await this.#allocators.ips.allocate(ip, this.#owner)
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error
      const words = `failed to allocate IP ${wanted}: ${error.message}`
      throw this.#invalid([invalid(CLUSTER_IPS, this.#service.spec!.clusterIPs, words)])
    }
    return wanted
  }

  dropIp(ip: string): void {
    this.#droppedIps.push(ip)
  }

  /** Takes the port that the field at `path` asks for. */
  async takePort(port: number, path: FieldPath): Promise<void> {
    try {
      await this.takeAnyPort(port)
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error
      throw this.#invalid([invalid(path, port, error.message)])
    }
  }

  /** Takes the port, or any where it is 0. Errors: {@link AllocationError}. */
  async takeAnyPort(port: number): Promise<number> {
    const taken = await this.#takePort(port)
    this.#takenPorts.push(taken)
    return taken
  }

  async #takePort(port: number): Promise<number> {
    const { ports } = this.#allocators
    if (!this.#dryRun) {
      if (port === 0) return await ports.allocateNext()
      await ports.allocate(port)
      return port
    }
    if (port === 0) return (this.#takenPorts.length > 0 ? Math.max(...this.#takenPorts) : DRY_RUN_PORT_BASE) + 1
    if (this.#takenPorts.includes(port) || (await ports.has(port))) {
      throw new AllocationError('allocated', 'provided port is already allocated')
    }
    return port
  }

  dropPorts(ports: readonly number[]): void {
    this.#droppedPorts.push(...ports)
  }

  /** Gives back what was dropped where the write was made, and what was taken where it was not. */
  readonly finish: Finish = async (success) => {
    if (this.#dryRun) return
    const ips = success ? this.#droppedIps : this.#takenIps
    for (const ip of ips) await this.#allocators.ips.release(ip)
    await this.#allocators.ports.release(success ? this.#droppedPorts : this.#takenPorts)
  }

  get #owner(): AddressOwner {
    const { namespace = '', name = '' } = this.#service.metadata
    return { namespace, name }
  }

  #invalid(errors: readonly FieldError[]): ApiError {
    return invalidObject({ group: '', kind: 'Service' }, this.#owner.name, errors)
  }
}

/** Runs the work of an allocation; what it took goes back where it fails. */
async function allocating(allocation: Allocation, work: () => Promise<void>): Promise<Finish> {
  try {
    await work()
    return allocation.finish
  } catch (error) {
    await allocation.finish(false)
    throw error
  }
}

/** Fills and takes what a new service needs. Errors: 422, 500 where a range is full. */
export async function allocateForCreate(
  service: Service,
  allocators: ServiceAllocators,
  cluster: ClusterFamilies,
  dryRun: boolean,
): Promise<Finish> {
  const spec = specOf(service)
  initIpFamilies(spec, undefined, cluster, service.metadata.name ?? '')
  const allocation = new Allocation(allocators, service, dryRun)
  return await allocating(allocation, async () => {
    await allocateClusterIps(spec, allocation)
    if (hasNodePorts(spec)) await allocateNewPorts(spec, allocation)
    if (needsHealthCheck(spec)) await allocateHealthCheckPort(spec, allocation)
  })
}

/** The same for a change of a service; `old` is only looked at. */
export async function allocateForUpdate(
  service: Service,
  old: Service,
  allocators: ServiceAllocators,
  cluster: ClusterFamilies,
  dryRun: boolean,
): Promise<Finish> {
  const spec = specOf(service)
  const before = old.spec ?? {}
  initIpFamilies(spec, before, cluster, service.metadata.name ?? '')
  const allocation = new Allocation(allocators, service, dryRun)
  return await allocating(allocation, async () => {
    await updateClusterIps(spec, before, allocation)
    await updatePorts(spec, before, allocation)
  })
}

async function allocateClusterIps(spec: ServiceSpec, allocation: Allocation): Promise<void> {
  if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === CLUSTER_IP_NONE) return
  const families = spec.ipFamilies ?? []
  // A place without an address is a wish for any.
  spec.clusterIPs = families
    .map((_, i) => spec.clusterIPs?.[i] ?? '')
    .concat(spec.clusterIPs?.slice(families.length) ?? [])
  const ips = [...spec.clusterIPs]
  for (const [i, family] of families.entries()) ips[i] = await allocation.takeIp(family, ips[i]!)
  spec.clusterIPs = ips
  if (ips[0]) spec.clusterIP = ips[0]
}

async function updateClusterIps(spec: ServiceSpec, old: ServiceSpec, allocation: Allocation): Promise<void> {
  if (keepsPreferDualStack(spec, old)) return
  const isExternalName = spec.type === 'ExternalName'
  if (old.type === 'ExternalName' && !isExternalName) return await allocateClusterIps(spec, allocation)
  const before = old.clusterIPs ?? []
  if (before[0] === CLUSTER_IP_NONE) return
  if (isExternalName) {
    for (const ip of before) allocation.dropIp(ip)
    return
  }
  const families = spec.ipFamilies ?? []
  const oldFamilies = old.ipFamilies ?? []
  if (oldFamilies.length === 1 && families.length === 2) {
    const [first = '', second = ''] = spec.clusterIPs ?? []
    spec.clusterIPs = [first, second]
    spec.clusterIPs = [first, await allocation.takeIp(families[1]!, second)]
  } else if (oldFamilies.length === 2 && families.length === 1 && before[1]) allocation.dropIp(before[1])
}

/** Ports of the same number share a port of the nodes, whatever their protocols. */
async function allocateNewPorts(spec: ServiceSpec, allocation: Allocation): Promise<void> {
  const ports = spec.ports ?? []
  const given = new Map<number, number>()
  for (const [i, port] of ports.entries()) {
    if (!port.nodePort && !allocatesNodePorts(spec)) continue
    const path = PORTS.index(i).child('nodePort')
    const shared = given.get(port.port)
    if (shared === undefined) {
      const wanted = ports.find((other) => other.port === port.port && other.nodePort)?.nodePort
      if (wanted) await allocation.takePort(wanted, path)
      port.nodePort = wanted ?? (await takeFreePort(allocation))
      given.set(port.port, port.nodePort)
    } else if (!port.nodePort) port.nodePort = shared
    else if (port.nodePort !== shared) await allocation.takePort(port.nodePort, path)
  }
}

async function takeFreePort(allocation: Allocation): Promise<number> {
  try {
    return await allocation.takeAnyPort(0)
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error
    throw internalError(`failed to allocate a nodePort: ${error.message}`, { cause: error })
  }
}

async function allocateHealthCheckPort(spec: ServiceSpec, allocation: Allocation): Promise<void> {
  const wanted = spec.healthCheckNodePort ?? 0
  try {
    spec.healthCheckNodePort = await allocation.takeAnyPort(wanted)
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error
    const what = wanted === 0 ? 'a HealthCheck NodePort 0' : `requested HealthCheck NodePort ${wanted}`
    throw internalError(`failed to allocate ${what}: ${error.message}`, { cause: error })
  }
}

async function updatePorts(spec: ServiceSpec, old: ServiceSpec, allocation: Allocation): Promise<void> {
  if (hasNodePorts(old) && (spec.type === 'ExternalName' || spec.type === 'ClusterIP')) {
    allocation.dropPorts(nodePortsOf(old))
  }
  if (hasNodePorts(spec)) await updateNodePorts(spec, old, allocation)
  const needed = needsHealthCheck(old)
  const needs = needsHealthCheck(spec)
  if (!needed && needs) await allocateHealthCheckPort(spec, allocation)
  if (needed && !needs && old.healthCheckNodePort) allocation.dropPorts([old.healthCheckNodePort])
}

async function updateNodePorts(spec: ServiceSpec, old: ServiceSpec, allocation: Allocation): Promise<void> {
  const before = nodePortsOf(old)
  const held = new Set(before)
  const seen = new Set<string>()
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!port.nodePort && !allocatesNodePorts(spec)) continue
    if (!port.nodePort) port.nodePort = await takeFreePort(allocation)
    else if (!held.has(port.nodePort)) await allocation.takePort(port.nodePort, PORTS.index(i).child('nodePort'))
    held.add(port.nodePort)
    refuseDuplicate(port, seen)
  }
  const kept = new Set(nodePortsOf(spec))
  allocation.dropPorts(before.filter((port) => !kept.has(port)))
}

/** Upstream's words, and its 500 without a reason, for what its validation would find only later. */
function refuseDuplicate({ protocol = '', nodePort }: ServicePort, seen: Set<string>): void {
  const key = `{${protocol} ${nodePort}}`
  if (seen.has(key)) throw new ApiError({ code: 500, reason: '', message: `duplicate nodePort: ${key}` })
  seen.add(key)
}

/** Gives back all that a service held which is gone now. */
export async function releaseAll(service: Service, allocators: ServiceAllocators): Promise<void> {
  const spec = service.spec ?? {}
  if (spec.type !== 'ExternalName' && spec.clusterIPs?.[0] !== CLUSTER_IP_NONE) {
    for (const ip of spec.clusterIPs ?? []) await allocators.ips.release(ip)
  }
  const health = needsHealthCheck(spec) && spec.healthCheckNodePort ? [spec.healthCheckNodePort] : []
  await allocators.ports.release([...nodePortsOf(spec), ...health])
}
