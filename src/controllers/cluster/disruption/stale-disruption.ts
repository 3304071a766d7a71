import { formatTime, parseTime } from '../../../apimachinery/clock.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { PODS } from '../../runtime/resources.ts'
import { isPodTerminal } from '../../workloads/pod-state.ts'
import { conditionOf, withCondition } from '../conditions.ts'

/** How long a pod may carry the condition DisruptionTarget without being deleted. */
const STALE_MS = 120_000

/**
 * Takes the condition DisruptionTarget back from pods whose disruption never came.
 *
 * @see pkg/controller/disruption/disruption.go syncStalePodDisruption
 */
export const staleDisruptionController: Controller<Typed<Pod>> = {
  name: 'disruption-controller-stale-pods',
  queueName: 'stale_pod_disruption',
  serviceAccount: 'disruption-controller',
  for: PODS,
  isRelevant: (pod) => staleDisruptionAt(pod) !== undefined,
  async reconcile(key, { cache, client, clock }) {
    const pod = cache.get(PODS, key)
    const staleAt = pod && staleDisruptionAt(pod)
    if (!pod || staleAt === undefined) return undefined
    if (staleAt > clock.now()) return { requeueAfterMs: staleAt - clock.now() }
    const cleared = { type: 'DisruptionTarget', status: 'False', lastTransitionTime: formatTime(clock.now()) }
    const others = pod.status?.conditions?.filter((c) => c.type !== 'DisruptionTarget')
    const status = { ...pod.status, conditions: [...withCondition(others, cleared)] }
    await client.updateSubresource(PODS, 'status', { ...pod, status } as Typed<Pod>)
    return undefined
  },
}

/** When the condition is to be taken back, in milliseconds since the epoch; undefined: not at all. */
function staleDisruptionAt(pod: Typed<Pod>): number | undefined {
  const condition = conditionOf(pod.status?.conditions, 'DisruptionTarget')
  if (condition?.status !== 'True' || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return undefined
  // A kubelet's own may take as long as the pod's grace period.
  if (condition.reason === 'TerminationByKubelet' || !condition.lastTransitionTime) return undefined
  return parseTime(condition.lastTransitionTime) + STALE_MS
}
