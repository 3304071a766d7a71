import { isNotFound } from '../../../apimachinery/api-error.ts'
import { formatTime } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Node, Pod } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { LEASES, NODES, PODS } from '../../runtime/resources.ts'
import { isPodReady } from '../../workloads/pod-state.ts'
import { conditionOf } from '../conditions.ts'
import { podNodeIndex, podsOnNode } from '../pod-node-index.ts'
import { lostAt, lostConditions, type NodeHealth, observedHealth } from './node-health.ts'
import { type ExecutionTaint, hasExecutionTaint, taintsFor } from './node-taints.ts'
import { EvictionLimiter, isEverythingLost, type Zone, zoneOf, zonesOf } from './zones.ts'

/** How often upstream looks at all nodes. */
const MONITOR_PERIOD_MS = 5_000
const LEASE_NAMESPACE = 'kube-node-lease'

/** Label → the older one that has to say the same. */
const MIRRORED_LABELS = [
  ['kubernetes.io/os', 'beta.kubernetes.io/os'],
  ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
] as const

/**
 * Watches for nodes' signs of life: one that is silent for too long gets conditions of Unknown, its pods are no longer
 * ready, and its taints make them go. Taints follow all other conditions as well.
 *
 * @see pkg/controller/nodelifecycle/node_lifecycle_controller.go
 */
export function nodeLifecycleController(): Controller<Typed<Node>> {
  const lifecycle = new NodeLifecycle()
  return {
    name: 'node-lifecycle-controller',
    queueName: 'node_lifecycle_controller',
    serviceAccount: 'node-controller',
    eventSource: 'node-controller',
    for: NODES,
    watches: [
      { resource: PODS, enqueue: (pod, old, cache) => lostNodeOf(pod as Typed<Pod>, old as Typed<Pod>, cache) },
    ],
    reads: [LEASES],
    indexes: [podNodeIndex],
    reconcile: (key, context) => lifecycle.reconcile(key, context),
  }
}

/** The node of a pod that was bound to it after it was lost. */
function lostNodeOf(pod: Typed<Pod>, old: Typed<Pod> | undefined, cache: CacheReader): readonly ObjectKey[] {
  const { nodeName } = pod.spec ?? {}
  if (!nodeName || old?.spec?.nodeName === nodeName) return []
  const key = { namespace: '', name: nodeName }
  const node = cache.get(NODES, key)
  return node && readyStatus(node) === 'Unknown' ? [key] : []
}

function readyStatus({ status }: Typed<Node>): string | undefined {
  return conditionOf(status?.conditions, 'Ready')?.status
}

class NodeLifecycle {
  readonly #health = new Map<string, NodeHealth>()
  readonly #known = new Map<string, KubeObject>()
  readonly #limiter = new EvictionLimiter()
  #zones: ReadonlyMap<string, Zone> = new Map()
  #zonesAt = Number.NEGATIVE_INFINITY
  #wasEverythingLost = false

  async reconcile(key: ObjectKey, context: ReconcileContext): Promise<ReconcileResult> {
    const { cache, clock, events } = context
    const { name } = key
    const node = cache.get(NODES, key)
    const known = this.#known.get(name)
    if (!node || (known && known.metadata.uid !== node.metadata.uid)) this.#forget(name, context)
    if (!node) return undefined
    if (!this.#known.has(name)) {
      events.record(node, 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`)
      this.#known.set(name, node)
    }
    const now = clock.now()
    const lease = cache.get(LEASES, { namespace: LEASE_NAMESPACE, name })
    const health = observedHealth(this.#health.get(name), node, lease, now)
    this.#health.set(name, health)
    const isLost = now > lostAt(health)
    const current = isLost ? await markLost(node, context) : node
    const retryAfterMs = await this.#updateSpec(current, context)
    const waits = [retryAfterMs ?? Number.POSITIVE_INFINITY, isLost ? MONITOR_PERIOD_MS : lostAt(health) - now + 1]
    return { requeueAfterMs: Math.min(...waits) }
  }

  #forget(name: string, { events }: ReconcileContext): void {
    const known = this.#known.get(name)
    if (!known) return
    events.record(known, 'Normal', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`)
    this.#known.delete(name)
    this.#health.delete(name)
  }

  /** Writes taints and labels; returns after how long to try again where a node's turn to be tainted has not come. */
  async #updateSpec(node: Typed<Node>, { cache, client, clock }: ReconcileContext): Promise<number | undefined> {
    const now = clock.now()
    const { execution, retryAfterMs } = this.#execution(node, cache, now)
    const taints = taintsFor(node, execution, formatTime(now))
    const labels = mirroredLabels(node)
    const hasNewTaints = taints !== node.spec?.taints && !(taints.length === 0 && !node.spec?.taints)
    if (!hasNewTaints && !labels) return retryAfterMs
    const { metadata, spec } = node
    await client.update(NODES, {
      ...node,
      metadata: labels ? { ...metadata, labels: { ...metadata.labels, ...labels } } : metadata,
      spec: { ...spec, taints: [...taints] },
    })
    return retryAfterMs
  }

