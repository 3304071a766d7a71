import { formatTime } from '../../src/apimachinery/clock.ts'
import type { Pod } from '../../src/apimachinery/types/core-v1.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import type { Controller } from '../../src/controllers/runtime/controller.ts'
import { PODS } from '../../src/controllers/runtime/resources.ts'

/** Stands in for scheduler and kubelet: what a pod is to become; undefined: it is left as it is. */
type PodFate = (pod: Typed<Pod>) => 'ready' | 'succeeded' | 'failed' | undefined

/** A controller that makes pods run (or whatever `fate` says), and lets go of those that are being deleted. */
export function podRunner(fate: PodFate = () => 'ready'): Controller {
  const controller: Controller<Typed<Pod>> = {
    name: 'pod-runner',
    for: PODS,
    concurrency: 50,
    async reconcile(key, { cache, client, clock }) {
      const pod = cache.get(PODS, key)
      if (!pod || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return
      if (pod.metadata.deletionTimestamp) {
        await client.delete(PODS, key, { gracePeriodSeconds: 0 })
        return
      }
      const next = fate(pod)
      if (next === undefined) return
      const isReady = next === 'ready'
      const phase = isReady ? 'Running' : next === 'succeeded' ? 'Succeeded' : 'Failed'
      if (pod.status?.phase === phase) return
      const lastTransitionTime = formatTime(clock.now())
      const ready = { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime }
      await client.updateSubresource(PODS, 'status', {
        ...pod,
        status: { ...pod.status, phase, conditions: [ready] },
      })
    },
  }
  return controller as unknown as Controller
}
