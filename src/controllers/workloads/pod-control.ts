import { asApiError, isNotFound } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { PodTemplateSpec } from '../../apimachinery/types/core-v1.ts'
import type { OwnerReference } from '../../apimachinery/types/meta-v1.ts'
import { isDNS1123Subdomain } from '../../apimachinery/validation/names.ts'
import type { ReconcileContext } from '../runtime/controller.ts'
import { PODS } from '../runtime/resources.ts'
import type { PodObject } from './pod-state.ts'

/** A create was refused because its namespace goes away: nothing to complain about, it will be gone soon. */
export function isNamespaceTerminating(error: unknown): boolean {
  return asApiError(error)?.details?.causes?.some((c) => c.reason === 'NamespaceTerminating') ?? false
}

/**
 * The pod that a template describes, for an owner.
 *
 * @see kubernetes pkg/controller/controller_utils.go GetPodFromTemplate
 */
export function podFromTemplate(
  template: PodTemplateSpec | undefined,
  owner: KubeObject,
  reference: OwnerReference,
): PodObject {
  const { labels, annotations, finalizers } = template?.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: namePrefix(owner.metadata.name!),
      namespace: owner.metadata.namespace!,
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [reference],
    },
    ...(template?.spec ? { spec: template.spec } : {}),
  }
}

/** The owner's name with a dash, where that can begin the name of a pod. */
function namePrefix(name: string): string {
  // A name that is generated never ends with the dash: it is looked at with a letter in its place.
  return isDNS1123Subdomain(`${name}a`).length === 0 ? `${name}-` : name
}

/** Creates a pod and says so on its owner. Errors: those of the API. */
export async function createPod(context: ReconcileContext, owner: KubeObject, pod: PodObject): Promise<PodObject> {
  const { client, events } = context
  if (Object.keys(pod.metadata.labels ?? {}).length === 0) throw new Error('unable to create pods, no labels')
  try {
    const created = await client.create(PODS, pod)
    events.record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
    return created
  } catch (error) {
    if (!isNamespaceTerminating(error))
      events.record(owner, 'Warning', 'FailedCreate', `Error creating: ${textOf(error)}`)
    throw error
  }
}

/** Deletes a pod and says so on its owner. Errors: those of the API, NotFound included. */
export async function deletePod(context: ReconcileContext, owner: KubeObject, pod: PodObject): Promise<void> {
  const { client, events } = context
  const { namespace = '', name = '' } = pod.metadata
  try {
    await client.delete(PODS, { namespace, name })
    events.record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    if (isNotFound(error)) throw error
    events.record(owner, 'Warning', 'FailedDelete', `Error deleting: ${textOf(error)}`)
    throw new Error(`unable to delete pods: ${textOf(error)}`, { cause: error })
  }
}

/** An error's message as it stands in events and conditions. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Runs `work` `count` times in batches that double from one: where nothing succeeds (a quota, a webhook) there is one
 * failure instead of hundreds. Resolves with how many succeeded and the first failure.
 */
export async function slowStart(
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<{ readonly successes: number; readonly error?: unknown }> {
  let successes = 0
  for (let begun = 0, batch = 1; begun < count; batch *= 2) {
    const size = Math.min(batch, count - begun)
    const results = await Promise.allSettled(Array.from({ length: size }, (_, i) => work(begun + i)))
    const failed = results.filter((r) => r.status === 'rejected')
    successes += size - failed.length
    if (failed.length > 0) return { successes, error: failed[0]!.reason }
    begun += size
  }
  return { successes }
}
