import type { Pod, Volume } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { controllerReference, isControlledBy } from '../../runtime/owner.ts'
import { PERSISTENT_VOLUME_CLAIMS, PODS } from '../../runtime/resources.ts'
import { podClaimIndex, podsOfClaim } from './pod-claims.ts'

/**
 * Makes the claims of pods' ephemeral volumes, and makes them anew where somebody deletes them.
 *
 * @see kubernetes pkg/controller/volume/ephemeral/controller.go
 */
export const ephemeralVolumeController: Controller<Typed<Pod>> = {
  name: 'ephemeral-volume-controller',
  queueName: 'ephemeral_volume',
  serviceAccount: 'ephemeral-volume-controller',
  eventSource: 'ephemeral_volume',
  for: PODS,
  isRelevant: (pod) => !pod.metadata.deletionTimestamp && hasEphemeralVolumes(pod),
  watches: [
    {
      resource: PERSISTENT_VOLUME_CLAIMS,
      enqueue: (claim, _old, cache) => {
        const key = keyOf(claim)
        if (cache.get(PERSISTENT_VOLUME_CLAIMS, key)) return []
        return podsOfClaim(cache, key).filter(hasEphemeralVolumes).map(keyOf)
      },
    },
  ],
  indexes: [podClaimIndex],
  async reconcile(key, context) {
    const pod = context.cache.get(PODS, key)
    if (!pod || pod.metadata.deletionTimestamp) return
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        await ensureClaim(pod, volume, context)
      } catch (error) {
        const message = `ephemeral volume ${volume.name}: ${(error as Error).message}`
        context.events.record(pod, 'Warning', 'FailedBinding', message)
        throw error
      }
    }
  },
}

function hasEphemeralVolumes({ spec }: Pod): boolean {
  return spec?.volumes?.some((volume) => volume.ephemeral) ?? false
}

async function ensureClaim(pod: Typed<Pod>, volume: Volume, { cache, client }: ReconcileContext): Promise<void> {
  const template = volume.ephemeral?.volumeClaimTemplate
  if (!template) return
  const { namespace = '', name: podName } = pod.metadata
  const name = `${podName}-${volume.name}`
  const claim = cache.get(PERSISTENT_VOLUME_CLAIMS, { namespace, name })
  if (claim) {
    if (isControlledBy(claim, pod)) return
    throw new Error(`PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`)
  }
  const { labels, annotations } = template.metadata ?? {}
  try {
    await client.create(PERSISTENT_VOLUME_CLAIMS, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        namespace,
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
        ownerReferences: [controllerReference(pod, PODS)],
      },
      spec: template.spec,
    })
  } catch (error) {
    throw new Error(`create PVC ${name}: ${(error as Error).message}`, { cause: error })
  }
}
