import { isNotFound } from '../../../apimachinery/api-error.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Client, ObjectKey, ResourceRef, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS } from '../../runtime/resources.ts'
import { isPodTerminal } from '../../workloads/pod-state.ts'
import { claimsOfPod, podClaimIndex, podsOfClaim } from './pod-claims.ts'
import type { Claim, Volume } from './volume-facts.ts'

const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection'
const VOLUME_FINALIZER = 'kubernetes.io/pv-protection'

/**
 * Keeps claims that are being deleted while pods use them.
 *
 * @see pkg/controller/volume/pvcprotection/pvc_protection_controller.go
 */
export const claimProtectionController: Controller<Claim> = {
  name: 'persistentvolumeclaim-protection-controller',
  queueName: 'pvcprotection',
  serviceAccount: 'pvc-protection-controller',
  for: PERSISTENT_VOLUME_CLAIMS,
  watches: [
    { resource: PODS, enqueue: (pod, old, cache) => claimsToLookAt(pod as Typed<Pod>, old as Typed<Pod>, cache) },
  ],
  indexes: [podClaimIndex],
  async reconcile(key, { cache, client }) {
    const claim = cache.get(PERSISTENT_VOLUME_CLAIMS, key)
    if (!claim) return
    // The cache may not show yet a pod that was bound just before: the API does.
    const isUsed = async (): Promise<boolean> =>
      podsOfClaim(cache, key).some((p) => uses(p, claim)) ||
      (await client.list(PODS, { namespace: key.namespace })).items.some((p) => uses(p, claim))
    await protect(client, PERSISTENT_VOLUME_CLAIMS as ResourceRef, claim, CLAIM_FINALIZER, isUsed)
  },
}

/** Claims of pods that ended, are gone, or were never bound: those that may be let go. */
function claimsToLookAt(pod: Typed<Pod>, old: Typed<Pod> | undefined, cache: CacheReader): readonly ObjectKey[] {
  const before = old && old.metadata.uid !== pod.metadata.uid ? claimsOfPod(old) : []
  const isGone = cache.get(PODS, keyOf(pod)) === undefined
  if (!isGone && !isPodTerminal(pod) && pod.spec?.nodeName) return before
  return [...before, ...claimsOfPod(pod)]
}

/** True for a pod on a node whose volumes have the claim; kubelets start none with a claim that is being deleted. */
function uses(pod: Typed<Pod>, { metadata }: Claim): boolean {
  if (!pod.spec?.nodeName) return false
  return (pod.spec.volumes ?? []).some((volume) => {
    if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName === metadata.name
    if (!volume.ephemeral || isPodTerminal(pod) || `${pod.metadata.name}-${volume.name}` !== metadata.name) return false
    return metadata.ownerReferences?.some((r) => r.controller && r.uid === pod.metadata.uid) ?? false
  })
}

/**
 * Keeps volumes that are being deleted while they are bound.
 *
 * @see pkg/controller/volume/pvprotection/pv_protection_controller.go
 */
export const volumeProtectionController: Controller<Volume> = {
  name: 'persistentvolume-protection-controller',
  queueName: 'pvprotection',
  serviceAccount: 'pv-protection-controller',
  for: PERSISTENT_VOLUMES,
  async reconcile(key, { cache, client }) {
    const volume = cache.get(PERSISTENT_VOLUMES, key)
    if (!volume) return
    const isUsed = async (): Promise<boolean> => volume.status?.phase === 'Bound'
    await protect(client, PERSISTENT_VOLUMES as ResourceRef, volume, VOLUME_FINALIZER, isUsed)
  },
}

/** Puts the finalizer on what lacks it, and takes it off what is being deleted and not used. */
async function protect(
  client: Client,
  resource: ResourceRef,
  object: KubeObject,
  finalizer: string,
  isUsed: () => Promise<boolean>,
): Promise<void> {
  const { deletionTimestamp, finalizers = [] } = object.metadata
  const hasFinalizer = finalizers.includes(finalizer)
  if (hasFinalizer === (deletionTimestamp === undefined)) return
  if (hasFinalizer && (await isUsed())) return
  const next = hasFinalizer ? finalizers.filter((f) => f !== finalizer) : [...finalizers, finalizer]
  try {
    await client.update(resource, { ...object, metadata: { ...object.metadata, finalizers: next } })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
