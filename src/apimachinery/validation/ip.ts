/**
 * IP addresses and CIDRs as Go's net, net/netip and k8s.io/utils/net read and print them.
 *
 * @see apimachinery pkg/util/validation/ip.go
 */
import type { FieldError } from '../field-error.ts'
import { invalid } from '../field-error.ts'
import type { FieldPath } from '../field-path.ts'
import { goQuote } from '../go-quote.ts'

/** One address. `value` has 32 bits for family 4 and 128 for family 6. */
export interface IpAddress {
  readonly family: 4 | 6
  readonly value: bigint
  /** It was written as an IPv4-mapped IPv6 address (`::ffff:1.2.3.4`), which counts as IPv4. */
  readonly mapped: boolean
  /** It was written with leading zeros that strict readers refuse. */
  readonly leadingZeros: boolean
}

/** A network; `address` has the bits beyond the prefix as written. */
export interface IpNetwork {
  readonly address: IpAddress
  /** The first address of the network. */
  readonly base: IpAddress
  readonly prefixLength: number
  /** The prefix length was written with leading zeros. */
  readonly leadingZeros: boolean
}

const MAPPED_PREFIX = 0xffffn << 32n
const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128)

/** Reads an address; leading zeros and mapped addresses are taken. Undefined where it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (text.length > 64) return undefined
  const mark = /[.:]/.exec(text)?.[0]
  if (mark === '.') return parseIpV4(text)
  return mark === ':' ? parseIpV6(text) : undefined
}

function parseIpV4(text: string): IpAddress | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^[0-9]+$/.test(part) && Number(part) <= 255)) return undefined
  const value = parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n)
  return { family: 4, value, mapped: false, leadingZeros: parts.some((part) => part.length > 1 && part[0] === '0') }
}

interface Groups {
  readonly groups: readonly number[]
  readonly leadingZeros: boolean
}

function parseIpV6(text: string): IpAddress | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : { groups: [], leadingZeros: false }
  if (!head || !tail) return undefined
  const missing = 8 - head.groups.length - tail.groups.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head.groups, ...new Array<number>(missing).fill(0), ...tail.groups]
  const value = all.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)
  const leadingZeros = head.leadingZeros || tail.leadingZeros
  if (value >> 32n === 0xffffn) return { family: 4, value: value & 0xffffffffn, mapped: true, leadingZeros }
  return { family: 6, value, mapped: false, leadingZeros }
}

/** Colon-separated groups of 16 bits; the last may be an IPv4 address where `mayEndInV4`. */
function parseGroups(text: string, mayEndInV4: boolean): Groups | undefined {
  if (text === '') return { groups: [], leadingZeros: false }
  const parts = text.split(':')
  const groups: number[] = []
  let leadingZeros = false
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = mayEndInV4 && i === parts.length - 1 ? parseIpV4(part) : undefined
      if (!v4) return undefined
      groups.push(Number(v4.value >> 16n), Number(v4.value & 0xffffn))
      leadingZeros ||= v4.leadingZeros
    } else {
      const group = /^[0-9a-fA-F]+$/.test(part) ? Number.parseInt(part, 16) : 0x10000
      if (group > 0xffff) return undefined
      groups.push(group)
      leadingZeros ||= part.length > 4
    }
  }
  return { groups, leadingZeros }
}

/** Prints an address in canonical form (RFC 5952 for IPv6); a mapped one as IPv4. */
export function formatIp({ family, value }: Pick<IpAddress, 'family' | 'value'>): string {
  return family === 4 ? formatIpV4(value) : formatIpV6(value)
}

function formatIpV4(value: bigint): string {
  const n = Number(value)
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}

function formatIpV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn))
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) [start, length] = [i, end - i]
  }
  const hex = groups.map((group) => group.toString(16))
  if (start < 0) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** How net/netip prints the address: a mapped one keeps its `::ffff:`. */
function formatAsWritten(ip: IpAddress): string {
  return ip.mapped ? `::ffff:${formatIpV4(ip.value)}` : formatIp(ip)
}

