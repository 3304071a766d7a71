import { basename } from 'node:path'
import type { Command } from 'commander'

/** The command that a name of one of Kubernetes' own programs stands for. */
const COMMANDS: Readonly<Record<string, string>> = {
  'kube-apiserver': 'apiserver',
  'kube-controller-manager': 'controller-manager',
  'kube-scheduler': 'scheduler',
}

/** The commands that stand for programs of Kubernetes. */
export const COMPONENTS: ReadonlySet<string> = new Set(Object.values(COMMANDS))

/** Name of the file or link that the program was started by, without an extension. */
function calledAs(): string {
  return basename(process.argv[1] ?? '').replace(/\.(mjs|exe|cmd)$/, '')
}

/** True where the program was started under this name, by a link. */
export function isCalled(name: string): boolean {
  return calledAs() === name
}

/** The command that the program's name asks for: a link called kube-apiserver is one. Undefined: none. */
export function commandOfName(): string | undefined {
  return COMMANDS[calledAs()]
}

/** How a command is called: `kubemu snapshot save`, `kube-apiserver`. */
export function pathOf(command: Command): string {
  if (!command.parent) return command.name()
  return commandOfName() === command.name() ? calledAs() : `${pathOf(command.parent)} ${command.name()}`
}
