import { parseTime } from '../../apimachinery/clock.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { isPodReady, podCondition } from './pod-state.ts'

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/** The order in which pods are given up, where `rankOf` tells pods apart that are equally ready (higher goes first). */
interface DeletionOrder {
  readonly now: number
  rankOf(pod: Pod): number
}

/**
 * Compares pods by which is to be deleted first: those without a node, pending before running, not ready before ready,
 * cheap before dear, crowded nodes before lonely ones, later ready before earlier, more restarts, younger.
 *
 * @see kubernetes pkg/controller/controller_utils.go ActivePodsWithRanks
 */
export function compareForDeletion(a: Pod, b: Pod, order: DeletionOrder): number {
  return (
    compareScheduling(a, b) ||
    deletionCost(a) - deletionCost(b) ||
    order.rankOf(b) - order.rankOf(a) ||
    compareReadyTimes(a, b, (x, y) => compareLogarithmic(x, y, a, b, order.now)) ||
    compareRestarts(a, b) ||
    compareTimes(a.metadata.creationTimestamp, b.metadata.creationTimestamp, (x, y) =>
      compareLogarithmic(x, y, a, b, order.now),
    )
  )
}

/**
 * The same order without costs, ranks and rounding of ages.
 *
 * @see kubernetes pkg/controller/controller_utils.go ActivePods
 */
export function compareActivePods(a: Pod, b: Pod): number {
  const laterFirst = (x: number, y: number): number => y - x
  return (
    compareScheduling(a, b) ||
    compareReadyTimes(a, b, laterFirst) ||
    compareRestarts(a, b) ||
    compareTimes(a.metadata.creationTimestamp, b.metadata.creationTimestamp, laterFirst)
  )
}

function compareScheduling(a: Pod, b: Pod): number {
  const assigned = Number(!!a.spec?.nodeName) - Number(!!b.spec?.nodeName)
  return assigned || phaseOrder(a) - phaseOrder(b) || Number(isPodReady(a)) - Number(isPodReady(b))
}

const phaseOrder = (pod: Pod): number => PHASE_ORDER[pod.status?.phase ?? ''] ?? 0

/** Annotated cost; what is no int32 counts as none. */
function deletionCost({ metadata }: Pod): number {
  const text = metadata.annotations?.[DELETION_COST]
  if (text === undefined || !/^(0|-?[1-9]\d*)$/.test(text)) return 0
  const cost = Number(text)
  return Math.abs(cost) <= 2_147_483_647 ? cost : 0
}

function compareReadyTimes(a: Pod, b: Pod, compare: (a: number, b: number) => number): number {
  if (!isPodReady(a) || !isPodReady(b)) return 0
  const [timeA, timeB] = [a, b].map((pod) => podCondition(pod, 'Ready')?.lastTransitionTime)
  return compareTimes(timeA, timeB, compare)
}

/** A time that is not set goes first. */
function compareTimes(a: string | undefined, b: string | undefined, compare: (a: number, b: number) => number): number {
  if (a === b) return 0
  if (a === undefined) return -1
  return b === undefined ? 1 : compare(parseTime(a), parseTime(b))
}

/** Younger first, where ages that are of the same power of two are equal and uids decide at random. */
function compareLogarithmic(timeA: number, timeB: number, a: Pod, b: Pod, now: number): number {
  const difference = logarithm(now - timeA) - logarithm(now - timeB)
  return difference || (a.metadata.uid! < b.metadata.uid! ? -1 : 1)
}

/** Upstream takes the logarithm of nanoseconds. */
function logarithm(ageMs: number): number {
  return ageMs > 0 ? Math.trunc(Math.log2(ageMs * 1e6)) : -1
}

function compareRestarts(a: Pod, b: Pod): number {
  const [restartsA, restartsB] = [maxRestarts(a), maxRestarts(b)]
  return restartsB.regular - restartsA.regular || restartsB.sidecar - restartsA.sidecar
}

function maxRestarts({ spec, status }: Pod): { readonly regular: number; readonly sidecar: number } {
  const max = (counts: readonly number[]): number => counts.reduce((a, b) => Math.max(a, b), 0)
  const sidecars = new Set(spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name))
  return {
    regular: max(status?.containerStatuses?.map((c) => c.restartCount) ?? []),
    sidecar: max(status?.initContainerStatuses?.filter((c) => sidecars.has(c.name)).map((c) => c.restartCount) ?? []),
  }
}
