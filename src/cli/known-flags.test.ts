import { afterEach, describe, expect, test, vi } from 'vitest'
import { apiserverCommand } from './apiserver.ts'
import { controllerManagerCommand } from './controller-manager.ts'
import type { FlagCommand } from './flag-command.ts'
import { schedulerCommand } from './scheduler.ts'
import { APISERVER_FLAGS, CONTROLLER_MANAGER_FLAGS, type FlagNames, SCHEDULER_FLAGS } from './upstream-flags.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** What a command says on standard error when it is given these flags, instead of what it does. */
async function warningOf(command: FlagCommand, ...args: string[]): Promise<string> {
  let text = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += chunk
    return true
  })
  await command
    .exitOverride()
    .action(() => {})
    .parseAsync(args, { from: 'user' })
  return text
}

describe.each<[string, () => FlagCommand, FlagNames, string[]]>([
  ['apiserver', apiserverCommand, APISERVER_FLAGS, []],
  ['controller-manager', controllerManagerCommand, CONTROLLER_MANAGER_FLAGS, ['--kubeconfig=k']],
  ['scheduler', schedulerCommand, SCHEDULER_FLAGS, []],
])('%s', (_, command, { values, switches }, needed) => {
  test('has each flag once', () => {
    const all = [...values, ...switches]
    expect(all.filter((name, i) => all.indexOf(name) !== i)).toEqual([])
  })

  test('takes every flag of its counterpart, values and switches', () => {
    const options = new Map(command().options.map((option) => [option.long, option]))
    for (const name of values) expect([name, options.get(`--${name}`)?.required]).toEqual([name, true])
    for (const name of switches) expect([name, options.get(`--${name}`)?.required]).toEqual([name, false])
  })

  test('tells in one line which of those that are given do nothing', async () => {
    const unused = ['--tls-min-version', 'VersionTLS12', '--contention-profiling', '-v4']
    expect(await warningOf(command(), ...needed, ...unused)).toBe(
      'kubemu: known to Kubernetes, without effect here: --tls-min-version, --contention-profiling, --v\n',
    )
    expect(await warningOf(command(), ...needed)).toBe('')
  })
})
