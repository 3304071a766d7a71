import type { FieldError } from '../../apimachinery/field-error.ts'
import { forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { parseQuantity, type Quantity } from '../../apimachinery/quantity.ts'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../apimachinery/types/core-v1.ts'
import { invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'
import {
  FIELD_IMMUTABLE_MESSAGE,
  nameIsDNSSubdomain,
  validateImmutableField,
  validateLabelSelector,
} from '../../apimachinery/validation/object-meta.ts'
import type { RegistryConfig, UpdateStrategy } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, formatAccessModes, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { type ClaimSpecValidationOptions, validatePersistentVolumeClaimSpec } from './pod/claim-template-validation.ts'
import { namedString } from './pod/field-checks.ts'
import { prettyGoPodValue } from './pod/go-pod-types.ts'
import { setResourceListDefaults } from './pod/pod-defaults.ts'
import { isNativeResource } from './pod/resource-names.ts'
import { specEqual } from './pod/spec-equal.ts'
import { unifiedDiff } from './pod/unified-diff.ts'
import { validateBasicResource, validateResourceQuantityValue } from './resource-quantity.ts'
import { BETA_STORAGE_CLASS_ANNOTATION, storageClassOf } from './storage-class-name.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')
const ZERO = parseQuantity('0')

function setDefaults(claim: PersistentVolumeClaim): void {
  if (!claim.status?.phase) claim.status = { ...claim.status, phase: 'Pending' }
  claim.spec ??= {}
  claim.spec.volumeMode ??= 'Filesystem'
  const { spec, status } = claim
  for (const list of [spec.resources?.limits, spec.resources?.requests, status?.capacity, status?.allocatedResources]) {
    setResourceListDefaults(list)
  }
}

/**
 * Brings the two fields that name a data source into line.
 *
 * @see https://kep.k8s.io/1495
 */
function prepareDataSources(
  spec: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec | undefined,
  { featureGates }: Pick<RegistryConfig, 'featureGates'>,
): void {
  const crossNamespace = featureGates['CrossNamespaceVolumeDataSource'] ?? false
  if (!crossNamespace && spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef
  const inUse = old?.dataSource !== undefined || old?.dataSourceRef !== undefined
  if (!inUse && !spec.dataSourceRef && spec.dataSource && !isClaimOrSnapshot(spec.dataSource)) delete spec.dataSource
  normalizeDataSources(spec)
}

function isClaimOrSnapshot({ apiGroup, kind }: NonNullable<PersistentVolumeClaimSpec['dataSource']>): boolean {
  if (kind === 'PersistentVolumeClaim') return !apiGroup
  return kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io'
}

/** Fills each of the two fields from the other where only that is set. */
function normalizeDataSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource }
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _none, ...source } = dataSourceRef
    spec.dataSource = source
  }
}

/** What the stored claim holds already stays valid. */
function validationOptions(old: PersistentVolumeClaim): ClaimSpecValidationOptions {
  const spec = old.spec
  return {
    allowInvalidAPIGroupInDataSourceOrRef: Boolean(spec?.dataSource?.apiGroup || spec?.dataSourceRef?.apiGroup),
    allowInvalidLabelValueInSelector: validateLabelSelector(spec?.selector, {}, SPEC).length > 0,
  }
}

function validateClaim(claim: PersistentVolumeClaim, options: ClaimSpecValidationOptions): FieldError[] {
  return [
    ...validateObjectMeta(claim.metadata, true, nameIsDNSSubdomain, METADATA),
    ...validatePersistentVolumeClaimSpec(claim.spec ?? {}, SPEC, options),
  ]
}

function validateUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors = validateObjectMetaUpdate(claim.metadata, old.metadata, METADATA)
  errors.push(...validateClaim(claim, validationOptions(old)))
  errors.push(...validateSpecUpdate(claim, old))
  errors.push(...validateSize(claim, old))
  errors.push(...validateImmutableField(claim.spec?.volumeMode, old.spec?.volumeMode, FieldPath.of('volumeMode')))
  return errors.concat(validateAttributesClass(claim, old))
}

/** A claim's spec never changes but for what is taken out here before the comparison. */
function validateSpecUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = []
  const next: PersistentVolumeClaimSpec = { ...claim.spec }
  const before: PersistentVolumeClaimSpec = { ...old.spec }
  normalizeDataSources(before)
  if (!before.volumeName) before.volumeName = next.volumeName
  const annotation = claim.metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION]
  const oldAnnotation = old.metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION]
  const mayName = next.storageClassName !== undefined && before.storageClassName === undefined
  const named = mayName && next.storageClassName === oldAnnotation
  if (named && (annotation === undefined || annotation === oldAnnotation)) delete next.storageClassName
  else {
    if ((annotation ?? '') !== (oldAnnotation ?? '')) {
      const path = METADATA.child('annotations', BETA_STORAGE_CLASS_ANNOTATION)
      errors.push(invalid(path, annotation ?? '', FIELD_IMMUTABLE_MESSAGE))
    }
    if (mayName && (oldAnnotation === undefined || named)) delete next.storageClassName
  }
  if (claim.status?.phase === 'Bound') {
    if (next.resources?.requests) {
      const storage = before.resources?.requests?.['storage'] ?? '0'
      next.resources = { ...next.resources, requests: { ...next.resources.requests, storage } }
    }
    next.volumeAttributesClassName = before.volumeAttributesClassName
  }
  if (specEqual(next, before)) return errors
  const print = (spec: PersistentVolumeClaimSpec): string => prettyGoPodValue('PersistentVolumeClaimSpec', spec)
  const words =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
  errors.push(forbidden(SPEC, `${words}\n${unifiedDiff(print(before), print(next))}`))
  return errors
}

