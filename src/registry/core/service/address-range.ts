import { cidrContains, cidrSize, formatCidr, type IpNetwork, parseCidr } from '../../../apimachinery/validation/ip.ts'

/** The part of a range that is kept for addresses asked for by name, as long as the rest has room. */
const STATIC_STEP = 16n
const STATIC_MIN = 16n
const STATIC_MAX = 256n
/** Only the low 64 bits of a range are used, whatever its size. */
const MAX_SIZE = (1n << 64n) - 1n

/**
 * Addresses of one network that services may have: without the network's own and, in IPv4, without the broadcast
 * address.
 *
 * @see kubernetes pkg/registry/core/service/ipallocator, https://kep.k8s.io/3070
 */
export class AddressRange {
  readonly family: 4 | 6
  readonly cidr: string
  readonly #network: IpNetwork
  readonly #first: bigint
  readonly #size: bigint
  /** Offset from the first address below which addresses are kept for those who ask by name. */
  readonly #dynamicFrom: bigint

  private constructor(network: IpNetwork) {
    this.#network = network
    this.family = network.base.family
    this.cidr = formatCidr(network)
    this.#first = network.base.value + 1n
    const all = cidrSize(network)
    const usable = all - (this.family === 4 ? 2n : 1n)
    this.#size = usable < 0n ? 0n : usable > MAX_SIZE ? MAX_SIZE : usable
    this.#dynamicFrom = staticPart(all)
  }

  /** Undefined where the text is no CIDR. */
  static parse(cidr: string): AddressRange | undefined {
    const network = parseCidr(cidr)
    return network && new AddressRange(network)
  }

  get networkAddress(): bigint {
    return this.#network.base.value
  }

  /** Whether a service may have this address. */
  contains(ip: { readonly family: 4 | 6; readonly value: bigint }): boolean {
    if (!cidrContains(this.#network, ip) || ip.value === this.#network.base.value) return false
    return this.family === 6 || ip.value < this.#network.base.value + cidrSize(this.#network) - 1n
  }

  /**
   * Every address once: the upper part from a random place on and round, then the lower part likewise. `random` gives
   * a number in [0, 1).
   */
  *candidates(random: () => number): Generator<bigint, void> {
    const upper = this.#size - this.#dynamicFrom
    if (upper > 0n) yield* rotated(this.#first + this.#dynamicFrom, upper, random)
    if (this.#dynamicFrom > 0n) yield* rotated(this.#first, this.#dynamicFrom, random)
  }
}

function staticPart(all: bigint): bigint {
  if (all <= STATIC_MIN) return 0n
  const part = all / STATIC_STEP
  return part < STATIC_MIN ? STATIC_MIN : part > STATIC_MAX ? STATIC_MAX : part
}

function* rotated(first: bigint, size: bigint, random: () => number): Generator<bigint, void> {
  // 53 random bits are plenty: ranges beyond 2^53 are used from a random place near their start.
  const bound = size > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(size)
  const start = BigInt(Math.floor(random() * bound))
  for (let i = 0n; i < size; i++) yield first + ((start + i) % size)
}
