import { parseDurationMs } from './duration.ts'
import type { Program, ProgramStep } from './program.ts'
import { COMMANDS } from './shell-commands.ts'
import { type Command, parseShell, type Redirect, ShellSyntaxError, type Word } from './shell-syntax.ts'

interface ShellOptions {
  readonly environment: Record<string, string>
  /** Contents by absolute path; what is written goes there too. */
  readonly files: Map<string, Buffer>
  readonly hostname: string
}

/** Input and output of one command of a shell. */
export interface CommandIo {
  readonly shell: Shell
  readonly args: readonly string[]
  /** Input from a pipe or file; undefined: the process's own. */
  readonly input: Buffer | undefined
  /** Milliseconds since the epoch, for `date`. */
  readonly nowMs: number
}

/** Ends the whole process. */
class Exit extends Error {
  readonly code: number
  constructor(code: number) {
    super('exit')
    this.code = code
  }
}

type Step = Generator<ProgramStep, number, Buffer | undefined>

const SHELLS = new Set(['sh', 'bash', 'ash', 'dash', 'zsh'])
/** Sizes beyond which a script is not worth running. */
const MAX_OUTPUT = 1024 * 1024

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/**
 * A small shell: enough for the commands that manifests, tests and people at `kubectl exec` use. Programs that it does
 * not know are not found, as in an image without them.
 */
export class Shell {
  readonly environment: Record<string, string>
  readonly files: Map<string, Buffer>
  readonly hostname: string
  cwd = '/'
  #status = 0
  /** Commands that stand for programs that only the image has, and how long these run. */
  #foreign: ReadonlyMap<Command, number> = new Map()

  constructor({ environment, files, hostname }: ShellOptions) {
    this.environment = environment
    this.files = files
    this.hostname = hostname
  }

  /** The process of a command line; undefined where it is a program that is not known here. */
  program(command: readonly string[]): Program | undefined {
    const [name = '', ...args] = command
    const program = baseName(name)
    if (SHELLS.has(program)) return this.#shellProgram(args)
    return Object.hasOwn(COMMANDS, program) ? this.#guarded(this.#run([program, ...args], undefined)) : undefined
  }

  /**
   * The process of a container. What a script does on the way is done; a program that only the image has runs for
   * `foreignMs` where it comes last, as a server does, and for a second elsewhere. Undefined where the script depends on
   * what such a program says, or does not lie here: then nothing is known of it.
   */
  containerProgram(command: readonly string[], foreignMs: number): Program | undefined {
    const [name = '', ...args] = command
    const text = SHELLS.has(baseName(name)) ? this.#scriptOf(args) : undefined
    if (text === undefined) {
      const file = args.find((arg) => !arg.startsWith('-'))
      return SHELLS.has(baseName(name)) && file !== undefined ? undefined : this.program(command)
    }
    const foreign = foreignCommands(text, foreignMs)
    if (!foreign) return undefined
    this.#foreign = foreign.commands
    return this.#guarded(this.#execute(foreign.script, undefined))
  }

