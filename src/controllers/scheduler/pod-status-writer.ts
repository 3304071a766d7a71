import { isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import type { Pod, PodCondition } from '../../apimachinery/types/core-v1.ts'
import type { Client } from '../runtime/client.ts'
import { PODS } from '../runtime/resources.ts'

/** What the scheduler has to say of a pod. */
interface PodNews {
  readonly condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>
  /** '' takes a nomination back; undefined leaves it. */
  readonly nominatedNodeName?: string
}

/** The patch of a pod's status that says it; undefined where the pod says so already. */
function statusPatch(pod: Pod, news: PodNews, nowMs: number): JsonObject | undefined {
  const status: JsonObject = {}
  const { condition, nominatedNodeName } = news
  if (nominatedNodeName !== undefined && (pod.status?.nominatedNodeName ?? '') !== nominatedNodeName) {
    status['nominatedNodeName'] = nominatedNodeName === '' ? null : nominatedNodeName
  }
  if (condition) {
    const old = pod.status?.conditions?.find((c) => c.type === condition.type)
    const isSame =
      old?.status === condition.status && old.reason === condition.reason && old.message === condition.message
    if (!isSame) {
      const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : formatTime(nowMs)
      const { generation } = pod.metadata
      const observed = generation === undefined ? {} : { observedGeneration: generation }
      status['conditions'] = [{ ...condition, ...observed, lastProbeTime: null, lastTransitionTime }]
    }
  }
  return Object.keys(status).length > 0 ? { status } : undefined
}

/** Writes news into a pod's status; a pod that is gone needs none. */
export async function writePodStatus(client: Client, clock: Clock, pod: Pod, news: PodNews): Promise<void> {
  const patch = statusPatch(pod, news, clock.now())
  if (!patch) return
  const key = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '' }
  try {
    await client.patch(PODS, key, 'strategic', patch, { subresource: 'status' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
