import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'

/** Finalizer by resource. */
const FINALIZERS: ReadonlyMap<string, string> = new Map([
  ['persistentvolumes.', 'kubernetes.io/pv-protection'],
  ['persistentvolumeclaims.', 'kubernetes.io/pvc-protection'],
  ['volumeattributesclasses.storage.k8s.io', 'kubernetes.io/vac-protection'],
])

/**
 * What pods and volumes use stays until nothing uses it any more: a controller takes the finalizer away.
 *
 * @see kubernetes plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go
 */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: (operation) => operation === 'CREATE',
  admit({ resource, subresource, object }: AdmissionAttributes) {
    const finalizer = FINALIZERS.get(`${resource.resource}.${resource.group}`)
    if (finalizer === undefined || subresource !== '') return
    const { metadata } = object!
    if (metadata.finalizers?.includes(finalizer)) return
    metadata.finalizers = [...(metadata.finalizers ?? []), finalizer]
  },
}
