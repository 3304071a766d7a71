import { badRequest } from '../apimachinery/api-error.ts'
import { goQuote } from '../apimachinery/go-quote.ts'

/**
 * Query of a request as Go reads it (url.ParseQuery): first value of a name counts, pairs with a semicolon or a broken
 * escape are dropped, `+` is a space.
 */
export class QueryParameters {
  static readonly EMPTY = new QueryParameters(new Map())
  readonly #values: ReadonlyMap<string, readonly string[]>

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  /** `text` is what stands behind the question mark. */
  static parse(text: string): QueryParameters {
    if (text === '') return QueryParameters.EMPTY
    const values = new Map<string, string[]>()
    for (const pair of text.split('&')) {
      if (pair === '' || pair.includes(';')) continue
      const at = pair.indexOf('=')
      const name = unescapeGo(at < 0 ? pair : pair.slice(0, at))
      const value = at < 0 ? '' : unescapeGo(pair.slice(at + 1))
      if (name === undefined || value === undefined) continue
      const known = values.get(name)
      if (known) known.push(value)
      else values.set(name, [value])
    }
    return new QueryParameters(values)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  get(name: string): string | undefined {
    return this.#values.get(name)?.[0]
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** Every name with its values, in the order in which they came. */
  entries(): IterableIterator<[string, readonly string[]]> {
    return this.#values.entries()
  }
}

function unescapeGo(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return undecodable(spaced)
  }
}

/** Escapes that are well formed but no UTF-8 are read as Go would: byte by byte, shown as replacement characters. */
function undecodable(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (_m, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** True unless absent, empty string list, `false` or `0` (upstream's conversion of query booleans). */
export function boolParameter(query: QueryParameters, name: string): boolean | undefined {
  const value = query.get(name)
  if (value === undefined) return undefined
  const lower = value.toLowerCase()
  return lower !== 'false' && lower !== '0'
}

/** An int64. Errors: 400 in Go's words. */
export function intParameter(query: QueryParameters, name: string): number | undefined {
  const value = query.get(name)
  return value === undefined ? undefined : parseGoInt(value)
}

const MAX_INT64 = 9_223_372_036_854_775_807n

function parseGoInt(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`)
  }
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  if (value > MAX_INT64 || value < -MAX_INT64 - 1n) {
    throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`)
  }
  return Number(value)
}
