import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { ReplicaSet, ReplicaSetSpec, ReplicaSetStatus } from '../../apimachinery/types/apps-v1.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
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
  nameColumn,
} from '../table-cells.ts'
import { validateAtMost, validateCounts } from './counts.ts'
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

function validateSpec(spec: ReplicaSetSpec, options: PodValidationOptions): FieldError[] {
  const errors = [
    ...validateCounts(spec, ['replicas', 'minReadySeconds'], SPEC),
    ...validateWorkloadSelector(spec.selector, SPEC.child('selector'), 'deployment'),
  ]
  const selector = parseSelector(spec.selector)
  if (!selector)
    return [...errors, invalid(SPEC.child('selector'), labelSelectorValue(spec.selector), 'invalid label selector')]
  const path = SPEC.child('template')
  const template = spec.template ?? {}
  errors.push(
    ...validateSelectorMatchesTemplate(selector, template, path),
    ...validatePodTemplateSpec(template, path, options),
    ...validateAlwaysRunning(template, path, 'ReplicaSet'),
  )
  return errors
}

function validateStatus(status: Partial<ReplicaSetStatus>): FieldError[] {
  return [
    ...validateCounts(
      status,
      [
        'replicas',
        'fullyLabeledReplicas',
        'readyReplicas',
        'availableReplicas',
        'observedGeneration',
        'terminatingReplicas',
      ],
      STATUS,
    ),
    ...validateAtMost(status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], {
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

const table: TableDefinition<ReplicaSet> = {
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
  cells({ metadata, spec, status }, now) {
    const containers = spec?.template?.spec?.containers ?? []
    return [
      metadata.name ?? '',
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      age({ metadata }, now),
      containerNames(containers),
      containerImages(containers),
      formatLabelSelector(spec?.selector),
    ]
  },
}

/** @see pkg/registry/apps/replicaset/strategy.go, pkg/apis/apps/validation/validation.go */
export const replicaSets = defineResource<ReplicaSet>({
  group: 'apps',
  resource: 'replicasets',
  hubVersion: 'v1',
  defaults(replicaSet) {
    replicaSet.spec ??= {} as ReplicaSetSpec
    const spec = replicaSet.spec
    spec.replicas ??= 1
    defaultPodTemplate(spec)
  },
  strategy: {
    prepareForCreate(replicaSet, { config }) {
      delete replicaSet.status
      replicaSet.metadata.generation = 1
      dropDisabledTemplateFields(replicaSet.spec!.template, undefined, config)
    },
    validate(replicaSet, { config }) {
      const options = podValidationOptionsFromPodTemplate(replicaSet.spec!.template, undefined, config)
      return [
        ...validateObjectMeta(replicaSet.metadata, true, nameIsDNSSubdomain, METADATA),
        ...validateSpec(replicaSet.spec!, options),
      ]
    },
    warningsOnCreate(replicaSet) {
      return [
        ...podNameWarnings(replicaSet.metadata.name),
        ...warningsForPodTemplate(SPEC.child('template'), replicaSet.spec!.template!, undefined),
      ]
    },
    prepareForUpdate(replicaSet, old, { config }) {
      replicaSet.status = old.status
      dropDisabledTemplateFields(replicaSet.spec!.template, old.spec!.template, config)
      if (!semanticEqual(replicaSet.spec, old.spec)) {
        replicaSet.metadata.generation = (old.metadata.generation ?? 0) + 1
      }
    },
    validateUpdate(replicaSet, old, { config }) {
      const options = podValidationOptionsFromPodTemplate(replicaSet.spec!.template, old.spec!.template, config)
      return [
        ...validateObjectMetaUpdate(replicaSet.metadata, old.metadata, METADATA),
        ...validateSpec(replicaSet.spec!, options),
        ...validateSelectorKept(replicaSet.spec!.selector, old.spec!.selector, SPEC.child('selector')),
      ]
    },
    warningsOnUpdate(replicaSet, old) {
      if (replicaSet.metadata.generation === old.metadata.generation) return []
      return warningsForPodTemplate(SPEC.child('template'), replicaSet.spec!.template!, old.spec!.template)
    },
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(replicaSet, old) {
        replicaSet.spec = old.spec
      },
      validateUpdate: (replicaSet, old) => [
        ...validateObjectMetaUpdate(replicaSet.metadata, old.metadata, METADATA),
        ...validateStatus(replicaSet.status ?? {}),
      ],
    },
  },
  scale: replicasScale(),
  table,
})
