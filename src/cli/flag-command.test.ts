import { CommanderError } from 'commander'
import { describe, expect, test } from 'vitest'
import { FlagCommand } from './flag-command.ts'
import { wholeNumber } from './whole-number.ts'

/** What a command with some flags makes of a command line: its values, or the sentence that it ends with. */
function parsed(...args: readonly string[]): unknown {
  let outcome: unknown
  const command = new FlagCommand('run')
    .argument('[file...]')
    .option('--server-name <name>', '', 'none')
    .option('--secure [bool]', '', true)
    .option('--no-cache', '')
    .option('--limit <n>', '', wholeNumber(10), 5)
    .option('--label <text>', '', (text: string, all: string[]) => [...all, text], [])
    .option('--timeout <duration>', '', '5s')
    .option('-v, --v <level>', '')
    .option('-f, --follow', '')
    .option('-q, --quiet', '')
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .action((files: string[], flags: Record<string, unknown>) => {
      outcome = { files, ...flags }
    })
  try {
    command.parse([...args], { from: 'user' })
    return outcome
  } catch (error) {
    if (error instanceof CommanderError) return error.message.split('\n')[0]
    throw error
  }
}

const DEFAULTS = { files: [], serverName: 'none', secure: true, cache: true, limit: 5, label: [], timeout: '5s' }

describe('flags, as pflag reads them', () => {
  test.each<[string[], object]>([
    [[], {}],
    [['--server-name=a=b'], { serverName: 'a=b' }],
    [['--server-name', 'a', '--limit', '3'], { serverName: 'a', limit: 3 }],
    [['--server-name='], { serverName: '' }],
    [['--server-name', '--secure'], { serverName: '--secure' }],
    [['--server-name', '-1'], { serverName: '-1' }],
    [['--server_name=a_b'], { serverName: 'a_b' }],
    [['--secure=false'], { secure: false }],
    [['--secure=T'], { secure: true }],
    [['--secure', 'false'], { secure: true, files: ['false'] }],
    [['--no-cache'], { cache: false }],
    [['--no-cache=false'], { cache: true }],
    [['--label', 'a', '--label=b'], { label: ['a', 'b'] }],
    [['--timeout=1m30s'], { timeout: '1m30s' }],
    [['-v4'], { v: '4' }],
    [['-v=4'], { v: '4' }],
    [['-v', '4'], { v: '4' }],
    [['--v=4'], { v: '4' }],
    [['-fq'], { follow: true, quiet: true }],
    [['-fv4'], { follow: true, v: '4' }],
    [['-f=false'], { follow: false }],
    [['a', '--secure', 'b'], { files: ['a', 'b'], secure: true }],
    [['a', '-', 'b'], { files: ['a', '-', 'b'] }],
    [['--follow', '--', '--quiet'], { follow: true, files: ['--quiet'] }],
  ])('%j', (args, values) => {
    expect(parsed(...args)).toEqual({ ...DEFAULTS, ...values })
  })

  test.each<[string[], string]>([
    [['--nope=1'], 'unknown flag: --nope'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['-fx'], "unknown shorthand flag: 'x' in -fx"],
    [['--server-name'], 'flag needs an argument: --server-name'],
    [['-v'], "flag needs an argument: 'v' in -v"],
    [['--=x'], 'bad flag syntax: --=x'],
    [['---x'], 'bad flag syntax: ---x'],
    [
      ['--secure=maybe'],
      'invalid argument "maybe" for "--secure" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [['-f=2'], 'invalid argument "2" for "-f, --follow" flag: strconv.ParseBool: parsing "2": invalid syntax'],
    [['--limit=x'], 'invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [['--limit=11'], 'invalid argument "11" for "--limit" flag: must be between 0 and 10, inclusive'],
    [['--timeout=5'], 'invalid argument "5" for "--timeout" flag: time: invalid duration "5"'],
  ])('%j is refused in its words', (args, sentence) => {
    expect(parsed(...args)).toBe(`error: ${sentence}`)
  })
})

describe('a command with subcommands', () => {
  const program = (): FlagCommand => {
    const save = new FlagCommand('save')
      .requiredOption('--to <file>')
      .argument('<name>')
      .action(() => {})
    return new FlagCommand('tool').addCommand(save).option('--version', 'print the version')
  }
  const refusal = (...args: readonly string[]): string => {
    const command = program()
    for (const each of [command, ...command.commands]) {
      each.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
    }
    try {
      command.parse([...args], { from: 'user' })
    } catch (error) {
      return (error as CommanderError).message
    }
    return ''
  }

  test.each<[string[], string]>([
    [['load'], `error: unknown command "load" for "tool"\nSee 'tool --help' for usage.`],
    [['--to', 'x', 'save'], `error: unknown flag: --to\nSee 'tool --help' for usage.`],
    [['save', 'a'], `error: required flag(s) "to" not set\nSee 'tool save --help' for usage.`],
    [['save', 'a', 'b', '--to=x'], `error: unknown command "a" for "tool save"\nSee 'tool save --help' for usage.`],
    [['save', '--version'], `error: unknown flag: --version\nSee 'tool save --help' for usage.`],
    [['save', 'a', '--to=x'], ''],
  ])('%j', (args, sentence) => {
    expect(refusal(...args)).toBe(sentence)
  })

  test('its help is laid out as that of kubectl', () => {
    expect(program().description('keep things').withExamples('# Keep a\ntool save a').helpInformation()).toBe(
      [
        'Keep things.\n',
        'Examples:\n  # Keep a\n  tool save a\n',
        'Available Commands:\n  save   \n',
        'Options:\n    --version=false:\n\tPrint the version.\n',
        'Usage:\n  tool [options] [command]\n',
        'Use "tool <command> --help" for more information about a given command.\n',
      ].join('\n'),
    )
  })
})
