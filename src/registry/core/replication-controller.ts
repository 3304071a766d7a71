import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type {
  ReplicationController,
  ReplicationControllerSpec,
  ReplicationControllerStatus,
} from '../../apimachinery/types/core-v1.ts'
import { isDNS1123Label } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain, validateNonnegativeField } from '../../apimachinery/validation/object-meta.ts'
import type { RegistryConfig, UpdateStrategy } from '../resource.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, containerImages, containerNames, formatLabels, nameColumn } from '../table-cells.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from './core-object-meta.ts'
import { setPodTemplateDefaults } from './pod/pod-defaults.ts'
import { validatePodTemplateSpecForRC } from './pod/pod-spec-validation.ts'
import { podValidationOptionsFromPodTemplate } from './pod/pod-validation-options.ts'
import { warningsForPodTemplate } from './pod/pod-warnings.ts'
import { specEqual } from './pod/spec-equal.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')
const TEMPLATE = SPEC.child('template')

function setDefaults(controller: ReplicationController): void {
  controller.spec ??= {}
  const { spec, metadata } = controller
  const labels = spec.template?.metadata?.labels
  if (labels) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels }
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels }
  }
  spec.replicas ??= 1
  if (spec.template) setPodTemplateDefaults(spec.template)
}

/** Here the name alone counts: what it was generated from is not looked at. */
function validateMetadata(controller: ReplicationController): FieldError[] {
  const { generateName: _ignored, ...metadata } = controller.metadata
  return validateObjectMeta(metadata, true, nameIsDNSSubdomain, METADATA)
}

function validateSpec(
  controller: ReplicationController,
  old: ReplicationController | undefined,
  config: RegistryConfig,
): FieldError[] {
  const spec: ReplicationControllerSpec = controller.spec ?? {}
  const options = podValidationOptionsFromPodTemplate(spec.template, old?.spec?.template, config)
  const errors = validateNonnegativeField(spec.minReadySeconds ?? 0, SPEC.child('minReadySeconds'))
  if (Object.keys(spec.selector ?? {}).length === 0) errors.push(required(SPEC.child('selector'), ''))
  if (spec.replicas === undefined) errors.push(required(SPEC.child('replicas'), ''))
  else errors.push(...validateNonnegativeField(spec.replicas, SPEC.child('replicas')))
  errors.push(...validatePodTemplateSpecForRC(spec.template, spec.selector, TEMPLATE, options))
  return errors.concat(old ? validateUnconvertible(controller, old) : [])
}

/**
 * What an early version had that this one cannot say stands in annotations; such a field must not change.
 *
 * @see kubernetes pkg/registry/core/replicationcontroller/strategy.go ValidateUpdate
 */
function validateUnconvertible(controller: ReplicationController, old: ReplicationController): FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(old.metadata.annotations ?? {})) {
    const [domain, field, ...rest] = key.split('/')
    if (!domain!.startsWith('non-convertible.kubernetes.io') || field === undefined || rest.length > 0) continue
    if (!field.includes('selector')) {
      errors.push({ type: 'FieldValueNotFound', field, badValue: value, detail: 'unknown non-convertible field' })
    } else if (!specEqual(old.spec?.selector, controller.spec?.selector)) {
      const selector = controller.spec?.selector
      errors.push(invalid(SPEC.child('selector'), selector, 'cannot update non-convertible selector'))
    }
  }
  return errors
}

const COUNTS = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'] as const

function validateStatus(status: Partial<ReplicationControllerStatus>): FieldError[] {
  const errors = COUNTS.flatMap((field) => validateNonnegativeField(status[field] ?? 0, STATUS.child(field)))
  const atMost = (field: (typeof COUNTS)[number], max: number | undefined, words: string): void => {
    const count = status[field] ?? 0
    if (count > (max ?? 0)) errors.push(invalid(STATUS.child(field), count, words))
  }
  for (const field of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    atMost(field, status.replicas, 'cannot be greater than status.replicas')
  }
  atMost('availableReplicas', status.readyReplicas, 'cannot be greater than readyReplicas')
  return errors
}

const statusStrategy: UpdateStrategy<ReplicationController> = {
  prepareForUpdate(controller, old) {
    controller.spec = old.spec
  },
  validateUpdate: (controller, old) => [
    ...validateObjectMetaUpdate(controller.metadata, old.metadata, METADATA),
    ...validateStatus(controller.status ?? {}),
  ],
}

function warningsOnCreate({ metadata, spec }: ReplicationController): string[] {
  const messages = isDNS1123Label(metadata.name ?? '')
  const words =
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended'
  const own = messages.length === 0 ? [] : [`${words}: [${messages.join(' ')}]`]
  return own.concat(warningsForPodTemplate(TEMPLATE, spec?.template, undefined))
}

/** The template that upstream looks at here is the old one. */
function warningsOnUpdate(controller: ReplicationController, old: ReplicationController): string[] {
  if (controller.metadata.generation === old.metadata.generation) return []
  return warningsForPodTemplate(TEMPLATE, old.spec?.template, controller.spec?.template)
}

/** @see kubernetes pkg/registry/core/replicationcontroller/strategy.go */
export const replicationControllers = defineResource<ReplicationController>({
  group: '',
  resource: 'replicationcontrollers',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(controller) {
      controller.status = { replicas: 0 }
      controller.metadata.generation = 1
    },
    validate: (controller, { config }) => [
      ...validateMetadata(controller),
      ...validateSpec(controller, undefined, config),
    ],
    warningsOnCreate,
    prepareForUpdate(controller, old) {
      controller.status = old.status
      if (!specEqual(controller.spec, old.spec)) {
        controller.metadata.generation = (old.metadata.generation ?? 0) + 1
      }
    },
    validateUpdate: (controller, old, { config }) => [
      ...validateObjectMetaUpdate(controller.metadata, old.metadata, METADATA),
      ...validateSpec(controller, old, config),
    ],
    warningsOnUpdate,
  },
  subresourceStrategies: { status: statusStrategy },
  scale: {
    specReplicas: ({ spec }) => spec?.replicas,
    setSpecReplicas(controller, replicas) {
      controller.spec = { ...controller.spec, replicas }
    },
    statusReplicas: ({ status }) => status?.replicas ?? 0,
    selector: ({ spec }) => (Object.keys(spec?.selector ?? {}).length > 0 ? formatLabels(spec?.selector) : ''),
  },
  deletion: { dependents: 'orphan' },
  selectableFields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
  table: {
    columns: [
      nameColumn,
      column('Desired', 'integer'),
      column('Current', 'integer'),
      column('Ready', 'integer'),
      ageColumn,
      column('Containers', 'string', 1),
      column('Images', 'string', 1),
      column('Selector', 'string', 1),
    ],
    cells(controller, now) {
      const { metadata, spec, status } = controller
      const containers = spec?.template?.spec?.containers
      return [
        metadata.name ?? '',
        spec?.replicas ?? 0,
        status?.replicas ?? 0,
        status?.readyReplicas ?? 0,
        age(controller, now),
        containerNames(containers),
        containerImages(containers),
        formatLabels(spec?.selector),
      ]
    },
  },
})
