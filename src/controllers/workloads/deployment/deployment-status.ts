import { formatTime, parseTime } from '../../../apimachinery/clock.ts'
import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../../apimachinery/types/apps-v1.ts'
import { maxUnavailable, sum, wantedReplicas } from './scaling.ts'

/** What the status of a Deployment is computed of. */
interface RolloutView {
  /** Its status carries the conditions that this reconcile has set so far. */
  readonly deployment: Deployment
  readonly all: readonly ReplicaSet[]
  readonly newest: ReplicaSet | undefined
}

/** A deadline of this many seconds stands for none. */
const NO_LIMIT = 2_147_483_647

export function hasProgressDeadline({ spec }: Deployment): boolean {
  return spec?.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== NO_LIMIT
}

export function hasHistoryLimit({ spec }: Deployment): boolean {
  return spec?.revisionHistoryLimit !== undefined && spec.revisionHistoryLimit !== NO_LIMIT
}

export function deploymentCondition(
  status: DeploymentStatus | undefined,
  type: string,
): DeploymentCondition | undefined {
  return status?.conditions?.find((c) => c.type === type)
}

export function newCondition(
  type: string,
  status: string,
  reason: string,
  message: string,
  now: number,
): DeploymentCondition {
  const time = formatTime(now)
  return { type, status, lastUpdateTime: time, lastTransitionTime: time, reason, message }
}

/** Conditions with one set: unchanged where status and reason are, at its old transition time where the status is. */
export function withCondition(
  conditions: readonly DeploymentCondition[] | undefined,
  condition: DeploymentCondition,
): DeploymentCondition[] {
  const current = conditions?.find((c) => c.type === condition.type)
  if (current?.status === condition.status && current.reason === condition.reason) return [...(conditions ?? [])]
  const { lastTransitionTime } = current?.status === condition.status ? current : condition
  return [...withoutCondition(conditions, condition.type), { ...condition, lastTransitionTime }]
}

function withoutCondition(conditions: readonly DeploymentCondition[] | undefined, type: string): DeploymentCondition[] {
  return (conditions ?? []).filter((c) => c.type !== type)
}

/**
 * Counts and availability.
 *
 * @see kubernetes pkg/controller/deployment/sync.go calculateStatus
 */
export function countedStatus({ deployment, all, newest }: RolloutView, now: number): DeploymentStatus {
  const availableReplicas = sum(all, (rs) => rs.status?.availableReplicas)
  const isAvailable = availableReplicas >= wantedReplicas(deployment) - maxUnavailable(deployment)
  const available = isAvailable
    ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
    : newCondition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        now,
      )
  const { collisionCount, conditions } = deployment.status ?? {}
  const terminatingReplicas = terminating(all)
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum(all, (rs) => rs.status?.replicas),
    updatedReplicas: newest?.status?.replicas ?? 0,
    readyReplicas: sum(all, (rs) => rs.status?.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, wantedReplicas) - availableReplicas),
    ...(terminatingReplicas === undefined ? {} : { terminatingReplicas }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(conditions, available),
  }
}

/** Undefined as soon as one ReplicaSet does not tell. */
function terminating(all: readonly ReplicaSet[]): number | undefined {
  let total = 0
  for (const { status } of all) {
    if (status?.terminatingReplicas !== undefined) total += status.terminatingReplicas
    else if (status?.observedGeneration) return undefined
  }
  return total
}

/**
 * Counts, availability, how far the rollout is and what failed.
 *
 * @see kubernetes pkg/controller/deployment/progress.go syncRolloutStatus
 */
export function rolloutStatus(view: RolloutView, now: number): DeploymentStatus {
  const status = countedStatus(view, now)
  const conditions = withProgress(view, status, now)
  const failure = replicaFailure(view)
  return {
    ...status,
    conditions: failure ? withCondition(conditions, failure) : withoutCondition(conditions, 'ReplicaFailure'),
  }
}

function withProgress(view: RolloutView, status: DeploymentStatus, now: number): DeploymentCondition[] {
  const { deployment, newest } = view
  const conditions = status.conditions ?? []
  if (!hasProgressDeadline(deployment)) return withoutCondition(conditions, 'Progressing')
  const current = deploymentCondition(deployment.status, 'Progressing')
  const wasComplete = status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable'
  if (wasComplete) return [...conditions]
  const name = newest ? `ReplicaSet "${newest.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  const progressing = (value: string, reason: string, what: string): DeploymentCondition =>
    newCondition('Progressing', value, reason, `${name} ${what}`, now)
  if (isComplete(deployment, status)) {
    return withCondition(conditions, progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.'))
  }
  if (hasProgressed(deployment.status, status)) {
    const condition = progressing('True', 'ReplicaSetUpdated', 'is progressing.')
    const { lastTransitionTime } = current?.status === 'True' ? current : condition
    // Its time of update always moves on: the deadline counts from there.
    return [...withoutCondition(conditions, 'Progressing'), { ...condition, lastTransitionTime }]
  }
  if (hasTimedOut(deployment, conditions, now)) {
    return withCondition(conditions, progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.'))
  }
  return [...conditions]
}

/** All pods are new, there are no others, and all are available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const replicas = wantedReplicas(deployment)
  return (
    (status?.updatedReplicas ?? 0) === replicas &&
    (status?.replicas ?? 0) === replicas &&
    (status?.availableReplicas ?? 0) === replicas &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function hasProgressed(old: DeploymentStatus | undefined, status: DeploymentStatus): boolean {
  const count = (value: number | undefined): number => value ?? 0
  const outdated = (s: DeploymentStatus | undefined): number => count(s?.replicas) - count(s?.updatedReplicas)
  return (
    count(status.updatedReplicas) > count(old?.updatedReplicas) ||
    outdated(status) < outdated(old) ||
    count(status.readyReplicas) > count(old?.readyReplicas) ||
    count(status.availableReplicas) > count(old?.availableReplicas)
  )
}

function hasTimedOut({ spec }: Deployment, conditions: readonly DeploymentCondition[], now: number): boolean {
  const condition = conditions.find((c) => c.type === 'Progressing')
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false
  if (condition.reason === 'ProgressDeadlineExceeded') return true
  return parseTime(condition.lastUpdateTime ?? '') + spec!.progressDeadlineSeconds! * 1000 < now
}

/** What a ReplicaSet could not do, the newest one's first. */
function replicaFailure({ all, newest }: RolloutView): DeploymentCondition | undefined {
  for (const { status } of newest ? [newest, ...all] : all) {
    const failure = status?.conditions?.find((c) => c.type === 'ReplicaFailure')
    if (failure) return { ...failure, lastUpdateTime: failure.lastTransitionTime }
  }
  return undefined
}

/** Milliseconds until the progress has to be looked at again; undefined where it has not. */
export function progressCheckMs(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const current = deploymentCondition(deployment.status, 'Progressing')
  if (!hasProgressDeadline(deployment) || !current) return undefined
  if (isComplete(deployment, status) || current.reason === 'ProgressDeadlineExceeded') return undefined
  const deadline = parseTime(current.lastUpdateTime ?? '') + deployment.spec!.progressDeadlineSeconds! * 1000
  // A second later than the deadline: times are kept in whole seconds.
  return Math.max(deadline - now, 0) + 1000
}
