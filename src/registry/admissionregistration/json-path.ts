/** Filters inside filters that are followed; a path with more is refused. */
const MAX_DEPTH = 100

const DICT_KEY = /^'([^']*)'$/
const SLICE = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/
const FILTER = /^([^!<>=]+)([!<>=]+)([\s\S]+?)$/
const TERMINATORS = new Set([...' \t\r\n.,[]$@{}'])

/** What is wrong with a text, thrown inside of this file only. */
class SyntaxProblem extends Error {}

/**
 * Why a template such as `{spec.validations[0]}` is no JSONPath, in the words of client-go; undefined where it is one.
 *
 * @see client-go util/jsonpath/parser.go
 */
export function jsonPathProblem(template: string): string | undefined {
  try {
    new Scanner(template, 0).scan()
    return undefined
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message
    throw error
  }
}

/** Walks over a template and throws at the first thing that does not parse. */
class Scanner {
  readonly #input: string
  readonly #depth: number
  #at = 0
  #afterRecursion = false

  constructor(input: string, depth: number) {
    if (depth > MAX_DEPTH) throw new SyntaxProblem('too many nested filters')
    this.#input = input
    this.#depth = depth
  }

  scan(): void {
    for (;;) {
      const open = this.#input.indexOf('{', this.#at)
      if (open < 0) return
      this.#at = open + 1
      this.#afterRecursion = false
      while (!this.#input.startsWith('}', this.#at)) this.#step()
      this.#at++
    }
  }

  /** One element inside of braces. */
  #step(): void {
    if (this.#input.startsWith('[?(', this.#at)) this.#filter()
    else if (this.#input.startsWith('..', this.#at)) this.#recursion()
    else this.#simpleStep()
  }

  #simpleStep(): void {
    const code = this.#input.codePointAt(this.#at)
    const char = code === undefined ? '' : String.fromCodePoint(code)
    if (char === '' || char === '\r' || char === '\n') throw new SyntaxProblem('unclosed action')
    this.#at += char.length
    if (char === ' ' || char === '@' || char === '$') return
    this.#afterRecursion = false
    if (char === '[') this.#array()
    else if (char === '"' || char === "'") this.#quote(char)
    else if (char === '.') this.#field()
    else if (/^[+\-\p{Nd}]$/u.test(char)) this.#number(char)
    else if (/^[_\p{L}\p{Nd}]$/u.test(char)) this.#identifier()
    else {
      const name = `U+${code!.toString(16).toUpperCase().padStart(4, '0')}`
      throw new SyntaxProblem(`unrecognized character in action: ${name} '${char}'`)
    }
  }

  #recursion(): void {
    if (this.#afterRecursion) throw new SyntaxProblem('invalid multiple recursive descent')
    this.#at += 2
    this.#afterRecursion = true
    if (/^[_\p{L}\p{Nd}]/u.test(this.#input.slice(this.#at, this.#at + 2))) {
      this.#afterRecursion = false
      this.#field()
    }
  }

  #identifier(): void {
    while (this.#at < this.#input.length && !TERMINATORS.has(this.#input[this.#at]!)) this.#at++
  }

  #field(): void {
    while (this.#at < this.#input.length && !TERMINATORS.has(this.#input[this.#at]!)) {
      this.#at += this.#input[this.#at] === '\\' ? 2 : 1
    }
  }

  #number(first: string): void {
    const start = this.#at - first.length
    while (/^[.\d]$/.test(this.#input[this.#at] ?? '')) this.#at++
    const text = this.#input.slice(start, this.#at)
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) throw new SyntaxProblem(`cannot parse number ${text}`)
  }

  #quote(end: string): void {
    for (;;) {
      const char = this.#input[this.#at]
      if (char === undefined || char === '\n') throw new SyntaxProblem('unterminated quoted string')
      this.#at++
      if (char === end && this.#input[this.#at - 2] !== '\\') return
    }
  }

  #array(): void {
    const start = this.#at
    const close = this.#input.indexOf(']', start)
    const newline = this.#input.indexOf('\n', start)
    if (close < 0 || (newline >= 0 && newline < close)) throw new SyntaxProblem('unterminated array')
    this.#at = close + 1
    const text = this.#input.slice(start, close)
    for (const item of text === '*' ? [] : text.split(',')) this.#arrayItem(text.includes(',') ? item.trim() : item)
  }

  #arrayItem(text: string): void {
    const key = DICT_KEY.exec(text)
    if (key) {
      this.#nested(`.${key[1]}`)
      return
    }
    const slice = SLICE.exec(text)
    if (!slice) throw new SyntaxProblem(`invalid array index ${text}`)
    for (const part of slice.slice(1)) {
      const digits = (part ?? '').replace(/^:/, '')
      if (digits === '-') throw new SyntaxProblem(`array index ${digits} is not a number`)
    }
  }

  #filter(): void {
    this.#afterRecursion = false
    this.#at += 3
    const start = this.#at
    this.#skipToFilterEnd()
    const text = this.#input.slice(start, this.#at - 1)
    if (this.#input[this.#at] !== ']') throw new SyntaxProblem('unclosed array expect ]')
    this.#at++
    const comparison = FILTER.exec(text)
    for (const side of comparison ? [comparison[1]!, comparison[3]!] : [text]) this.#nested(side)
  }

  /** Parentheses inside of one pair of quotes do not count. */
  #skipToFilterEnd(): void {
    let quote = ''
    let closed = false
    for (;;) {
      const char = this.#input[this.#at]
      if (char === undefined || char === '\n') throw new SyntaxProblem('unterminated filter')
      this.#at++
      if (char === '"' || char === "'") {
        if (quote === '') quote = char
        else if (char === quote && this.#input[this.#at - 2] !== '\\') closed = true
      } else if (char === ')' && (quote === '') === !closed) return
    }
  }

  #nested(action: string): void {
    new Scanner(`{${action}}`, this.#depth + 1).scan()
  }
}
