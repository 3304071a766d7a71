import { isNotFound } from '../../../apimachinery/api-error.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { parseApiVersion, qualifiedResource } from '../../../apimachinery/group-version.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import type { ResourceRef, Typed } from '../../runtime/client.ts'
import type { ReconcileContext } from '../../runtime/controller.ts'
import { controllerOf, refersTo } from '../../runtime/owner.ts'
import { DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS } from '../../runtime/resources.ts'

interface Scale {
  readonly uid: string
  readonly replicas: number
}

/**
 * How many pods the controllers of some pods want together, and the names of pods that nobody controls.
 *
 * @throws where a pod's controller is not there, or says nothing of replicas
 */
export async function expectedScale(
  pods: readonly Typed<Pod>[],
  context: ReconcileContext,
): Promise<{ readonly count: number; readonly unmanaged: readonly string[] }> {
  const scales = new Map<string, number>()
  const unmanaged: string[] = []
  for (const pod of pods) {
    const reference = controllerOf(pod)
    if (!reference) unmanaged.push(pod.metadata.name!)
    if (!reference || scales.has(reference.uid)) continue
    const scale = await scaleOf(reference, pod.metadata.namespace!, context)
    if (!scale) throw new Error(`found no controllers for pod ${goQuote(pod.metadata.name!)}`)
    scales.set(scale.uid, scale.replicas)
  }
  return { count: [...scales.values()].reduce((a, b) => a + b, 0), unmanaged }
}

async function scaleOf(
  reference: OwnerReference,
  namespace: string,
  context: ReconcileContext,
): Promise<Scale | undefined> {
  const { cache } = context
  for (const resource of [REPLICATION_CONTROLLERS, STATEFUL_SETS, REPLICA_SETS] as ResourceRef[]) {
    if (!refersTo(reference, resource)) continue
    const owner = cache.get(resource, { namespace, name: reference.name })
    if (owner?.metadata.uid !== reference.uid) return undefined
    const above = resource === (REPLICA_SETS as ResourceRef) ? controllerOf(owner) : undefined
    if (!above || !refersTo(above, DEPLOYMENTS)) return replicasOf(owner)
    const deployment = cache.get(DEPLOYMENTS, { namespace, name: above.name })
    return deployment?.metadata.uid === above.uid ? replicasOf(deployment) : undefined
  }
  return await scaleOfOther(reference, namespace, context)
}

/** Any other kind has to have a scale. */
async function scaleOfOther(
  { apiVersion, kind, name, uid }: OwnerReference,
  namespace: string,
  { client }: ReconcileContext,
): Promise<Scale | undefined> {
  const group = parseApiVersion(apiVersion)?.group
  const resource = (await client.resources()).find((r) => r.group === group && r.kind === kind)
  if (!resource) throw new Error(`no matches for kind ${goQuote(kind)} in version ${goQuote(apiVersion)}`)
  try {
    const owner = await client.get(resource, { namespace: resource.namespaced ? namespace : '', name })
    const scale = replicasOf(owner)
    if (!scale) throw new Error(`${qualifiedResource(resource)} does not implement the scale subresource`)
    return owner.metadata.uid === uid ? scale : undefined
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

function replicasOf(object: KubeObject): Scale | undefined {
  const replicas = (object.spec as { readonly replicas?: unknown } | undefined)?.replicas
  return typeof replicas === 'number' ? { uid: object.metadata.uid!, replicas } : undefined
}