  /** The script that arguments of a shell give, or the file that they name. */
  #scriptOf(args: readonly string[]): string | undefined {
    const at = args.findIndex((arg) => /^-[a-z]*c[a-z]*$/.test(arg))
    if (at < 0) {
      const file = args.find((arg) => !arg.startsWith('-'))
      return file === undefined ? undefined : this.files.get(this.resolve(file))?.toString('utf8')
    }
    for (const [i, arg] of args.slice(at + 2).entries()) this.environment[String(i)] = arg
    return args[at + 1] ?? ''
  }

  #shellProgram(args: readonly string[]): Program {
    const script = this.#scriptOf(args)
    return script === undefined ? this.interactive() : this.script(script)
  }

  /** The process of a script. */
  *script(text: string): Program {
    let command: Command
    try {
      command = parseShell(text)
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error
      yield { kind: 'write', stream: 'stderr', data: Buffer.from(`sh: ${error.message}\n`) }
      return 2
    }
    return yield* this.#guarded(this.#execute(command, undefined))
  }

  /** Reads commands line by line until the input ends. */
  *interactive(): Program {
    let rest = ''
    for (;;) {
      const input = yield { kind: 'read' }
      if (!input) return this.#status
      rest += input.toString('utf8').replaceAll('\r', '\n')
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 1)
        if (/^\s*exit\b/.test(line)) return Number(/\d+/.exec(line)?.[0] ?? this.#status) & 255
        this.#status = yield* this.script(line)
      }
    }
  }

  *#guarded(steps: Step): Program {
    try {
      return yield* steps
    } catch (error) {
      if (error instanceof Exit) return error.code
      throw error
    }
  }

  *#execute(command: Command, input: Buffer | undefined): Step {
    switch (command.kind) {
      case 'simple':
        this.#status = yield* this.#simple(command, input)
        return this.#status
      case 'list':
        return yield* this.#list(command, input)
      case 'pipe':
        return yield* this.#pipe(command, input)
      case 'not':
        this.#status = (yield* this.#execute(command.command, input)) === 0 ? 1 : 0
        return this.#status
      case 'while':
        for (;;) {
          const holds = (yield* this.#execute(command.condition, input)) === 0
          if (holds === command.until) return 0
          yield* this.#execute(command.body, input)
          // A loop without a pause must give others their turn.
          yield { kind: 'sleep', ms: 1 }
        }
      case 'for':
        for (const value of yield* this.#words(command.words)) {
          this.environment[command.name] = value
          yield* this.#execute(command.body, input)
        }
        return this.#status
      case 'if':
        for (const { condition, body } of command.branches) {
          if ((yield* this.#execute(condition, input)) === 0) return yield* this.#execute(body, input)
        }
        return command.otherwise ? yield* this.#execute(command.otherwise, input) : 0
    }
  }

  *#list({ items }: Command & { readonly kind: 'list' }, input: Buffer | undefined): Step {
    let skip: '&&' | '||' | undefined
    for (const { command, after } of items) {
      if (skip === undefined) this.#status = yield* this.#execute(command, input)
      if (after === ';') skip = undefined
      else if (after === '&&') skip = this.#status === 0 ? undefined : '&&'
      else skip = this.#status === 0 ? '||' : undefined
    }
    return this.#status
  }

  *#pipe({ commands }: Command & { readonly kind: 'pipe' }, input: Buffer | undefined): Step {
    let data = input
    for (const [i, command] of commands.entries()) {
      if (i === commands.length - 1) return yield* this.#execute(command, data)
      data = yield* this.#captured(this.#execute(command, data))
    }
    return this.#status
  }

  /** Runs something and keeps what it writes to its output. */
  *#captured(steps: Step): Generator<ProgramStep, Buffer, Buffer | undefined> {
    const chunks: Buffer[] = []
    let size = 0
    let answer: Buffer | undefined
    for (;;) {
      const step = steps.next(answer)
      answer = undefined
      if (step.done) return Buffer.concat(chunks)
      if (step.value.kind === 'write' && step.value.stream === 'stdout') {
        size += step.value.data.length
        if (size <= MAX_OUTPUT) chunks.push(step.value.data)
      } else answer = yield step.value
    }
  }

  *#simple(command: Command & { readonly kind: 'simple' }, input: Buffer | undefined): Step {
    const { words, redirects } = command
    const foreignMs = this.#foreign.get(command)
    if (foreignMs !== undefined) {
      yield { kind: 'sleep', ms: foreignMs }
      return 0
    }
    const args = yield* this.#words(words)
    while (args.length > 0 && /^[A-Za-z_]\w*=/.test(args[0]!) && !words[0]!.parts[0]!.isQuoted) {
      const [name = '', ...value] = args.shift()!.split('=')
      this.environment[name] = value.join('=')
    }
    const targets: { from: number; path: string; append: boolean }[] = []
    for (const redirect of redirects) {
      const path = (yield* this.#words([redirect.target])).join(' ')
      if (redirect.from === 0) input = this.files.get(this.resolve(path)) ?? Buffer.alloc(0)
      else targets.push({ from: redirect.from, path, append: redirect.append })
    }
    if (args.length === 0) return 0
    return yield* targets.length === 0 ? this.#run(args, input) : this.#redirected(this.#run(args, input), targets)
  }

  *#redirected(steps: Step, targets: readonly (Omit<Redirect, 'target'> & { readonly path: string })[]): Step {
    for (const { path, append } of targets) {
      if (!path.startsWith('&') && path !== '/dev/null' && !append) this.files.set(this.resolve(path), Buffer.alloc(0))
    }
    let answer: Buffer | undefined
    for (;;) {
      const step = steps.next(answer)
      answer = undefined
      if (step.done) return step.value
      if (step.value.kind !== 'write') {
        answer = yield step.value
        continue
      }
      let { stream } = step.value
      let path: string | undefined
      for (const target of [...targets].reverse()) {
        if (target.from !== (stream === 'stdout' ? 1 : 2)) continue
        if (target.path === '&1') stream = 'stdout'
        else if (target.path === '&2') stream = 'stderr'
        else path = target.path
      }
      if (path === undefined) yield { ...step.value, stream }
      else if (path !== '/dev/null') {
        const file = this.resolve(path)
        this.files.set(file, Buffer.concat([this.files.get(file) ?? Buffer.alloc(0), step.value.data]))
      }
    }
  }

  *#run(args: readonly string[], input: Buffer | undefined): Step {
    const [name = '', ...rest] = args
    const program = baseName(name)
    if (program === 'exit') throw new Exit(Number(rest[0] ?? this.#status) & 255)
    if (program === 'exec' && rest.length > 0) throw new Exit(yield* this.#run(rest, input))
    if (program === 'sleep') return yield* this.#sleep(rest)
    if (SHELLS.has(program)) return yield* this.#shellProgram(rest)
    const command = Object.hasOwn(COMMANDS, program) ? COMMANDS[program] : undefined
    if (command) {
      const result = command({ shell: this, args: rest, input, nowMs: Date.now() })
      return typeof result === 'number' ? result : yield* result
    }
    yield { kind: 'write', stream: 'stderr', data: Buffer.from(`sh: ${name}: not found\n`) }
    return 127
  }

  *#sleep(args: readonly string[]): Step {
    let ms = 0
    for (const arg of args)
      ms += arg === 'infinity' || arg === 'inf' ? Number.POSITIVE_INFINITY : (parseDurationMs(arg) ?? Number.NaN)
    if (Number.isNaN(ms)) {
      yield { kind: 'write', stream: 'stderr', data: Buffer.from(`sleep: invalid number '${args.join(' ')}'\n`) }
      return 1
    }
    yield { kind: 'sleep', ms }
    return 0
  }

  *#words(words: readonly Word[]): Generator<ProgramStep, string[], Buffer | undefined> {
    const result: string[] = []
    for (const { parts } of words) {
      let text = ''
      let splits = false
      for (const part of parts) {
        if (!part.expands) text += part.text
        else {
          text += yield* this.#expand(part.text)
          if (!part.isQuoted && part.text.includes('$')) splits = true
        }
      }
      if (splits) result.push(...text.split(/\s+/).filter((w) => w !== ''))
      else result.push(text)
    }
    return result
  }

  *#expand(text: string): Generator<ProgramStep, string, Buffer | undefined> {
    let out = ''
    let at = 0
    while (at < text.length) {
      const rest = text.slice(at)
      const arithmetic = /^\$\(\(([^()]*)\)\)/.exec(rest)
      const variable = /^\$(?:\{([A-Za-z_]\w*|\d+|\?)(?::-([^}]*))?\}|([A-Za-z_]\w*|\d|\?|\$))/.exec(rest)
      if (arithmetic) {
        out += String(this.#arithmetic(arithmetic[1]!))
        at += arithmetic[0].length
      } else if (rest.startsWith('$(')) {
        const end = matching(rest)
        const inner = yield* this.#captured(this.script(rest.slice(2, end - 1)))
        out += inner.toString('utf8').replace(/\n+$/, '')
        at += end
      } else if (variable) {
        out += this.#variable(variable[1] ?? variable[3]!) || (variable[2] ?? '')
        at += variable[0].length
      } else if (rest[0] === '\\' && rest.length > 1 && '$"\\`'.includes(rest[1]!)) {
        out += rest[1]
        at += 2
      } else {
        out += rest[0]
        at++
      }
    }
    return out
  }

  #variable(name: string): string {
    if (name === '?') return String(this.#status)
    if (name === '$') return '1'
    return this.environment[name] ?? ''
  }

  /** `i+1`, `n*2-1`: from left to right, products first. */
  #arithmetic(text: string): number {
    const value = (term: string): number => {
      const t = term.trim().replace(/^\$/, '')
      return /^-?\d+$/.test(t) ? Number(t) : Number(this.environment[t] ?? 0)
    }
    const product = (part: string): number => {
      const factors = part.split(/([*/%])/)
      let result = value(factors[0]!)
      for (let i = 1; i < factors.length; i += 2) {
        const next = value(factors[i + 1]!)
        result = factors[i] === '*' ? result * next : factors[i] === '/' ? Math.trunc(result / next) : result % next
      }
      return result
    }
    const terms = text.split(/(?<=[\w\s)])([+-])/)
    let sum = product(terms[0]!)
    for (let i = 1; i < terms.length; i += 2) sum += (terms[i] === '+' ? 1 : -1) * product(terms[i + 1]!)
    return sum
  }

  /** An absolute path without `.` and `..`. */
  resolve(path: string): string {
    const parts: string[] = []
    for (const part of (path.startsWith('/') ? path : `${this.cwd}/${path}`).split('/')) {
      if (part === '..') parts.pop()
      else if (part !== '' && part !== '.') parts.push(part)
    }
    return `/${parts.join('/')}`
  }
}

