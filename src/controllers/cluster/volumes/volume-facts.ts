import { labelSelectorAsSelector } from '../../../apimachinery/label-selector.ts'
import { parseQuantity, type Quantity } from '../../../apimachinery/quantity.ts'
import type { ObjectReference, PersistentVolume, PersistentVolumeClaim } from '../../../apimachinery/types/core-v1.ts'
import type { StorageClass } from '../../../apimachinery/types/storage-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { CacheReader } from '../../runtime/controller.ts'
import { STORAGE_CLASSES } from '../../runtime/resources.ts'

export type Volume = Typed<PersistentVolume>
export type Claim = Typed<PersistentVolumeClaim>
export type Class = Typed<StorageClass>

export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed'
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller'
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by'
export const PROVISIONER = 'volume.kubernetes.io/storage-provisioner'
export const BETA_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner'
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class'
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class'
const BETA_DEFAULT_CLASS = 'storageclass.beta.kubernetes.io/is-default-class'

/** Name of the class, by the annotation of old or the field; '' where there is none. */
export function classNameOf({ metadata, spec }: Volume | Claim): string {
  return metadata.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? ''
}

export function saysClass({ metadata, spec }: Claim): boolean {
  return metadata.annotations?.[BETA_CLASS] !== undefined || spec?.storageClassName !== undefined
}

export function classOf(claim: Claim, cache: CacheReader): Class | undefined {
  const name = classNameOf(claim)
  return name === '' ? undefined : cache.get(STORAGE_CLASSES, { namespace: '', name })
}

/** The class that claims without one get: the youngest that says so, names deciding between those of one second. */
export function defaultClass(cache: CacheReader): Class | undefined {
  const defaults = cache.list(STORAGE_CLASSES).filter(({ metadata: { annotations } }) => {
    return annotations?.[DEFAULT_CLASS] === 'true' || annotations?.[BETA_DEFAULT_CLASS] === 'true'
  })
  return [...defaults].sort((a, b) => {
    const [aTime, bTime] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '']
    if (aTime !== bTime) return aTime > bTime ? -1 : 1
    return a.metadata.name! < b.metadata.name! ? -1 : 1
  })[0]
}

/** True for a volume that is reserved for the claim, or bound to it. */
export function isFor({ spec }: Volume, { metadata }: Claim): boolean {
  const reference: ObjectReference | undefined = spec?.claimRef
  if (!reference || reference.name !== metadata.name || reference.namespace !== metadata.namespace) return false
  return !reference.uid || reference.uid === metadata.uid
}

function capacityOf({ spec }: Volume): Quantity {
  return parseQuantity(spec?.capacity?.['storage'] ?? '0')
}

function requestOf({ spec }: Claim): Quantity {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0')
}

export function sameMode(volume: Volume, claim: Claim): boolean {
  return (volume.spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem')
}

/**
 * Why a volume that a claim asks for by name does not suit it; undefined: it does.
 *
 * @see pkg/controller/volume/persistentvolume/pv_controller.go checkVolumeSatisfyClaim
 */
export function mismatch(volume: Volume, claim: Claim): string | undefined {
  if (volume.metadata.deletionTimestamp) return `the volume is marked for deletion "${volume.metadata.name}"`
  if (capacityOf(volume).cmp(requestOf(claim)) < 0) return 'requested PV is too small'
  if (classNameOf(volume) !== classNameOf(claim)) return 'storageClassName does not match'
  const [own, wanted] = [volume.spec?.volumeAttributesClassName ?? '', claim.spec?.volumeAttributesClassName ?? '']
  if (own !== wanted) return 'volumeAttributesClassName does not match'
  if (!sameMode(volume, claim)) return 'incompatible volumeMode'
  return hasAccessModes(volume, claim) ? undefined : 'incompatible accessMode'
}

function hasAccessModes({ spec }: Volume, claim: Claim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode))
}

/**
 * The volume to bind a claim to: the one that is reserved for it, otherwise the smallest that suits. While the claim
 * waits for its first consumer only the reserved one counts.
 *
 * @see component-helpers storage/volume/pv_helpers.go FindMatchingVolume
 */
export function bestMatch(
  claim: Claim,
  volumes: readonly Volume[],
  options: { readonly onlyReserved: boolean },
): Volume | undefined {
  const request = requestOf(claim)
  const selector = claim.spec?.selector ? labelSelectorAsSelector(claim.spec.selector) : undefined
  let best: Volume | undefined
  for (const volume of volumes) {
    if (volume.metadata.deletionTimestamp || capacityOf(volume).cmp(request) < 0 || !sameMode(volume, claim)) continue
    if (isFor(volume, claim)) return volume
    if (volume.spec?.claimRef || options.onlyReserved || volume.status?.phase !== 'Available') continue
    if (mismatch(volume, claim) !== undefined || (selector && !selector.matches(volume.metadata.labels))) continue
    if (!best || capacityOf(volume).cmp(capacityOf(best)) < 0) best = volume
  }
  return best
}
