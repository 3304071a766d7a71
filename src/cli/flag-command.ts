import { Command, InvalidArgumentError, type Option } from 'commander'
import { commandOfName, pathOf } from './called-as.ts'
import { durationMs } from './duration.ts'
import { helpText } from './help.ts'

/**
 * A command that reads flags as Kubernetes' own programs do: `--name=value` and `--name value`, where a value may begin
 * with a dash; a boolean flag takes its value after `=` alone; what is wrong is said in the words of pflag and cobra.
 *
 * @see https://github.com/spf13/pflag, https://github.com/spf13/cobra
 */
export class FlagCommand extends Command {
  /** How to call it, as its help shows it. */
  #examples = ''

  constructor(name?: string) {
    super(name)
    this.helpOption('-h, --help', 'help for this command')
    this.helpCommand(false)
    this.configureHelp({ formatHelp: (_, helper) => helpText(this, helper, this.#examples) })
  }

  withExamples(text: string): this {
    this.#examples = text
    return this
  }

  /** Options end where the name of a subcommand stands: the rest is for that. */
  override parseOptions(argv: string[]): { operands: string[]; unknown: string[] } {
    const operands: string[] = []
    const words = [...argv]
    while (words.length > 0) {
      const word = words.shift()!
      if (word === '--') return { operands: [...operands, ...words], unknown: [] }
      if (!isFlag(word)) {
        operands.push(word)
        if (this.commands.some((command) => command.name() === word)) return { operands, unknown: words }
      } else if (HELP.has(word)) return { operands, unknown: ['--help'] }
      else if (word.startsWith('--')) this.#long(word, words)
      else this.#short(word, words)
    }
    return { operands, unknown: [] }
  }

  /** Ends with one sentence, as kubectl does; under the name of one of Kubernetes' programs as that program does. */
  override error(message: string, options?: { readonly exitCode?: number; readonly code?: string }): never {
    const sentence = message.replace(/^error: /, '')
    if (commandOfName() !== undefined) return super.error(`Error: ${sentence}`, options)
    return super.error(`error: ${sentence}\nSee '${pathOf(this)} --help' for usage.`, options)
  }

  // Three methods of commander's own that its types do not show; their texts are cobra's here.

  unknownCommand(): never {
    return this.error(`unknown command ${JSON.stringify(this.args[0])} for "${pathOf(this)}"`)
  }

  _excessArguments(received: readonly string[]): void {
    if (received.length > this.registeredArguments.length) this.unknownCommand()
  }

  missingMandatoryOptionValue(option: Option): never {
    return this.error(`required flag(s) "${option.name()}" not set`)
  }

  #long(word: string, words: string[]): void {
    const at = word.indexOf('=')
    const name = normalized(at < 0 ? word : word.slice(0, at))
    if (name === '--' || name.startsWith('---')) this.error(`bad flag syntax: ${word}`)
    const option = this.options.find(({ long }) => long === name) ?? this.error(`unknown flag: ${name}`)
    if (at >= 0) this.#set(option, word.slice(at + 1))
    else if (!option.required) this.#set(option, 'true')
    else this.#set(option, words.shift() ?? this.error(`flag needs an argument: ${name}`))
  }

  /** `-v4`, `-v=4`, `-v 4`; several switches in a word. */
  #short(word: string, words: string[]): void {
    for (let at = 1; at < word.length; at++) {
      const letter = word[at]!
      const rest = word.slice(at + 1)
      const option =
        this.options.find(({ short }) => short === `-${letter}`) ??
        this.error(`unknown shorthand flag: '${letter}' in ${word}`)
      if (!option.required && !rest.startsWith('=')) {
        this.#set(option, 'true')
        continue
      }
      const value = rest === '' ? words.shift() : rest.replace(/^=/, '')
      this.#set(option, value ?? this.error(`flag needs an argument: '${letter}' in ${word}`))
      return
    }
  }

  /** `<value>` is whatever it is made of; `[bool]` and switches are boolean. */
  #set(option: Option, text: string): void {
    const key = option.attributeName()
    try {
      if (option.flags.endsWith('<duration>')) checkDuration(text)
      const value = option.required
        ? (option.parseArg?.(text, this.getOptionValue(key)) ?? text)
        : parseBool(text) !== option.negate
      this.setOptionValueWithSource(key, value, 'cli')
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error
      const flag = option.short ? `${option.short}, ${option.long}` : option.long
      this.error(`invalid argument ${JSON.stringify(text)} for "${flag}" flag: ${error.message}`)
    }
  }
}

const HELP: ReadonlySet<string> = new Set(['--help', '-h'])

const isFlag = (word: string): boolean => word.length > 1 && word.startsWith('-')

/** Kubernetes' components take `--etcd_servers` for `--etcd-servers`. */
const normalized = (name: string): string => name.replaceAll('_', '-')

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** @see https://pkg.go.dev/time#ParseDuration */
function checkDuration(text: string): void {
  try {
    durationMs(text)
  } catch (error) {
    throw new InvalidArgumentError(`time: ${(error as Error).message}`)
  }
}

/** @see https://pkg.go.dev/strconv#ParseBool */
function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true
  if (FALSE.has(text)) return false
  throw new InvalidArgumentError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}
