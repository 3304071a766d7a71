import type { Deployment, ReplicaSet } from '../../../apimachinery/types/apps-v1.ts'
import { scaledValue } from '../int-or-percent.ts'
import { MAX_REPLICAS, notedReplicas } from './revisions.ts'

/** A ReplicaSet that is to have another size. */
interface ScaleStep<T extends ReplicaSet = ReplicaSet> {
  readonly replicaSet: T
  readonly replicas: number
}

export const wantedReplicas = (object: Deployment | ReplicaSet): number => object.spec?.replicas ?? 1

export const sum = <T>(items: readonly T[], count: (item: T) => number | undefined): number =>
  items.reduce((total, item) => total + (count(item) ?? 0), 0)

export function isRollingUpdate({ spec }: Deployment): boolean {
  return spec?.strategy?.type === 'RollingUpdate'
}

/** Both bounds of a rolling update: where they come out as zero, one pod may be missing so that it can go on. */
function bounds({ spec }: Deployment): { readonly surge: number; readonly unavailable: number } {
  const { maxSurge, maxUnavailable } = spec?.strategy?.rollingUpdate ?? {}
  const replicas = spec?.replicas ?? 1
  const surge = scaledValue(maxSurge, replicas, 'up')
  const unavailable = scaledValue(maxUnavailable, replicas, 'down')
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? bounds(deployment).surge : 0
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = wantedReplicas(deployment)
  if (!isRollingUpdate(deployment) || replicas === 0) return 0
  return Math.min(bounds(deployment).unavailable, replicas)
}

/** Size of the newest ReplicaSet, as large as the surge lets it be. Errors: throws for an unknown strategy. */
export function newReplicaSetSize(deployment: Deployment, allReplicas: number, ownReplicas: number): number {
  const replicas = wantedReplicas(deployment)
  const type = deployment.spec?.strategy?.type ?? ''
  if (type === 'Recreate') return replicas
  if (type !== 'RollingUpdate') throw new Error(`deployment type ${type} isn't supported`)
  const maxTotal = replicas + scaledValue(deployment.spec?.strategy?.rollingUpdate?.maxSurge, replicas, 'up')
  if (allReplicas >= maxTotal) return ownReplicas
  return ownReplicas + Math.min(maxTotal - allReplicas, replicas - ownReplicas)
}

/** True where the newest ReplicaSet is all that there should be. */
export function isSaturated(
  deployment: Deployment,
  newest: ReplicaSet | undefined,
  desired: number | undefined,
): boolean {
  const replicas = wantedReplicas(deployment)
  return (
    newest !== undefined &&
    desired === replicas &&
    wantedReplicas(newest) === replicas &&
    (newest.status?.availableReplicas ?? 0) === replicas
  )
}

/**
 * Spreads a change of the size over the ReplicaSets of a rollout that is under way, in proportion to what they have;
 * what rounding leaves over goes to the largest. `active` have replicas; the result keeps the order of the change.
 *
 * @see kubernetes pkg/controller/deployment/sync.go scale, util/deployment_util.go GetReplicaSetProportion
 */
export function proportionalSizes<T extends ReplicaSet>(deployment: Deployment, active: readonly T[]): ScaleStep<T>[] {
  const replicas = wantedReplicas(deployment)
  const allowed = replicas > 0 ? replicas + maxSurge(deployment) : 0
  const toAdd = allowed - sum(active, wantedReplicas)
  const ordered =
    toAdd > 0 ? active.toSorted(largestThenNewest) : toAdd < 0 ? active.toSorted(largestThenOldest) : active
  let added = 0
  const steps = ordered.map((replicaSet) => {
    const share = toAdd === added ? 0 : shareOf(deployment, replicaSet, toAdd - added)
    added += share
    return { replicaSet, replicas: wantedReplicas(replicaSet) + share }
  })
  if (toAdd === 0 || steps.length === 0) return steps
  const [first, ...rest] = steps
  return [{ replicaSet: first!.replicaSet, replicas: Math.max(0, first!.replicas + toAdd - added) }, ...rest]
}

function shareOf(deployment: Deployment, replicaSet: ReplicaSet, left: number): number {
  const own = wantedReplicas(replicaSet)
  const fraction = fractionOf(deployment, replicaSet, own)
  return left > 0 ? Math.min(fraction, left) : Math.max(fraction, left)
}

function fractionOf(deployment: Deployment, replicaSet: ReplicaSet, own: number): number {
  const replicas = wantedReplicas(deployment)
  if (replicas === 0) return -own
  const before = notedReplicas(replicaSet, MAX_REPLICAS) || (deployment.status?.replicas ?? 0)
  if (before === 0) return 0
  return roundAway((own * (replicas + maxSurge(deployment))) / before) - own
}

/** Halves go away from zero. */
const roundAway = (value: number): number => Math.trunc(value < 0 ? value - 0.5 : value + 0.5)

/**
 * What a rolling update takes from the old ReplicaSets: first pods that are not available anyway, then as many as there
 * are available ones to spare.
 *
 * @see kubernetes pkg/controller/deployment/rolling.go reconcileOldReplicaSets
 */
export function scaleDownOld<T extends ReplicaSet>(
  deployment: Deployment,
  old: readonly T[],
  newest: ReplicaSet,
): ScaleStep<T>[] {
  const active = old.filter((rs) => wantedReplicas(rs) > 0).toSorted(oldestFirst)
  if (active.length === 0) return []
  const minAvailable = wantedReplicas(deployment) - maxUnavailable(deployment)
  const newUnavailable = wantedReplicas(newest) - (newest.status?.availableReplicas ?? 0)
  const total = sum(active, wantedReplicas) + wantedReplicas(newest)
  let unhealthy = total - minAvailable - newUnavailable
  if (unhealthy <= 0) return []
  const available = sum([...active, newest], (rs) => rs.status?.availableReplicas)
  let spare = Math.max(0, available - minAvailable)
  return active
    .map((replicaSet) => {
      const replicas = wantedReplicas(replicaSet)
      const without = Math.min(Math.max(0, unhealthy), replicas - (replicaSet.status?.availableReplicas ?? 0))
      const cleaned = Math.max(0, without)
      unhealthy -= cleaned
      return { replicaSet, replicas: replicas - cleaned }
    })
    .map(({ replicaSet, replicas }) => {
      const taken = Math.min(replicas, spare)
      spare -= taken
      return { replicaSet, replicas: replicas - taken }
    })
    .filter(({ replicaSet, replicas }) => replicas !== wantedReplicas(replicaSet))
}

export function oldestFirst(a: ReplicaSet, b: ReplicaSet): number {
  const [timeA = '', timeB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (timeA !== timeB) return timeA < timeB ? -1 : 1
  return a.metadata.name! < b.metadata.name! ? -1 : 1
}

const largestThenOldest = (a: ReplicaSet, b: ReplicaSet): number =>
  wantedReplicas(b) - wantedReplicas(a) || oldestFirst(a, b)

const largestThenNewest = (a: ReplicaSet, b: ReplicaSet): number =>
  wantedReplicas(b) - wantedReplicas(a) || oldestFirst(b, a)
