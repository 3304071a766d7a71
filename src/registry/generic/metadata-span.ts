/** Where metadata ends, and where managedFields stand in it, in the JSON of an object. */
export interface MetadataSpan {
  /** Behind the closing brace. */
  readonly end: number
  /** From here to `fieldsEnd`: the member with one of the commas beside it. Undefined where there is none. */
  readonly fieldsStart: number | undefined
  readonly fieldsEnd: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const MANAGED_FIELDS = Buffer.from('"managedFields":[')

/** Looks through metadata that begins at `start`, its opening brace, of JSON without white space. */
export function metadataSpan(bytes: Buffer, start: number): MetadataSpan {
  let fieldsStart: number | undefined
  let fieldsEnd = 0
  let depth = 0
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      if (depth === 1 && isManagedFields(bytes, i)) {
        fieldsStart = i
        depth++
        i += MANAGED_FIELDS.length - 1
      } else {
        i = closingQuote(bytes, i)
      }
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--
      if (depth === 0) return { end: i + 1, ...withComma(bytes, fieldsStart, fieldsEnd) }
      if (depth === 1 && fieldsStart !== undefined && fieldsEnd === 0) fieldsEnd = i + 1
    }
  }
  throw new RangeError('metadata without an end')
}

/** A string value can't look like this: its own quotes would be escaped. */
function isManagedFields(bytes: Buffer, at: number): boolean {
  return bytes[at + 1] === MANAGED_FIELDS[1] && bytes.subarray(at, at + MANAGED_FIELDS.length).equals(MANAGED_FIELDS)
}

function closingQuote(bytes: Buffer, opening: number): number {
  for (let i = opening + 1; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i++
    else if (bytes[i] === QUOTE) return i
  }
  throw new RangeError('a string without an end')
}

function withComma(bytes: Buffer, start: number | undefined, end: number): Omit<MetadataSpan, 'end'> {
  if (start === undefined) return { fieldsStart: undefined, fieldsEnd: 0 }
  if (bytes[end] === COMMA) return { fieldsStart: start, fieldsEnd: end + 1 }
  return { fieldsStart: bytes[start - 1] === COMMA ? start - 1 : start, fieldsEnd: end }
}
