import {
  type FieldError,
  forbidden,
  invalid,
  LiteralValue,
  notSupported,
  required,
} from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import { givenEmpty } from '../../../apimachinery/schema/given-empty.ts'
import type {
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  TypedObjectReference,
} from '../../../apimachinery/types/core-v1.ts'
import type { ObjectMeta } from '../../../apimachinery/types/meta-v1.ts'
import { isDNS1123Subdomain } from '../../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateAnnotations,
  validateLabelSelector,
  validateLabels,
  validateNamespaceName,
} from '../../../apimachinery/validation/object-meta.ts'
import { addInvalid, checkOneOf, checkRequired, type Errors, namedString } from './field-checks.ts'

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const VOLUME_MODES = ['Block', 'Filesystem']

/** What a claim may keep from a time of weaker rules. */
export interface ClaimSpecValidationOptions {
  readonly allowInvalidLabelValueInSelector?: boolean
  readonly allowInvalidAPIGroupInDataSourceOrRef?: boolean
}

/** Template of the claim of an ephemeral volume. */
export function validatePersistentVolumeClaimTemplate(
  template: PersistentVolumeClaimTemplate,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  if (template.metadata) checkTemplateMeta(errors, template.metadata, path.child('metadata'))
  errors.push(...validatePersistentVolumeClaimSpec(template.spec ?? {}, path.child('spec')))
  return errors
}

/** Metadata that an embedded template cannot have, in Go's order of declaration. */
const NOT_IN_TEMPLATE = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
  'finalizers',
  'managedFields',
] as const

const GO_NAMES: Readonly<Record<string, string>> = { uid: 'uID' }

function checkTemplateMeta(errors: Errors, meta: ObjectMeta, path: FieldPath): void {
  errors.push(...validateAnnotations(meta.annotations, path.child('annotations')))
  errors.push(...validateLabels(meta.labels, path.child('labels')))
  for (const field of NOT_IN_TEMPLATE) {
    const value = meta[field]
    const isZero = value === undefined || value === null || value === '' || value === 0
    if (isZero && !givenEmpty(meta, field)) continue
    errors.push(forbidden(path.child(GO_NAMES[field] ?? field), 'cannot be set'))
  }
}

/**
 * Spec of a claim, of its own or in a template.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePersistentVolumeClaimSpec
 */
export function validatePersistentVolumeClaimSpec(
  spec: PersistentVolumeClaimSpec,
  path: FieldPath,
  options: ClaimSpecValidationOptions = {},
): FieldError[] {
  const errors: FieldError[] = []
  const modes = spec.accessModes ?? []
  if (modes.length === 0) errors.push(required(path.child('accessModes'), 'at least 1 access mode is required'))
  errors.push(...validateLabelSelector(spec.selector, options, path.child('selector')))
  checkAccessModes(errors, modes, path.child('accessModes'))
  checkStorageRequest(errors, spec.resources?.requests?.['storage'], path.child('resources').key('storage'))
  if (spec.storageClassName) {
    addInvalid(
      errors,
      path.child('storageClassName'),
      spec.storageClassName,
      nameIsDNSSubdomain(spec.storageClassName, false),
    )
  }
  if (spec.volumeMode !== undefined) checkOneOf(errors, spec.volumeMode, path.child('volumeMode'), VOLUME_MODES)
  checkDataSources(errors, spec, path, options)
  if (spec.volumeAttributesClassName) {
    const name = spec.volumeAttributesClassName
    addInvalid(errors, path.child('volumeAttributesClassName'), name, nameIsDNSSubdomain(name, false))
  }
  return errors
}

function checkAccessModes(errors: Errors, modes: readonly string[], path: FieldPath): void {
  for (const mode of modes) {
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(path, namedString(mode), ACCESS_MODES))
  }
  const others = modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode))
  if (modes.includes('ReadWriteOncePod') && others) {
    errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'))
  }
}

function checkStorageRequest(errors: Errors, storage: string | undefined, path: FieldPath): void {
  if (storage === undefined) errors.push(required(path, ''))
  else if (parseQuantity(storage).sign() <= 0) errors.push(invalid(path, storage, 'must be greater than zero'))
}

function checkDataSources(
  errors: Errors,
  { dataSource, dataSourceRef }: PersistentVolumeClaimSpec,
  path: FieldPath,
  options: ClaimSpecValidationOptions,
): void {
  if (dataSource) checkDataSource(errors, dataSource, path.child('dataSource'), options)
  if (dataSourceRef) {
    const at = path.child('dataSourceRef')
    checkDataSource(errors, dataSourceRef, at, options)
    if (dataSourceRef.namespace) {
      addInvalid(
        errors,
        at.child('namespace'),
        dataSourceRef.namespace,
        validateNamespaceName(dataSourceRef.namespace, false),
      )
    }
  }
  if (!dataSource || !dataSourceRef) return
  const same =
    dataSource.apiGroup === dataSourceRef.apiGroup &&
    dataSource.kind === dataSourceRef.kind &&
    dataSource.name === dataSourceRef.name
  // The bad value is a path, which upstream prints as an empty object.
  const value = new LiteralValue('{}')
  if (dataSourceRef.namespace) {
    errors.push(invalid(path, value, 'may not be specified when dataSourceRef.namespace is specified'))
  } else if (!same) errors.push(invalid(path, value, 'must match dataSourceRef'))
}

function checkDataSource(
  errors: Errors,
  source: TypedObjectReference,
  path: FieldPath,
  options: ClaimSpecValidationOptions,
): void {
  checkRequired(errors, source.name, path, 'name')
  checkRequired(errors, source.kind, path, 'kind')
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    errors.push(
      invalid(path, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"),
    )
  }
  if (source.apiGroup && !options.allowInvalidAPIGroupInDataSourceOrRef) {
    addInvalid(errors, path.child('apiGroup'), source.apiGroup, isDNS1123Subdomain(source.apiGroup))
  }
}
