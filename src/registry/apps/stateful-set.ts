import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goAny, goInt, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  RollingUpdateStatefulSetStrategy,
  StatefulSet,
  StatefulSetPersistentVolumeClaimRetentionPolicy,
  StatefulSetSpec,
  StatefulSetStatus,
  StatefulSetUpdateStrategy,
} from '../../apimachinery/types/apps-v1.ts'
import type { PodTemplateSpec, Volume } from '../../apimachinery/types/core-v1.ts'
import { invalidEach, isDNS1123Label } from '../../apimachinery/validation/names.ts'
import { nameIsDNSLabel, validateAnnotations, validateLabels } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { validatePersistentVolumeClaimSpec } from '../core/pod/claim-template-validation.ts'
import { checkPodSpecificAnnotations } from '../core/pod/pod-annotation-validation.ts'
import { dropDisabledTemplateFields } from '../core/pod/pod-disabled-fields.ts'
import {
  type PodValidationOptions,
  podValidationOptionsFromPodTemplate,
  validatePodTemplateSpec,
} from '../core/pod/pod-spec-validation.ts'
import { warningsForPodTemplate } from '../core/pod/pod-warnings.ts'
import { defineResource, type StrategyContext, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, containerImages, containerNames, nameColumn } from '../table-cells.ts'
import { validateAtMost, validateCollisionCount, validateCounts } from './counts.ts'
import { intOrPercentValue, isNotMoreThan100Percent, validatePositiveIntOrPercent } from './int-or-percent.ts'
import { defaultPodTemplate } from './pod-template-defaults.ts'
import {
  labelSelectorValue,
  parseSelector,
  validateSelectorMatchesTemplate,
  validateWorkloadSelector,
} from './pod-template-selector.ts'
import { replicasScale } from './replicas-scale.ts'
import { claimSpecWarnings, setClaimTemplateDefaults } from './volume-claim-templates.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')
const CLAIM_TEMPLATES = SPEC.child('volumeClaimTemplates')

const rollingUpdateType = goPointer(
  goStruct(['Partition', 'partition', goInt], ['MaxUnavailable', 'maxUnavailable', goAny]),
)
const updateStrategyType = goStruct(['Type', 'type', goString], ['RollingUpdate', 'rollingUpdate', rollingUpdateType])

/** @see pkg/apis/apps/v1/defaults.go SetDefaults_StatefulSet */
function setDefaults(statefulSet: StatefulSet): void {
  statefulSet.spec ??= {} as StatefulSetSpec
  const spec = statefulSet.spec
  spec.podManagementPolicy ||= 'OrderedReady'
  spec.updateStrategy ??= {}
  const strategy = spec.updateStrategy
  if (!strategy.type) {
    strategy.type = 'RollingUpdate'
    strategy.rollingUpdate ??= {}
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0
  spec.persistentVolumeClaimRetentionPolicy ??= {}
  const retention = spec.persistentVolumeClaimRetentionPolicy
  retention.whenDeleted ||= 'Retain'
  retention.whenScaled ||= 'Retain'
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  defaultPodTemplate(spec)
  for (const claim of spec.volumeClaimTemplates ?? []) setClaimTemplateDefaults(claim)
}

/** maxUnavailable is dropped while its feature is off, unless the stored object has it. */
function dropDisabledFields(statefulSet: StatefulSet, old: StatefulSet | undefined, context: StrategyContext): void {
  if (context.config.featureGates['MaxUnavailableStatefulSet']) return
  if (old?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable !== undefined) return
  delete statefulSet.spec?.updateStrategy?.rollingUpdate?.maxUnavailable
}

function validateRollingUpdate(rollingUpdate: RollingUpdateStatefulSetStrategy, path: FieldPath): FieldError[] {
  const errors = validateCounts(rollingUpdate, ['partition'], path)
  const { maxUnavailable } = rollingUpdate
  if (maxUnavailable === undefined) return errors
  const unavailablePath = path.child('maxUnavailable')
  errors.push(...validatePositiveIntOrPercent(maxUnavailable, unavailablePath))
  if (intOrPercentValue(maxUnavailable) === 0) errors.push(invalid(unavailablePath, maxUnavailable, 'cannot be 0'))
  errors.push(...isNotMoreThan100Percent(maxUnavailable, unavailablePath))
  return errors
}

function validateUpdateStrategy(strategy: StatefulSetUpdateStrategy, path: FieldPath): FieldError[] {
  const { type = '', rollingUpdate } = strategy
  const rollingUpdatePath = path.child('rollingUpdate')
  switch (type) {
    case '':
      return [required(path, '')]
    case 'OnDelete': {
      if (!rollingUpdate) return []
      const value = goStructValue(rollingUpdateType, rollingUpdate)
      return [invalid(rollingUpdatePath, value, "only allowed for updateStrategy 'RollingUpdate'")]
    }
    case 'RollingUpdate':
      return rollingUpdate ? validateRollingUpdate(rollingUpdate, rollingUpdatePath) : []
    default:
      return [invalid(path, goStructValue(updateStrategyType, strategy), "must be 'RollingUpdate' or 'OnDelete'")]
  }
}

function validatePodManagementPolicy(policy = ''): FieldError[] {
  const path = SPEC.child('podManagementPolicy')
  if (policy === '') return [required(path, '')]
  if (policy === 'OrderedReady' || policy === 'Parallel') return []
  return [invalid(path, policy, "must be 'OrderedReady' or 'Parallel'")]
}

function validateRetentionPolicy(retention: StatefulSetPersistentVolumeClaimRetentionPolicy | undefined): FieldError[] {
  if (!retention) return []
  const path = SPEC.child('persistentVolumeClaimRetentionPolicy')
  return (['whenDeleted', 'whenScaled'] as const).flatMap((field) => {
    const value = retention[field] ?? ''
    const known = value === 'Retain' || value === 'Delete'
    return known ? [] : [notSupported(path.child(field), value, ['Retain', 'Delete'])]
  })
}

/**
 * The template as its pods will be: hostname and subdomain are set by the controller, and claim templates become
 * volumes of their name.
 */
function templateToValidate({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  const { subdomain, hostname, ...spec } = template.spec ?? { containers: [] }
  const claimNames = new Set(volumeClaimTemplates.map((claim) => claim.metadata?.name ?? ''))
  if (subdomain === undefined && hostname === undefined && claimNames.size === 0) return template
  if (claimNames.size === 0) return { ...template, spec }
  const volumes: Volume[] = [...claimNames].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))
  volumes.push(...(spec.volumes ?? []).filter((volume) => !claimNames.has(volume.name)))
  return { ...template, spec: { ...spec, volumes } }
}

