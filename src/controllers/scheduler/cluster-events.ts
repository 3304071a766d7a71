import { equalJson } from '../../apimachinery/clone.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { ClusterEvent, NodeChange, PodChange } from './plugin.ts'
import { podRequests } from './resource-amounts.ts'

/** What of a node's change may matter to pods. @see kubernetes pkg/scheduler/framework/events.go */
export function nodeEvents(old: Node, node: Node): readonly ClusterEvent[] {
  const changes: NodeChange[] = []
  if (old.spec?.unschedulable && !node.spec?.unschedulable) changes.push('taints')
  if (!equalJson(old.status?.allocatable, node.status?.allocatable)) changes.push('allocatable')
  if (!equalJson(old.metadata.labels, node.metadata.labels)) changes.push('labels')
  if (!equalJson(old.spec?.taints, node.spec?.taints)) changes.push('taints')
  if (!equalJson(conditionsOf(old), conditionsOf(node))) changes.push('conditions')
  if (!equalJson(old.metadata.annotations, node.metadata.annotations)) changes.push('annotations')
  return changes.map((change) => ({ kind: 'node', old, new: node, change }))
}

function conditionsOf({ status }: Node): Readonly<Record<string, string>> {
  return Object.fromEntries((status?.conditions ?? []).map((c) => [c.type, c.status]))
}

/** What of a pod's change may matter to it or to others. */
export function podEvents(old: Pod, pod: Pod): readonly ClusterEvent[] {
  const changes: PodChange[] = []
  if (!equalJson(old.metadata.labels, pod.metadata.labels)) changes.push('labels')
  if (asksLess(old, pod)) changes.push('scale-down')
  if (old.spec?.schedulingGates?.length && !pod.spec?.schedulingGates?.length) changes.push('gates-eliminated')
  if ((old.spec?.tolerations?.length ?? 0) !== (pod.spec?.tolerations?.length ?? 0)) changes.push('tolerations')
  if (changes.length === 0) changes.push('other')
  const assigned = Boolean(pod.spec?.nodeName)
  return changes.map((change) => ({ kind: 'pod', old, new: pod, change, assigned }))
}

function asksLess(old: Pod, pod: Pod): boolean {
  const now = podRequests(pod, { useStatus: true })
  for (const [name, amount] of podRequests(old, { useStatus: true })) {
    if (amount > (now.get(name) ?? Number.NEGATIVE_INFINITY)) return true
  }
  return false
}
