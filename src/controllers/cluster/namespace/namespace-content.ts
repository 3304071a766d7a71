import { asApiError, isNotFound } from '../../../apimachinery/api-error.ts'
import type { Clock } from '../../../apimachinery/clock.ts'
import { parseTime } from '../../../apimachinery/clock.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Client, ResourceRef } from '../../runtime/client.ts'
import { PODS } from '../../runtime/resources.ts'
import { type DeletionOutcome, printedResource } from './namespace-conditions.ts'

/** How long finalizers are expected to take, as upstream estimates. */
const FINALIZER_ESTIMATE_SECONDS = 15

interface EmptiedNamespace extends DeletionOutcome {
  /** Seconds until what remains should be gone; 0: nothing remains, unless there are errors. */
  readonly estimateSeconds: number
}

interface EmptiedResource {
  readonly estimateSeconds: number
  readonly count: number
  readonly finalizers: ReadonlyMap<string, number>
  readonly error?: string
}

/**
 * Deletes everything in a namespace: its pods first, the rest once they are gone.
 *
 * @see pkg/controller/namespace/deletion/namespaced_resources_deleter.go
 * @see https://kep.k8s.io/5080
 */
export async function emptyNamespace(client: Client, clock: Clock, namespace: KubeObject): Promise<EmptiedNamespace> {
  const { name, deletionTimestamp } = namespace.metadata
  const place: Place = {
    client,
    namespace: name!,
    deletingForSeconds: (clock.now() - parseTime(deletionTimestamp!)) / 1000,
  }
  let discoveryError: string | undefined
  let resources: readonly ResourceRef[] = []
  try {
    resources = (await client.resources()).filter((r) => r.namespaced)
  } catch (error) {
    discoveryError = messageOf(error)
  }
  const failure = discoveryError === undefined ? {} : { discoveryError }
  const pods = await emptyResource(place, PODS)
  if (pods.count > 0) {
    const contentErrors = pods.error === undefined ? [] : [pods.error]
    return { estimateSeconds: pods.estimateSeconds, contentErrors, ...failure }
  }
  const others = resources.filter((r) => r.group !== '' || r.resource !== 'pods')
  const emptied = await Promise.all(
    others.map(async (resource) => ({ resource, ...(await emptyResource(place, resource)) })),
  )
  return { ...summaryOf([{ resource: PODS, ...pods }, ...emptied]), ...failure }
}

interface Place {
  readonly client: Client
  readonly namespace: string
  readonly deletingForSeconds: number
}

function summaryOf(emptied: readonly (EmptiedResource & { readonly resource: ResourceRef })[]): EmptiedNamespace {
  const finalizers = new Map<string, number>()
  for (const part of emptied) {
    for (const [finalizer, count] of part.finalizers)
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + count)
  }
  return {
    estimateSeconds: Math.max(...emptied.map((e) => e.estimateSeconds)),
    contentErrors: emptied.flatMap((e) => (e.error === undefined ? [] : [e.error])),
    totals: { resources: emptied.filter((e) => e.count > 0), finalizers },
  }
}

async function emptyResource(place: Place, resource: ResourceRef): Promise<EmptiedResource> {
  const { client, namespace } = place
  const nothing = { estimateSeconds: 0, count: 0, finalizers: new Map<string, number>() }
  let estimateSeconds = 0
  try {
    const { items } = await client.list(resource, { namespace })
    if (items.length === 0) return nothing
    estimateSeconds = resource === PODS ? graceEstimate(place, items) : 0
    await Promise.all(items.map((object) => deleteOne(place, resource, object)))
    return remains(place, resource, estimateSeconds, (await client.list(resource, { namespace })).items)
  } catch (error) {
    // A resource that is no longer served holds nothing.
    if (isNotFound(error)) return nothing
    return { ...nothing, estimateSeconds, error: messageOf(error) }
  }
}

async function deleteOne({ client, namespace }: Place, resource: ResourceRef, object: KubeObject): Promise<void> {
  try {
    // The default of some kinds would orphan their dependents: all of them go anyway.
    await client.delete(resource, { namespace, name: object.metadata.name! }, { propagationPolicy: 'Background' })
  } catch (error) {
    if (!isNotFound(error) && asApiError(error)?.reason !== 'MethodNotAllowed') throw error
  }
}

function remains(
  { namespace }: Place,
  resource: ResourceRef,
  estimateSeconds: number,
  items: readonly KubeObject[],
): EmptiedResource {
  const finalizers = new Map<string, number>()
  for (const { metadata } of items) {
    for (const finalizer of metadata.finalizers ?? []) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1)
  }
  const result = { count: items.length, finalizers }
  if (items.length === 0) return { ...result, estimateSeconds: 0 }
  if (estimateSeconds > 0) return { ...result, estimateSeconds }
  if (finalizers.size > 0) return { ...result, estimateSeconds: FINALIZER_ESTIMATE_SECONDS }
  const error = `unexpected items still remain in namespace: ${namespace} for gvr: ${printedResource(resource)}`
  return { ...result, estimateSeconds, error }
}

/** The longest grace period of pods that still run; 0 once the namespace has been going for longer than that. */
function graceEstimate({ deletingForSeconds }: Place, pods: readonly KubeObject[]): number {
  let estimate = 0
  for (const pod of pods as readonly PodLike[]) {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') continue
    estimate = Math.max(estimate, pod.spec?.terminationGracePeriodSeconds ?? 0)
  }
  return deletingForSeconds >= estimate ? 0 : estimate
}

interface PodLike extends KubeObject {
  readonly spec?: { readonly terminationGracePeriodSeconds?: number }
  readonly status?: { readonly phase?: string }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
