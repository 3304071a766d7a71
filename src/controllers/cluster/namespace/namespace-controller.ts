import { isNotFound } from '../../../apimachinery/api-error.ts'
import { formatTime, parseTime } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Namespace } from '../../../apimachinery/types/core-v1.ts'
import type { Client, ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS } from '../../runtime/resources.ts'
import { namespaceConditions } from './namespace-conditions.ts'
import { emptyNamespace } from './namespace-content.ts'

const FINALIZER = 'kubernetes'

/** How long upstream leaves to API servers that have not heard yet that a namespace goes. */
export const DELETION_GRACE_MS = 5000

/**
 * Empties namespaces that are being deleted, then takes its finalizer off them.
 *
 * `graceMs`: how long after its deletion a namespace is left alone, as API servers beside the one that deleted it may
 * still let objects in: {@link DELETION_GRACE_MS}; 0 where there is one server, which lets none in.
 *
 * Differs from kube-controller-manager: comes again as soon as the last pod or claim is gone, not only when the estimated
 * time is over.
 *
 * @see pkg/controller/namespace/namespace_controller.go
 */
export function namespaceController(graceMs: number): Controller<Typed<Namespace>> {
  return {
    name: 'namespace-controller',
    queueName: 'namespace',
    serviceAccount: 'namespace-controller',
    for: NAMESPACES,
    resyncMs: 300_000,
    watches: [
      { resource: PODS, enqueue: (object, _old, cache) => lastOne(object, cache, PODS) },
      {
        resource: PERSISTENT_VOLUME_CLAIMS,
        enqueue: (object, _old, cache) => lastOne(object, cache, PERSISTENT_VOLUME_CLAIMS),
      },
    ],
    concurrency: 10,
    async reconcile(key, context) {
      const deletionTimestamp = context.cache.get(NAMESPACES, key)?.metadata.deletionTimestamp
      if (!deletionTimestamp) return undefined
      const sinceMs = context.clock.now() - parseTime(deletionTimestamp)
      if (sinceMs < graceMs) return { requeueAfterMs: Math.min(graceMs - sinceMs, graceMs) }
      try {
        return await empty(key, context)
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
  }
}

async function empty(key: ObjectKey, { client, clock }: ReconcileContext): Promise<ReconcileResult> {
  const namespace = await terminating(client, key)
  if (!namespace.metadata.deletionTimestamp || !namespace.spec?.finalizers?.length) return undefined
  const emptied = await emptyNamespace(client, clock, namespace)
  const conditions = namespaceConditions(namespace.status?.conditions, emptied, formatTime(clock.now()))
  const current = await writeConditions(client, namespace, conditions)
  const errors = [emptied.discoveryError ?? [], ...emptied.contentErrors].flat()
  if (errors.length > 0) throw new Error(errors.join(', '))
  if (emptied.estimateSeconds > 0) return { requeueAfterMs: (Math.floor(emptied.estimateSeconds / 2) + 1) * 1000 }
  await finalize(client, current)
  return undefined
}

/** Wakes the namespace of an object that was the last of its kind there. */
function lastOne(
  object: KubeObject,
  cache: CacheReader,
  resource: typeof PODS | typeof PERSISTENT_VOLUME_CLAIMS,
): readonly ObjectKey[] {
  const { namespace } = keyOf(object)
  const key = { namespace: '', name: namespace }
  if (!cache.get(NAMESPACES, key)?.metadata.deletionTimestamp) return []
  return cache.list<KubeObject>(resource, namespace).length === 0 ? [key] : []
}

/** The namespace as it is now, marked as terminating. */
async function terminating(client: Client, key: ObjectKey): Promise<Typed<Namespace>> {
  const namespace = await client.get(NAMESPACES, key)
  if (!namespace.metadata.deletionTimestamp || namespace.status?.phase === 'Terminating') return namespace
  const marked = { ...namespace, status: { ...namespace.status, phase: 'Terminating' as const } }
  return await client.updateSubresource(NAMESPACES, 'status', marked)
}

async function writeConditions(
  client: Client,
  namespace: Typed<Namespace>,
  conditions: ReturnType<typeof namespaceConditions>,
): Promise<Typed<Namespace>> {
  if (conditions === namespace.status?.conditions) return namespace
  const next = { ...namespace, status: { ...namespace.status, conditions: [...conditions] } }
  return await client.updateSubresource(NAMESPACES, 'status', next)
}

async function finalize(client: Client, namespace: Typed<Namespace>): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((f) => f !== FINALIZER).sort()
  const next = { ...namespace, spec: { ...namespace.spec, finalizers } }
  await client.updateSubresource(NAMESPACES, 'finalize', next)
}
