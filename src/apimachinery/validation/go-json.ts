/**
 * What Go's encoding/json says about a text that is not JSON.
 *
 * @see Go encoding/json scanner.go
 */

import { goQuote } from '../go-quote.ts'

/** Why json.Unmarshal into a map of anything fails; undefined where it does not. */
export function goJsonObjectError(bytes: Uint8Array): string | undefined {
  return goJsonError(bytes, 'object', 'map[string]interface {}')
}

/**
 * Why json.Unmarshal into a Go type fails that takes an object or a list; undefined where it does not. What stands
 * inside of the value is not looked at.
 */
export function goJsonError(bytes: Uint8Array, wanted: 'object' | 'array', goType: string): string | undefined {
  // One character for each byte: the scanner looks at bytes, and JSON's own characters are all ASCII.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return new Scanner(text).error()
  }
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  if (value === null || type === wanted) return undefined
  return `json: cannot unmarshal ${type} into Go value of type ${goType}`
}

const SPACE = /[ \t\r\n]*/y
const DIGITS = /[0-9]*/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: what JSON forbids inside strings
const PLAIN_TEXT = /[^"\\\x00-\x1f]*/y

/** Thrown inside the scanner to leave it. */
class Stop extends Error {}

/** Walks over a text until the first byte that does not belong there. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  error(): string {
    try {
      this.#values()
      this.#skip(SPACE)
      if (this.#at < this.#text.length) this.#fail('after top-level value')
    } catch (error) {
      if (error instanceof Stop) return error.message
      throw error
    }
    return 'unexpected end of JSON input'
  }

  /** One value with all that it holds; a stack of its own, so that depth does not count. */
  #values(): void {
    const open: ('{' | '[')[] = []
    do {
      let complete = this.#begin(open)
      while (complete && open.length > 0) complete = this.#afterValue(open)
    } while (open.length > 0)
  }

  /** Begins a value; true where it is complete, false where it opened an object or a list with something in it. */
  #begin(open: ('{' | '[')[]): boolean {
    const c = this.#next()
    if (c === '{' || c === '[') {
      this.#at++
      if (this.#next() === (c === '{' ? '}' : ']')) {
        this.#at++
        return true
      }
      open.push(c)
      if (c === '{') this.#key()
      return false
    }
    this.#scalar(c)
    return true
  }

  /** Behind a member or an item; true where it was the last. */
  #afterValue(open: ('{' | '[')[]): boolean {
    const inObject = open.at(-1) === '{'
    const c = this.#next()
    if (c === ',') {
      this.#at++
      this.#next()
      if (inObject) this.#key()
      return false
    }
    if (c !== (inObject ? '}' : ']')) this.#fail(inObject ? 'after object key:value pair' : 'after array element')
    this.#at++
    open.pop()
    return true
  }

  #key(): void {
    if (this.#peek() !== '"') this.#fail('looking for beginning of object key string')
    this.#string()
    if (this.#next() !== ':') this.#fail('after object key')
    this.#at++
  }

  #scalar(c: string): void {
    if (c === '"') this.#string()
    else if (c === '-' || (c >= '0' && c <= '9')) this.#number()
    else if (c === 't') this.#literal('true')
    else if (c === 'f') this.#literal('false')
    else if (c === 'n') this.#literal('null')
    else this.#fail('looking for beginning of value')
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#peek() !== expected) this.#fail(`in literal ${word} (expecting '${expected}')`)
      this.#at++
    }
  }

  #number(): void {
    if (this.#peek() === '-') this.#at++
    if (!isDigit(this.#peek())) this.#fail('in numeric literal')
    if (this.#peek() === '0') this.#at++
    else this.#skip(DIGITS)
    if (this.#text[this.#at] === '.') {
      this.#at++
      if (!isDigit(this.#peek())) this.#fail('after decimal point in numeric literal')
      this.#skip(DIGITS)
    }
    if (this.#text[this.#at] === 'e' || this.#text[this.#at] === 'E') {
      this.#at++
      if (this.#peek() === '+' || this.#peek() === '-') this.#at++
      if (!isDigit(this.#peek())) this.#fail('in exponent of numeric literal')
      this.#skip(DIGITS)
    }
  }

  #string(): void {
    this.#at++
    for (;;) {
      this.#skip(PLAIN_TEXT)
      const c = this.#peek()
      if (c !== '"' && c !== '\\') this.#fail('in string literal')
      this.#at++
      if (c === '"') return
      this.#escape()
    }
  }

  #escape(): void {
    const c = this.#peek()
    if (!'bfnrt\\/"u'.includes(c)) this.#fail('in string escape code')
    this.#at++
    if (c !== 'u') return
    for (let i = 0; i < 4; i++) {
      if (!/[0-9a-fA-F]/.test(this.#peek())) this.#fail('in \\u hexadecimal character escape')
      this.#at++
    }
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at
    pattern.test(this.#text)
    this.#at = pattern.lastIndex
  }

  /** The next byte behind space. */
  #next(): string {
    this.#skip(SPACE)
    return this.#peek()
  }

  #peek(): string {
    const c = this.#text[this.#at]
    if (c === undefined) throw new Stop('unexpected end of JSON input')
    return c
  }

  #fail(context: string): never {
    throw new Stop(`invalid character ${quoteCharacter(this.#text[this.#at]!)} ${context}`)
  }
}

const isDigit = (c: string): boolean => c >= '0' && c <= '9'

function quoteCharacter(c: string): string {
  if (c === "'") return "'\\''"
  if (c === '"') return "'\"'"
  return `'${goQuote(c).slice(1, -1)}'`
}
