import { posix } from 'node:path'
import { formatTime } from '../../apimachinery/clock.ts'
import type { FieldError } from '../../apimachinery/field-error.ts'
import { forbidden, invalid, LiteralValue, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { givenEmpty } from '../../apimachinery/schema/given-empty.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PersistentVolume,
  PersistentVolumeSpec,
  Volume,
  VolumeNodeAffinity,
} from '../../apimachinery/types/core-v1.ts'
import { invalidEach } from '../../apimachinery/validation/names.ts'
import {
  FIELD_IMMUTABLE_MESSAGE,
  nameIsDNSSubdomain,
  validateImmutableField,
} from '../../apimachinery/validation/object-meta.ts'
import type { StrategyContext, UpdateStrategy } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, formatAccessModes, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { hasInvalidLabelValue, nodeSelectorTermWarnings } from './node-selector.ts'
import {
  printPersistentVolumeSource,
  SOURCE_KINDS,
  type SourceKind,
  validatePersistentVolumeSource,
} from './persistent-volume-source.ts'
import { namedString } from './pod/field-checks.ts'
import { goPodValue } from './pod/go-pod-types.ts'
import { setResourceListDefaults, setVolumeDefaults } from './pod/pod-defaults.ts'
import { validateNodeSelector } from './pod/scheduling-validation.ts'
import { unifiedDiff } from './pod/unified-diff.ts'
import { validateBasicResource, validatePositiveQuantityValue } from './resource-quantity.ts'
import { BETA_STORAGE_CLASS_ANNOTATION, storageClassOf } from './storage-class-name.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain']
const VOLUME_MODES = ['Block', 'Filesystem']
const MOUNT_OPTIONS_ANNOTATION = 'volume.beta.kubernetes.io/mount-options'

/** Kinds of volumes that take mount options by annotation. */
const WITH_MOUNT_OPTIONS: readonly SourceKind[] = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
]

function setDefaults(volume: PersistentVolume): void {
  if (!volume.status?.phase) volume.status = { ...volume.status, phase: 'Pending' }
  volume.spec ??= {}
  const spec = volume.spec
  spec.persistentVolumeReclaimPolicy ||= 'Retain'
  spec.volumeMode ??= 'Filesystem'
  setResourceListDefaults(spec.capacity)
  setPersistentVolumeSourceDefaults(spec)
}

/** Defaults of the source, the same as of the volumes of a pod; also of volumes inlined elsewhere. */
export function setPersistentVolumeSourceDefaults(spec: PersistentVolumeSpec): void {
  for (const kind of ['hostPath', 'iscsi', 'rbd', 'azureDisk', 'scaleIO'] as const) {
    if (spec[kind]) setVolumeDefaults(spec as Volume)
  }
}

/** What a volume may keep from a time of weaker rules. */
interface PersistentVolumeSpecOptions {
  readonly allowInvalidLabelValue?: boolean
  /** The spec stands inside of another object (VolumeAttachment), which forbids what only volumes have. */
  readonly inline?: boolean
}

/**
 * Spec of a volume of that name.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidatePersistentVolumeSpec
 */
export function validatePersistentVolumeSpec(
  spec: PersistentVolumeSpec,
  volumeName: string,
  path: FieldPath,
  options: PersistentVolumeSpecOptions = {},
): FieldError[] {
  const { inline = false } = options
  const errors: FieldError[] = []
  if (inline) errors.push(...validateInlineHead(spec, path))
  errors.push(...validateAccessModes(spec.accessModes ?? [], path.child('accessModes')))
  if (!inline) errors.push(...validateCapacity(spec, path.child('capacity')))
  errors.push(...validateReclaimPolicy(spec.persistentVolumeReclaimPolicy ?? '', inline, path))
  if (spec.nodeAffinity) errors.push(...validateNodeAffinity(spec.nodeAffinity, options, path.child('nodeAffinity')))
  errors.push(...validatePersistentVolumeSource(spec, volumeName, path))
  const recycled = spec.persistentVolumeReclaimPolicy === 'Recycle'
  if (recycled && spec.hostPath && isRoot(spec.hostPath.path ?? '')) {
    const words = "may not be 'recycle' for a hostPath mount of '/'"
    errors.push(forbidden(path.child('persistentVolumeReclaimPolicy'), words))
  }
  errors.push(...validateStorageClassName(spec.storageClassName ?? '', inline, path.child('storageClassName')))
  errors.push(...validateVolumeMode(spec.volumeMode, inline, path.child('volumeMode')))
  return inline ? errors : errors.concat(validateAttributesClassName(spec, path))
}

