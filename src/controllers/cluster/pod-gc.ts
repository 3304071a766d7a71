import { isNotFound } from '../../apimachinery/api-error.ts'
import { parseTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext, ReconcileResult } from '../runtime/controller.ts'
import { keyOf } from '../runtime/object-key.ts'
import { NODES, PODS } from '../runtime/resources.ts'
import { isPodTerminal } from '../workloads/pod-state.ts'
import { conditionOf } from './conditions.ts'
import { type Disruption, failAndDelete } from './pod-eviction.ts'
import { podNodeIndex, podsOnNode } from './pod-node-index.ts'

/** How long a node must be missing before its pods go. */
const QUARANTINE_MS = 40_000
/** Finished pods beyond this number go, the oldest first: upstream's terminated-pod-gc-threshold. */
const TERMINATED_THRESHOLD = 12_500
/** How often finished pods are counted. */
const COUNT_PERIOD_MS = 20_000

const TERMINATED_INDEX = 'terminated'
const NODE_GONE: Disruption = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' }

/**
 * Deletes pods that nobody else will: of nodes that are gone or out of service, terminating ones that were never
 * bound, and the oldest finished ones where there are too many.
 *
 * @see pkg/controller/podgc/gc_controller.go
 */
export function podGcController(): Controller<Typed<Pod>> {
  const missingSince = new Map<string, number>()
  let countedAt = 0
  return {
    name: 'pod-garbage-collector-controller',
    queueName: 'orphaned_pods_nodes',
    serviceAccount: 'pod-garbage-collector',
    for: PODS,
    isRelevant: (pod, _old, cache) => {
      if (pod.metadata.deletionTimestamp || isPodTerminal(pod)) return true
      const { nodeName } = pod.spec ?? {}
      return nodeName !== undefined && !cache.get(NODES, { namespace: '', name: nodeName })
    },
    watches: [
      {
        resource: NODES,
        enqueue: (node, _old, cache) => {
          if (cache.get(NODES, keyOf(node))) missingSince.delete(node.metadata.name!)
          return podsOnNode(cache, node.metadata.name!).map(keyOf)
        },
      },
    ],
    indexes: [
      podNodeIndex,
      { resource: PODS, name: TERMINATED_INDEX, values: (pod) => (isPodTerminal(pod as Typed<Pod>) ? ['true'] : []) },
    ],
    async reconcile(key, context) {
      const { cache, clock, client } = context
      const pod = cache.get(PODS, key)
      if (!pod) return undefined
      const { nodeName } = pod.spec ?? {}
      if (!nodeName) {
        if (pod.metadata.deletionTimestamp) await failAndDelete(client, clock, pod)
        return undefined
      }
      const node = cache.get(NODES, { namespace: '', name: nodeName })
      if (!node) return await collectOrphan(pod, nodeName, missingSince, context)
      if (pod.metadata.deletionTimestamp && isOutOfService(node)) await failAndDelete(client, clock, pod)
      else if (isPodTerminal(pod) && clock.now() - countedAt >= COUNT_PERIOD_MS) {
        countedAt = clock.now()
        await collectTerminated(context)
      }
      return undefined
    },
  }
}

async function collectOrphan(
  pod: Typed<Pod>,
  nodeName: string,
  missingSince: Map<string, number>,
  { client, clock }: ReconcileContext,
): Promise<ReconcileResult> {
  const since = missingSince.get(nodeName) ?? clock.now()
  missingSince.set(nodeName, since)
  const left = since + QUARANTINE_MS - clock.now()
  if (left > 0) return { requeueAfterMs: left }
  try {
    await client.get(NODES, { namespace: '', name: nodeName })
    missingSince.delete(nodeName)
  } catch (error) {
    if (!isNotFound(error)) throw error
    await failAndDelete(client, clock, pod, NODE_GONE)
  }
  return undefined
}

function isOutOfService({ spec, status }: Typed<Node>): boolean {
  const isReady = conditionOf(status?.conditions, 'Ready')?.status === 'True'
  return !isReady && (spec?.taints?.some((t) => t.key === 'node.kubernetes.io/out-of-service') ?? false)
}

async function collectTerminated({ cache, client, clock }: ReconcileContext): Promise<void> {
  const terminated = terminatedPods(cache)
  const surplus = terminated.length - TERMINATED_THRESHOLD
  if (surplus <= 0) return
  const oldest = [...terminated].sort(byEvictionAndAge).slice(0, surplus)
  await Promise.all(oldest.map((pod) => failAndDelete(client, clock, pod)))
}

function terminatedPods(cache: CacheReader): readonly Typed<Pod>[] {
  return cache.byIndex(PODS, TERMINATED_INDEX, 'true')
}

/** Evicted pods first, then the oldest; names decide between pods of the same second. */
export function byEvictionAndAge(a: Typed<Pod>, b: Typed<Pod>): number {
  const evicted = Number(isEvicted(b)) - Number(isEvicted(a))
  if (evicted !== 0) return evicted
  const age = createdAt(a) - createdAt(b)
  if (age !== 0) return age
  return a.metadata.name! < b.metadata.name! ? -1 : 1
}

function isEvicted({ status }: Typed<Pod>): boolean {
  return status?.phase === 'Failed' && status.reason === 'Evicted'
}

function createdAt({ metadata }: KubeObject): number {
  return parseTime(metadata.creationTimestamp ?? '')
}
