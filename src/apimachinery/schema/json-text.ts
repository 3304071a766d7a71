import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { jsonSyntaxError, MAX_JSON_DEPTH } from './json-syntax.ts'

/** A body that is no JSON, or no object of its type; the message is upstream's. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DecodeError'
  }
}

/** An object of an {@link ExactJson} tree: members in document order, repeated names included. */
export class Members {
  readonly names: string[] = []
  readonly values: unknown[] = []
}

/** A number of an {@link ExactJson} tree whose text a double does not keep: fractions, exponents, 16 digits and more. */
export class NumberText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * What decoding reads: plain JSON values as `JSON.parse` makes them, or, where these would lose something that shows
 * (repeated names, number texts), a tree in which objects are {@link Members} and such numbers {@link NumberText}.
 */
export type ExactJson = unknown

/** Depth to which values are taken apart by recursion; deeper content is refused with upstream's words. */
export const MAX_VALUE_DEPTH = 1_000

/**
 * Parses a JSON body for typed decoding. `JSON.parse` does the work wherever nothing is lost by it: for 3 KB that and
 * the scan which decides so cost some ten microseconds together. Throws {@link DecodeError} with Go's words.
 */
export function parseJsonExact(bytes: Buffer): ExactJson {
  const text = bytes.toString('utf8')
  const scan = scanJson(text)
  const value = parseNative(text, bytes, scan)
  if (!scan.oddNumbers && countMembers(value) === scan.members) return value
  if (scan.depth > MAX_VALUE_DEPTH) return value
  return new ExactParser(text).parse()
}

/** An untyped JSON body, and the strict errors (`duplicate field "a.b"`) in document order. */
export interface ParsedJson {
  readonly value: unknown
  readonly strictErrors: string[]
}

/**
 * Parses a JSON body without a type. Integers beyond 2^53 become the nearest double. Throws {@link DecodeError}.
 */
export function parseJson(bytes: Buffer): ParsedJson {
  const text = bytes.toString('utf8')
  const scan = scanJson(text)
  const value = parseNative(text, bytes, scan)
  if (countMembers(value) === scan.members || scan.depth > MAX_VALUE_DEPTH) return { value, strictErrors: [] }
  const strictErrors = new StrictErrors()
  return { value: plainJson(new ExactParser(text).parse(), strictErrors, ''), strictErrors: strictErrors.list }
}

function parseNative(text: string, bytes: Buffer, scan: JsonScan): unknown {
  if (scan.depth <= MAX_JSON_DEPTH) {
    try {
      return ESCAPED_SURROGATE.test(text) ? JSON.parse(text, wellFormed) : JSON.parse(text)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
  }
  throw new DecodeError(jsonSyntaxError(bytes) ?? 'unexpected end of JSON input')
}

/** Only an escape can bring half of a surrogate pair into a text that was decoded from UTF-8. */
const ESCAPED_SURROGATE = /\\u[dD][89a-fA-F]/
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** Half of a surrogate pair is no character: Go reads U+FFFD. */
function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replace(LONE_SURROGATE, '\ufffd') : value
}

/** Strict errors as upstream collects them: each once, at most 100 (sigs.k8s.io/json kubernetes_patch.go). */
export class StrictErrors {
  readonly list: string[] = []

  add(message: string): void {
    if (this.list.length < 100 && !this.list.includes(message)) this.list.push(message)
  }
}

/** An {@link ExactJson} tree as plain values: of repeated names the last one wins. Reports them if asked. */
export function plainJson(value: ExactJson, strictErrors?: StrictErrors, path = ''): unknown {
  if (value instanceof NumberText) return Number(value.text)
  if (Array.isArray(value)) return value.map((item, i) => plainJson(item, strictErrors, `${path}[${i}]`))
  if (!(value instanceof Members)) return value
  const out: JsonObject = {}
  value.names.forEach((name, i) => {
    const at = path === '' ? name : `${path}.${name}`
    if (strictErrors && Object.hasOwn(out, name)) strictErrors.add(`duplicate field ${JSON.stringify(at)}`)
    setMember(out, name, plainJson(value.values[i], strictErrors, at))
  })
  return out
}