  #execution(
    node: Typed<Node>,
    cache: CacheReader,
    now: number,
  ): { readonly execution: ExecutionTaint; readonly retryAfterMs?: number } {
    const ready = readyStatus(node)
    if (ready === 'True') return { execution: 'none' }
    if (ready === undefined) return { execution: 'unchanged' }
    this.#lookAtZones(cache, now)
    if (this.#wasEverythingLost) return { execution: 'none', retryAfterMs: MONITOR_PERIOD_MS }
    if (hasExecutionTaint(node)) return { execution: 'by-condition' }
    const zone = zoneOf(node)
    const wait = this.#limiter.turn(zone, this.#zones.get(zone) ?? { state: 'normal', size: 1 }, now)
    if (wait === 0) return { execution: 'by-condition' }
    return { execution: 'unchanged', retryAfterMs: Math.max(wait ?? MONITOR_PERIOD_MS, 1) }
  }

  #lookAtZones(cache: CacheReader, now: number): void {
    if (now - this.#zonesAt < MONITOR_PERIOD_MS) return
    this.#zonesAt = now
    this.#zones = zonesOf(cache.list(NODES))
    const isLost = isEverythingLost(this.#zones)
    // Nodes get their full time again once the control plane is no longer cut off.
    if (this.#wasEverythingLost && !isLost) {
      for (const [name, health] of this.#health) this.#health.set(name, { ...health, probedAt: now })
    }
    this.#wasEverythingLost = isLost
  }
}

/** Writes a lost node's conditions and takes readiness off its pods; returns the node as it is then. */
async function markLost(node: Typed<Node>, context: ReconcileContext): Promise<Typed<Node>> {
  const { client, clock, events } = context
  const conditions = lostConditions(node, formatTime(clock.now()))
  let current = node
  if (conditions !== node.status?.conditions) {
    const status = { ...node.status, conditions: [...conditions] }
    current = await client.updateSubresource(NODES, 'status', { ...node, status })
    if (readyStatus(node) === 'True') {
      const { name } = node.metadata
      events.record(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
    }
  }
  await markPodsNotReady(node.metadata.name!, context)
  return current
}

async function markPodsNotReady(nodeName: string, { cache, client, clock, events }: ReconcileContext): Promise<void> {
  for (const pod of podsOnNode(cache, nodeName)) {
    if (!isPodReady(pod)) continue
    const lastTransitionTime = formatTime(clock.now())
    const conditions = pod.status!.conditions!.map((c) =>
      c.type === 'Ready' ? { ...c, status: 'False', lastTransitionTime } : c,
    )
    try {
      const status = { ...pod.status, conditions }
      await client.updateSubresource(PODS, 'status', { ...pod, status } as Typed<Pod>)
      events.record(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

/** Labels that a node lacks or has wrongly; undefined where all are right. */
function mirroredLabels(node: KubeObject): Record<string, string> | undefined {
  const { labels } = node.metadata
  const missing = MIRRORED_LABELS.flatMap(([from, to]) => {
    const value = labels?.[from]
    return value === undefined || labels?.[to] === value ? [] : [[to, value] as const]
  })
  return missing.length > 0 ? Object.fromEntries(missing) : undefined
}
