import type { Timer } from '../../apimachinery/clock.ts'
import type { Program } from './program.ts'
import { Terminal, toTerminal } from './terminal.ts'
import type { Timeline } from './timeline.ts'

/** Where a process in a container writes to, and who hears of its end. */
interface ExecSink {
  write(stream: 'stdout' | 'stderr', data: Buffer): void
  exit(code: number): void
}

/** What a process exits with that is interrupted at the terminal. */
const INTERRUPTED = 130
const PROMPT = '/ # '
/** Steps without a pause before others get a turn. */
const MAX_STEPS = 1000

interface ExecOptions {
  readonly program: Program
  readonly timeline: Timeline
  readonly sink: ExecSink
  readonly tty: boolean
  /** It is a shell that somebody types into. */
  readonly isInteractive: boolean
}

/** Runs a process with input and output of somebody outside. */
export class ExecSession {
  readonly #options: ExecOptions
  readonly #terminal = new Terminal()
  readonly #input: Buffer[] = []
  #isInputOver = false
  #isReading = false
  #isOver = false
  #timer: Timer | undefined

  constructor(options: ExecOptions) {
    this.#options = options
  }

  start(): void {
    this.#run(undefined)
  }

  /** Input from outside. */
  input(data: Buffer): void {
    const { tty, sink } = this.#options
    if (this.#isOver) return
    if (!tty) this.#input.push(data)
    else {
      const { echo, lines, isInterrupted, isOver } = this.#terminal.input(data)
      if (echo !== '') sink.write('stdout', Buffer.from(echo))
      for (const line of lines) this.#input.push(Buffer.from(line))
      if (isInterrupted && !this.#isReading) this.#exit(INTERRUPTED)
      else if (isInterrupted) this.#prompt()
      if (isOver) this.#isInputOver = true
    }
    this.#feed()
  }

  /** No more input comes. */
  endInput(): void {
    this.#isInputOver = true
    this.#feed()
  }

  /** Nobody is there any more. */
  close(): void {
    this.#isOver = true
    this.#timer?.cancel()
  }

  #prompt(): void {
    const { tty, isInteractive, sink } = this.#options
    if (tty && isInteractive) sink.write('stdout', Buffer.from(PROMPT))
  }

  #feed(): void {
    if (!this.#isReading || this.#isOver) return
    const next = this.#input.shift()
    if (!next && !this.#isInputOver) return
    this.#isReading = false
    this.#run(next)
  }

  #run(answer: Buffer | undefined): void {
    const { program, timeline, sink, tty } = this.#options
    for (let steps = 0; !this.#isOver; steps++) {
      const step = program.next(answer)
      answer = undefined
      if (step.done) {
        this.#exit(step.value)
        return
      }
      if (step.value.kind === 'write') {
        const { stream, data } = step.value
        if (tty) sink.write('stdout', Buffer.from(toTerminal(data.toString('utf8'))))
        else sink.write(stream, data)
        if (steps < MAX_STEPS) continue
      }
      if (step.value.kind === 'read') {
        this.#isReading = true
        if (this.#input.length === 0 && !this.#isInputOver) this.#prompt()
        this.#feed()
        return
      }
      const pause = step.value.kind === 'sleep' ? step.value.ms : 1
      this.#timer = timeline.after(pause, () => this.#run(undefined))
      return
    }
  }

  #exit(code: number): void {
    if (this.#isOver) return
    this.close()
    this.#options.sink.exit(code)
  }
}
