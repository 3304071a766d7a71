import { isNotFound } from '../../apimachinery/api-error.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import type { Node, Pod, Taint, Toleration } from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'
import type { Controller, ReconcileContext, ReconcileResult } from '../runtime/controller.ts'
import { keyOf, keyText } from '../runtime/object-key.ts'
import { NODES, PODS } from '../runtime/resources.ts'
import { toleratesTaint } from '../scheduler/taints.ts'
import { markDisrupted } from './pod-eviction.ts'
import { podNodeIndex, podsOnNode } from './pod-node-index.ts'

const TAINTED = { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' }

/** An eviction that waits for the end of what the pod tolerates. */
interface Planned {
  readonly pod: Typed<Pod>
  readonly dueAt: number
}

/**
 * Evicts pods from nodes with NoExecute taints that they do not tolerate, or not for longer.
 *
 * @see pkg/controller/tainteviction/taint_eviction.go
 */
export function taintEvictionController(): Controller<Typed<Pod>> {
  const planned = new Map<string, Planned>()
  return {
    name: 'taint-eviction-controller',
    serviceAccount: 'node-controller',
    for: PODS,
    isRelevant: (pod, _old, cache) => {
      const { nodeName } = pod.spec ?? {}
      if (!nodeName) return false
      const node = cache.get(NODES, { namespace: '', name: nodeName })
      return planned.has(keyText(keyOf(pod))) || (node?.spec?.taints?.some((t) => t.effect === 'NoExecute') ?? false)
    },
    watches: [
      {
        resource: NODES,
        enqueue: (node, old, cache) =>
          old && equalJson(noExecuteTaints(node as Typed<Node>), noExecuteTaints(old as Typed<Node>))
            ? []
            : podsOnNode(cache, node.metadata.name!).map(keyOf),
      },
    ],
    indexes: [podNodeIndex],
    async reconcile(key, context) {
      const { cache } = context
      const name = keyText(key)
      const before = planned.get(name)
      const pod = cache.get(PODS, key)
      if (
        !pod?.spec?.nodeName ||
        pod.metadata.deletionTimestamp ||
        (before && before.pod.metadata.uid !== pod.metadata.uid)
      ) {
        cancel(name, planned, context)
      }
      if (!pod?.spec?.nodeName || pod.metadata.deletionTimestamp) return undefined
      const node = cache.get(NODES, { namespace: '', name: pod.spec.nodeName })
      return await decide(pod, node ? noExecuteTaints(node) : [], planned, context)
    },
  }
}

function noExecuteTaints({ spec }: Typed<Node>): readonly Taint[] {
  return spec?.taints?.filter((t) => t.effect === 'NoExecute') ?? []
}

async function decide(
  pod: Typed<Pod>,
  taints: readonly Taint[],
  planned: Map<string, Planned>,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const name = keyText(keyOf(pod))
  const now = context.clock.now()
  const tolerance = toleratedSeconds(taints, pod.spec?.tolerations)
  if (tolerance === 'forever') {
    cancel(name, planned, context)
    return undefined
  }
  if (tolerance > 0) {
    // What is planned stays planned, even where the pod would be tolerated for another time by now.
    const plan = planned.get(name) ?? { pod, dueAt: now + tolerance * 1000 }
    if (plan.dueAt > now) {
      planned.set(name, plan)
      return { requeueAfterMs: plan.dueAt - now }
    }
    planned.delete(name)
  } else cancel(name, planned, context)
  await evict(pod, context)
  return undefined
}

/** For how long the taints are tolerated all together: 0 where one is not at all. */
export function toleratedSeconds(
  taints: readonly Taint[],
  tolerations: readonly Toleration[] | undefined,
): number | 'forever' {
  let seconds: number | 'forever' = 'forever'
  for (const taint of taints) {
    const toleration = tolerations?.find((t) => toleratesTaint(t, taint))
    if (!toleration) return 0
    const own = toleration.tolerationSeconds
    if (own === undefined) continue
    if (own <= 0) return 0
    seconds = seconds === 'forever' ? own : Math.min(seconds, own)
  }
  return seconds
}

function cancel(name: string, planned: Map<string, Planned>, { events }: ReconcileContext): void {
  const before = planned.get(name)
  if (!before) return
  planned.delete(name)
  events.record(before.pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${name}`)
}

async function evict(cached: Typed<Pod>, { client, clock, events }: ReconcileContext): Promise<void> {
  const key = keyOf(cached)
  events.record(cached, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyText(key)}`)
  try {
    const pod = await client.get(PODS, key)
    if (pod.metadata.uid !== cached.metadata.uid) return
    await markDisrupted(client, clock, pod, TAINTED)
    await client.delete(PODS, key)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
