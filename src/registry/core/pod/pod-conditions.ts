import { type Clock, formatTime } from '../../../apimachinery/clock.ts'
import type { PodCondition, PodStatus } from '../../../apimachinery/types/core-v1.ts'

/** The condition of that type. */
export function podCondition(status: PodStatus | undefined, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

/** Whether the pod serves. */
export function isPodReady(status: PodStatus | undefined): boolean {
  return podCondition(status, 'Ready')?.status === 'True'
}

/**
 * Sets a condition; its time of transition stays where the status does. Writes into `status`, replacing its list.
 *
 * @see kubernetes pkg/api/pod/util.go UpdatePodCondition
 */
export function updatePodCondition(
  status: PodStatus,
  condition: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>,
  clock: Pick<Clock, 'now'>,
): void {
  const old = podCondition(status, condition.type)
  const unchanged = old !== undefined && old.status === condition.status
  const lastTransitionTime = unchanged ? old.lastTransitionTime : formatTime(clock.now())
  const updated: PodCondition = { ...condition, lastTransitionTime }
  const conditions = status.conditions ?? []
  status.conditions = old ? conditions.map((c) => (c === old ? updated : c)) : [...conditions, updated]
}
