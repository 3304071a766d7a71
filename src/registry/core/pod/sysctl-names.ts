import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'

type Namespace = 'ipc' | 'net'

const NAMES: Readonly<Record<string, Namespace>> = { 'kernel.sem': 'ipc' }

const PREFIXES: readonly (readonly [prefix: string, namespace: Namespace])[] = [
  ['kernel.shm', 'ipc'],
  ['kernel.msg', 'ipc'],
  ['fs.mqueue.', 'ipc'],
  ['net.', 'net'],
]

/** Dots between the parts, whichever of dot and slash comes first in the name. */
function normalizeName(name: string): string {
  const first = /[./]/.exec(name)?.[0]
  if (first !== '/') return name
  return name.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'))
}

/**
 * The namespace of the kernel that a sysctl belongs to, undefined for the node's own.
 *
 * @see component-helpers node/util/sysctl/namespace.go
 */
function namespaceOf(name: string): Namespace | undefined {
  const normalized = normalizeName(name).split('*', 1)[0]!
  return NAMES[normalized] ?? PREFIXES.find(([prefix]) => normalized.startsWith(prefix))?.[1]
}

/** What makes the sysctl the node's in a pod with these host namespaces; undefined where it is the pod's own. */
export function hostNamespaceOfSysctl(
  name: string,
  { hostNetwork, hostIPC }: Pick<PodSpec, 'hostNetwork' | 'hostIPC'>,
): 'hostNetwork' | 'hostIPC' | undefined {
  const namespace = namespaceOf(name)
  if (hostNetwork && namespace === 'net') return 'hostNetwork'
  return hostIPC && namespace === 'ipc' ? 'hostIPC' : undefined
}

/** Whether a pod with these host namespaces would set the node's value. */
export function isHostSysctl(name: string, spec: Pick<PodSpec, 'hostNetwork' | 'hostIPC'>): boolean {
  return hostNamespaceOfSysctl(name, spec) !== undefined
}
