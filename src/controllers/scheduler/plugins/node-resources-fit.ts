import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { NodeInfo } from '../node-info.ts'
import { MAX_NODE_SCORE, type Rejection, type SchedulerPlugin } from '../plugin.ts'
import { type Amounts, podRequests } from '../resource-amounts.ts'

const NAME = 'NodeResourcesFit'

const rejection = (reasons: readonly string[], unresolvable: boolean): Rejection => ({
  plugin: NAME,
  reasons,
  unresolvable,
})

/** The same answer for node after node costs nothing. */
const TOO_MANY_PODS = rejection(['Too many pods'], false)
const NO_CPU = [rejection(['Insufficient cpu'], false), rejection(['Insufficient cpu'], true)] as const
const NO_MEMORY = [rejection(['Insufficient memory'], false), rejection(['Insufficient memory'], true)] as const

/** What is compared first, as messages name it first. */
const FIRST = ['cpu', 'memory', 'ephemeral-storage'] as const

/** Resources that nodes count: not what only quotas know (`requests.storage`). */
function isCounted(name: string): boolean {
  return name.includes('/') || name.startsWith('hugepages-') || name.startsWith('attachable-volumes-')
}

/** Requests in the order of the messages, without zeros. */
function orderedRequests(requests: Amounts): readonly (readonly [name: string, amount: number])[] {
  const ordered: [string, number][] = []
  for (const name of FIRST) if (requests.get(name)) ordered.push([name, requests.get(name)!])
  for (const [name, amount] of requests) if (amount > 0 && isCounted(name)) ordered.push([name, amount])
  return ordered
}

function misfit(requests: ReturnType<typeof orderedRequests>, node: NodeInfo): Rejection | undefined {
  let found: Rejection | undefined = node.pods.size + 1 > node.allowedPods ? TOO_MANY_PODS : undefined
  for (const [name, amount] of requests) {
    const allocatable = node.allocatable.get(name) ?? 0
    if (amount <= allocatable - (node.requested.get(name) ?? 0)) continue
    const never = amount > allocatable
    const one =
      name === 'cpu'
        ? NO_CPU[never ? 1 : 0]
        : name === 'memory'
          ? NO_MEMORY[never ? 1 : 0]
          : rejection([`Insufficient ${name}`], never)
    found = found ? rejection([...found.reasons, ...one.reasons], found.unresolvable || never) : one
  }
  return found
}

function leastRequested(requested: number, capacity: number): number {
  return requested > capacity ? 0 : Math.floor(((capacity - requested) * MAX_NODE_SCORE) / capacity)
}

/** Requests fit into what is free; freer nodes are liked more (LeastAllocated). @see plugins/noderesources/fit.go */
export const nodeResourcesFit: SchedulerPlugin = {
  name: NAME,
  weight: 1,
  demand({ pod }) {
    const requests = orderedRequests(podRequests(pod))
    return { filter: { filter: (node) => misfit(requests, node) } }
  },
  scorer({ info }) {
    return {
      score(node) {
        const cpu = node.allocatable.get('cpu') ?? 0
        const memory = node.allocatable.get('memory') ?? 0
        let sum = 0
        let weights = 0
        if (cpu > 0) {
          sum += leastRequested(node.nonZeroMilliCpu + info.nonZeroMilliCpu, cpu)
          weights++
        }
        if (memory > 0) {
          sum += leastRequested(node.nonZeroMemory + info.nonZeroMemory, memory)
          weights++
        }
        return weights === 0 ? 0 : Math.floor(sum / weights)
      },
    }
  },
  isWokenBy(event, pod) {
    if (event.kind === 'pod') {
      if (!event.new) return Boolean(event.old?.spec?.nodeName || event.old?.status?.nominatedNodeName)
      return event.change === 'scale-down' && event.old !== undefined && freesFor(pod, event.old, event.new)
    }
    if (event.kind !== 'node' || !event.new || (event.old && event.change !== 'allocatable')) return false
    const requests = orderedRequests(podRequests(pod))
    const after = new NodeInfo('', event.new)
    if (misfit(requests, after)) return false
    if (!event.old) return true
    const before = new NodeInfo('', event.old)
    if (after.allowedPods > before.allowedPods) return true
    return requests.some(([name]) => (after.allocatable.get(name) ?? 0) > (before.allocatable.get(name) ?? 0))
  },
}

function freesFor(pod: Pod, before: Pod, after: Pod): boolean {
  if (after.metadata.uid === pod.metadata.uid) return true
  if (!after.spec?.nodeName) return false
  const old = podRequests(before, { useStatus: true })
  const now = podRequests(after, { useStatus: true })
  return orderedRequests(podRequests(pod)).some(([name]) => (old.get(name) ?? 0) > (now.get(name) ?? 0))
}
