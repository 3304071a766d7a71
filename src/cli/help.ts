import type { Command, Help, Option } from 'commander'
import { pathOf } from './called-as.ts'

/** The help of a command, laid out as kubectl's: what it is, examples, its commands by group, its flags, how to call it. */
export function helpText(command: Command, helper: Help, examples: string): string {
  const path = pathOf(command)
  const options = helper.visibleOptions(command).filter(({ long }) => long !== '--help')
  const usage = [path, command.usage()].join(' ')
  return [
    `${sentence(command.description())}\n`,
    ...(examples ? [`Examples:\n${examples.replace(/^(?=.)/gm, '  ')}\n`] : []),
    ...commandGroups(command, helper),
    ...(options.length > 0 ? [`Options:\n${options.map(optionText).join('\n')}`] : []),
    `Usage:\n  ${usage}\n`,
    ...(command.commands.length > 0
      ? [`Use "${path} <command> --help" for more information about a given command.\n`]
      : []),
  ].join('\n')
}

function commandGroups(command: Command, helper: Help): string[] {
  const commands = helper.visibleCommands(command)
  const width = Math.max(...commands.map((each) => each.name().length))
  const groups = helper.groupItems([...command.commands], commands, (each) => each.helpGroup() || 'Available Commands:')
  return [...groups].map(([title, members]) => {
    const lines = members.map((each) => `  ${each.name().padEnd(width)}   ${each.description()}\n`)
    return `${title}\n${lines.join('')}`
  })
}

function optionText(option: Option): string {
  const { short, long, description } = option
  return `    ${short ? `${short}, ` : ''}${long}=${defaultText(option)}:\n\t${sentence(description)}\n`
}

/** As pflag writes values: text in quotes, lists in brackets. */
function defaultText(option: Option): string {
  const { defaultValue, negate } = option
  if (!option.required) return String(negate ? false : (defaultValue ?? false))
  if (typeof defaultValue === 'number') return String(defaultValue)
  if (typeof defaultValue === 'object') return '[]'
  return `'${defaultValue ?? ''}'`
}

function sentence(text: string): string {
  const [first = ''] = text
  return `${first.toUpperCase()}${text.slice(1)}${/[.:)]$/.test(text) ? '' : '.'}`
}
