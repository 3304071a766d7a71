import { basename } from 'node:path'

/** The command that a name of one of Kubernetes' own programs stands for. */
const COMPONENTS: Readonly<Record<string, string>> = {
  'kube-apiserver': 'apiserver',
  'kube-controller-manager': 'controller-manager',
  'kube-scheduler': 'scheduler',
}

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
  return COMPONENTS[calledAs()]
}
