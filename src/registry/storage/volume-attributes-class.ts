import { type FieldError, forbidden } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { VolumeAttributesClass } from '../../apimachinery/types/storage-v1.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateParameters, validateProvisioner } from './driver-parameters.ts'

const DRIVER_NAME = FieldPath.of('driverName')
const PARAMETERS = FieldPath.of('parameters')

function validateClass(attributesClass: VolumeAttributesClass): FieldError[] {
  return [
    ...validateObjectMeta(attributesClass.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateProvisioner(attributesClass.driverName, DRIVER_NAME),
    ...validateParameters(attributesClass.parameters, { allowEmpty: false }, PARAMETERS),
  ]
}

function validateUpdate(attributesClass: VolumeAttributesClass, old: VolumeAttributesClass): FieldError[] {
  const errors = validateObjectMetaUpdate(attributesClass.metadata, old.metadata, FieldPath.of('metadata'))
  if ((attributesClass.driverName ?? '') !== (old.driverName ?? '')) {
    errors.push(forbidden(DRIVER_NAME, 'updates to driverName are forbidden.'))
  }
  if (!semanticEqual(old.parameters, attributesClass.parameters)) {
    errors.push(forbidden(PARAMETERS, 'updates to parameters are forbidden.'))
  }
  return errors.concat(validateClass(attributesClass))
}

export const volumeAttributesClasses = defineResource<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  resource: 'volumeattributesclasses',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  strategy: { validate: validateClass, validateUpdate },
  table: {
    columns: [nameColumn, column('DriverName'), ageColumn],
    cells: ({ metadata, driverName }, now) => [metadata.name ?? '', driverName ?? '', age({ metadata }, now)],
  },
})
