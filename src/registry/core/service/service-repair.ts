import { parseTime } from '../../../apimachinery/clock.ts'
import type { Service } from '../../../apimachinery/types/core-v1.ts'
import type { IPAddress } from '../../../apimachinery/types/networking-v1.ts'
import { formatIp, parseIp } from '../../../apimachinery/validation/ip.ts'
import {
  type AddressOwner,
  ALLOCATOR_NAME,
  AllocationError,
  type IpAddressRegistry,
  MANAGED_BY_LABEL,
} from './cluster-ip-allocator.ts'
import type { ServiceAllocators } from './service-allocation.ts'
import { CLUSTER_IP_NONE, needsClusterIP, needsHealthCheck, nodePortsOf } from './service-fields.ts'

/** An address without a service may belong to a create that is still under way. */
const ADDRESS_GRACE_MS = 60_000
/** Rounds in which a port is seen to be taken for nothing before it is given back. */
const ROUNDS_BEFORE_CLEANUP = 3

interface ServiceRepairOptions {
  readonly allocators: ServiceAllocators
  readonly addresses: IpAddressRegistry
  /** All that is stored, the latest. */
  readonly listServices: () => Promise<readonly Service[]>
  readonly listAddresses: () => Promise<readonly IPAddress[]>
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/**
 * Makes what is taken agree with the services that there are: after a restart, after a crash between two writes, after
 * an operator's doing. To be run at start, before services are written, and every three minutes from then on.
 *
 * @see kubernetes pkg/registry/core/service/{ipallocator,portallocator}/controller
 */
export class ServiceRepair {
  readonly #options: ServiceRepairOptions
  /** Ports taken for nothing, with the rounds that are left to them. */
  #leaks = new Map<number, number>()

  constructor(options: ServiceRepairOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    const { listServices, listAddresses, allocators } = this.#options
    // Addresses and ports are read first: what is taken meanwhile for a service not yet listed is not seen as a leak.
    const addresses = await listAddresses()
    const taken = await allocators.ports.taken()
    const services = await listServices()
    await this.#repairAddresses(services, addresses)
    await this.#repairPorts(services, taken)
  }

  async #repairAddresses(services: readonly Service[], addresses: readonly IPAddress[]): Promise<void> {
    const owners = new Map<string, AddressOwner>()
    for (const service of services) {
      for (const ip of clusterIpsOf(service)) owners.set(ip, ownerOf(service))
    }
    const present = new Set<string>()
    for (const address of addresses) {
      const name = address.metadata.name ?? ''
      const owner = owners.get(name)
      if (owner && isHeldBy(address, owner)) present.add(name)
      else if (this.#isAbandoned(address, owner !== undefined)) await this.#options.addresses.delete(name)
    }
    for (const [ip, owner] of owners) if (!present.has(ip)) await this.#claim(ip, owner)
  }

  /** An address that another object holds by right stays with it. */
  async #claim(text: string, owner: AddressOwner): Promise<void> {
    const ip = parseIp(text)
    if (!ip) return
    try {
      await this.#options.allocators.ips.allocate(ip, owner)
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error
    }
  }

  /** Ours, and no service has it: at once where another service has the address, else after a while. */
  #isAbandoned({ metadata, spec }: IPAddress, isWanted: boolean): boolean {
    if (metadata.labels?.[MANAGED_BY_LABEL] !== ALLOCATOR_NAME || spec.parentRef.resource !== 'services') return false
    return isWanted || this.#options.now() - parseTime(metadata.creationTimestamp ?? '') > ADDRESS_GRACE_MS
  }

  async #repairPorts(services: readonly Service[], taken: readonly number[]): Promise<void> {
    const { ports } = this.#options.allocators
    const used = new Set(services.flatMap(portsOf))
    await ports.ensure(used)
    const leaks = new Map<number, number>()
    const due: number[] = []
    for (const port of taken) {
      if (used.has(port)) continue
      const left = (this.#leaks.get(port) ?? ROUNDS_BEFORE_CLEANUP) - 1
      if (left === 0) due.push(port)
      else leaks.set(port, left)
    }
    this.#leaks = leaks
    await ports.release(due)
  }
}

function clusterIpsOf({ spec = {} }: Service): string[] {
  if (!needsClusterIP(spec)) return []
  const ips = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : [])
  return ips
    .filter((ip) => ip !== CLUSTER_IP_NONE)
    .flatMap((text) => {
      const ip = parseIp(text)
      return ip ? [formatIp(ip)] : []
    })
}

function portsOf({ spec = {} }: Service): number[] {
  const health = needsHealthCheck(spec) && spec.healthCheckNodePort ? [spec.healthCheckNodePort] : []
  return [...nodePortsOf(spec), ...health]
}

function ownerOf({ metadata }: Service): AddressOwner {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
}

function isHeldBy({ spec: { parentRef } }: IPAddress, { namespace, name }: AddressOwner): boolean {
  return parentRef.resource === 'services' && parentRef.namespace === namespace && parentRef.name === name
}
