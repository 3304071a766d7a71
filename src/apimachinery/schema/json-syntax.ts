import { goQuote } from '../go-quote.ts'

/** Nesting that Go's scanner allows (maxNestingDepth of encoding/json). */
export const MAX_JSON_DEPTH = 10_000

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Where the scanner stands inside the containers that are open. */
type Parent = 'object key' | 'object value' | 'array start' | 'array'

/**
 * Says what is wrong with a JSON text in the words of Go's scanner (encoding/json scanner.go), which clients see.
 * Slow and exact: runs only after `JSON.parse` has refused the text. Undefined for valid JSON.
 */
export function jsonSyntaxError(bytes: Uint8Array): string | undefined {
  return new SyntaxScanner(bytes).run()
}

class SyntaxScanner {
  readonly #bytes: Uint8Array
  readonly #parents: Parent[] = []
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  run(): string | undefined {
    let error = this.#value()
    while (error === undefined && this.#parents.length > 0) error = this.#afterValue()
    if (error !== undefined) return error
    this.#skipSpace()
    return this.#at < this.#bytes.length ? this.#invalid('after top-level value') : undefined
  }

  /** The byte here; at the end of the text Go's scanner looks at one space more. */
  #peek(): number {
    return this.#bytes[this.#at] ?? 0x20
  }

  #invalid(context: string): string {
    return `invalid character ${quoteByte(this.#peek())} ${context}`
  }

  #end(): string {
    return 'unexpected end of JSON input'
  }

  #skipSpace(): void {
    while (this.#at < this.#bytes.length && isSpace(this.#bytes[this.#at]!)) this.#at++
  }

  /** Reads a value up to its end, or up to the first value inside it. */
  #value(): string | undefined {
    this.#skipSpace()
    if (this.#at >= this.#bytes.length) return this.#end()
    const c = this.#peek()
    switch (c) {
      case 0x7b:
        return this.#open('object key')
      case 0x5b:
        return this.#open('array start')
      case QUOTE:
        return this.#string()
      case 0x74:
        return this.#literal('true')
      case 0x66:
        return this.#literal('false')
      case 0x6e:
        return this.#literal('null')
      default:
        return c === 0x2d || isDigit(c) ? this.#number() : this.#invalid('looking for beginning of value')
    }
  }

  #open(parent: Parent): string | undefined {
    if (this.#parents.length >= MAX_JSON_DEPTH) return this.#invalid('exceeded max depth')
    this.#at++
    this.#parents.push(parent)
    this.#skipSpace()
    if (this.#at >= this.#bytes.length) return this.#end()
    if (this.#peek() === (parent === 'array start' ? 0x5d : 0x7d)) return this.#close()
    return parent === 'object key' ? this.#key() : undefined
  }

  #close(): undefined {
    this.#at++
    this.#parents.pop()
  }

  #key(): string | undefined {
    this.#skipSpace()
    if (this.#at >= this.#bytes.length) return this.#end()
    if (this.#peek() !== QUOTE) return this.#invalid('looking for beginning of object key string')
    return this.#string()
  }

  /** Goes on inside the innermost container. Never deeper by recursion: nesting is the client's choice. */
  #afterValue(): string | undefined {
    this.#skipSpace()
    if (this.#at >= this.#bytes.length) return this.#end()
    const c = this.#peek()
    const last = this.#parents.length - 1
    switch (this.#parents[last]) {
      case 'array start':
        this.#parents[last] = 'array'
        return this.#value()
      case 'object key':
        if (c !== 0x3a) return this.#invalid('after object key')
        this.#parents[last] = 'object value'
        this.#at++
        return this.#value()
      case 'object value':
        if (c === 0x7d) return this.#close()
        if (c !== 0x2c) return this.#invalid('after object key:value pair')
        this.#parents[last] = 'object key'
        this.#at++
        return this.#key()
      default:
        if (c === 0x5d) return this.#close()
        if (c !== 0x2c) return this.#invalid('after array element')
        this.#at++
        return this.#value()
    }
  }

  #string(): string | undefined {
    for (this.#at++; this.#at < this.#bytes.length; this.#at++) {
      const c = this.#peek()
      if (c === QUOTE) {
        this.#at++
        return undefined
      }
      if (c < 0x20) return this.#invalid('in string literal')
      if (c === BACKSLASH) {
        const error = this.#escape()
        if (error) return error
      }
    }
    return this.#end()
  }

  #escape(): string | undefined {
    this.#at++
    if (this.#at >= this.#bytes.length) return this.#invalid('in string escape code')
    const c = this.#peek()
    if (c !== 0x75)
      return '"\\/bfnrt'.includes(String.fromCharCode(c)) ? undefined : this.#invalid('in string escape code')
    for (let i = 0; i < 4; i++) {
      this.#at++
      if (!/[0-9a-fA-F]/.test(String.fromCharCode(this.#peek()))) {
        return this.#invalid('in \\u hexadecimal character escape')
      }
    }
    return undefined
  }

  #literal(word: string): string | undefined {
    for (let i = 1; i < word.length; i++) {
      this.#at++
      if (this.#peek() !== word.charCodeAt(i)) return this.#invalid(`in literal ${word} (expecting '${word[i]}')`)
    }
    this.#at++
    return undefined
  }

  #number(): string | undefined {
    if (this.#peek() === 0x2d) this.#at++
    if (!isDigit(this.#peek())) return this.#invalid('in numeric literal')
    if (this.#peek() === 0x30) this.#at++
    else this.#digits()
    if (this.#peek() === 0x2e) {
      this.#at++
      if (!isDigit(this.#peek())) return this.#invalid('after decimal point in numeric literal')
      this.#digits()
    }
    if (this.#peek() === 0x65 || this.#peek() === 0x45) {
      this.#at++
      if (this.#peek() === 0x2b || this.#peek() === 0x2d) this.#at++
      if (!isDigit(this.#peek())) return this.#invalid('in exponent of numeric literal')
      this.#digits()
    }
    return undefined
  }

  #digits(): void {
    while (isDigit(this.#peek())) this.#at++
  }
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39
}

/** Go's quoteChar: the byte as a character in single quotes. */
function quoteByte(c: number): string {
  if (c === 0x27) return "'\\''"
  if (c === QUOTE) return `'"'`
  return `'${goQuote(String.fromCharCode(c)).slice(1, -1)}'`
}
