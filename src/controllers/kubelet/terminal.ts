const CTRL_C = 0x03
const CTRL_D = 0x04
const BACKSPACES: ReadonlySet<number> = new Set([0x08, 0x7f])

/** What input of a terminal comes to. */
interface TerminalInput {
  /** To be shown. */
  readonly echo: string
  /** Whole lines for the process. */
  readonly lines: readonly string[]
  readonly isInterrupted: boolean
  readonly isOver: boolean
}

/** The line discipline of a terminal: echoes, edits and hands on whole lines. */
export class Terminal {
  #line = ''

  input(data: Buffer): TerminalInput {
    let echo = ''
    const lines: string[] = []
    let isInterrupted = false
    let isOver = false
    for (const char of data.toString('utf8')) {
      const code = char.codePointAt(0)!
      if (char === '\r' || char === '\n') {
        echo += '\r\n'
        lines.push(`${this.#line}\n`)
        this.#line = ''
      } else if (code === CTRL_C) {
        echo += '^C\r\n'
        this.#line = ''
        isInterrupted = true
      } else if (code === CTRL_D) {
        if (this.#line === '') isOver = true
      } else if (BACKSPACES.has(code)) {
        if (this.#line !== '') echo += '\b \b'
        this.#line = this.#line.slice(0, -1)
      } else if (code >= 0x20) {
        echo += char
        this.#line += char
      }
    }
    return { echo, lines, isInterrupted, isOver }
  }
}

/** Output as a terminal shows it. */
export function toTerminal(text: string): string {
  return text.replace(/\r?\n/g, '\r\n')
}
