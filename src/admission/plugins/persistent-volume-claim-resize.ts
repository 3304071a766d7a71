import { parseQuantity, Quantity } from '../../apimachinery/quantity.ts'
import type { PersistentVolumeClaim } from '../../apimachinery/types/core-v1.ts'
import type { StorageClass } from '../../apimachinery/types/storage-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { refused } from '../refusal.ts'

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

/**
 * Only a bound claim can grow, and only where its storage class says that volumes can.
 *
 * @see kubernetes plugin/pkg/admission/storage/persistentvolume/resize/admission.go
 */
export function persistentVolumeClaimResize(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    handles: (operation) => operation === 'UPDATE',
    async validate(attributes) {
      if (attributes.subresource !== '' || !isFor(attributes, '', 'persistentvolumeclaims')) return
      const claim = attributes.object as unknown as PersistentVolumeClaim
      const old = attributes.oldObject as unknown as PersistentVolumeClaim
      if (sizeOf(claim).cmp(sizeOf(old)) <= 0) return
      if (old.status?.phase !== 'Bound') {
        throw refused(attributes, 'Only bound persistent volume claims can be expanded')
      }
      const name = classOf(claim)
      if (name !== '' && name === classOf(old)) {
        const found = await reader.get('storage.k8s.io', 'storageclasses', '', name)
        if ((found as unknown as StorageClass | undefined)?.allowVolumeExpansion) return
      }
      const why =
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize'
      throw refused(attributes, why)
    },
  }
}

function sizeOf({ spec }: PersistentVolumeClaim): Quantity {
  const text = spec?.resources?.requests?.['storage']
  return text === undefined ? Quantity.of(0) : parseQuantity(text)
}

const classOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''
