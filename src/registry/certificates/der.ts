/** An element of DER: tag, content and where it ends. */
export interface DerElement {
  /** 0 universal, 1 application, 2 context, 3 private. */
  readonly tagClass: number
  readonly tag: number
  readonly isCompound: boolean
  /** Header and content. */
  readonly raw: Buffer
  readonly content: Buffer
}

/** Text of what is wrong with DER, worded as Go's encoding/asn1 does. */
export class DerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DerError'
  }
}

export const TAG_BIT_STRING = 3
export const TAG_OID = 6
export const TAG_SEQUENCE = 16

/** The element that starts at `offset`. Throws a {@link DerError} where there is none that is whole. */
export function readDer(bytes: Buffer, offset = 0): DerElement {
  const first = bytes[offset]
  if (first === undefined) throw new DerError('asn1: syntax error: sequence truncated')
  const tag = first & 0x1f
  if (tag === 0x1f) throw new DerError('asn1: structure error: tags with high numbers are not expected here')
  const { length, start } = readLength(bytes, offset + 1)
  const end = start + length
  if (end > bytes.length) throw new DerError('asn1: syntax error: data truncated')
  return {
    tagClass: first >> 6,
    tag,
    isCompound: (first & 0x20) !== 0,
    raw: bytes.subarray(offset, end),
    content: bytes.subarray(start, end),
  }
}

function readLength(bytes: Buffer, offset: number): { readonly length: number; readonly start: number } {
  const first = bytes[offset]
  if (first === undefined) throw new DerError('asn1: syntax error: truncated tag or length')
  if (first < 0x80) return { length: first, start: offset + 1 }
  const size = first & 0x7f
  if (size === 0) throw new DerError('asn1: syntax error: indefinite length found (not DER)')
  if (size > 4) throw new DerError('asn1: structure error: length too large')
  if (offset + size >= bytes.length) throw new DerError('asn1: syntax error: truncated tag or length')
  const length = bytes.readUIntBE(offset + 1, size)
  if (bytes[offset + 1] === 0) throw new DerError('asn1: structure error: superfluous leading zeros in length')
  if (length < 0x80) throw new DerError('asn1: structure error: non-minimal length')
  return { length, start: offset + 1 + size }
}

/** The elements that follow one another in the content of a constructed element. */
export function readDerSequence(content: Buffer): DerElement[] {
  const elements: DerElement[] = []
  for (let offset = 0; offset < content.length; ) {
    const element = readDer(content, offset)
    elements.push(element)
    offset += element.raw.length
  }
  return elements
}

/** Dotted text of an object identifier. */
export function formatOid(content: Buffer): string {
  const arcs: number[] = []
  let value = 0
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f)
    if (byte & 0x80) continue
    if (arcs.length === 0)
      arcs.push(Math.min(Math.floor(value / 40), 2), value - 40 * Math.min(Math.floor(value / 40), 2))
    else arcs.push(value)
    value = 0
  }
  return arcs.join('.')
}