/** Sets a member of any name: `__proto__` too is data. */
export function setMember(object: JsonObject, name: string, value: unknown): void {
  if (name !== '__proto__') {
    object[name] = value
    return
  }
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

interface JsonScan {
  /** Colons outside of strings: members of all objects, repeated ones included. */
  readonly members: number
  /** Some number is not an integer of up to 15 digits. */
  readonly oddNumbers: boolean
  readonly depth: number
}

/** One pass over the text that jumps over strings; says nothing about validity. */
function scanJson(text: string): JsonScan {
  const length = text.length
  let members = 0
  let oddNumbers = false
  let depth = 0
  let deepest = 0
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      i = endOfString(text, i)
      if (i === -1) break
    } else if (c === 0x3a) members++
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > deepest) deepest = depth
    } else if (c === 0x7d || c === 0x5d) depth--
    else if (c >= 0x30 && c <= 0x39) {
      const end = endOfDigits(text, i)
      const next = text.charCodeAt(end)
      if (end - i > 15 || next === 0x2e || next === 0x65 || next === 0x45) oddNumbers = true
      i = end - 1
    }
  }
  return { members, oddNumbers, depth: deepest }
}

/** Index of the quote that ends the string which begins at `start`; -1 where none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && text.charCodeAt(end - 1) === 0x5c) {
    let first = end - 1
    while (text.charCodeAt(first - 1) === 0x5c) first--
    if ((end - first) % 2 === 0) break
    end = text.indexOf('"', end + 1)
  }
  return end
}

function endOfDigits(text: string, start: number): number {
  let i = start
  for (let c = text.charCodeAt(i); c >= 0x30 && c <= 0x39; c = text.charCodeAt(i)) i++
  return i
}

/** Members of all objects of a parsed value. Without recursion: the value may be deep. */
function countMembers(root: unknown): number {
  if (typeof root !== 'object' || root === null) return 0
  let count = 0
  const open: object[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === 'object' && item !== null) open.push(item)
      continue
    }
    const object = value as JsonObject
    for (const key in object) {
      count++
      const member = object[key]
      if (typeof member === 'object' && member !== null) open.push(member)
    }
  }
  return count
}

/** Parses a text that `JSON.parse` accepts into an {@link ExactJson} tree. */
class ExactParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): ExactJson {
    return this.#value()
  }

  #value(): ExactJson {
    this.#skipSpace()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        this.#at += 4
        return true
      case 'f':
        this.#at += 5
        return false
      case 'n':
        this.#at += 4
        return null
      default:
        return this.#number()
    }
  }

  #skipSpace(): void {
    while (this.#text.charCodeAt(this.#at) <= 0x20) this.#at++
  }

  #object(): Members {
    const members = new Members()
    this.#at++
    for (;;) {
      this.#skipSpace()
      const c = this.#text[this.#at]
      if (c === '}') break
      if (c === ',') {
        this.#at++
        continue
      }
      members.names.push(this.#string())
      this.#skipSpace()
      this.#at++
      members.values.push(this.#value())
    }
    this.#at++
    return members
  }

  #array(): unknown[] {
    const items: unknown[] = []
    this.#at++
    for (;;) {
      this.#skipSpace()
      const c = this.#text[this.#at]
      if (c === ']') break
      if (c === ',') this.#at++
      else items.push(this.#value())
    }
    this.#at++
    return items
  }

  #string(): string {
    this.#skipSpace()
    const start = this.#at
    this.#at = endOfString(this.#text, start) + 1
    return JSON.parse(this.#text.slice(start, this.#at)) as string
  }

  #number(): number | NumberText {
    const start = this.#at
    while ('+-.eE0123456789'.includes(this.#text[this.#at] ?? ' ')) this.#at++
    const text = this.#text.slice(start, this.#at)
    return /^-?\d{1,15}$/.test(text) ? Number(text) : new NumberText(text)
  }
}

/** True for an object of an {@link ExactJson} tree. */
export function isExactObject(value: ExactJson): value is JsonObject | Members {
  return isJsonObject(value) && !(value instanceof NumberText)
}