/** How long a program runs of which nothing is known, where others come after it. */
const FOREIGN_MS = 1000
const BUILT_IN: ReadonlySet<string> = new Set(['exit', 'exec', 'sleep', ...SHELLS])

/** A script with the commands that only its image can run; undefined where what these say decides what it does. */
function foreignCommands(
  text: string,
  lastMs: number,
): { readonly script: Command; readonly commands: ReadonlyMap<Command, number> } | undefined {
  let script: Command
  try {
    script = parseShell(text)
  } catch {
    return undefined
  }
  const steps = script.kind === 'list' ? script.items.map(({ command }) => command) : [script]
  const commands = new Map<Command, number>()
  for (const [i, step] of steps.entries()) {
    if (step.kind === 'simple' && isForeign(step)) commands.set(step, i === steps.length - 1 ? lastMs : FOREIGN_MS)
    else if (!isKnown(step)) return undefined
  }
  return { script, commands }
}

function isForeign({ words }: Command & { readonly kind: 'simple' }): boolean {
  const texts = words.map(({ parts }) => parts.map(({ text }) => text).join(''))
  const [name = '', next] = texts.filter((text) => !/^[A-Za-z_]\w*=/.test(text))
  const program = baseName(name === 'exec' && next !== undefined ? next : name)
  return program !== '' && !BUILT_IN.has(program) && !Object.hasOwn(COMMANDS, program)
}

