/** A word: pieces that are taken as they are, and pieces in which variables are replaced. */
export interface Word {
  readonly parts: readonly { readonly text: string; readonly expands: boolean; readonly isQuoted: boolean }[]
}

export interface Redirect {
  /** 1, 2, or 0 for input. */
  readonly from: number
  readonly append: boolean
  /** A file, or `&1`. */
  readonly target: Word
}

/** What a simulated shell runs. */
export type Command =
  | { readonly kind: 'simple'; readonly words: readonly Word[]; readonly redirects: readonly Redirect[] }
  | { readonly kind: 'pipe'; readonly commands: readonly Command[] }
  | {
      readonly kind: 'list'
      readonly items: readonly { readonly command: Command; readonly after: ';' | '&&' | '||' }[]
    }
  | { readonly kind: 'while'; readonly until: boolean; readonly condition: Command; readonly body: Command }
  | { readonly kind: 'for'; readonly name: string; readonly words: readonly Word[]; readonly body: Command }
  | {
      readonly kind: 'if'
      readonly branches: readonly { readonly condition: Command; readonly body: Command }[]
      readonly otherwise: Command | undefined
    }
  | { readonly kind: 'not'; readonly command: Command }

type Token = { readonly word: Word; readonly plain: string | undefined } | { readonly operator: string }

export class ShellSyntaxError extends Error {}

const OPERATORS = ['&&', '||', '2>&1', '1>&2', '>&2', '2>>', '2>', '>>', '>', '<', ';;', ';', '|', '&', '(', ')', '\n']

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const c = text[at]!
    if (c === ' ' || c === '\t' || (c === '\\' && text[at + 1] === '\n')) at += c === '\\' ? 2 : 1
    else if (c === '#') while (at < text.length && text[at] !== '\n') at++
    else {
      const operator = OPERATORS.find((o) => text.startsWith(o, at))
      if (operator) {
        tokens.push({ operator })
        at += operator.length
      } else {
        const [token, end] = readWord(text, at)
        tokens.push(token)
        at = end
      }
    }
  }
  return tokens
}

function closing(text: string, from: number, quote: string): number {
  let at = from
  while (at < text.length && text[at] !== quote) at += quote === '"' && text[at] === '\\' ? 2 : 1
  if (at >= text.length) throw new ShellSyntaxError('unterminated quoted string')
  return at
}

/** Where `$(…)` ends, other such inside included. */
function substitutionEnd(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at + 1
  }
  throw new ShellSyntaxError('syntax error: unterminated command substitution')
}

function readWord(text: string, from: number): [Token, number] {
  const parts: { text: string; expands: boolean; isQuoted: boolean }[] = []
  let at = from
  const add = (piece: string, expands: boolean, isQuoted: boolean) => parts.push({ text: piece, expands, isQuoted })
  while (at < text.length && !' \t\n;|&<>()'.includes(text[at]!)) {
    const c = text[at]!
    if (c === "'") {
      const end = closing(text, at + 1, "'")
      add(text.slice(at + 1, end), false, true)
      at = end + 1
    } else if (c === '"') {
      const end = closing(text, at + 1, '"')
      add(text.slice(at + 1, end), true, true)
      at = end + 1
    } else if (c === '\\') {
      add(text[at + 1] ?? '', false, true)
      at += 2
    } else if (c === '$' && text[at + 1] === '(') {
      const end = substitutionEnd(text, at + 1)
      add(text.slice(at, end), true, false)
      at = end
    } else {
      let end = at + 1
      while (end < text.length && !' \t\n;|&<>()\'"\\$'.includes(text[end]!)) end++
      if (c === '$' && text[at + 1] === '{') end = Math.max(end, text.indexOf('}', at) + 1)
      add(text.slice(at, end), true, false)
      at = end
    }
  }
  const isPlain = parts.every((p) => !p.isQuoted && !p.text.includes('$'))
  return [{ word: { parts }, plain: isPlain ? parts.map((p) => p.text).join('') : undefined }, at]
}

/** Reads a script. Errors: {@link ShellSyntaxError}, also for what this shell does not know. */
export function parseShell(text: string): Command {
  const parser = new Parser(tokenize(text))
  const command = parser.list([])
  parser.expectEnd()
  return command
}

