import type { Node, Taint } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { conditionOf } from '../conditions.ts'

const NOT_READY = 'node.kubernetes.io/not-ready'
const UNREACHABLE = 'node.kubernetes.io/unreachable'
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'

/** Condition → its status → the taint that goes with it. */
const CONDITION_TAINTS: readonly (readonly [type: string, status: string, key: string])[] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
]
const OWN_NO_SCHEDULE: ReadonlySet<string> = new Set([UNSCHEDULABLE, ...CONDITION_TAINTS.map(([, , key]) => key)])

/** What a node's NoExecute taints should be: those of its Ready condition, none, or as they are. */
export type ExecutionTaint = 'by-condition' | 'none' | 'unchanged'

/**
 * A node's taints as its conditions want them; the list itself where nothing changes. Those of other keys are kept,
 * new ones carry the time `now`.
 *
 * @see pkg/controller/nodelifecycle/node_lifecycle_controller.go doNoScheduleTaintingPass, doNoExecuteTaintingPass
 */
export function taintsFor(node: Typed<Node>, execution: ExecutionTaint, now: string): readonly Taint[] {
  const current = node.spec?.taints ?? []
  const wanted = [
    ...noScheduleKeys(node).map((key) => ({ key, effect: 'NoSchedule' })),
    ...executionTaints(node, execution),
  ]
  const kept = current.filter((t) => !isOwn(t) || wanted.some((w) => w.key === t.key && w.effect === t.effect))
  const added = wanted.filter((w) => !current.some((t) => t.key === w.key && t.effect === w.effect))
  if (added.length === 0 && kept.length === current.length) return node.spec?.taints ?? []
  return [...kept, ...added.map((t) => ({ ...t, timeAdded: now }))]
}

function isOwn({ key, effect }: Taint): boolean {
  if (effect === 'NoSchedule') return OWN_NO_SCHEDULE.has(key)
  return effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE)
}

function noScheduleKeys({ spec, status }: Typed<Node>): readonly string[] {
  const keys = CONDITION_TAINTS.filter(([type, wanted]) => conditionOf(status?.conditions, type)?.status === wanted)
  return [...keys.map(([, , key]) => key), ...(spec?.unschedulable ? [UNSCHEDULABLE] : [])]
}

function executionTaints(node: Typed<Node>, execution: ExecutionTaint): readonly Taint[] {
  if (execution === 'none') return []
  if (execution === 'unchanged') return (node.spec?.taints ?? []).filter((t) => isOwn(t) && t.effect === 'NoExecute')
  const key = executionKey(node)
  return key === undefined ? [] : [{ key, effect: 'NoExecute' }]
}

function executionKey({ status }: Typed<Node>): string | undefined {
  const ready = conditionOf(status?.conditions, 'Ready')?.status
  if (ready === 'False') return NOT_READY
  return ready === 'Unknown' ? UNREACHABLE : undefined
}

/** True for a node that pods are being evicted from already: the taint changes with the condition at once. */
export function hasExecutionTaint({ spec }: Typed<Node>): boolean {
  return spec?.taints?.some((t) => isOwn(t) && t.effect === 'NoExecute') ?? false
}
