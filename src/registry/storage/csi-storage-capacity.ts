import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goLabelSelector, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { CSIStorageCapacity } from '../../apimachinery/types/storage-v1.ts'
import { invalidEach, isNegativeErrorMessage } from '../../apimachinery/validation/names.ts'
import {
  FIELD_IMMUTABLE_MESSAGE,
  nameIsDNSSubdomain,
  validateLabelSelector,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { warningsForNodeSelector } from '../deprecated-node-labels.ts'
import { defineResource } from '../resource.ts'

const TOPOLOGY = FieldPath.of('nodeTopology')
const CLASS_NAME = FieldPath.of('storageClassName')

/** @see kubernetes pkg/apis/storage/validation/validation.go ValidateCSIStorageCapacity */
function validateCapacity(capacity: CSIStorageCapacity, allowInvalidLabelValueInSelector: boolean): FieldError[] {
  const className = capacity.storageClassName ?? ''
  const errors = [
    ...validateObjectMeta(capacity.metadata, true, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateLabelSelector(capacity.nodeTopology, { allowInvalidLabelValueInSelector }, TOPOLOGY),
    ...invalidEach(CLASS_NAME, className, nameIsDNSSubdomain(className, false)),
  ]
  // Quantities are stored in canonical text: a minus sign and not zero is below zero.
  if (capacity.capacity !== undefined && String(capacity.capacity).startsWith('-')) {
    errors.push(invalid(FieldPath.of('capacity'), String(capacity.capacity), isNegativeErrorMessage))
  }
  return errors
}

function validateUpdate(capacity: CSIStorageCapacity, old: CSIStorageCapacity): FieldError[] {
  const hadInvalidSelector = validateLabelSelector(old.nodeTopology, {}, TOPOLOGY).length > 0
  const errors = [
    ...validateCapacity(capacity, hadInvalidSelector),
    ...validateObjectMetaUpdate(capacity.metadata, old.metadata, FieldPath.of('metadata')),
  ]
  if (!semanticEqual(capacity.nodeTopology, old.nodeTopology)) {
    errors.push(invalid(TOPOLOGY, goStructValue(goLabelSelector, capacity.nodeTopology), FIELD_IMMUTABLE_MESSAGE))
  }
  if ((capacity.storageClassName ?? '') !== (old.storageClassName ?? '')) {
    errors.push(invalid(CLASS_NAME, capacity.storageClassName ?? '', FIELD_IMMUTABLE_MESSAGE))
  }
  return errors
}

const warnings = (capacity: CSIStorageCapacity): string[] => warningsForNodeSelector(capacity.nodeTopology, TOPOLOGY)

export const csiStorageCapacities = defineResource<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  resource: 'csistoragecapacities',
  hubVersion: 'v1',
  strategy: {
    validate: (capacity) => validateCapacity(capacity, false),
    validateUpdate,
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
})
