import { Argument, type Command } from 'commander'
import { FlagCommand } from './flag-command.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

interface Word {
  readonly name: string
  readonly description: string
}

/** A command line up to some word, and what may come next. */
interface Level {
  /** `kubemu snapshot` */
  readonly path: string
  /** Subcommands, or what its argument may be. */
  readonly words: readonly Word[]
  readonly flags: readonly (Word & { readonly takesValue: boolean })[]
}

/** `kubemu completion`: a script that completes commands and flags in a shell. */
export function completionCommand(): FlagCommand {
  return new FlagCommand('completion')
    .description('Print the completion script of a shell (bash, zsh or fish)')
    .usage('(bash | zsh | fish)')
    .withExamples(EXAMPLES)
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell, _flags: unknown, command: Command) => {
      process.stdout.write(completionScript(shell, command.parent!))
    })
}

const EXAMPLES = `# This bash, now
source <(kubemu completion bash)

# Every zsh
kubemu completion zsh > "\${fpath[1]}/_kubemu"

# Every fish
kubemu completion fish > ~/.config/fish/completions/kubemu.fish`

/** The script for a program's commands. */
function completionScript(shell: Shell, program: Command): string {
  const levels = levelsOf(program, program.name())
  if (shell === 'bash') return bashScript(levels)
  return shell === 'zsh' ? zshScript(levels) : fishScript(levels)
}

function levelsOf(command: Command, path: string): Level[] {
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices)
  const own: Level = {
    path,
    words: [
      ...command.commands.map((c) => ({ name: c.name(), description: c.description() })),
      ...choices.map((name) => ({ name, description: name })),
    ],
    flags: [
      ...command.options
        .filter((option) => !option.hidden && option.long)
        .map((o) => ({ name: o.long!, description: o.description, takesValue: o.required })),
      { name: '--help', description: 'help for this command', takesValue: false },
    ],
  }
  return [own, ...command.commands.flatMap((c) => levelsOf(c, `${path} ${c.name()}`))]
}

const namesOf = (words: readonly Word[]): string => words.map(({ name }) => name).join(' ')

/** Patterns of a shell's `case` for the paths of all subcommands. */
const pathsOf = (levels: readonly Level[]): string =>
  levels
    .slice(1)
    .map(({ path }) => quoted(path))
    .join('|')

/** The flags of all commands whose next word is a value. */
const valueFlags = (levels: readonly Level[]): string =>
  [...new Set(levels.flatMap(({ flags }) => flags.filter((f) => f.takesValue).map((f) => f.name)))].join('|')

/** Walks along the words that are commands; what follows is completed with what that level has, or with files. */
function bashScript(levels: readonly Level[]): string {
  const cases = levels.map(
    ({ path, words, flags }) => `    '${path}') words='${namesOf(words)}' flags='${namesOf(flags)}' ;;`,
  )
  return `# bash completion for kubemu
_kubemu() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='kubemu' words flags word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${pathsOf(levels)}) path="$path $word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  case "$previous" in
    ${valueFlags(levels)}) return ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o default -F _kubemu kubemu
`
}

function zshScript(levels: readonly Level[]): string {
  const entries = (words: readonly Word[]): string =>
    words.map(({ name, description }) => quoted(`${name}:${description}`)).join(' ')
  const cases = levels.map(
    ({ path, words, flags }) => `    '${path}') words_=(${entries(words)}) flags_=(${entries(flags)}) ;;`,
  )
  return `#compdef kubemu
_kubemu() {
  local path_='kubemu' word
  local -a words_ flags_
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_ $word" in
      ${pathsOf(levels)}) path_="$path_ $word" ;;
    esac
  done
  case "$path_" in
${cases.join('\n')}
  esac
  case "$words[CURRENT-1]" in
    ${valueFlags(levels)}) _files; return ;;
  esac
  if [[ "$words[CURRENT]" == -* ]]; then _describe 'flag' flags_; return; fi
  if (( $#words_ )); then _describe 'command' words_; else _files; fi
}
if [ "$funcstack[1]" = "_kubemu" ]; then _kubemu "$@"; else compdef _kubemu kubemu; fi
`
}

function fishScript(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ path, words, flags }) => {
    const seen = path
      .split(' ')
      .slice(1)
      .map((word) => `__fish_seen_subcommand_from ${word}`)
    const below = words.length > 0 ? [`not __fish_seen_subcommand_from ${namesOf(words)}`] : []
    const when = quoted([...seen, ...below].join('; and '))
    return [
      ...words.map(({ name, description }) => `complete -c kubemu -f -n ${when} -a ${name} -d ${quoted(description)}`),
      ...flags.map(
        ({ name, description, takesValue }) =>
          `complete -c kubemu -n ${when} -l ${name.slice(2)}${takesValue ? ' -r' : ''} -d ${quoted(description)}`,
      ),
    ]
  })
  return `# fish completion for kubemu\n${lines.join('\n')}\n`
}

/** A word for a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
