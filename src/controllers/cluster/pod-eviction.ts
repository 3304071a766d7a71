import { isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { Pod, PodCondition } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from '../runtime/client.ts'
import { keyOf } from '../runtime/object-key.ts'
import { PODS } from '../runtime/resources.ts'
import { conditionOf } from './conditions.ts'

/** Why a pod is made to go: reason and message of its condition DisruptionTarget. */
export interface Disruption {
  readonly reason: string
  readonly message: string
}

/** Marks a pod as about to be disrupted, unless it says so already. */
export async function markDisrupted(client: Client, clock: Clock, pod: Typed<Pod>, why: Disruption): Promise<void> {
  const current = conditionOf(pod.status?.conditions, 'DisruptionTarget')
  if (current?.status === 'True' && current.reason === why.reason && current.message === why.message) return
  const patch = { metadata: { uid: pod.metadata.uid }, status: { conditions: [disruptedCondition(pod, why, clock)] } }
  await client.patch(PODS, keyOf(pod), 'strategic', patch, { subresource: 'status' })
}

function disruptedCondition(pod: Typed<Pod>, why: Disruption, clock: Clock): PodCondition {
  const generation = observedGeneration(pod)
  const current = conditionOf(pod.status?.conditions, 'DisruptionTarget')
  return {
    type: 'DisruptionTarget',
    status: 'True',
    ...why,
    lastTransitionTime:
      current?.status === 'True' && current.lastTransitionTime ? current.lastTransitionTime : formatTime(clock.now()),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  }
}

/**
 * Upstream keeps the generation of conditions in step only where somebody began to (a kubelet of that age).
 *
 * @see pkg/api/pod/util.go CalculatePodConditionObservedGeneration
 */
function observedGeneration({ metadata, status }: Typed<Pod>): number | undefined {
  const began = status?.observedGeneration || conditionOf(status?.conditions, 'DisruptionTarget')?.observedGeneration
  return began ? metadata.generation : undefined
}

/** Marks a pod as failed unless it has finished, then deletes it without grace: nobody is left to end it. */
export async function failAndDelete(client: Client, clock: Clock, pod: Typed<Pod>, why?: Disruption): Promise<void> {
  const key = keyOf(pod)
  try {
    if (pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') {
      const conditions = why ? { conditions: [disruptedCondition(pod, why, clock)] } : {}
      const patch = { metadata: { uid: pod.metadata.uid }, status: { phase: 'Failed', ...conditions } }
      await client.patch(PODS, key, 'strategic', patch, { subresource: 'status' })
    }
    await client.delete(PODS, key, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid! } })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
