import type { PodObject } from '../pod-state.ts'
import { isPodAvailable } from '../pod-state.ts'
import { type DaemonSetObject, isUpdated, updateBounds } from './daemon-pods.ts'

/** What a rolling update does next. */
interface UpdateStep {
  readonly toDelete: readonly PodObject[]
  /** Nodes that get a second, new pod. */
  readonly toCreate: readonly string[]
}

interface UpdateView {
  readonly set: DaemonSetObject
  readonly hash: string
  readonly now: number
  /** Also nodes that should have a pod and have none. */
  readonly byNode: ReadonlyMap<string, readonly PodObject[]>
  /** Nodes that should have a pod. */
  readonly desired: ReadonlySet<string>
}

/**
 * Old pods to be replaced, as far as surge and unavailable allow.
 *
 * @see kubernetes pkg/controller/daemon/update.go rollingUpdate
 */
export function updateStep(view: UpdateView): UpdateStep {
  const { surge, unavailable } = updateBounds(view.set, view.desired.size)
  return surge === 0 ? replaceStep(view, unavailable) : surgeStep(view, surge)
}

interface NodePods {
  readonly newPod: PodObject | undefined
  readonly oldPod: PodObject | undefined
}

/** The live pods of a node; undefined where there are too many to tell. */
function pairOf({ set, hash }: UpdateView, pods: readonly PodObject[]): NodePods | undefined {
  const live = pods.filter((pod) => !pod.metadata.deletionTimestamp)
  const updated = live.filter((pod) => isUpdated(set, pod, hash))
  const old = live.filter((pod) => !isUpdated(set, pod, hash))
  return updated.length > 1 || old.length > 1 ? undefined : { newPod: updated[0], oldPod: old[0] }
}

function replaceStep(view: UpdateView, maxUnavailable: number): UpdateStep {
  const isAvailable = availability(view)
  const broken: PodObject[] = []
  const candidates: PodObject[] = []
  let unavailable = 0
  for (const pods of view.byNode.values()) {
    const pair = pairOf(view, pods)
    const { newPod, oldPod } = pair ?? {}
    if (!oldPod || newPod) {
      if (!pair || oldPod || !newPod || !isAvailable(newPod)) unavailable++
    } else if (!isAvailable(oldPod)) {
      broken.push(oldPod)
      unavailable++
    } else candidates.push(oldPod)
  }
  const spare = Math.max(0, maxUnavailable - unavailable)
  return { toDelete: [...broken, ...candidates.slice(0, spare)], toCreate: [] }
}

function surgeStep(view: UpdateView, maxSurge: number): UpdateStep {
  const isAvailable = availability(view)
  const toDelete: PodObject[] = []
  const misplaced: PodObject[] = []
  const urgent: string[] = []
  const candidates: string[] = []
  let surging = 0
  let available = 0
  for (const [node, pods] of view.byNode) {
    const pair = pairOf(view, pods)
    if (!pair) {
      surging++
      continue
    }
    const { newPod, oldPod } = pair
    const shown = oldPod ?? newPod
    if (shown && isAvailable(shown)) available++
    if (!oldPod) continue
    if (newPod) {
      if (isAvailable(newPod)) toDelete.push(oldPod)
      else surging++
    } else if (!view.desired.has(node)) {
      if (isAvailable(oldPod)) misplaced.push(oldPod)
      else toDelete.push(oldPod)
    } else if (isAvailable(oldPod)) candidates.push(node)
    else urgent.push(node)
  }
  toDelete.push(...misplaced.slice(0, Math.max(0, available - view.desired.size)))
  const spare = Math.max(0, maxSurge - surging)
  return { toDelete, toCreate: [...urgent, ...candidates.slice(0, spare)] }
}

function availability({ set, now }: UpdateView): (pod: PodObject) => boolean {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0
  return (pod) => isPodAvailable(pod, minReadySeconds, now)
}
