import { Argument, Command } from 'commander'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** A command line up to some word, and what may come next. */
interface Level {
  /** `kubemu snapshot` */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly flags: readonly { readonly name: string; readonly description: string; readonly takesValue: boolean }[]
}

/** `kubemu completion`: a script that completes commands and flags in a shell. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Print the completion script of a shell (bash, zsh or fish)')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell, _flags: unknown, command: Command) => {
      process.stdout.write(completionScript(shell, command.parent!))
    })
}

const HELP = `
Examples:
  source <(kubemu completion bash)                              # this bash, now
  kubemu completion zsh > "\${fpath[1]}/_kubemu"                 # every zsh
  kubemu completion fish > ~/.config/fish/completions/kubemu.fish`

/** The script for a program's commands. */
export function completionScript(shell: Shell, program: Command): string {
  const levels = levelsOf(program, program.name())
  if (shell === 'bash') return bashScript(levels)
  return shell === 'zsh' ? zshScript(levels) : fishScript(levels)
}

function levelsOf(command: Command, path: string): Level[] {
  const own: Level = {
    path,
    commands: command.commands.map((c) => ({ name: c.name(), description: c.description() })),
    flags: [
      ...command.options
        .filter((option) => !option.hidden && option.long)
        .map((o) => ({ name: o.long!, description: o.description, takesValue: o.required })),
      { name: '--help', description: 'display help for command', takesValue: false },
    ],
  }
  return [own, ...command.commands.flatMap((c) => levelsOf(c, `${path} ${c.name()}`))]
}

/** Walks along the words that are commands; what follows is completed with what that level has. */
function bashScript(levels: readonly Level[]): string {
  const known = levels.slice(1).map(({ path }) => `'${path}'`)
  const cases = levels.map(({ path, commands, flags }) => {
    const words = [...commands.map((c) => c.name), ...flags.map((f) => f.name)]
    return `    '${path}') COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$current")) ;;`
  })
  return `# bash completion for kubemu
_kubemu() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='kubemu' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${known.join('|')}) path="$path $word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
}
complete -o default -F _kubemu kubemu
`
}

function zshScript(levels: readonly Level[]): string {
  const known = levels.slice(1).map(({ path }) => `'${path}'`)
  const cases = levels.map(({ path, commands, flags }) => {
    const entries = [...commands, ...flags].map(({ name, description }) => `${name}:${description}`)
    return `    '${path}') entries=(${entries.map(quoted).join(' ')}) ;;`
  })
  return `#compdef kubemu
_kubemu() {
  local path_='kubemu' word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$path_ $word" in
      ${known.join('|')}) path_="$path_ $word" ;;
    esac
  done
  case "$path_" in
${cases.join('\n')}
  esac
  _describe 'kubemu' entries || _files
}
if [ "$funcstack[1]" = "_kubemu" ]; then _kubemu "$@"; else compdef _kubemu kubemu; fi
`
}

function fishScript(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ path, commands, flags }) => {
    const words = path.split(' ').slice(1)
    const below = commands.map((c) => c.name).join(' ')
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`)
    const none = below ? [`not __fish_seen_subcommand_from ${below}`] : []
    const when = quoted([...seen, ...none].join('; and '))
    return [
      ...commands.map((c) => `complete -c kubemu -f -n ${when} -a ${c.name} -d ${quoted(c.description)}`),
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
