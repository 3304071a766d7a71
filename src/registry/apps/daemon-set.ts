import { badRequest } from '../../apimachinery/api-error.ts'
import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { goInt, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  DaemonSet,
  DaemonSetSpec,
  DaemonSetUpdateStrategy,
  RollingUpdateDaemonSet,
} from '../../apimachinery/types/apps-v1.ts'
import {
  labelSelectorHasInvalidLabelValue,
  nameIsDNSSubdomain,
  validateLabelSelector,
  validateNonnegativeField,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { dropDisabledTemplateFields } from '../core/pod/pod-disabled-fields.ts'
import {
  type PodValidationOptions,
  podValidationOptionsFromPodTemplate,
  validatePodTemplateSpec,
} from '../core/pod/pod-spec-validation.ts'
import { warningsForPodTemplate } from '../core/pod/pod-warnings.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import {
  age,
  ageColumn,
  column,
  containerImages,
  containerNames,
  formatLabelSelector,
  formatLabels,
  nameColumn,
} from '../table-cells.ts'
import { validateCollisionCount, validateCounts } from './counts.ts'
import { intOrPercentValue, isNotMoreThan100Percent, validatePositiveIntOrPercent } from './int-or-percent.ts'
import { defaultPodTemplate } from './pod-template-defaults.ts'
import {
  isEmptySelector,
  labelSelectorValue,
  parseSelector,
  validateAlwaysRunning,
  validateSelectorKept,
  validateSelectorMatchesTemplate,
} from './pod-template-selector.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

/** The annotation that stands for spec.templateGeneration of internal objects; always present. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'

const rollingUpdateType = goStruct(['MaxUnavailable', 'maxUnavailable', goInt], ['MaxSurge', 'maxSurge', goInt])
const updateStrategyType = goStruct(
  ['Type', 'type', goString],
  ['RollingUpdate', 'rollingUpdate', goPointer(rollingUpdateType)],
)

function templateGeneration(daemonSet: DaemonSet): number {
  return Number(daemonSet.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0)
}

function setTemplateGeneration(daemonSet: DaemonSet, generation: number): void {
  daemonSet.metadata.annotations = { ...daemonSet.metadata.annotations, [TEMPLATE_GENERATION]: String(generation) }
}

/** @throws {ApiError} 400 where the annotation is no int64: upstream fails in conversion */
function checkTemplateGeneration(daemonSet: DaemonSet): void {
  const text = daemonSet.metadata.annotations?.[TEMPLATE_GENERATION]
  if (text === undefined || /^[+-]?[0-9]{1,18}$/.test(text)) return
  const why = `strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`
  throw badRequest(`DaemonSet in version "v1" cannot be handled as a DaemonSet: ${why}`)
}

/** @see pkg/apis/apps/v1/defaults.go SetDefaults_DaemonSet */
function setDefaults(daemonSet: DaemonSet): void {
  checkTemplateGeneration(daemonSet)
  // Upstream's conversion writes the annotation, so that whoever creates or replaces the object owns it.
  setTemplateGeneration(daemonSet, templateGeneration(daemonSet))
  daemonSet.spec ??= {} as DaemonSetSpec
  const spec = daemonSet.spec
  spec.updateStrategy ??= {}
  const strategy = spec.updateStrategy
  strategy.type ||= 'RollingUpdate'
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {}
    const rollingUpdate = strategy.rollingUpdate
    rollingUpdate.maxUnavailable ??= 1
    rollingUpdate.maxSurge ??= 0
  } else if (strategy.rollingUpdate) {
    // No defaults here, but the internal type knows no unset amounts: they come back as 0.
    strategy.rollingUpdate.maxUnavailable ??= 0
    strategy.rollingUpdate.maxSurge ??= 0
  }
  spec.revisionHistoryLimit ??= 10
  defaultPodTemplate(spec)
}

function validateRollingUpdate(rollingUpdate: RollingUpdateDaemonSet, path: FieldPath): FieldError[] {
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate
  const unavailablePath = path.child('maxUnavailable')
  const surgePath = path.child('maxSurge')
  const errors = [
    ...validatePositiveIntOrPercent(maxUnavailable, unavailablePath),
    ...validatePositiveIntOrPercent(maxSurge, surgePath),
    ...isNotMoreThan100Percent(maxUnavailable, unavailablePath),
    ...isNotMoreThan100Percent(maxSurge, surgePath),
  ]
  const hasUnavailable = intOrPercentValue(maxUnavailable) !== 0
  const hasSurge = intOrPercentValue(maxSurge) !== 0
  if (hasUnavailable && hasSurge) {
    errors.push(invalid(surgePath, maxSurge, 'may not be set when maxUnavailable is non-zero'))
  } else if (!hasUnavailable && !hasSurge) {
    errors.push(required(unavailablePath, 'cannot be 0 when maxSurge is 0'))
  }
  return errors
}

function validateUpdateStrategy(strategy: DaemonSetUpdateStrategy, path: FieldPath): FieldError[] {
  switch (strategy.type) {
    case 'OnDelete':
      return []
    case 'RollingUpdate':
      if (!strategy.rollingUpdate) return [required(path.child('rollingUpdate'), '')]
      return validateRollingUpdate(strategy.rollingUpdate, path.child('rollingUpdate'))
    default:
      return [notSupported(path, goStructValue(updateStrategyType, strategy), ['RollingUpdate', 'OnDelete'])]
  }
}

