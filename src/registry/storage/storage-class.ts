import { duplicate, type FieldError, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { TopologySelectorLabelRequirement, TopologySelectorTerm } from '../../apimachinery/types/core-v1.ts'
import type { StorageClass } from '../../apimachinery/types/storage-v1.ts'
import {
  nameIsDNSSubdomain,
  validateImmutableField,
  validateLabelName,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { deprecatedNodeLabelMessage } from '../deprecated-node-labels.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateParameters, validateProvisioner } from './driver-parameters.ts'

const RECLAIM_POLICIES = ['Delete', 'Retain']
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer']
const DEFAULT_CLASS_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

/** Differs from kube-apiserver: it reports all of the duplicates, though there may be millions. */
const MAX_ERRORS = 10_000

function setDefaults(storageClass: StorageClass): void {
  storageClass.reclaimPolicy ??= 'Delete'
  storageClass.volumeBindingMode ??= 'Immediate'
}

/** @see kubernetes pkg/apis/storage/validation/validation.go ValidateStorageClass */
function validateStorageClass(storageClass: StorageClass): FieldError[] {
  return [
    ...validateObjectMeta(storageClass.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateProvisioner(storageClass.provisioner, FieldPath.of('provisioner')),
    ...validateParameters(storageClass.parameters, { allowEmpty: true }, FieldPath.of('parameters')),
    ...validateReclaimPolicy(storageClass.reclaimPolicy, FieldPath.of('reclaimPolicy')),
    ...validateBindingMode(storageClass.volumeBindingMode, FieldPath.of('volumeBindingMode')),
    ...validateAllowedTopologies(storageClass.allowedTopologies ?? [], FieldPath.of('allowedTopologies')),
  ]
}

function validateReclaimPolicy(policy: string | undefined, path: FieldPath): FieldError[] {
  return policy && !RECLAIM_POLICIES.includes(policy) ? [notSupported(path, policy, RECLAIM_POLICIES)] : []
}

function validateBindingMode(mode: string | undefined, path: FieldPath): FieldError[] {
  if (mode === undefined) return [required(path, '')]
  return BINDING_MODES.includes(mode) ? [] : [notSupported(path, mode, BINDING_MODES)]
}

function validateAllowedTopologies(terms: readonly TopologySelectorTerm[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  // Upstream compares with as many empty terms as there are terms, and only then with the earlier ones: an empty term
  // is a duplicate as often as the list is long.
  const seen: string[] = terms.map(() => '')
  terms.forEach((term, i) => {
    errors.push(...validateTopologyTerm(term, path.index(i)))
    const own = topologyKey(term)
    for (const other of seen) {
      if (other === own && errors.length < MAX_ERRORS)
        errors.push(duplicate(path.index(i).child('matchLabelExpressions'), ''))
    }
    seen.push(own)
  })
  return errors
}

/** Text that is the same for terms that mean the same. */
function topologyKey(term: TopologySelectorTerm): string {
  const values = new Map(
    (term.matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values)].sort()]),
  )
  return values.size === 0 ? '' : JSON.stringify([...values].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** @see kubernetes pkg/apis/core/validation/validation.go ValidateTopologySelectorTerm */
function validateTopologyTerm(term: TopologySelectorTerm, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const keys = new Set<string>()
  term.matchLabelExpressions?.forEach((requirement, i) => {
    const at = path.child('matchLabelExpressions').index(i)
    errors.push(...validateTopologyRequirement(requirement, at))
    const key = requirement.key ?? ''
    if (keys.has(key)) errors.push(duplicate(at.child('key'), key))
    keys.add(key)
  })
  return errors
}

function validateTopologyRequirement(requirement: TopologySelectorLabelRequirement, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const valuesPath = path.child('values')
  if (!requirement.values?.length) errors.push(required(valuesPath, ''))
  const seen = new Set<string>()
  requirement.values?.forEach((value, i) => {
    if (seen.has(value)) errors.push(duplicate(valuesPath.index(i), value))
    seen.add(value)
  })
  return errors.concat(validateLabelName(requirement.key ?? '', path.child('key')))
}

function validateStorageClassUpdate(storageClass: StorageClass, old: StorageClass): FieldError[] {
  return [
    ...validateStorageClass(storageClass),
    ...validateObjectMetaUpdate(storageClass.metadata, old.metadata, FieldPath.of('metadata')),
    ...validateImmutableField(storageClass.parameters, old.parameters, FieldPath.of('parameters')),
    ...validateImmutableField(storageClass.provisioner, old.provisioner, FieldPath.of('provisioner')),
    ...validateImmutableField(storageClass.reclaimPolicy, old.reclaimPolicy, FieldPath.of('reclaimPolicy')),
    ...validateImmutableField(storageClass.volumeBindingMode, old.volumeBindingMode, FieldPath.of('volumeBindingMode')),
  ]
}

/** @see kubernetes pkg/api/storage/util.go GetWarningsForStorageClass */
function warnings(storageClass: StorageClass): string[] {
  const path = FieldPath.of('allowedTopologies')
  return (storageClass.allowedTopologies ?? []).flatMap((term, i) =>
    (term.matchLabelExpressions ?? []).flatMap(({ key }, j) => {
      const message = deprecatedNodeLabelMessage(key)
      return message ? [`${path.index(i).child('matchLabelExpressions').index(j).child('key')}: ${message}`] : []
    }),
  )
}

const isDefaultClass = ({ metadata }: StorageClass): boolean =>
  DEFAULT_CLASS_ANNOTATIONS.some((annotation) => metadata.annotations?.[annotation] === 'true')

export const storageClasses = defineResource<StorageClass>({
  group: 'storage.k8s.io',
  resource: 'storageclasses',
  hubVersion: 'v1',
  deletion: { returnsObject: true },
  defaults: setDefaults,
  strategy: {
    validate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  table: {
    columns: [
      nameColumn,
      column('Provisioner'),
      column('ReclaimPolicy'),
      column('VolumeBindingMode'),
      column('AllowVolumeExpansion'),
      ageColumn,
    ],
    cells: (storageClass, now) => [
      `${storageClass.metadata.name ?? ''}${isDefaultClass(storageClass) ? ' (default)' : ''}`,
      storageClass.provisioner ?? '',
      storageClass.reclaimPolicy ?? 'Delete',
      storageClass.volumeBindingMode ?? 'Immediate',
      storageClass.allowVolumeExpansion ?? false,
      age(storageClass, now),
    ],
  },
})