/** What differs between a new object, an update, and an update of an object that was invalid before. */
interface SpecOptions {
  readonly pod: PodValidationOptions
  readonly isUpdate: boolean
  readonly skipPodTemplate: boolean
}

function validateTemplate(spec: StatefulSetSpec, { pod, skipPodTemplate }: SpecOptions): FieldError[] {
  const selector = parseSelector(spec.selector)
  if (!selector) return [invalid(SPEC.child('selector'), labelSelectorValue(spec.selector), '')]
  const path = SPEC.child('template')
  const template = templateToValidate(spec)
  const annotations = template.metadata?.annotations
  const errors = validateSelectorMatchesTemplate(selector, template, path)
  if (!skipPodTemplate) errors.push(...validatePodTemplateSpec(template, path, pod))
  errors.push(
    ...validateLabels(template.metadata?.labels, path.child('labels')),
    ...validateAnnotations(annotations, path.child('annotations')),
  )
  checkPodSpecificAnnotations(errors, annotations, template.spec!, path.child('annotations'), pod)
  return errors
}

function validateSpec(spec: StatefulSetSpec, options: SpecOptions): FieldError[] {
  const errors = [
    ...validatePodManagementPolicy(spec.podManagementPolicy),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}, SPEC.child('updateStrategy')),
    ...validateRetentionPolicy(spec.persistentVolumeClaimRetentionPolicy),
  ]
  if (!options.isUpdate) {
    for (const [i, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
      errors.push(...validatePersistentVolumeClaimSpec(claim.spec ?? {}, CLAIM_TEMPLATES.index(i).child('spec'), {}))
    }
  }
  errors.push(...validateCounts(spec, ['replicas', 'minReadySeconds'], SPEC))
  if (spec.ordinals) errors.push(...validateCounts(spec.ordinals, ['start'], SPEC.child('ordinals')))
  if (!options.isUpdate && spec.serviceName) {
    errors.push(...invalidEach(SPEC.child('serviceName'), spec.serviceName, isDNS1123Label(spec.serviceName)))
  }
  errors.push(
    ...validateWorkloadSelector(spec.selector, SPEC.child('selector'), 'statefulset'),
    ...validateTemplate(spec, options),
  )
  const restartPolicy = spec.template.spec?.restartPolicy ?? ''
  const podSpecPath = SPEC.child('template', 'spec')
  if (restartPolicy !== 'Always') {
    errors.push(notSupported(podSpecPath.child('restartPolicy'), restartPolicy, ['Always']))
  }
  if (spec.template.spec?.activeDeadlineSeconds !== undefined) {
    const detail = 'activeDeadlineSeconds in StatefulSet is not Supported'
    errors.push(forbidden(podSpecPath.child('activeDeadlineSeconds'), detail))
  }
  return errors
}

/** A template that was invalid already when it was stored is not looked at again. */
function validateUpdatedSpec(spec: StatefulSetSpec, old: StatefulSetSpec, pod: PodValidationOptions): FieldError[] {
  const options = { pod, isUpdate: true, skipPodTemplate: false }
  const errors = validateSpec(spec, options)
  if (errors.length === 0 || validateSpec(old, options).length === 0) return errors
  return validateSpec(spec, { ...options, skipPodTemplate: true })
}

