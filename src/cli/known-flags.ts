import { Option } from 'commander'
import type { FlagCommand } from './flag-command.ts'
import type { FlagNames } from './upstream-flags.ts'

/**
 * Lets a command take the flags that its upstream counterpart knows and it does not act on. They are not in its help; those
 * that are given are told in one line of warning. Others stay unknown, and refused.
 */
export function acceptKnownFlags<C extends FlagCommand>(command: C, { values, switches }: FlagNames): C {
  const own = new Set(command.options.map(({ long }) => long))
  const ignored = new Map<string, Option>()
  const ignore = (flags: string): void => {
    const option = new Option(flags).hideHelp()
    if (own.has(option.long)) return
    ignored.set(option.attributeName(), option)
    command.addOption(option)
  }
  for (const name of values) ignore(name === 'v' ? '-v, --v <level>' : `--${name} <value>`)
  for (const name of switches) ignore(`--${name} [bool]`)
  command.hook('preAction', () => {
    const given = Object.keys(command.opts()).flatMap((name) => ignored.get(name)?.long ?? [])
    if (given.length === 0) return
    process.stderr.write(`kubemu: known to Kubernetes, without effect here: ${given.join(', ')}\n`)
  })
  return command
}
