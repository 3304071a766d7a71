import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../../apimachinery/types/core-v1.ts'
import { type Labels, selectorOf } from '../affinity-term.ts'
import { classOfClaim, classOfVolume, volumeFitsNode } from './volume-claims.ts'

function storage(list: Readonly<Record<string, string>> | undefined): number {
  const text = list?.['storage']
  return text === undefined ? 0 : parseQuantity(text).value()
}

/** Bytes that a claim asks for. */
export function claimSize(claim: PersistentVolumeClaim): number {
  return storage(claim.spec?.resources?.requests)
}

function isBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef
  if (!ref || ref.name !== claim.metadata.name || ref.namespace !== claim.metadata.namespace) return false
  return !ref.uid || ref.uid === claim.metadata.uid
}

function canServe(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (volume.metadata.deletionTimestamp || storage(volume.spec?.capacity) < claimSize(claim)) return false
  if ((volume.spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) return false
  return (volume.spec?.volumeAttributesClassName ?? '') === (claim.spec?.volumeAttributesClassName ?? '')
}

/**
 * The volume for a claim on a node: the one that is meant for it, else the smallest that is free and large enough.
 *
 * @see component-helpers storage/volume/pv_helpers.go FindMatchingVolume
 */
export function matchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  labels: Labels,
  taken: ReadonlySet<string>,
): PersistentVolume | undefined {
  const selector = claim.spec?.selector ? selectorOf(claim.spec.selector) : undefined
  const wantedClass = classOfClaim(claim)
  const modes = claim.spec?.accessModes ?? []
  let smallest: PersistentVolume | undefined
  for (const volume of volumes) {
    if (taken.has(volume.metadata.name ?? '')) continue
    const isOurs = isBoundTo(volume, claim)
    if (volume.spec?.claimRef && !isOurs) continue
    if (!canServe(volume, claim)) continue
    const fits = volumeFitsNode(volume, labels)
    if (isOurs) return fits ? volume : undefined
    if (volume.status?.phase !== 'Available' || !fits || classOfVolume(volume) !== wantedClass) continue
    if (selector && !selector.matches(volume.metadata.labels)) continue
    if (!modes.every((mode) => volume.spec?.accessModes?.includes(mode))) continue
    if (!smallest || storage(volume.spec?.capacity) < storage(smallest.spec?.capacity)) smallest = volume
  }
  return smallest
}