const storageOf = (list: Readonly<Record<string, string>> | undefined): Quantity =>
  list?.['storage'] === undefined ? ZERO : parseQuantity(list['storage'])

/** A request may shrink down to what the volume has, so that a failed expansion can be taken back. */
function validateSize(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const size = storageOf(claim.spec?.resources?.requests)
  if (size.cmp(storageOf(old.spec?.resources?.requests)) >= 0) return []
  if (size.cmp(storageOf(old.status?.capacity)) > 0) return []
  const path = SPEC.child('resources', 'requests', 'storage')
  return [forbidden(path, 'field can not be less than status.capacity')]
}

/** Once a class of volume attributes is in force, another may follow but not none. */
function validateAttributesClass(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const name = claim.spec?.volumeAttributesClassName
  if (name === old.spec?.volumeAttributesClassName) return []
  if (old.status?.currentVolumeAttributesClassName === undefined || name) return []
  const to = name === undefined ? 'nil' : 'empty string'
  const words = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`
  return [forbidden(SPEC.child('volumeAttributesClassName'), words)]
}

const RESIZE_STATUSES: readonly string[] = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
]

function validateResourceKey(name: string, path: FieldPath): FieldError[] {
  const errors = invalidEach(path, name, isQualifiedName(name))
  if (errors.length > 0 || !isNativeResource(name) || name === 'storage') return errors
  return [notSupported(path, name, ['storage'])]
}

function validateStatusUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors = validateObjectMetaUpdate(claim.metadata, old.metadata, METADATA)
  if (!claim.metadata.resourceVersion) errors.push(required(FieldPath.of('resourceVersion'), ''))
  if ((claim.spec?.accessModes ?? []).length === 0) errors.push(required(FieldPath.of('Spec', 'accessModes'), ''))
  const { capacity = {}, allocatedResourceStatuses = {}, allocatedResources = {} } = claim.status ?? {}
  for (const [name, quantity] of Object.entries(capacity)) {
    errors.push(...validateBasicResource(quantity, STATUS.child('capacity').key(name)))
  }
  for (const [name, status] of Object.entries(allocatedResourceStatuses)) {
    const path = STATUS.child('allocatedResourceStatuses')
    errors.push(...validateResourceKey(name, path))
    if (!RESIZE_STATUSES.includes(status)) errors.push(notSupported(path, namedString(name), RESIZE_STATUSES))
  }
  for (const [name, quantity] of Object.entries(allocatedResources)) {
    errors.push(...validateAllocated(name, quantity, STATUS.child('allocatedResources')))
  }
  return errors
}

/** Each check only where the one before found nothing. */
function validateAllocated(name: string, quantity: string, path: FieldPath): FieldError[] {
  const keyErrors = validateResourceKey(name, path)
  if (keyErrors.length > 0) return keyErrors
  const basic = validateBasicResource(quantity, path.key(name))
  return basic.length > 0 ? basic : validateResourceQuantityValue('storage', quantity, path.key(name))
}

const statusStrategy: UpdateStrategy<PersistentVolumeClaim> = {
  prepareForUpdate(claim, old) {
    claim.spec = old.spec
  },
  validateUpdate: validateStatusUpdate,
}

function warnings(claim: PersistentVolumeClaim): string[] {
  const out: string[] = []
  if (claim.metadata.annotations?.[BETA_STORAGE_CLASS_ANNOTATION] !== undefined) {
    const path = METADATA.child('annotations').key(BETA_STORAGE_CLASS_ANNOTATION)
    out.push(`${path}: deprecated since v1.8; use "storageClassName" attribute instead`)
  }
  for (const side of ['requests', 'limits'] as const) {
    const text = claim.spec?.resources?.[side]?.['storage']
    if (text === undefined || parseQuantity(text).scaledValue(-3) % 1000n === 0n) continue
    const path = SPEC.child('resources', side).key('storage')
    out.push(`${path}: fractional byte value "${text}" is invalid, must be an integer`)
  }
  return out
}

/** @see kubernetes pkg/registry/core/persistentvolumeclaim/strategy.go */
export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: '',
  resource: 'persistentvolumeclaims',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(claim, { config }) {
      claim.status = { phase: 'Pending' }
      prepareDataSources(claim.spec!, undefined, config)
    },
    validate: (claim) => validateClaim(claim, {}),
    warningsOnCreate: warnings,
    prepareForUpdate(claim, old, { config }) {
      claim.status = old.status
      prepareDataSources(claim.spec!, old.spec, config)
    },
    validateUpdate,
    warningsOnUpdate: warnings,
  },
  subresourceStrategies: { status: statusStrategy },
  deletion: { returnsObject: true },
  table: {
    columns: [
      nameColumn,
      column('Status'),
      column('Volume'),
      column('Capacity'),
      column('Access Modes'),
      column('StorageClass'),
      column('VolumeAttributesClass'),
      ageColumn,
      column('VolumeMode', 'string', 1),
    ],
    cells(claim, now) {
      const { metadata, spec, status } = claim
      const bound = Boolean(spec?.volumeName)
      return [
        metadata.name ?? '',
        metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
        spec?.volumeName ?? '',
        bound ? (status?.capacity?.['storage'] ?? '0') : '',
        bound ? formatAccessModes(status?.accessModes) : '',
        storageClassOf(claim),
        spec?.volumeAttributesClassName ?? '<unset>',
        age(claim, now),
        spec?.volumeMode ?? '<unset>',
      ]
    },
  },
})
