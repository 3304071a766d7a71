import type { ContainerLog } from './container-log.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** What is at a path below `/var/log`: a folder's names, those of folders with a slash behind; or a file. */
type SystemLog = { readonly folder: readonly string[] } | { readonly text: string }

type Tree = { readonly [name: string]: Tree | (() => string) }

/** What a node has below `/var/log`: the logs of containers, where and as a runtime writes them. */
export function systemLog(node: SimulatedNode, path: string): SystemLog | undefined {
  let at: Tree | (() => string) | undefined = logsOf(node)
  for (const name of path.split('/').filter((segment) => segment !== '')) {
    at = typeof at === 'object' && Object.hasOwn(at, name) ? at[name] : undefined
  }
  if (at === undefined) return undefined
  if (typeof at === 'function') return { text: at() }
  return {
    folder: Object.keys(at)
      .sort()
      .map((name) => (typeof (at as Tree)[name] === 'object' ? `${name}/` : name)),
  }
}

/** @see kubernetes pkg/kubelet/kuberuntime/helpers.go BuildPodLogsDirectory, legacyLogSymlink */
function logsOf(node: SimulatedNode): Tree {
  const pods: Record<string, Tree> = {}
  const containers: Record<string, () => string> = {}
  for (const { pod, containers: runs } of node.workers.values()) {
    const { namespace, name, uid } = pod.metadata
    const own: Record<string, Tree> = {}
    for (const run of runs.filter((r) => r.containerId !== '')) {
      const { restartCount, previousLog, log } = run
      own[run.name] = {
        ...(previousLog ? { [`${restartCount - 1}.log`]: () => runtimeLog(previousLog) } : {}),
        [`${restartCount}.log`]: () => runtimeLog(log),
      }
      const id = run.containerId.replace('containerd://', '')
      containers[`${name}_${namespace}_${run.name}-${id}.log`] = () => runtimeLog(log)
    }
    pods[`${namespace}_${name}_${uid}`] = own
  }
  return { containers, pods }
}

/** Lines as a runtime writes them. @see kubernetes pkg/kubelet/kuberuntime/logs parseCRILog */
function runtimeLog({ lines }: ContainerLog): string {
  return lines
    .map(({ timeMs, stream, text }) => `${new Date(timeMs).toISOString().slice(0, 23)}000000Z ${stream} F ${text}\n`)
    .join('')
}
