import { isConflict } from '../../../apimachinery/api-error.ts'
import { formatTime } from '../../../apimachinery/clock.ts'
import { goLabelSelectorText, labelSelectorAsSelector } from '../../../apimachinery/label-selector.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { PodDisruptionBudget } from '../../../apimachinery/types/policy-v1.ts'
import type { ObjectKey, ResourceRef, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import {
  DEPLOYMENTS,
  POD_DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  STATEFUL_SETS,
} from '../../runtime/resources.ts'
import { scaledValue } from '../../workloads/int-or-percent.ts'
import { withCondition } from '../conditions.ts'
import { budgetStatus, disruptedPods, healthyPods } from './disruption-status.ts'
import { expectedScale } from './expected-scale.ts'

type Budget = Typed<PodDisruptionBudget>

/**
 * Counts for every PodDisruptionBudget how many of its pods may go.
 *
 * @see pkg/controller/disruption/disruption.go
 */
export const disruptionController: Controller<Budget> = {
  name: 'disruption-controller',
  queueName: 'disruption',
  serviceAccount: 'disruption-controller',
  eventSource: 'controllermanager',
  for: POD_DISRUPTION_BUDGETS,
  watches: [{ resource: PODS, enqueue: (pod, old, cache) => budgetsOf(pod as Typed<Pod>, old as Typed<Pod>, cache) }],
  reads: [REPLICATION_CONTROLLERS, REPLICA_SETS, DEPLOYMENTS, STATEFUL_SETS] as ResourceRef[],
  async reconcile(key, context) {
    const budget = context.cache.get(POD_DISRUPTION_BUDGETS, key)
    if (!budget) return undefined
    try {
      return await sync(budget, context)
    } catch (error) {
      if (isConflict(error)) throw error
      await failSafe(budget, error, context)
      return undefined
    }
  },
}

function budgetsOf(pod: Typed<Pod>, old: Typed<Pod> | undefined, cache: CacheReader): readonly ObjectKey[] {
  const budgets = cache.list(POD_DISRUPTION_BUDGETS, pod.metadata.namespace)
  if (budgets.length === 0) return []
  return budgets
    .filter(({ spec }) => {
      const selector = labelSelectorAsSelector(spec?.selector)
      return selector.matches(pod.metadata.labels) || (old !== undefined && selector.matches(old.metadata.labels))
    })
    .map(keyOf)
}

async function sync(budget: Budget, context: ReconcileContext): Promise<ReconcileResult> {
  const { cache, client, clock, events } = context
  const selector = labelSelectorAsSelector(budget.spec?.selector)
  const pods = cache.list(PODS, budget.metadata.namespace).filter((p) => selector.matches(p.metadata.labels))
  if (pods.length === 0) events.record(budget, 'Normal', 'NoPods', 'No matching pods found')
  const expected = await expectation(budget, pods, context)
  const now = clock.now()
  const disrupted = disruptedPods(pods, budget, now)
  for (const pod of disrupted.overdue) {
    // Upstream names the namespace twice.
    const { namespace } = budget.metadata
    const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`
    events.record(pod, 'Warning', 'NotDeleted', message)
  }
  const counts = { ...expected, currentHealthy: healthyPods(pods, disrupted, now) }
  const status = budgetStatus(budget, counts, disrupted.times, formatTime(now))
  if (!semanticEqual(status, withZeros(budget.status))) {
    await client.updateSubresource(POD_DISRUPTION_BUDGETS, 'status', { ...budget, status })
  }
  return disrupted.recheckAt === undefined ? undefined : { requeueAfterMs: disrupted.recheckAt - now }
}

/** Numbers that are zero are not there in what is stored. */
function withZeros(status: Budget['status']): Budget['status'] {
  const { disruptedPods: times, ...rest } = status ?? {}
  const zeros = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0 }
  return status && { ...zeros, ...rest, ...(times && Object.keys(times).length > 0 ? { disruptedPods: times } : {}) }
}

async function expectation(
  budget: Budget,
  pods: readonly Typed<Pod>[],
  context: ReconcileContext,
): Promise<{ readonly expectedPods: number; readonly desiredHealthy: number }> {
  const { minAvailable, maxUnavailable } = budget.spec ?? {}
  if (maxUnavailable === undefined && typeof minAvailable !== 'string') {
    return minAvailable === undefined
      ? { expectedPods: 0, desiredHealthy: 0 }
      : { expectedPods: pods.length, desiredHealthy: minAvailable }
  }
  try {
    const { count, unmanaged } = await expectedScale(pods, context)
    if (unmanaged.length > 0) context.events.record(budget, 'Warning', 'UnmanagedPods', unmanagedMessage(budget))
    const desiredHealthy =
      maxUnavailable === undefined
        ? scaledValue(minAvailable, count, 'up')
        : Math.max(0, count - scaledValue(maxUnavailable, count, 'up'))
    return { expectedPods: count, desiredHealthy }
  } catch (error) {
    const message = `Failed to calculate the number of expected pods: ${messageOf(error)}`
    context.events.record(budget, 'Warning', 'CalculateExpectedPodCountFailed', message)
    throw error
  }
}

function unmanagedMessage({ spec }: Budget): string {
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${goLabelSelectorText(spec?.selector)}) were found ` +
    'to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  )
}

/** Allows nothing while it is not known what is safe. */
async function failSafe(budget: Budget, error: unknown, { client, clock }: ReconcileContext): Promise<void> {
  const observedGeneration = budget.status?.observedGeneration ?? 0
  const conditions = withCondition(budget.status?.conditions, {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message: messageOf(error),
    lastTransitionTime: formatTime(clock.now()),
    observedGeneration,
  })
  const status = { ...budget.status, disruptionsAllowed: 0, conditions: [...conditions] }
  if (semanticEqual(status, budget.status)) return
  await client.updateSubresource(POD_DISRUPTION_BUDGETS, 'status', { ...budget, status })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
