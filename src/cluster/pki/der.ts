/**
 * The part of DER (ITU-T X.690) that certificates are written in. A value is the bytes of its tag, length and contents.
 */

const TAGS = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c } as const
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18
const SEQUENCE = 0x30
const SET = 0x31

/** A value with any tag. */
export function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([Buffer.from([tag]), lengthBytes(length), ...contents])
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = bigEndian(BigInt(length))
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

/** Without leading zeros. */
function bigEndian(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

export const sequence = (...members: readonly Buffer[]): Buffer => tagged(SEQUENCE, ...members)
export const setOf = (member: Buffer): Buffer => tagged(SET, member)
export const trueValue: Buffer = tagged(TAGS.boolean, Buffer.from([0xff]))
export const nullValue: Buffer = Buffer.from([0x05, 0x00])
export const utf8String = (text: string): Buffer => tagged(TAGS.utf8, Buffer.from(text))
export const octetString = (bytes: Buffer): Buffer => tagged(TAGS.octets, bytes)

/** `[number]` around whole values. */
export const explicit = (number: number, ...members: readonly Buffer[]): Buffer => tagged(0xa0 | number, ...members)

/** A whole number that is not negative, big-endian. */
export function unsigned(bytes: Buffer): Buffer {
  return tagged(TAGS.integer, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return tagged(TAGS.bits, Buffer.from([unusedBits]), bytes)
}

/** `1.2.840.10045.4.3.2` */
export function objectIdentifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  return tagged(TAGS.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) bytes.unshift((left & 0x7f) | 0x80)
  return bytes
}

/** Whole seconds, in the form that RFC 5280 4.1.2.5 wants for the year. */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  const isUtc = digits >= '1950' && digits < '2050'
  return tagged(isUtc ? UTC_TIME : GENERALIZED_TIME, Buffer.from(`${isUtc ? digits.slice(2) : digits}Z`))
}

/** The values within a value, each with its tag and length. Throws where the bytes are not DER. */
export function membersOf(value: Buffer): Buffer[] {
  const members: Buffer[] = []
  const { start, end } = contentsOf(value, 0)
  for (let at = start; at < end; ) {
    const next = contentsOf(value, at).end
    members.push(value.subarray(at, next))
    at = next
  }
  return members
}

/** The bytes of a value behind its tag and length. */
export function bytesOf(value: Buffer): Buffer {
  const { start, end } = contentsOf(value, 0)
  return value.subarray(start, end)
}

function contentsOf(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0
  const lengthOfLength = first < 0x80 ? 0 : first & 0x7f
  const start = at + 2 + lengthOfLength
  const length = lengthOfLength === 0 ? first : bytes.readUIntBE(at + 2, lengthOfLength)
  if (start + length > bytes.length) throw new RangeError('the value is cut off')
  return { start, end: start + length }
}