const isRoot = (path: string): boolean => /^\/+$/.test(posix.normalize(path))

function validateInlineHead(spec: PersistentVolumeSpec, path: FieldPath): FieldError[] {
  const words = 'in the context of inline volumes'
  const errors: FieldError[] = []
  if (spec.claimRef) errors.push(forbidden(path.child('claimRef'), `may not be specified ${words}`))
  if (Object.keys(spec.capacity ?? {}).length > 0) {
    errors.push(forbidden(path.child('capacity'), `may not be specified ${words}`))
  }
  if (!spec.csi) errors.push(required(path.child('csi'), `has to be specified ${words}`))
  return errors
}

function validateAccessModes(modes: readonly string[], path: FieldPath): FieldError[] {
  const errors = modes.length === 0 ? [required(path, '')] : []
  for (const mode of modes) {
    if (!ACCESS_MODES.includes(mode)) errors.push(notSupported(path, namedString(mode), ACCESS_MODES))
  }
  const others = modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode))
  if (others && modes.includes('ReadWriteOncePod')) {
    errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'))
  }
  return errors
}

function validateCapacity(spec: PersistentVolumeSpec, path: FieldPath): FieldError[] {
  const { capacity = {} } = spec
  const names = Object.keys(capacity)
  const errors = names.length === 0 ? [required(path, '')] : []
  if (capacity['storage'] === undefined || names.length > 1) {
    errors.push(notSupported(path, spec.capacity ?? givenEmpty(spec, 'capacity') ?? null, ['storage']))
  }
  for (const name of names) {
    errors.push(...validateBasicResource(capacity[name]!, path.key(name)))
    errors.push(...validatePositiveQuantityValue(capacity[name]!, path.key(name)))
  }
  return errors
}

function validateReclaimPolicy(policy: string, inline: boolean, spec: FieldPath): FieldError[] {
  const path = spec.child('persistentVolumeReclaimPolicy')
  if (policy === '') return []
  if (inline) return policy === 'Retain' ? [] : [forbidden(path, 'may only be Retain in the context of inline volumes')]
  return RECLAIM_POLICIES.includes(policy) ? [] : [notSupported(path, namedString(policy), RECLAIM_POLICIES)]
}

function validateNodeAffinity(
  affinity: VolumeNodeAffinity,
  { inline, allowInvalidLabelValue }: PersistentVolumeSpecOptions,
  path: FieldPath,
): FieldError[] {
  if (inline) return [forbidden(path, 'may not be specified in the context of inline volumes')]
  if (!affinity.required) return [required(path.child('required'), 'must specify required node constraints')]
  const options = { allowInvalidLabelValueInRequiredNodeAffinity: allowInvalidLabelValue }
  return validateNodeSelector(affinity.required, options, path.child('required'))
}

function validateStorageClassName(name: string, inline: boolean, path: FieldPath): FieldError[] {
  if (name === '') return []
  if (inline) return [forbidden(path, 'may not be specified in the context of inline volumes')]
  return invalidEach(path, name, nameIsDNSSubdomain(name, false))
}

function validateVolumeMode(mode: string | undefined, inline: boolean, path: FieldPath): FieldError[] {
  if (mode === undefined) return []
  if (!inline) return VOLUME_MODES.includes(mode) ? [] : [notSupported(path, namedString(mode), VOLUME_MODES)]
  if (mode === 'Filesystem') return []
  return [forbidden(path, 'may not specify volumeMode other than Filesystem in the context of inline volumes')]
}

function validateAttributesClassName(spec: PersistentVolumeSpec, path: FieldPath): FieldError[] {
  const name = spec.volumeAttributesClassName
  if (name === undefined) return []
  const at = path.child('volumeAttributesClassName')
  const errors =
    name === ''
      ? [required(at, 'an empty string is disallowed')]
      : invalidEach(at, name, nameIsDNSSubdomain(name, false))
  if (!spec.csi) errors.push(required(path.child('csi'), 'has to be specified when using volumeAttributesClassName'))
  return errors
}