const MUTABLE_FIELDS = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
] as const

function validateImmutableFields(spec: StatefulSetSpec, old: StatefulSetSpec): FieldError[] {
  const kept = Object.fromEntries(MUTABLE_FIELDS.map((field) => [field, old[field]]))
  if (semanticEqual({ ...spec, ...kept }, old)) return []
  return [
    forbidden(
      SPEC,
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
  ]
}

function validateStatus(status: Partial<StatefulSetStatus>): FieldError[] {
  return [
    ...validateCounts(
      status,
      [
        'replicas',
        'readyReplicas',
        'currentReplicas',
        'updatedReplicas',
        'availableReplicas',
        'observedGeneration',
        'collisionCount',
      ],
      STATUS,
    ),
    ...validateAtMost(status, ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'], {
      limit: 'replicas',
      detail: 'cannot be greater than status.replicas',
      path: STATUS,
    }),
    ...validateAtMost(status, ['availableReplicas'], {
      limit: 'readyReplicas',
      detail: 'cannot be greater than status.readyReplicas',
      path: STATUS,
    }),
  ]
}

/** `claimPath`: from the claim template to what stands before `resources` in the warnings' paths. */
function specWarnings(spec: StatefulSetSpec, claimPath: readonly string[]): string[] {
  const warnings = (spec.volumeClaimTemplates ?? []).flatMap((claim, i) =>
    claimSpecWarnings(claim.spec, CLAIM_TEMPLATES.index(i).child(...claimPath)),
  )
  if ((spec.revisionHistoryLimit ?? 0) < 0) {
    warnings.push(
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    )
  }
  return warnings
}

const table: TableDefinition<StatefulSet> = {
  columns: [nameColumn, column('Ready'), ageColumn, column('Containers', 'string', 1), column('Images', 'string', 1)],
  cells({ metadata, spec, status }, now) {
    const containers = spec?.template.spec?.containers ?? []
    return [
      metadata.name ?? '',
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      age({ metadata }, now),
      containerNames(containers),
      containerImages(containers),
    ]
  },
}

/** @see pkg/registry/apps/statefulset/strategy.go, pkg/apis/apps/validation/validation.go */
export const statefulSets = defineResource<StatefulSet>({
  group: 'apps',
  resource: 'statefulsets',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(statefulSet, context) {
      delete statefulSet.status
      statefulSet.metadata.generation = 1
      dropDisabledTemplateFields(statefulSet.spec!.template, undefined, context.config)
      dropDisabledFields(statefulSet, undefined, context)
    },
    validate(statefulSet, { config }) {
      const pod = podValidationOptionsFromPodTemplate(statefulSet.spec!.template, undefined, config)
      return [
        ...validateObjectMeta(statefulSet.metadata, true, nameIsDNSLabel, METADATA),
        ...validateSpec(statefulSet.spec!, { pod, isUpdate: false, skipPodTemplate: false }),
      ]
    },
    warningsOnCreate: ({ spec }) => [
      ...warningsForPodTemplate(SPEC.child('template'), spec!.template, undefined),
      ...specWarnings(spec!, []),
    ],
    prepareForUpdate(statefulSet, old, context) {
      statefulSet.status = old.status
      dropDisabledTemplateFields(statefulSet.spec!.template, old.spec!.template, context.config)
      dropDisabledFields(statefulSet, old, context)
      if (!semanticEqual(statefulSet.spec, old.spec)) {
        statefulSet.metadata.generation = (old.metadata.generation ?? 0) + 1
      }
    },
    validateUpdate(statefulSet, old, { config }) {
      const pod = podValidationOptionsFromPodTemplate(statefulSet.spec!.template, old.spec!.template, config)
      return [
        ...validateObjectMetaUpdate(statefulSet.metadata, old.metadata, METADATA),
        ...validateUpdatedSpec(statefulSet.spec!, old.spec!, pod),
        ...validateImmutableFields(statefulSet.spec!, old.spec!),
      ]
    },
    warningsOnUpdate(statefulSet, old) {
      const changed = statefulSet.metadata.generation !== old.metadata.generation
      const template = statefulSet.spec!.template
      return [
        ...(changed ? warningsForPodTemplate(SPEC.child('template'), template, old.spec!.template) : []),
        ...specWarnings(statefulSet.spec!, ['Spec']),
      ]
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(statefulSet, old) {
        statefulSet.spec = old.spec
      },
      validateUpdate(statefulSet, old) {
        const status = statefulSet.status
        return [
          ...validateStatus(status ?? {}),
          ...validateObjectMetaUpdate(statefulSet.metadata, old.metadata, METADATA),
          ...validateCollisionCount(status?.collisionCount, old.status?.collisionCount, STATUS),
        ]
      },
    },
  },
  scale: replicasScale(),
  table,
})