/** Reads `address/length`; undefined where it is none. */
export function parseCidr(text: string): IpNetwork | undefined {
  const slash = text.indexOf('/')
  if (slash < 0 || text.length > 80) return undefined
  const address = parseIp(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (!address || !/^[0-9]+$/.test(length)) return undefined
  const bits = Number(length)
  if (bits > (address.mapped ? 128 : bitsOf(address.family))) return undefined
  const leadingZeros = length.length > 1 && length[0] === '0'
  return { address, ...networkOf(address, bits), leadingZeros }
}

function networkOf(address: IpAddress, bits: number): Pick<IpNetwork, 'base' | 'prefixLength'> {
  if (!address.mapped) {
    const base = { ...address, value: mask(address.value, bits, bitsOf(address.family)) }
    return { base, prefixLength: bits }
  }
  const value = mask(MAPPED_PREFIX | address.value, bits, 128)
  if (bits >= 96) return { base: { ...address, value: value & 0xffffffffn }, prefixLength: bits - 96 }
  return { base: { family: 6, value, mapped: false, leadingZeros: address.leadingZeros }, prefixLength: bits }
}

function mask(value: bigint, prefixLength: number, bits: number): bigint {
  const host = BigInt(bits - prefixLength)
  return (value >> host) << host
}

/** Prints the network: its first address and the prefix length. */
export function formatCidr(network: Pick<IpNetwork, 'base' | 'prefixLength'>): string {
  return `${formatIp(network.base)}/${network.prefixLength}`
}

/** Whether the address lies in the network. */
export function cidrContains(network: IpNetwork, ip: Pick<IpAddress, 'family' | 'value'>): boolean {
  return (
    ip.family === network.base.family && mask(ip.value, network.prefixLength, bitsOf(ip.family)) === network.base.value
  )
}

/** Number of addresses in the network. */
export function cidrSize(network: IpNetwork): bigint {
  return 1n << BigInt(bitsOf(network.base.family) - network.prefixLength)
}

export const isIPv4String = (text: string): boolean => parseIp(text)?.family === 4
export const isIPv6String = (text: string): boolean => parseIp(text)?.family === 6
export const isIPv6CIDRString = (text: string): boolean => parseCidr(text)?.base.family === 6

function strictIpErrors(field: FieldPath | undefined, text: string): FieldError[] {
  const ip = parseIp(text)
  if (!ip) return [invalid(field, text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
  if (ip.leadingZeros) return [invalid(field, text, 'must not have leading 0s')]
  return ip.mapped ? [invalid(field, text, 'must not be an IPv4-mapped IPv6 address')] : []
}

/** How strictly old fields are read. */
export interface LegacyFieldOptions {
  /** The StrictIPCIDRValidation feature gate, on by default from v1.36. */
  readonly strict?: boolean
  /** Values of the old object, which stay valid whatever they are. */
  readonly validOld?: readonly string[]
}

/** An address in a field older than strict validation: it need not be canonical, and without `strict` leading zeros and mapped addresses pass. */
export function isValidIPForLegacyField(
  field: FieldPath | undefined,
  text: string,
  { strict = true, validOld = [] }: LegacyFieldOptions = {},
): FieldError[] {
  if (validOld.includes(text)) return []
  if (strict || !parseIp(text)) return strictIpErrors(field, text)
  return []
}

/** An address in canonical form. */
export function isValidIP(field: FieldPath | undefined, text: string): FieldError[] {
  const errors = strictIpErrors(field, text)
  if (errors.length > 0) return errors
  const canonical = formatIp(parseIp(text)!)
  return text === canonical ? [] : [invalid(field, text, `must be in canonical form (${goQuote(canonical)})`)]
}

function strictCidrErrors(field: FieldPath | undefined, text: string): FieldError[] {
  const network = parseCidr(text)
  if (!network) return [invalid(field, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')]
  if (network.leadingZeros || network.address.leadingZeros) {
    return [invalid(field, text, 'must not have leading 0s in IP or prefix length')]
  }
  if (network.address.mapped) return [invalid(field, text, 'must not have an IPv4-mapped IPv6 address')]
  if (network.address.value === network.base.value) return []
  return [invalid(field, text, 'must not have bits set beyond the prefix length')]
}

/** A CIDR in a field older than strict validation. */
export function isValidCIDRForLegacyField(
  field: FieldPath | undefined,
  text: string,
  { strict = true, validOld = [] }: LegacyFieldOptions = {},
): FieldError[] {
  if (validOld.includes(text)) return []
  if (strict || !parseCidr(text)) return strictCidrErrors(field, text)
  return []
}

/** A network in canonical form, no bits set beyond its prefix. */
export function isValidCIDR(field: FieldPath | undefined, text: string): FieldError[] {
  const errors = strictCidrErrors(field, text)
  if (errors.length > 0) return errors
  const canonical = formatCidr(parseCidr(text)!)
  return text === canonical ? [] : [invalid(field, text, `must be in canonical form (${goQuote(canonical)})`)]
}

/** An interface's address with its prefix length (`192.168.1.5/24`), in canonical form. */
export function isValidInterfaceAddress(field: FieldPath | undefined, text: string): FieldError[] {
  const network = parseCidr(text)
  if (!network) {
    return [invalid(field, text, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')]
  }
  const canonical = `${formatIp(network.address)}/${network.prefixLength}`
  return text === canonical ? [] : [invalid(field, text, `must be in canonical form (${goQuote(canonical)})`)]
}

/** Warnings about an address that passes {@link isValidIPForLegacyField} but is not in its best form. */
export function warningsForIP(field: FieldPath, text: string): string[] {
  const ip = parseIp(text)
  if (!ip) return []
  if (ip.leadingZeros || ip.mapped) {
    return [`${field}: non-standard IP address ${goQuote(text)} is invalid: use ${goQuote(formatIp(ip))}`]
  }
  const canonical = formatIp(ip)
  if (ip.family === 4 || canonical === text) return []
  return [`${field}: IPv6 address ${goQuote(text)} should be in RFC 5952 canonical format (${goQuote(canonical)})`]
}

/** Warnings about a CIDR that passes {@link isValidCIDRForLegacyField} but is not in its best form. */
export function warningsForCIDR(field: FieldPath, text: string): string[] {
  const network = parseCidr(text)
  if (!network) return []
  const warnings: string[] = []
  const { address, base } = network
  const plain = formatCidr(network)
  if (address.family !== base.family || address.value !== base.value) {
    const single = `${formatIp(address)}/${bitsOf(base.family)}`
    const choices = `should be ${goQuote(plain)} or ${goQuote(single)}?`
    warnings.push(`${field}: CIDR value ${goQuote(text)} is ambiguous in this context (${choices})`)
  }
  if (network.leadingZeros || address.leadingZeros || address.mapped) {
    warnings.push(`${field}: non-standard CIDR value ${goQuote(text)} is invalid: use ${goQuote(plain)}`)
  }
  const canonical = `${formatAsWritten(address)}/${network.prefixLength}`
  if (warnings.length === 0 && address.family === 6 && canonical !== text) {
    const better = `should be in RFC 5952 canonical format (${goQuote(canonical)})`
    warnings.push(`${field}: IPv6 CIDR value ${goQuote(text)} ${better}`)
  }
  return warnings
}
