import { parseTime } from '../../../apimachinery/clock.ts'
import type { Lease } from '../../../apimachinery/types/coordination-v1.ts'
import type { Node, NodeCondition } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { conditionOf } from '../conditions.ts'

/** How long a node that reported once may be silent: upstream's node-monitor-grace-period. */
const MONITOR_GRACE_MS = 50_000
/** How long a new node may take to report: upstream's node-startup-grace-period. */
const STARTUP_GRACE_MS = 60_000

/** What the controller remembers of a node between two looks. Times by the controller's own clock. */
export interface NodeHealth {
  /** When the last sign of life came. */
  readonly probedAt: number
  readonly seenAt: number
  readonly heartbeat: string | undefined
  readonly renewTime: string | undefined
  readonly hasReported: boolean
}

/**
 * What is known of a node after one more look. A sign of life is a heartbeat or a renewed lease that differs from the
 * last one seen; the node's own time of it counts where it lies between the two looks.
 *
 * @see pkg/controller/nodelifecycle/node_lifecycle_controller.go tryUpdateNodeHealth
 */
export function observedHealth(
  known: NodeHealth | undefined,
  node: Typed<Node>,
  lease: Typed<Lease> | undefined,
  now: number,
): NodeHealth {
  const ready = conditionOf(node.status?.conditions, 'Ready')
  const heartbeat = ready?.lastHeartbeatTime
  const renewTime = lease?.spec?.renewTime
  const seen = { seenAt: now, heartbeat, renewTime, hasReported: ready !== undefined }
  if (!known) {
    const probedAt = ready ? now : parseTime(node.metadata.creationTimestamp ?? '')
    return { ...seen, probedAt: renewTime && !ready ? now : probedAt }
  }
  const signs: number[] = [known.probedAt]
  const sign = (time: string | undefined): void => {
    const at = time === undefined ? now : parseTime(time)
    signs.push(at > known.seenAt && at <= now ? at : now)
  }
  if (known.hasReported !== seen.hasReported || (ready && heartbeat !== known.heartbeat)) sign(heartbeat)
  if (renewTime !== undefined && (known.renewTime === undefined || parseTime(known.renewTime) < parseTime(renewTime)))
    sign(renewTime)
  return { ...seen, probedAt: Math.max(...signs) }
}

/** When a node counts as lost unless it gives a sign of life. */
export function lostAt({ probedAt, hasReported }: NodeHealth): number {
  return probedAt + (hasReported ? MONITOR_GRACE_MS : STARTUP_GRACE_MS)
}

const REPORTED_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const

/** The conditions of a node that is lost; the list itself where they say so already. */
export function lostConditions({ metadata, status }: Typed<Node>, now: string): readonly NodeCondition[] {
  let conditions: readonly NodeCondition[] = status?.conditions ?? []
  for (const type of REPORTED_CONDITIONS) {
    const current = conditionOf(conditions, type)
    if (current?.status === 'Unknown') continue
    if (!current) {
      const never: NodeCondition = {
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastTransitionTime: now,
        ...(metadata.creationTimestamp ? { lastHeartbeatTime: metadata.creationTimestamp } : {}),
      }
      conditions = [...conditions, never]
      continue
    }
    const silent = {
      ...current,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: now,
    }
    conditions = conditions.map((c) => (c === current ? silent : c))
  }
  return conditions
}