function validateSpec(daemonSet: DaemonSet, options: PodValidationOptions): FieldError[] {
  const spec = daemonSet.spec!
  const templatePath = SPEC.child('template')
  const selectorPath = SPEC.child('selector')
  const errors = validateLabelSelector(spec.selector, options, selectorPath)
  const selector = parseSelector(spec.selector)
  if (selector) errors.push(...validateSelectorMatchesTemplate(selector, spec.template, templatePath))
  if (spec.selector && isEmptySelector(spec.selector)) {
    errors.push(invalid(selectorPath, labelSelectorValue(spec.selector), 'empty selector is invalid for daemonset'))
  }
  errors.push(
    ...validatePodTemplateSpec(spec.template, templatePath, options),
    ...validateAlwaysRunning(spec.template, templatePath, 'DaemonSet'),
    ...validateCounts(spec, ['minReadySeconds'], SPEC),
    ...validateNonnegativeField(templateGeneration(daemonSet), SPEC.child('templateGeneration')),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}, SPEC.child('updateStrategy')),
    ...validateCounts(spec, ['revisionHistoryLimit'], SPEC),
  )
  return errors
}

const table: TableDefinition<DaemonSet> = {
  columns: [
    nameColumn,
    column('Desired', 'integer'),
    column('Current', 'integer'),
    column('Ready', 'integer'),
    column('Up-to-date', 'integer'),
    column('Available', 'integer'),
    column('Node Selector'),
    ageColumn,
    column('Containers', 'string', 1),
    column('Images', 'string', 1),
    column('Selector', 'string', 1),
  ],
  cells({ metadata, spec, status }, now) {
    const containers = spec?.template.spec?.containers ?? []
    return [
      metadata.name ?? '',
      status?.desiredNumberScheduled ?? 0,
      status?.currentNumberScheduled ?? 0,
      status?.numberReady ?? 0,
      status?.updatedNumberScheduled ?? 0,
      status?.numberAvailable ?? 0,
      formatLabels(spec?.template.spec?.nodeSelector),
      age({ metadata }, now),
      containerNames(containers),
      containerImages(containers),
      formatLabelSelector(spec?.selector),
    ]
  },
}

/** @see pkg/registry/apps/daemonset/strategy.go, pkg/apis/apps/validation/validation.go */
export const daemonSets = defineResource<DaemonSet>({
  group: 'apps',
  resource: 'daemonsets',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(daemonSet, { config }) {
      delete daemonSet.status
      daemonSet.metadata.generation = 1
      dropDisabledTemplateFields(daemonSet.spec!.template, undefined, config)
      setTemplateGeneration(daemonSet, Math.max(1, templateGeneration(daemonSet)))
    },
    validate(daemonSet, { config }) {
      const options = podValidationOptionsFromPodTemplate(daemonSet.spec!.template, undefined, config)
      return [
        ...validateObjectMeta(daemonSet.metadata, true, nameIsDNSSubdomain, METADATA),
        ...validateSpec(daemonSet, options),
      ]
    },
    warningsOnCreate: ({ spec }) => warningsForPodTemplate(SPEC.child('template'), spec!.template, undefined),
    prepareForUpdate(daemonSet, old, { config }) {
      daemonSet.status = old.status
      dropDisabledTemplateFields(daemonSet.spec!.template, old.spec!.template, config)
      const templateChanged = !semanticEqual(daemonSet.spec!.template, old.spec!.template)
      setTemplateGeneration(daemonSet, templateGeneration(old) + (templateChanged ? 1 : 0))
      if (templateChanged || !semanticEqual(daemonSet.spec, old.spec)) {
        daemonSet.metadata.generation = (old.metadata.generation ?? 0) + 1
      }
    },
    validateUpdate(daemonSet, old, { config }) {
      const options = podValidationOptionsFromPodTemplate(daemonSet.spec!.template, old.spec!.template, config)
      const allowInvalidLabelValueInSelector =
        options.allowInvalidLabelValueInSelector || labelSelectorHasInvalidLabelValue(old.spec!.selector)
      return [
        ...validateObjectMetaUpdate(daemonSet.metadata, old.metadata, METADATA),
        ...validateSelectorKept(daemonSet.spec!.selector, old.spec!.selector, SPEC.child('selector')),
        ...validateSpec(daemonSet, { ...options, allowInvalidLabelValueInSelector }),
      ]
    },
    warningsOnUpdate(daemonSet, old) {
      if (templateGeneration(daemonSet) === templateGeneration(old)) return []
      return warningsForPodTemplate(SPEC.child('template'), daemonSet.spec!.template, old.spec!.template)
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(daemonSet, old) {
        daemonSet.spec = old.spec
        setTemplateGeneration(daemonSet, templateGeneration(old))
      },
      validateUpdate(daemonSet, old) {
        const status = daemonSet.status ?? {}
        return [
          ...validateObjectMetaUpdate(daemonSet.metadata, old.metadata, METADATA),
          ...validateCounts(
            status as NonNullable<DaemonSet['status']>,
            [
              'currentNumberScheduled',
              'numberMisscheduled',
              'desiredNumberScheduled',
              'numberReady',
              'observedGeneration',
              'updatedNumberScheduled',
              'numberAvailable',
              'numberUnavailable',
              'collisionCount',
            ],
            STATUS,
          ),
          ...validateCollisionCount(daemonSet.status?.collisionCount, old.status?.collisionCount, STATUS),
        ]
      },
    },
  },
  table,
})
