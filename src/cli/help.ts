import type { Command, Help } from 'commander'

/** The help of the whole program, laid out as kubectl's: what it is, its commands by group, how to go on. */
export function programHelp(program: Command, helper: Help): string {
  const commands = helper.visibleCommands(program)
  const width = Math.max(...commands.map((command) => command.name().length))
  const groups = helper.groupItems([...program.commands], commands, (command) => command.helpGroup() ?? '')
  const lines = [...groups].flatMap(([group, members]) => [
    group,
    ...members.map((command) => `  ${command.name().padEnd(width)}   ${command.description()}`),
    '',
  ])
  const usage = ['Usage:', `  ${program.name()} ${program.usage()}`, '']
  const more = `Use "${program.name()} <command> --help" for more information about a given command.`
  return [program.description(), '', ...lines, ...usage, more, ''].join('\n')
}
