import type { IPAddress, ServiceCIDR } from '../../../apimachinery/types/networking-v1.ts'
import { formatIp, type IpAddress, parseIp } from '../../../apimachinery/validation/ip.ts'
import { AddressRange } from './address-range.ts'

/**
 * IPAddress objects, one for each cluster IP in use. They are what makes an address taken: the create that finds the
 * name free wins, on whichever API server it runs.
 */
export interface IpAddressRegistry {
  /** Resolves once `has` knows what is stored. */
  loaded(): Promise<void>
  /** Whether there is an object of that name, as far as is known here; a create is the proof. */
  has(name: string): boolean
  /** Creates the object; false where there is one of that name. */
  create(address: IPAddress): Promise<boolean>
  /** Deletes the object; nothing happens where there is none. */
  delete(name: string): Promise<void>
}

/** Why no address was given; the message is upstream's. */
export class AllocationError extends Error {
  readonly reason: 'full' | 'allocated' | 'outOfRange'
  constructor(reason: AllocationError['reason'], message: string) {
    super(message)
    this.name = 'AllocationError'
    this.reason = reason
  }
}

/** The service that an address is for. */
export interface AddressOwner {
  readonly namespace: string
  readonly name: string
}

interface ClusterIpAllocatorOptions {
  readonly addresses: IpAddressRegistry
  /** `--service-cluster-ip-range`: counts until the first ServiceCIDR exists. */
  readonly configuredRanges: readonly string[]
  /** The ServiceCIDR objects as they are now. */
  readonly serviceCidrs: () => Promise<readonly ServiceCIDR[]>
  /** A number in [0, 1). */
  readonly random: () => number
}

/** The labels by which addresses of services are found. */
const IP_FAMILY_LABEL = 'ipaddress.kubernetes.io/ip-family'
export const MANAGED_BY_LABEL = 'ipaddress.kubernetes.io/managed-by'
export const ALLOCATOR_NAME = 'ipallocator.k8s.io'

/**
 * Gives out cluster IPs from the ready ServiceCIDRs. It keeps no state of its own: what is taken is told by the
 * IPAddress objects alone, so that any number of API servers on one store never give an address twice.
 *
 * @see kubernetes pkg/registry/core/service/ipallocator/{cidrallocator,ipallocator}.go, https://kep.k8s.io/1880
 */
export class ClusterIpAllocator {
  readonly #options: ClusterIpAllocatorOptions
  readonly #parsed = new Map<string, AddressRange | undefined>()

  constructor(options: ClusterIpAllocatorOptions) {
    this.#options = options
  }

  /** Takes the next free address of the family. Errors: {@link AllocationError} `full`. */
  async allocateNext(family: 4 | 6, owner: AddressOwner): Promise<string> {
    await this.#options.addresses.loaded()
    for (const range of await this.#ranges(family)) {
      for (const value of range.candidates(this.#options.random)) {
        const name = formatIp({ family, value })
        if (this.#options.addresses.has(name)) continue
        if (await this.#create(name, family, owner)) return name
      }
    }
    throw new AllocationError('full', 'range is full')
  }

  /** Takes this address. Errors: {@link AllocationError} `outOfRange`, `allocated`. */
  async allocate(ip: IpAddress, owner: AddressOwner): Promise<void> {
    const ranges = await this.#ranges(ip.family)
    if (!ranges.some((range) => range.contains(ip))) {
      throw new AllocationError('outOfRange', 'the provided network does not match the current range')
    }
    if (!(await this.#create(formatIp(ip), ip.family, owner))) {
      throw new AllocationError('allocated', 'provided IP is already allocated')
    }
  }

  async release(text: string): Promise<void> {
    const ip = parseIp(text)
    if (ip) await this.#options.addresses.delete(formatIp(ip))
  }

  /** What a dry run says it would take: the network address of a range, which nobody gets. */
  async dryRunNext(family: 4 | 6): Promise<string> {
    const [range] = await this.#ranges(family)
    if (!range) throw new AllocationError('full', 'range is full')
    return formatIp({ family, value: range.networkAddress })
  }

  /** A dry run of {@link allocate}: whether the address is free is not looked at. */
  async dryRun(ip: IpAddress): Promise<void> {
    const ranges = await this.#ranges(ip.family)
    if (ranges.some((range) => range.contains(ip))) return
    const valid = ranges[0]?.cidr ?? ''
    const words = `the provided IP (${formatIp(ip)}) is not in the valid range. The range of valid IPs is ${valid}`
    throw new AllocationError('outOfRange', words)
  }

  async #create(name: string, family: 4 | 6, owner: AddressOwner): Promise<boolean> {
    return await this.#options.addresses.create(ipAddressObject(name, family, owner))
  }

  async #ranges(family: 4 | 6): Promise<AddressRange[]> {
    const objects = await this.#options.serviceCidrs()
    const cidrs = objects.length === 0 ? this.#options.configuredRanges : objects.filter(isReady).flatMap(cidrsOf)
    const ranges = [...new Set(cidrs)].map((cidr) => this.#parse(cidr))
    return ranges.filter((range): range is AddressRange => range?.family === family)
  }

  #parse(cidr: string): AddressRange | undefined {
    if (!this.#parsed.has(cidr)) this.#parsed.set(cidr, AddressRange.parse(cidr))
    return this.#parsed.get(cidr)
  }
}

const cidrsOf = ({ spec }: ServiceCIDR): readonly string[] => spec?.cidrs ?? []

/** A ServiceCIDR that no controller has judged yet counts as ready. */
function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp) return false
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready === undefined || ready.status === 'True'
}

/** The object that makes an address a service's own. */
function ipAddressObject(name: string, family: 4 | 6, { namespace, name: service }: AddressOwner): IPAddress {
  const labels = { [IP_FAMILY_LABEL]: `IPv${family}`, [MANAGED_BY_LABEL]: ALLOCATOR_NAME }
  return {
    kind: 'IPAddress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name, labels },
    spec: { parentRef: { group: '', resource: 'services', namespace, name: service } },
  }
}
