import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../apimachinery/types/core-v1.ts'
import { isFractional } from '../core/pod/field-checks.ts'
import { setResourceListDefaults } from '../core/pod/pod-defaults.ts'

/** Defaults of a claim inside a StatefulSet; kind and apiVersion are always there. */
export function setClaimTemplateDefaults(claim: PersistentVolumeClaim): void {
  claim.apiVersion = 'v1'
  claim.kind = 'PersistentVolumeClaim'
  claim.spec ??= {}
  claim.spec.volumeMode ??= 'Filesystem'
  setResourceListDefaults(claim.spec.resources?.limits)
  setResourceListDefaults(claim.spec.resources?.requests)
  claim.status ??= {}
  claim.status.phase ||= 'Pending'
  setResourceListDefaults(claim.status.capacity)
  setResourceListDefaults(claim.status.allocatedResources)
}

/** @see pkg/api/persistentvolumeclaim/util.go GetWarningsForPersistentVolumeClaimSpec */
export function claimSpecWarnings(spec: PersistentVolumeClaimSpec | undefined, path: FieldPath): string[] {
  return (['requests', 'limits'] as const).flatMap((side) => {
    const storage = spec?.resources?.[side]?.['storage']
    if (storage === undefined || !isFractional(storage)) return []
    const at = path.child('resources', side).key('storage')
    return [`${at}: fractional byte value ${goQuote(storage)} is invalid, must be an integer`]
  })
}