function validateVolume(volume: PersistentVolume, old?: PersistentVolume): FieldError[] {
  const allowInvalidLabelValue = hasInvalidLabelValue(old?.spec?.nodeAffinity?.required?.nodeSelectorTerms)
  return [
    ...validateObjectMeta(volume.metadata, false, nameIsDNSSubdomain, METADATA),
    ...validatePersistentVolumeSpec(volume.spec ?? {}, volume.metadata.name ?? '', SPEC, { allowInvalidLabelValue }),
  ]
}

/** @see kubernetes pkg/volume/validation/pv_validation.go */
function validateMountOptions(volume: PersistentVolume): FieldError[] {
  if (volume.metadata.annotations?.[MOUNT_OPTIONS_ANNOTATION] === undefined) return []
  if (WITH_MOUNT_OPTIONS.some((kind) => volume.spec?.[kind])) return []
  const path = METADATA.child('annotations', MOUNT_OPTIONS_ANNOTATION)
  return [forbidden(path, 'may not specify mount options for this volume type')]
}

function validateVolumeUpdate(volume: PersistentVolume, old: PersistentVolume): FieldError[] {
  const spec = volume.spec ?? {}
  const before = old.spec ?? {}
  const errors = [
    ...validateVolume(volume, old),
    ...validateMountOptions(volume),
    ...validateVolume(volume, old),
    ...validateSourceUpdate(spec, before),
    ...validateImmutableField(spec.volumeMode, before.volumeMode, FieldPath.of('volumeMode')),
  ]
  if (before.nodeAffinity && !sameAffinity(spec.nodeAffinity, before.nodeAffinity)) {
    const printed = spec.nodeAffinity ? goNodeAffinity(spec.nodeAffinity) : null
    const words = `${FIELD_IMMUTABLE_MESSAGE}, except for updating from beta label to GA`
    errors.push(invalid(FieldPath.of('nodeAffinity'), printed, words))
  }
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    const words = 'update from non-nil value to nil is forbidden'
    errors.push(forbidden(SPEC.child('volumeAttributesClassName'), words))
  }
  return errors
}

/** The source never changes, but a secret for expansion may be added. */
function validateSourceUpdate(spec: PersistentVolumeSpec, before: PersistentVolumeSpec): FieldError[] {
  let next = spec
  if (spec.csi?.controllerExpandSecretRef && before.csi && !before.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _added, ...csi } = spec.csi
    next = { ...spec, csi }
  }
  if (SOURCE_KINDS.every((kind) => semanticEqual(next[kind], before[kind]))) return []
  const diff = unifiedDiff(printPersistentVolumeSource(before), printPersistentVolumeSource(next))
  const words = 'spec.persistentvolumesource is immutable after creation'
  return [forbidden(SPEC.child('persistentvolumesource'), `${words}\n${diff}`)]
}

/** Labels of nodes that got a name without `beta`: a node affinity may follow them. */
const BETA_TO_GA: ReadonlyMap<string, string> = new Map([
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['beta.kubernetes.io/os', 'kubernetes.io/os'],
  ['beta.kubernetes.io/arch', 'kubernetes.io/arch'],
  ['beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type'],
])

function sameAffinity(affinity: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity): boolean {
  if (!affinity?.required || !old.required) return semanticEqual(affinity, old)
  return sameItems(affinity.required.nodeSelectorTerms, old.required.nodeSelectorTerms, sameTerm)
}

const sameTerm = (term: NodeSelectorTerm, old: NodeSelectorTerm): boolean =>
  sameItems(term.matchExpressions, old.matchExpressions, sameRequirement) &&
  sameItems(term.matchFields, old.matchFields, sameRequirement)

const sameRequirement = (requirement: NodeSelectorRequirement, old: NodeSelectorRequirement): boolean =>
  (requirement.key === old.key || requirement.key === BETA_TO_GA.get(old.key)) &&
  requirement.operator === old.operator &&
  semanticEqual(requirement.values, old.values)

function sameItems<T>(
  items: readonly T[] | undefined,
  old: readonly T[] | undefined,
  same: (item: T, old: T) => boolean,
): boolean {
  return (items?.length ?? 0) === (old?.length ?? 0) && (items ?? []).every((item, i) => same(item, old![i]!))
}

/** A struct of one pointer; the pointed-to type is one of those that pods have. */
const goNodeAffinity = ({ required: selector }: VolumeNodeAffinity): LiteralValue =>
  new LiteralValue(`{"Required":${selector ? goPodValue('NodeSelector', selector).text : 'null'}}`)