/** Words that cannot begin a command. */
const RESERVED = ['do', 'done', 'then', 'elif', 'else', 'fi', '}']

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw new ShellSyntaxError(`syntax error: unexpected "${this.#describe()}"`)
  }

  #describe(): string {
    const token = this.#tokens[this.#at]
    return token === undefined ? 'end of file' : 'operator' in token ? token.operator : (token.plain ?? 'word')
  }

  #operator(...operators: readonly string[]): string | undefined {
    const token = this.#tokens[this.#at]
    if (!token || !('operator' in token) || !operators.includes(token.operator)) return undefined
    this.#at++
    return token.operator
  }

  #isWord(...words: readonly string[]): boolean {
    const token = this.#tokens[this.#at]
    return token !== undefined && 'word' in token && token.plain !== undefined && words.includes(token.plain)
  }

  #keyword(word: string): void {
    if (!this.#isWord(word))
      throw new ShellSyntaxError(`syntax error: unexpected "${this.#describe()}" (expecting "${word}")`)
    this.#at++
  }

  #word(): Word | undefined {
    const token = this.#tokens[this.#at]
    if (!token || !('word' in token)) return undefined
    this.#at++
    return token.word
  }

  list(ends: readonly string[]): Command {
    const items: { command: Command; after: ';' | '&&' | '||' }[] = []
    for (;;) {
      while (this.#operator(';', '\n'));
      if (this.#at >= this.#tokens.length || this.#isWord(...ends)) break
      if (ends.includes(')') && this.#tokens[this.#at] && 'operator' in this.#tokens[this.#at]!) break
      const command = this.#pipe()
      const after = this.#operator(';', '\n', '&&', '||', '&')
      items.push({ command, after: after === '&&' || after === '||' ? after : ';' })
      if (after === undefined) break
    }
    return items.length === 1 ? items[0]!.command : { kind: 'list', items }
  }

  #pipe(): Command {
    const commands = [this.#command()]
    while (this.#operator('|')) commands.push(this.#command())
    return commands.length === 1 ? commands[0]! : { kind: 'pipe', commands }
  }

  #command(): Command {
    if (this.#isWord('!')) {
      this.#at++
      return { kind: 'not', command: this.#command() }
    }
    if (this.#isWord('while', 'until')) return this.#while()
    if (this.#isWord('for')) return this.#for()
    if (this.#isWord('if')) return this.#if()
    if (this.#isWord('{')) {
      this.#at++
      const body = this.list(['}'])
      this.#keyword('}')
      return body
    }
    if (this.#operator('(')) {
      const body = this.list([')'])
      if (!this.#operator(')')) throw new ShellSyntaxError('syntax error: expecting ")"')
      return body
    }
    return this.#simple()
  }

  #while(): Command {
    const until = this.#isWord('until')
    this.#at++
    const condition = this.list(['do'])
    return { kind: 'while', until, condition, body: this.#do() }
  }

  #do(): Command {
    this.#keyword('do')
    const body = this.list(['done'])
    this.#keyword('done')
    return body
  }

  #for(): Command {
    this.#at++
    const name = this.#word()?.parts[0]?.text ?? ''
    const words: Word[] = []
    if (this.#isWord('in')) {
      this.#at++
      for (let word = this.#word(); word; word = this.#word()) words.push(word)
    }
    while (this.#operator(';', '\n'));
    return { kind: 'for', name, words, body: this.#do() }
  }

  #if(): Command {
    const branches: { condition: Command; body: Command }[] = []
    do {
      this.#at++
      const condition = this.list(['then'])
      this.#keyword('then')
      branches.push({ condition, body: this.list(['elif', 'else', 'fi']) })
    } while (this.#isWord('elif'))
    let otherwise: Command | undefined
    if (this.#isWord('else')) {
      this.#at++
      otherwise = this.list(['fi'])
    }
    this.#keyword('fi')
    return { kind: 'if', branches, otherwise }
  }

  #simple(): Command {
    const words: Word[] = []
    const redirects: Redirect[] = []
    if (this.#isWord(...RESERVED)) throw new ShellSyntaxError(`syntax error: unexpected "${this.#describe()}"`)
    for (;;) {
      const operator = this.#operator('2>&1', '1>&2', '>&2', '2>>', '2>', '>>', '>', '<')
      if (operator) redirects.push(this.#redirect(operator))
      else {
        const word = this.#word()
        if (!word) break
        words.push(word)
      }
    }
    if (words.length === 0 && redirects.length === 0) {
      throw new ShellSyntaxError(`syntax error: unexpected "${this.#describe()}"`)
    }
    return { kind: 'simple', words, redirects }
  }

  #redirect(operator: string): Redirect {
    const fixed = (text: string): Word => ({ parts: [{ text, expands: false, isQuoted: true }] })
    if (operator === '2>&1') return { from: 2, append: false, target: fixed('&1') }
    if (operator === '1>&2' || operator === '>&2') return { from: 1, append: false, target: fixed('&2') }
    const target = this.#word()
    if (!target) throw new ShellSyntaxError(`syntax error: unexpected "${this.#describe()}"`)
    const from = operator === '<' ? 0 : operator.startsWith('2') ? 2 : 1
    return { from, append: operator.endsWith('>>'), target }
  }
}
