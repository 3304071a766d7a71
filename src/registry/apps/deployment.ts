import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goInt, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  Deployment,
  DeploymentSpec,
  DeploymentStatus,
  DeploymentStrategy,
  RollingUpdateDeployment,
} from '../../apimachinery/types/apps-v1.ts'
import { nameIsDNSSubdomain, validateNonnegativeField } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { dropDisabledTemplateFields } from '../core/pod/pod-disabled-fields.ts'
import {
  type PodValidationOptions,
  podValidationOptionsFromPodTemplate,
  validatePodTemplateSpec,
} from '../core/pod/pod-spec-validation.ts'
import { warningsForPodTemplate } from '../core/pod/pod-warnings.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, containerImages, containerNames, nameColumn } from '../table-cells.ts'
import { validateAtMost, validateCollisionCount, validateCounts } from './counts.ts'
import { intOrPercentValue, isNotMoreThan100Percent, validatePositiveIntOrPercent } from './int-or-percent.ts'
import { podNameWarnings } from './pod-name-warnings.ts'
import { defaultPodTemplate } from './pod-template-defaults.ts'
import {
  labelSelectorValue,
  parseSelector,
  validateAlwaysRunning,
  validateSelectorKept,
  validateSelectorMatchesTemplate,
  validateWorkloadSelector,
} from './pod-template-selector.ts'
import { replicasScale } from './replicas-scale.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

/** An annotation that stands for a field which internal objects still have. */
const ROLLBACK_TO = 'deprecated.deployment.rollback.to'

const rollingUpdateType = goStruct(['MaxUnavailable', 'maxUnavailable', goInt], ['MaxSurge', 'maxSurge', goInt])
const strategyType = goStruct(
  ['Type', 'type', goString],
  ['RollingUpdate', 'rollingUpdate', goPointer(rollingUpdateType)],
)

/** @see pkg/apis/apps/v1/defaults.go SetDefaults_Deployment */
function setDefaults(deployment: Deployment): void {
  deployment.spec ??= {} as DeploymentSpec
  const spec = deployment.spec
  spec.replicas ??= 1
  spec.strategy ??= {}
  const strategy = spec.strategy
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {}
    const rollingUpdate = strategy.rollingUpdate
    rollingUpdate.maxUnavailable ??= '25%'
    rollingUpdate.maxSurge ??= '25%'
  }
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
  defaultPodTemplate(spec)
}

