import { parseTime } from '../../../apimachinery/clock.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../apimachinery/types/policy-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { isPodReady } from '../../workloads/pod-state.ts'
import { withCondition } from '../conditions.ts'

/** How long an evicted pod may take to get its deletion timestamp. */
const DELETION_TIMEOUT_MS = 120_000

/** Pods of a budget whose eviction was allowed but that are not being deleted yet. */
interface DisruptedPods {
  readonly times: Readonly<Record<string, string>>
  /** Should have been deleted by now. */
  readonly overdue: readonly Typed<Pod>[]
  /** When the first of them becomes overdue, in milliseconds since the epoch. */
  readonly recheckAt: number | undefined
}

export function disruptedPods(
  pods: readonly Typed<Pod>[],
  budget: Typed<PodDisruptionBudget>,
  now: number,
): DisruptedPods {
  const times: Record<string, string> = {}
  const overdue: Typed<Pod>[] = []
  let recheckAt: number | undefined
  for (const pod of pods) {
    const name = pod.metadata.name!
    const time = budget.status?.disruptedPods?.[name]
    if (time === undefined || pod.metadata.deletionTimestamp) continue
    const expected = parseTime(time) + DELETION_TIMEOUT_MS
    if (expected < now) {
      overdue.push(pod)
      continue
    }
    times[name] = time
    recheckAt = Math.min(recheckAt ?? expected, expected)
  }
  return { times, overdue, recheckAt }
}

/** Ready pods that are neither being deleted nor about to be. */
export function healthyPods(pods: readonly Typed<Pod>[], { times }: DisruptedPods, now: number): number {
  return pods.filter((pod) => {
    if (pod.metadata.deletionTimestamp) return false
    const time = times[pod.metadata.name!]
    if (time !== undefined && parseTime(time) + DELETION_TIMEOUT_MS > now) return false
    return isPodReady(pod)
  }).length
}

interface BudgetCounts {
  readonly currentHealthy: number
  readonly desiredHealthy: number
  readonly expectedPods: number
}

/** A budget's status; what it has already where nothing changed. `now`: RFC 3339. */
export function budgetStatus(
  { metadata, status }: Typed<PodDisruptionBudget>,
  { currentHealthy, desiredHealthy, expectedPods }: BudgetCounts,
  times: Readonly<Record<string, string>>,
  now: string,
): PodDisruptionBudgetStatus {
  const allowed = currentHealthy - desiredHealthy
  // A budget that expects no pods allows nothing: the first ones may have come before it knows.
  const disruptionsAllowed = expectedPods <= 0 || allowed <= 0 ? 0 : allowed
  const { generation = 0 } = metadata
  const conditions = withCondition(status?.conditions, {
    type: 'DisruptionAllowed',
    status: disruptionsAllowed > 0 ? 'True' : 'False',
    reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    lastTransitionTime: now,
    observedGeneration: generation,
  })
  return {
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed,
    ...(Object.keys(times).length > 0 ? { disruptedPods: { ...times } } : {}),
    observedGeneration: generation,
    conditions: conditions.map((c) => (c.type === 'DisruptionAllowed' ? { ...c, observedGeneration: generation } : c)),
  }
}
