import { isNotFound } from '../../../apimachinery/api-error.ts'
import type { Client, ObjectKey } from '../../runtime/client.ts'
import type { Controller, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from '../../runtime/resources.ts'
import { unbind, writeVolumePhase } from './binding.ts'
import { BOUND_BY_CONTROLLER, type Claim, PROVISIONED_BY, sameMode, type Volume } from './volume-facts.ts'

/**
 * Keeps the phase of volumes and does with released ones as their reclaim policy says.
 *
 * @see pkg/controller/volume/persistentvolume/pv_controller.go syncVolume
 */
export const volumeBinder: Controller<Volume> = {
  name: 'persistentvolume-binder-controller-volumes',
  queueName: 'volumes',
  serviceAccount: 'persistent-volume-binder',
  eventSource: 'persistentvolume-controller',
  for: PERSISTENT_VOLUMES,
  resyncMs: 15_000,
  watches: [
    {
      resource: PERSISTENT_VOLUME_CLAIMS,
      enqueue: (claim, _old, cache) => volumesOf(claim as Claim, cache.list(PERSISTENT_VOLUMES)),
    },
  ],
  async reconcile(key, context) {
    const volume = context.cache.get(PERSISTENT_VOLUMES, key)
    if (!volume) return
    if (!volume.spec?.claimRef?.uid) {
      await writeVolumePhase(context.client, volume, 'Available')
      return
    }
    const claim = await claimOf(volume, context)
    if (!claim) await release(volume, context)
    else if (claim.spec?.volumeName === key.name) await writeVolumePhase(context.client, volume, 'Bound')
    else if (!claim.spec?.volumeName) reportMode(volume, claim, context)
    else if (isDynamic(volume) && volume.spec.persistentVolumeReclaimPolicy === 'Delete') await release(volume, context)
    else if (volume.metadata.annotations?.[BOUND_BY_CONTROLLER] !== undefined) await unbind(context.client, volume)
  },
}

function volumesOf(claim: Claim, volumes: readonly Volume[]): readonly ObjectKey[] {
  const { namespace, name } = claim.metadata
  return volumes
    .filter(({ metadata, spec }) => {
      if (metadata.name === claim.spec?.volumeName) return true
      return spec?.claimRef?.namespace === namespace && spec?.claimRef?.name === name
    })
    .map(keyOf)
}

function isDynamic({ metadata }: Volume): boolean {
  return metadata.annotations?.[PROVISIONED_BY] !== undefined
}

/** The claim that the volume refers to; undefined only where it is really gone. */
async function claimOf({ spec }: Volume, { cache, client }: ReconcileContext): Promise<Claim | undefined> {
  const { namespace = '', name = '', uid } = spec!.claimRef!
  const key = { namespace, name }
  const cached = cache.get(PERSISTENT_VOLUME_CLAIMS, key)
  if (cached?.metadata.uid === uid) return cached
  try {
    const live = await client.get(PERSISTENT_VOLUME_CLAIMS, key)
    return live.metadata.uid === uid ? live : undefined
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

function reportMode(volume: Volume, claim: Claim, { events }: ReconcileContext): void {
  if (sameMode(volume, claim)) return
  const [volumeName, claimName] = [volume.metadata.name, claim.metadata.name]
  const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" due to incompatible volumeMode.`
  const ofClaim = `Cannot bind PersistentVolume "${volumeName}" to requested PersistentVolumeClaim due to incompatible volumeMode.`
  events.record(volume, 'Warning', 'VolumeMismatch', ofVolume)
  events.record(claim, 'Warning', 'VolumeMismatch', ofClaim)
}

async function release(volume: Volume, context: ReconcileContext): Promise<void> {
  const { client, events } = context
  const isFailed = volume.status?.phase === 'Failed'
  const released = isFailed ? volume : await writeVolumePhase(client, volume, 'Released')
  switch (volume.spec?.persistentVolumeReclaimPolicy) {
    case 'Recycle':
      await unbind(client, released)
      events.record(volume, 'Normal', 'VolumeRecycled', 'Volume recycled')
      return
    case 'Delete':
      await remove(client, released, context)
      return
  }
}

/** Volumes of provisioners and CSI drivers are theirs to delete. */
async function remove(client: Client, volume: Volume, { events }: ReconcileContext): Promise<void> {
  if (isDynamic(volume) || volume.spec?.csi) return
  if (volume.spec?.hostPath) {
    await client.delete(PERSISTENT_VOLUMES, keyOf(volume)).catch(ignoreNotFound)
    return
  }
  const message = `error getting deleter volume plugin for volume "${volume.metadata.name}": no deletable volume plugin matched`
  if (volume.status?.phase === 'Failed' && volume.status.message === message) return
  await writeVolumePhase(client, volume, 'Failed', message)
  events.record(volume, 'Warning', 'VolumeFailedDelete', message)
}

function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error
}
