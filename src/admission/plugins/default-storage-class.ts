import type { PersistentVolumeClaim } from '../../apimachinery/types/core-v1.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import type { ObjectReader } from '../object-reader.ts'
import { defaultClassName } from './default-class.ts'

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const DEFAULT_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

/**
 * A claim that names no storage class gets the default one, where there is one.
 *
 * @see kubernetes plugin/pkg/admission/storage/storageclass/setdefault/admission.go
 */
export function defaultStorageClass(reader: ObjectReader): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    handles: (operation) => operation === 'CREATE',
    async admit(attributes) {
      if (attributes.subresource !== '' || !isFor(attributes, '', 'persistentvolumeclaims')) return
      const claim = attributes.object as unknown as PersistentVolumeClaim
      if (claim.metadata.annotations?.[CLASS_ANNOTATION] !== undefined) return
      if (claim.spec?.storageClassName !== undefined) return
      const classes = await reader.list('storage.k8s.io', 'storageclasses')
      const name = defaultClassName(classes, DEFAULT_ANNOTATIONS)
      if (name !== undefined) claim.spec = { ...claim.spec, storageClassName: name }
    },
  }
}
