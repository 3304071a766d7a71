import { isNotFound } from '../../../apimachinery/api-error.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Selector } from '../../../apimachinery/label-selector.ts'
import type { ReplicaSetStatus } from '../../../apimachinery/types/apps-v1.ts'
import type { PodTemplateSpec } from '../../../apimachinery/types/core-v1.ts'
import type { ResourceRef } from '../../runtime/client.ts'
import type { ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { controllerReference, isControlledBy } from '../../runtime/owner.ts'
import { PODS } from '../../runtime/resources.ts'
import { claim, ownedAndOrphans } from '../claim.ts'
import { createPod, deletePod, isNamespaceTerminating, podFromTemplate, slowStart, textOf } from '../pod-control.ts'
import { compareForDeletion } from '../pod-ranking.ts'
import { isPodActive, isPodTerminating, nextAvailabilityMs, type PodObject } from '../pod-state.ts'
import { isSameStatus, replicaSetStatus } from './replica-set-status.ts'

/** How ReplicaSets and ReplicationControllers look to the code that they share. */
export interface ReplicaKind<T extends KubeObject> {
  readonly resource: ResourceRef<T>
  replicas(object: T): number
  minReadySeconds(object: T): number
  template(object: T): PodTemplateSpec | undefined
  selector(object: T): Selector
  status(object: T): ReplicaSetStatus | undefined
  withStatus(object: T, status: ReplicaSetStatus): T
  readonly countsTerminating: boolean
  /** Pods of this one and of those that belong together with it, for the choice of pods to delete. */
  relatedPods(context: ReconcileContext, object: T): readonly PodObject[]
}

/** Most pods that one reconcile creates or deletes. */
const BURST_REPLICAS = 500

/**
 * Keeps the number of pods of a ReplicaSet or ReplicationController.
 *
 * @see kubernetes pkg/controller/replicaset/replica_set.go
 */
export async function reconcileReplicas<T extends KubeObject>(
  kind: ReplicaKind<T>,
  object: T,
  context: ReconcileContext,
): Promise<ReconcileResult> {
  const selector = kind.selector(object)
  const all = ownedAndOrphans(context, PODS, object)
  const activePods = await claim(
    context,
    all.filter((pod) => isPodActive(pod)),
    { owner: object, ownerResource: kind.resource, resource: PODS, selector },
  )
  const terminatingPods = kind.countsTerminating
    ? all.filter((p) => isPodTerminating(p) && isControlledBy(p, object) && selector.matches(p.metadata.labels))
    : undefined
  const failure = object.metadata.deletionTimestamp ? undefined : await scale(kind, object, activePods, context)
  const now = context.clock.now()
  const minReadySeconds = kind.minReadySeconds(object)
  const view = {
    replicas: kind.replicas(object),
    minReadySeconds,
    template: kind.template(object),
    activePods,
    terminatingPods,
    failure: failure === undefined ? undefined : textOf(failure.error),
  }
  const status = replicaSetStatus({ ...view, status: kind.status(object) }, now)
  await writeStatus(kind, object, status, context)
  if (failure) throw failure.error
  if (minReadySeconds <= 0 || status.readyReplicas === status.availableReplicas) return undefined
  return { requeueAfterMs: nextAvailabilityMs(activePods, minReadySeconds, now) ?? minReadySeconds * 1000 }
}

async function scale<T extends KubeObject>(
  kind: ReplicaKind<T>,
  object: T,
  pods: readonly PodObject[],
  context: ReconcileContext,
): Promise<{ readonly error: unknown } | undefined> {
  const difference = pods.length - kind.replicas(object)
  const count = Math.min(Math.abs(difference), BURST_REPLICAS)
  if (difference === 0) return undefined
  if (difference < 0) return await create(kind, object, count, context)
  const victims = podsToDelete(kind, object, pods, count, context)
  const results = await Promise.allSettled(victims.map((pod) => deletePod(context, object, pod)))
  return results
    .filter((r) => r.status === 'rejected')
    .map((r) => ({ error: r.reason as unknown }))
    .find(({ error }) => !isNotFound(error))
}

async function create<T extends KubeObject>(
  kind: ReplicaKind<T>,
  object: T,
  count: number,
  context: ReconcileContext,
): Promise<{ readonly error: unknown } | undefined> {
  const pod = podFromTemplate(kind.template(object), object, controllerReference(object, kind.resource))
  const { error } = await slowStart(count, () =>
    createPod(context, object, pod).catch((failure: unknown) => {
      if (!isNamespaceTerminating(failure)) throw failure
    }),
  )
  return error === undefined ? undefined : { error }
}

function podsToDelete<T extends KubeObject>(
  kind: ReplicaKind<T>,
  object: T,
  pods: readonly PodObject[],
  count: number,
  context: ReconcileContext,
): readonly PodObject[] {
  if (count >= pods.length) return pods
  const onNode = new Map<string, number>()
  for (const pod of kind.relatedPods(context, object)) {
    if (!isPodActive(pod)) continue
    const node = pod.spec?.nodeName ?? ''
    onNode.set(node, (onNode.get(node) ?? 0) + 1)
  }
  const order = {
    now: context.clock.now(),
    rankOf: (pod: Pick<PodObject, 'spec'>) => onNode.get(pod.spec?.nodeName ?? '') ?? 0,
  }
  return pods.toSorted((a, b) => compareForDeletion(a, b, order)).slice(0, count)
}

/** Writes the status unless it says nothing new; a conflict is tried once more on the newest object. */
async function writeStatus<T extends KubeObject>(
  kind: ReplicaKind<T>,
  object: T,
  status: ReplicaSetStatus,
  { client }: ReconcileContext,
): Promise<void> {
  const { generation } = object.metadata
  if (isSameStatus(kind.status(object), status, generation)) return
  const next = { ...status, observedGeneration: generation }
  try {
    await client.updateSubresource(kind.resource, 'status', kind.withStatus(object, next))
  } catch {
    const fresh = await client.get(kind.resource, keyOf(object))
    await client.updateSubresource(kind.resource, 'status', kind.withStatus(fresh, next))
  }
}
