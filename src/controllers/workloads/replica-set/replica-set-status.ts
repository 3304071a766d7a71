import { formatTime } from '../../../apimachinery/clock.ts'
import { equalJson } from '../../../apimachinery/clone.ts'
import { selectorFromSet } from '../../../apimachinery/label-selector.ts'
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../../apimachinery/types/apps-v1.ts'
import type { Pod, PodTemplateSpec } from '../../../apimachinery/types/core-v1.ts'
import { isPodAvailable, isPodReady } from '../pod-state.ts'

/** What the status of a ReplicaSet is computed of. */
interface ReplicaSetView {
  readonly status: ReplicaSetStatus | undefined
  readonly replicas: number
  readonly minReadySeconds: number
  readonly template: PodTemplateSpec | undefined
  readonly activePods: readonly Pod[]
  /** Undefined where they are not counted (ReplicationControllers). */
  readonly terminatingPods: readonly Pod[] | undefined
  /** Why pods could not be created or deleted; undefined: all went well. */
  readonly failure: string | undefined
}

const REPLICA_FAILURE = 'ReplicaFailure'

/** @see kubernetes pkg/controller/replicaset/replica_set_utils.go calculateStatus */
export function replicaSetStatus(view: ReplicaSetView, now: number): ReplicaSetStatus {
  const { activePods, template, minReadySeconds, terminatingPods } = view
  const templateLabels = selectorFromSet(template?.metadata?.labels)
  let fullyLabeledReplicas = 0
  let readyReplicas = 0
  let availableReplicas = 0
  for (const pod of activePods) {
    if (templateLabels.matches(pod.metadata.labels)) fullyLabeledReplicas++
    if (!isPodReady(pod)) continue
    readyReplicas++
    if (isPodAvailable(pod, minReadySeconds, now)) availableReplicas++
  }
  const conditions = conditionsOf(view, now)
  const { conditions: _old, ...status } = view.status ?? { replicas: 0 }
  return {
    ...status,
    replicas: activePods.length,
    fullyLabeledReplicas,
    readyReplicas,
    availableReplicas,
    ...(terminatingPods ? { terminatingReplicas: terminatingPods.length } : {}),
    ...(conditions.length > 0 ? { conditions } : {}),
  }
}

function conditionsOf(view: ReplicaSetView, now: number): ReplicaSetCondition[] {
  const conditions = view.status?.conditions ?? []
  const known = conditions.some((c) => c.type === REPLICA_FAILURE)
  if (view.failure === undefined) return known ? conditions.filter((c) => c.type !== REPLICA_FAILURE) : conditions
  if (known) return conditions
  const difference = view.activePods.length - view.replicas
  const reason = difference < 0 ? 'FailedCreate' : difference > 0 ? 'FailedDelete' : ''
  const failure: ReplicaSetCondition = {
    type: REPLICA_FAILURE,
    status: 'True',
    lastTransitionTime: formatTime(now),
    ...(reason === '' ? {} : { reason }),
    message: view.failure,
  }
  return [...conditions, failure]
}

/** True where a status says the same, for objects of that generation. */
export function isSameStatus(
  old: ReplicaSetStatus | undefined,
  next: ReplicaSetStatus,
  generation: number | undefined,
): boolean {
  const same = (a: number | undefined, b: number | undefined): boolean => (a ?? 0) === (b ?? 0)
  return (
    same(old?.replicas, next.replicas) &&
    same(old?.fullyLabeledReplicas, next.fullyLabeledReplicas) &&
    same(old?.readyReplicas, next.readyReplicas) &&
    same(old?.availableReplicas, next.availableReplicas) &&
    // Zero and unknown are told apart.
    old?.terminatingReplicas === next.terminatingReplicas &&
    same(old?.observedGeneration, generation) &&
    equalJson(old?.conditions ?? [], next.conditions ?? [])
  )
}
