import { ApiError, conflict, forbidden, type StatusCause, tooManyRequests } from '../../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Condition, Preconditions } from '../../../apimachinery/types/meta-v1.ts'
import type { PodDisruptionBudget } from '../../../apimachinery/types/policy-v1.ts'
import { isPodReady, updatePodCondition } from './pod-conditions.ts'

/** Evictions that the disruption controller has not confirmed yet: as many as a budget remembers. */
const MAX_DISRUPTED_PODS = 2000
const RETRY_AFTER_SECONDS = 10
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
const BUDGETS = { group: 'policy', resource: 'poddisruptionbudget' }
/** Upstream's errors name the kind where others name the resource. */
const PODS = { group: '', resource: 'Pod' }

/** Budgets do not protect pods that run no more or not yet. */
export function canIgnoreDisruptionBudgets({ metadata, status }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined || ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '')
}

/**
 * For a pod that budgets do not protect: whether it must still be as it was looked at when it is deleted, because it
 * could have started since.
 */
export function shouldEnforceResourceVersion({ metadata, status }: Pod): boolean {
  return metadata?.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

/** Whether a pod that does not serve may go without asking its budget. The deletion then holds for this version only. */
export function unhealthyPodMayGo(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isPodReady(pod.status)) return false
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  const desired = status?.desiredHealthy ?? 0
  return desired > 0 && (status?.currentHealthy ?? 0) >= desired
}

/** The answer to an eviction of a pod that several budgets protect. */
export function tooManyBudgets(): ApiError {
  const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
  return new ApiError({ code: 500, reason: '', message })
}

/** 429: the budget has to be looked at again. */
export function budgetStillProcessing(name: string): ApiError {
  return tooManyRequests(VIOLATES, RETRY_AFTER_SECONDS, [
    budgetCause(`The disruption budget ${name} is still being processed by the server.`),
  ])
}

const budgetCause = (message: string): StatusCause => ({ reason: 'DisruptionBudget', message })

/**
 * Takes one disruption from a budget and remembers the pod. Gives the budget as it is to be written; `budget` itself
 * stays.
 *
 * @throws {ApiError} 429 where the budget does not allow it, 403 where it is in no state to.
 * @see kubernetes pkg/registry/core/pod/storage/eviction.go checkAndDecrement
 */
export function takeDisruption(
  budget: PodDisruptionBudget,
  podName: string,
  clock: Pick<Clock, 'now'>,
): PodDisruptionBudget {
  const name = budget.metadata?.name ?? ''
  const status = budget.status ?? {}
  if ((status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) throw budgetStillProcessing(name)
  const allowed = status.disruptionsAllowed ?? 0
  if (allowed < 0) throw forbidden(BUDGETS, name, 'pdb disruptions allowed is negative')
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller'
    throw forbidden(BUDGETS, name, why)
  }
  if (allowed === 0) throw tooManyRequests(VIOLATES, 0, [budgetCause(whyNotAllowed(name, status))])
  const now = formatTime(clock.now())
  const taken = cloneJson({ ...budget, status })
  taken.status.disruptionsAllowed = allowed - 1
  taken.status.disruptedPods = { ...taken.status.disruptedPods, [podName]: now }
  if (allowed === 1) setNotAllowed(taken, now)
  return taken
}

function whyNotAllowed(name: string, status: NonNullable<PodDisruptionBudget['status']>): string {
  const condition = status.conditions?.find((c) => c.type === 'DisruptionAllowed')
  const says = condition?.status === 'False' && condition.message ? condition.message : undefined
  const notCurrently = `The disruption budget ${name} does not allow evicting pods currently`
  if (says !== undefined && condition?.reason === 'SyncFailed') return `${notCurrently} because it failed sync: ${says}`
  const { currentHealthy = 0, desiredHealthy = 0 } = status
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`
  }
  return says === undefined ? notCurrently : `${notCurrently} (${condition?.reason}): ${says}`
}

/** @see component-helpers apps/poddisruptionbudget UpdateDisruptionAllowedCondition */
function setNotAllowed({ metadata, status }: PodDisruptionBudget, now: string): void {
  const conditions = status?.conditions ?? []
  const old = conditions.find((c) => c.type === 'DisruptionAllowed')
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    observedGeneration: status?.observedGeneration ?? metadata?.generation,
    lastTransitionTime: old?.status === 'False' ? old.lastTransitionTime : now,
    reason: 'InsufficientPods',
    message: '',
  }
  status!.conditions = old ? conditions.map((c) => (c === old ? condition : c)) : [...conditions, condition]
}

/**
 * The pod with the condition that says that it was evicted, as it is written before it is deleted; `pod` itself stays.
 *
 * @throws {ApiError} 409 where it is not the pod that the preconditions ask for.
 * @see kubernetes pkg/registry/core/pod/storage/eviction.go addConditionAndDeletePod
 */
export function markEvicted(pod: Pod, preconditions: Preconditions | undefined, clock: Pick<Clock, 'now'>): Pod {
  const { name = '', uid = '', resourceVersion = '' } = pod.metadata ?? {}
  if (preconditions?.uid && preconditions.uid !== uid) {
    const why = `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`
    throw conflict(PODS, name, why)
  }
  const wanted = preconditions?.resourceVersion
  if (wanted && wanted !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${wanted}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`
    throw conflict(PODS, name, why)
  }
  const marked = cloneJson(pod)
  marked.status ??= {}
  const reason = 'EvictionByEvictionAPI'
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message: 'Eviction API: evicting' }
  updatePodCondition(marked.status, condition, clock)
  return marked
}