const statusStrategy: UpdateStrategy<PersistentVolume> = {
  prepareForUpdate(volume, old, { clock }) {
    volume.spec = old.spec
    const status = { ...volume.status }
    const before = old.status ?? {}
    const time = status.lastPhaseTransitionTime
    if (status.phase === before.phase) status.lastPhaseTransitionTime = time || before.lastPhaseTransitionTime
    else if (!time || time === before.lastPhaseTransitionTime) status.lastPhaseTransitionTime = formatTime(clock.now())
    volume.status = status
  },
  validateUpdate(volume, old) {
    const errors = validateObjectMetaUpdate(volume.metadata, old.metadata, METADATA)
    if (!volume.metadata.resourceVersion) errors.push(required(FieldPath.of('resourceVersion'), ''))
    return errors
  },
}

const DEPRECATED_ANNOTATIONS = [
  [BETA_STORAGE_CLASS_ANNOTATION, 'deprecated since v1.8; use "storageClassName" attribute instead'],
  [MOUNT_OPTIONS_ANNOTATION, 'deprecated since v1.31; use "mountOptions" attribute instead'],
] as const

const DEPRECATED_KINDS = [
  ['cephfs', 'cephfs', 'v1.28', 'v1.31'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'v1.11', 'v1.16'],
  ['scaleIO', 'scaleIO', 'v1.16', 'v1.22'],
  ['storageos', 'storageOS', 'v1.22', 'v1.25'],
  ['glusterfs', 'glusterfs', 'v1.25', 'v1.26'],
  ['rbd', 'rbd', 'v1.28', 'v1.31'],
] as const

/** @see kubernetes pkg/api/persistentvolume/util.go */
function warnings({ metadata, spec = {} }: PersistentVolume): string[] {
  const out: string[] = []
  for (const [key, message] of DEPRECATED_ANNOTATIONS) {
    if (metadata.annotations?.[key] !== undefined) out.push(`${METADATA.child('annotations').key(key)}: ${message}`)
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    const advice = 'Instead, the recommended approach is to use dynamic provisioning.'
    out.push(`spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. ${advice}`)
  }
  const terms = SPEC.child('nodeAffinity', 'required', 'nodeSelectorTerms')
  for (const [i, term] of (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries()) {
    out.push(...nodeSelectorTermWarnings(term, terms.index(i), { values: false }))
  }
  for (const [kind, name, deprecated, gone] of DEPRECATED_KINDS) {
    if (spec[kind]) out.push(`spec.${name}: deprecated in ${deprecated}, non-functional in ${gone}+`)
  }
  return out
}

function prepareForCreate(volume: PersistentVolume, { clock }: StrategyContext): void {
  volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(clock.now()) }
}

/** @see kubernetes pkg/registry/core/persistentvolume/strategy.go */
export const persistentVolumes = defineResource<PersistentVolume>({
  group: '',
  resource: 'persistentvolumes',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate,
    validate: (volume) => [...validateVolume(volume), ...validateMountOptions(volume)],
    warningsOnCreate: warnings,
    prepareForUpdate(volume, old) {
      volume.status = old.status
    },
    validateUpdate: validateVolumeUpdate,
    warningsOnUpdate: warnings,
  },
  subresourceStrategies: { status: statusStrategy },
  deletion: { returnsObject: true },
  table: {
    columns: [
      nameColumn,
      column('Capacity'),
      column('Access Modes'),
      column('Reclaim Policy'),
      column('Status'),
      column('Claim'),
      column('StorageClass'),
      column('VolumeAttributesClass'),
      column('Reason'),
      ageColumn,
      column('VolumeMode', 'string', 1),
    ],
    cells(volume, now) {
      const { metadata, spec, status } = volume
      const claim = spec?.claimRef
      return [
        metadata.name ?? '',
        spec?.capacity?.['storage'] ?? '0',
        formatAccessModes(spec?.accessModes),
        spec?.persistentVolumeReclaimPolicy ?? '',
        metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
        claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '',
        storageClassOf(volume),
        spec?.volumeAttributesClassName ?? '<unset>',
        status?.reason ?? '',
        age(volume, now),
        spec?.volumeMode ?? '<unset>',
      ]
    },
  },
})