/** Whether everything in it is a program that is known here, what it substitutes included. */
function isKnown(command: Command): boolean {
  switch (command.kind) {
    case 'simple':
      return !isForeign(command) && command.words.every(isKnownWord)
    case 'pipe':
      return command.commands.every(isKnown)
    case 'list':
      return command.items.every((item) => isKnown(item.command))
    case 'while':
      return isKnown(command.condition) && isKnown(command.body)
    case 'for':
      return command.words.every(isKnownWord) && isKnown(command.body)
    case 'if':
      return (
        command.branches.every(({ condition, body }) => isKnown(condition) && isKnown(body)) &&
        (command.otherwise === undefined || isKnown(command.otherwise))
      )
    case 'not':
      return isKnown(command.command)
  }
}

function isKnownWord({ parts }: Word): boolean {
  return parts.every(({ text, expands }) => {
    if (!expands) return true
    for (let at = text.indexOf('$('); at >= 0; at = text.indexOf('$(', at + 2)) {
      const rest = text.slice(at)
      if (rest.startsWith('$((')) continue
      try {
        if (!isKnown(parseShell(rest.slice(2, matching(rest) - 1)))) return false
      } catch {
        return false
      }
    }
    return true
  })
}

/** Length of the `$(…)` that a text begins with. */
function matching(text: string): number {
  let depth = 0
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')' && --depth === 0) return i + 1
  }
  return text.length
}
