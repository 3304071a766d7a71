import { equalJson } from '../../../apimachinery/clone.ts'
import type { PersistentVolumeClaimStatus, PersistentVolumeStatus } from '../../../apimachinery/types/core-v1.ts'
import type { Client } from '../../runtime/client.ts'
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from '../../runtime/resources.ts'
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, type Claim, isFor, type Volume } from './volume-facts.ts'

/**
 * Binds a claim and a volume to each other: the volume's reference first, so that no other claim takes it, then its
 * phase, the claim's reference, and its status. Each step is skipped where it has been made.
 */
export async function bind(client: Client, volume: Volume, claim: Claim): Promise<void> {
  const referring = await referToClaim(client, volume, claim)
  const bound = await writeVolumePhase(client, referring, 'Bound')
  const completed = await referToVolume(client, bound, claim)
  await writeClaimPhase(client, completed, 'Bound', bound)
}

async function referToClaim(client: Client, volume: Volume, claim: Claim): Promise<Volume> {
  const reference = volume.spec?.claimRef
  const { namespace, name, uid, resourceVersion } = claim.metadata
  if (reference && isFor(volume, claim) && reference.uid === uid) return volume
  const claimRef = { kind: 'PersistentVolumeClaim', namespace, name, uid, apiVersion: 'v1', resourceVersion }
  // A volume that its user reserved stays theirs when it is let go.
  const metadata =
    reference && isFor(volume, claim) ? volume.metadata : annotated(volume, { [BOUND_BY_CONTROLLER]: 'yes' })
  return await client.update(PERSISTENT_VOLUMES, { ...volume, metadata, spec: { ...volume.spec, claimRef } })
}

async function referToVolume(client: Client, volume: Volume, claim: Claim): Promise<Claim> {
  const volumeName = volume.metadata.name!
  const annotations: Record<string, string> = { [BIND_COMPLETED]: 'yes' }
  if (claim.spec?.volumeName !== volumeName) annotations[BOUND_BY_CONTROLLER] = 'yes'
  const metadata = annotated(claim, annotations)
  if (claim.spec?.volumeName === volumeName && equalJson(metadata.annotations, claim.metadata.annotations)) return claim
  return await client.update(PERSISTENT_VOLUME_CLAIMS, { ...claim, metadata, spec: { ...claim.spec!, volumeName } })
}

function annotated<T extends Volume | Claim>(object: T, annotations: Readonly<Record<string, string>>): T['metadata'] {
  return { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } }
}

/** Writes a volume's phase unless it has it; returns the volume as it is then. */
export async function writeVolumePhase(
  client: Client,
  volume: Volume,
  phase: NonNullable<PersistentVolumeStatus['phase']>,
  message?: string,
): Promise<Volume> {
  if (volume.status?.phase === phase && (volume.status.message ?? '') === (message ?? '')) return volume
  const { message: _message, ...kept } = volume.status ?? {}
  const status = { ...kept, phase, ...(message ? { message } : {}) }
  return await client.updateSubresource(PERSISTENT_VOLUMES, 'status', { ...volume, status })
}

/** Writes a claim's phase, and what the volume gives it where it is bound; true where there was something to write. */
export async function writeClaimPhase(
  client: Client,
  claim: Claim,
  phase: NonNullable<PersistentVolumeClaimStatus['phase']>,
  volume?: Volume,
): Promise<boolean> {
  const { accessModes: _modes, capacity: _capacity, ...kept } = claim.status ?? {}
  const isFirst = claim.status?.phase !== phase
  // Once bound, only growing a volume changes the capacity.
  const given = volume && {
    accessModes: volume.spec?.accessModes,
    capacity: isFirst ? { storage: volume.spec?.capacity?.['storage'] ?? '0' } : claim.status?.capacity,
    ...(volume.spec?.volumeAttributesClassName
      ? { currentVolumeAttributesClassName: volume.spec.volumeAttributesClassName }
      : {}),
  }
  const status = { ...kept, phase, ...given } as PersistentVolumeClaimStatus
  if (equalJson(status, claim.status)) return false
  await client.updateSubresource(PERSISTENT_VOLUME_CLAIMS, 'status', { ...claim, status })
  return true
}

/** Lets go of a claim: one that the controller chose altogether, one that a user reserved keeps the reservation. */
export async function unbind(client: Client, volume: Volume): Promise<void> {
  const { claimRef, ...spec } = volume.spec ?? {}
  const { [BOUND_BY_CONTROLLER]: byController, ...annotations } = volume.metadata.annotations ?? {}
  const reserved = {
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    namespace: claimRef?.namespace,
    name: claimRef?.name,
  }
  const free = await client.update(PERSISTENT_VOLUMES, {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: { ...spec, ...(byController || !claimRef ? {} : { claimRef: reserved }) },
  })
  await writeVolumePhase(client, free, 'Available')
}
