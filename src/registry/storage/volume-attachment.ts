import { type FieldError, forbidden, invalid, required, tooLong } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { type GoType, goAny, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { PersistentVolumeSpec } from '../../apimachinery/types/core-v1.ts'
import type {
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeAttachmentSpec,
  VolumeAttachmentStatus,
  VolumeError,
} from '../../apimachinery/types/storage-v1.ts'
import { byteLength, inclusiveRangeError, invalidEach } from '../../apimachinery/validation/names.ts'
import { FIELD_IMMUTABLE_MESSAGE, nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta } from '../core/core-object-meta.ts'
import { setPersistentVolumeSourceDefaults, validatePersistentVolumeSpec } from '../core/persistent-volume.ts'
import { printPersistentVolumeSource } from '../core/persistent-volume-source.ts'
import { goNodeSelector } from '../go-node-selector.ts'
import { defineResource } from '../resource.ts'
import { resetObjectMetaForStatus } from '../status-metadata.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateCsiDriverName } from './driver-parameters.ts'

const MAX_METADATA_BYTES = 256 * 1024
const MAX_ERROR_MESSAGE_BYTES = 1024
const MAX_INT32 = 2 ** 31 - 1

/** @see kubernetes pkg/apis/storage/validation/validation.go ValidateVolumeAttachment */
function validateAttachment(attachment: VolumeAttachment): FieldError[] {
  const errors = [
    ...validateObjectMeta(attachment.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateSpec(attachment.spec, FieldPath.of('spec')),
    ...validateStatus(attachment.status, FieldPath.of('status')),
  ]
  const name = attachment.spec?.source?.persistentVolumeName
  if (name === undefined) return errors
  const path = FieldPath.of('spec.source.persistentVolumeName')
  return errors.concat(invalidEach(path, name, nameIsDNSSubdomain(name, false)))
}

function validateSpec(spec: VolumeAttachmentSpec | undefined, path: FieldPath): FieldError[] {
  const nodeName = spec?.nodeName ?? ''
  return [
    ...validateCsiDriverName(spec?.attacher, path.child('attacher')),
    ...validateSource(spec?.source ?? {}, path.child('source')),
    ...invalidEach(path.child('nodeName'), nodeName, nameIsDNSSubdomain(nodeName, false)),
  ]
}

function validateSource(source: VolumeAttachmentSource, path: FieldPath): FieldError[] {
  const { inlineVolumeSpec, persistentVolumeName } = source
  const oneOf = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
  if (!inlineVolumeSpec && persistentVolumeName === undefined) return [required(path, oneOf)]
  if (inlineVolumeSpec && persistentVolumeName !== undefined) return [forbidden(path, oneOf)]
  if (inlineVolumeSpec) {
    return validatePersistentVolumeSpec(inlineVolumeSpec, '', path.child('inlineVolumeSpec'), { inline: true })
  }
  if (persistentVolumeName !== '') return []
  return [required(path.child('persistentVolumeName'), 'must specify non empty persistentVolumeName')]
}

function validateStatus(status: VolumeAttachmentStatus | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  let bytes = 0
  for (const [key, value] of Object.entries(status?.attachmentMetadata ?? {})) {
    bytes += byteLength(key) + byteLength(value)
  }
  if (bytes > MAX_METADATA_BYTES) errors.push(tooLong(path.child('attachmentMetadata'), MAX_METADATA_BYTES))
  return [
    ...errors,
    ...validateVolumeError(status?.attachError, path.child('attachError')),
    ...validateVolumeError(status?.detachError, path.child('detachError')),
  ]
}

function validateVolumeError(error: VolumeError | undefined, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (byteLength(error?.message ?? '') > MAX_ERROR_MESSAGE_BYTES) {
    // The limit that upstream names is not the one that it checks.
    errors.push(tooLong(path.child('message'), MAX_METADATA_BYTES))
  }
  if (error?.errorCode !== undefined && error.errorCode < 0) {
    errors.push(invalid(path.child('errorCode'), error.errorCode, inclusiveRangeError(0, MAX_INT32)))
  }
  return errors
}

/** @see kubernetes pkg/apis/core/types.go PersistentVolumeSpec */
const goVolumeSpec: GoType = (value) => {
  const spec = value as PersistentVolumeSpec
  return {
    Capacity: goAny(spec.capacity),
    ...(JSON.parse(printPersistentVolumeSource(spec)) as object),
    AccessModes: goAny(spec.accessModes),
    ClaimRef: goClaimRef(spec.claimRef),
    PersistentVolumeReclaimPolicy: goString(spec.persistentVolumeReclaimPolicy),
    StorageClassName: goString(spec.storageClassName),
    MountOptions: goAny(spec.mountOptions),
    VolumeMode: goAny(spec.volumeMode),
    NodeAffinity: goNodeAffinity(spec.nodeAffinity),
    VolumeAttributesClassName: goAny(spec.volumeAttributesClassName),
  }
}
const goClaimRef = goPointer(
  goStruct(
    ['Kind', 'kind', goString],
    ['Namespace', 'namespace', goString],
    ['Name', 'name', goString],
    ['UID', 'uid', goString],
    ['APIVersion', 'apiVersion', goString],
    ['ResourceVersion', 'resourceVersion', goString],
    ['FieldPath', 'fieldPath', goString],
  ),
)
const goNodeAffinity = goPointer(goStruct(['Required', 'required', goNodeSelector]))

const goSource = goStruct(
  ['PersistentVolumeName', 'persistentVolumeName', goAny],
  ['InlineVolumeSpec', 'inlineVolumeSpec', goPointer(goVolumeSpec)],
)
const goSpec = goStruct(
  ['Attacher', 'attacher', goString],
  ['Source', 'source', goSource],
  ['NodeName', 'nodeName', goString],
)

function validateUpdate(attachment: VolumeAttachment, old: VolumeAttachment): FieldError[] {
  const errors = validateAttachment(attachment)
  if (!semanticEqual(attachment.spec, old.spec)) {
    errors.push(invalid(FieldPath.of('spec'), goStructValue(goSpec, attachment.spec), FIELD_IMMUTABLE_MESSAGE))
  }
  return errors
}

export const volumeAttachments = defineResource<VolumeAttachment>({
  group: 'storage.k8s.io',
  resource: 'volumeattachments',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  defaults(attachment) {
    const inline = attachment.spec?.source?.inlineVolumeSpec
    if (inline) setPersistentVolumeSourceDefaults(inline)
  },
  strategy: {
    prepareForCreate(attachment) {
      attachment.status = { attached: false }
    },
    prepareForUpdate(attachment, old) {
      attachment.status = old.status
    },
    validate: validateAttachment,
    validateUpdate,
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(attachment, old) {
        attachment.spec = old.spec
        resetObjectMetaForStatus(attachment.metadata, old.metadata)
      },
      validateUpdate,
    },
  },
  table: {
    columns: [
      nameColumn,
      { name: 'Attacher', type: 'string', format: 'name' },
      column('PV'),
      column('Node'),
      column('Attached', 'boolean'),
      ageColumn,
    ],
    cells: ({ metadata, spec, status }, now) => [
      metadata.name ?? '',
      spec?.attacher ?? '',
      spec?.source?.persistentVolumeName ?? '',
      spec?.nodeName ?? '',
      status?.attached ?? false,
      age({ metadata }, now),
    ],
  },
})
