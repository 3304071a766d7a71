import { isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { Pod, PodCondition } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from '../runtime/client.ts'
import { keyOf } from '../runtime/object-key.ts'
import { PODS } from '../runtime/resources.ts'
import { conditionOf, withCondition } from './conditions.ts'

/** Why a pod is made to go: reason and message of its condition DisruptionTarget. */
export interface Disruption {
  readonly reason: string
  readonly message: string
}

/** The conditions of a pod that is about to be disrupted; the list itself where it says so already. */
export function disruptedConditions(pod: Typed<Pod>, why: Disruption, now: string): readonly PodCondition[] {
  const generation = observedGeneration(pod)
  return withCondition(pod.status?.conditions, {
    type: 'DisruptionTarget',
    status: 'True',
    ...why,
    lastTransitionTime: now,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  })
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
      const conditions = why ? disruptedConditions(pod, why, formatTime(clock.now())) : pod.status?.conditions
      const status = { ...pod.status, phase: 'Failed', conditions: [...(conditions ?? [])] }
      await client.updateSubresource(PODS, 'status', { ...pod, status } as Typed<Pod>)
    }
    await client.delete(PODS, key, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid! } })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