function validateRollingUpdate(rollingUpdate: RollingUpdateDeployment, path: FieldPath): FieldError[] {
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate
  const unavailablePath = path.child('maxUnavailable')
  const errors = [
    ...validatePositiveIntOrPercent(maxUnavailable, unavailablePath),
    ...validatePositiveIntOrPercent(maxSurge, path.child('maxSurge')),
  ]
  if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0) {
    errors.push(invalid(unavailablePath, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  errors.push(...isNotMoreThan100Percent(maxUnavailable, unavailablePath))
  return errors
}

function validateStrategy(strategy: DeploymentStrategy, path: FieldPath): FieldError[] {
  const rollingUpdatePath = path.child('rollingUpdate')
  switch (strategy.type) {
    case 'Recreate':
      if (!strategy.rollingUpdate) return []
      return [forbidden(rollingUpdatePath, "may not be specified when strategy `type` is 'Recreate'")]
    case 'RollingUpdate':
      if (!strategy.rollingUpdate) return [required(rollingUpdatePath, 'this should be defaulted and never be nil')]
      return validateRollingUpdate(strategy.rollingUpdate, rollingUpdatePath)
    default:
      return [notSupported(path, goStructValue(strategyType, strategy), ['Recreate', 'RollingUpdate'])]
  }
}

function validateSpec(spec: DeploymentSpec, options: PodValidationOptions): FieldError[] {
  const errors = [
    ...validateNonnegativeField(spec.replicas ?? 0, SPEC.child('replicas')),
    ...validateWorkloadSelector(spec.selector, SPEC.child('selector'), 'deployment'),
  ]
  const selector = parseSelector(spec.selector)
  if (selector) {
    const path = SPEC.child('template')
    errors.push(
      ...validateSelectorMatchesTemplate(selector, spec.template, path),
      ...validatePodTemplateSpec(spec.template, path, options),
      ...validateAlwaysRunning(spec.template, path, 'ReplicaSet'),
    )
  } else {
    errors.push(invalid(SPEC.child('selector'), labelSelectorValue(spec.selector), 'invalid label selector'))
  }
  errors.push(
    ...validateStrategy(spec.strategy ?? {}, SPEC.child('strategy')),
    ...validateCounts(spec, ['minReadySeconds', 'revisionHistoryLimit'], SPEC),
  )
  return errors
}

function validateRollbackTo(deployment: Deployment): FieldError[] {
  const revision = deployment.metadata.annotations?.[ROLLBACK_TO]
  return revision ? validateNonnegativeField(Number(revision), SPEC.child('rollback', 'version')) : []
}

function validateProgressDeadline(spec: DeploymentSpec): FieldError[] {
  const seconds = spec.progressDeadlineSeconds
  if (seconds === undefined) return []
  const path = SPEC.child('progressDeadlineSeconds')
  const errors = validateNonnegativeField(seconds, path)
  if (seconds <= (spec.minReadySeconds ?? 0))
    errors.push(invalid(path, seconds, 'must be greater than minReadySeconds'))
  return errors
}

function validateDeploymentSpec(deployment: Deployment, options: PodValidationOptions): FieldError[] {
  const spec = deployment.spec!
  return [...validateSpec(spec, options), ...validateRollbackTo(deployment), ...validateProgressDeadline(spec)]
}

function validateStatus(status: DeploymentStatus): FieldError[] {
  return [
    ...validateCounts(
      status,
      [
        'observedGeneration',
        'replicas',
        'updatedReplicas',
        'readyReplicas',
        'availableReplicas',
        'unavailableReplicas',
        'terminatingReplicas',
        'collisionCount',
      ],
      STATUS,
    ),
    ...validateAtMost(status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], {
      limit: 'replicas',
      detail: 'cannot be greater than status.replicas',
      path: STATUS,
    }),
    ...validateAtMost(status, ['availableReplicas'], {
      limit: 'readyReplicas',
      detail: 'cannot be greater than readyReplicas',
      path: STATUS,
    }),
  ]
}

const table: TableDefinition<Deployment> = {
  columns: [
    nameColumn,
    column('Ready'),
    column('Up-to-date'),
    column('Available'),
    ageColumn,
    column('Containers', 'string', 1),
    column('Images', 'string', 1),
    column('Selector', 'string', 1),
  ],
  cells({ metadata, spec, status }, now) {
    const containers = spec?.template.spec?.containers ?? []
    return [
      metadata.name ?? '',
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      age({ metadata }, now),
      containerNames(containers),
      containerImages(containers),
      parseSelector(spec?.selector)?.toString() ?? '<invalid>',
    ]
  },
}

/** @see pkg/registry/apps/deployment/strategy.go, pkg/apis/apps/validation/validation.go */
export const deployments = defineResource<Deployment>({
  group: 'apps',
  resource: 'deployments',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(deployment, { config }) {
      delete deployment.status
      deployment.metadata.generation = 1
      dropDisabledTemplateFields(deployment.spec!.template, undefined, config)
    },
    validate(deployment, { config }) {
      const options = podValidationOptionsFromPodTemplate(deployment.spec!.template, undefined, config)
      return [
        ...validateObjectMeta(deployment.metadata, true, nameIsDNSSubdomain, METADATA),
        ...validateDeploymentSpec(deployment, options),
      ]
    },
    warningsOnCreate(deployment) {
      const template = deployment.spec!.template
      return [
        ...podNameWarnings(deployment.metadata.name),
        ...warningsForPodTemplate(SPEC.child('template'), template, undefined),
      ]
    },
    prepareForUpdate(deployment, old, { config }) {
      deployment.status = old.status
      dropDisabledTemplateFields(deployment.spec!.template, old.spec!.template, config)
      const changed =
        !semanticEqual(deployment.spec, old.spec) ||
        !semanticEqual(deployment.metadata.annotations, old.metadata.annotations)
      if (changed) deployment.metadata.generation = (old.metadata.generation ?? 0) + 1
    },
    validateUpdate(deployment, old, { config }) {
      const options = podValidationOptionsFromPodTemplate(deployment.spec!.template, old.spec!.template, config)
      return [
        ...validateObjectMetaUpdate(deployment.metadata, old.metadata, METADATA),
        ...validateDeploymentSpec(deployment, options),
        ...validateSelectorKept(deployment.spec!.selector, old.spec!.selector, SPEC.child('selector')),
      ]
    },
    warningsOnUpdate(deployment, old) {
      if (deployment.metadata.generation === old.metadata.generation) return []
      return warningsForPodTemplate(SPEC.child('template'), deployment.spec!.template, old.spec!.template)
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(deployment, old) {
        deployment.spec = old.spec
        deployment.metadata.labels = old.metadata.labels
      },
      validateUpdate(deployment, old) {
        const status = deployment.status ?? {}
        return [
          ...validateObjectMetaUpdate(deployment.metadata, old.metadata, METADATA),
          ...validateStatus(status),
          ...validateCollisionCount(status.collisionCount, old.status?.collisionCount, STATUS),
        ]
      },
    },
  },
  scale: replicasScale(),
  table,
})
