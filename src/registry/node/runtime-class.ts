import { duplicate, type FieldError, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Toleration } from '../../apimachinery/types/core-v1.ts'
import type { RuntimeClass, Scheduling } from '../../apimachinery/types/node-v1.ts'
import { invalidEach } from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSLabel,
  nameIsDNSSubdomain,
  validateImmutableField,
  validateLabels,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../apimachinery/validation/object-meta.ts'
import { goPodValue } from '../core/pod/go-pod-types.ts'
import { setResourceListDefaults } from '../core/pod/pod-defaults.ts'
import { podValidationOptionsFromPodTemplate } from '../core/pod/pod-spec-validation.ts'
import { checkContainerResources } from '../core/pod/resource-validation.ts'
import { validateTolerations } from '../core/pod/scheduling-validation.ts'
import { deprecatedNodeLabelMessage } from '../deprecated-node-labels.ts'
import { defineResource, type RegistryConfig, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'

const METADATA = FieldPath.of('metadata')
const HANDLER = FieldPath.of('handler')
const OVERHEAD = FieldPath.of('overhead')
const SCHEDULING = FieldPath.of('scheduling')

function validateHandler(handler: string): FieldError[] {
  return handler === '' ? [required(HANDLER, '')] : invalidEach(HANDLER, handler, nameIsDNSLabel(handler, false))
}

/** Overhead is checked as the limits of a container, with every option at its strictest. */
function validateOverhead(limits: Record<string, string> | undefined, config: RegistryConfig): FieldError[] {
  const errors: FieldError[] = []
  const options = podValidationOptionsFromPodTemplate(undefined, undefined, config)
  checkContainerResources(errors, { limits }, new Set(), OVERHEAD, options)
  return errors
}

function validateUniqueTolerations(tolerations: readonly Toleration[], path: FieldPath): FieldError[] {
  const seen = new Set<string>()
  return tolerations.flatMap((toleration, i) => {
    const { key = '', operator = '', value = '', effect = '' } = toleration
    const identity = JSON.stringify([key, operator, value, effect])
    if (seen.has(identity)) return [duplicate(path.index(i), goPodValue('Toleration', toleration))]
    seen.add(identity)
    return []
  })
}

function validateScheduling({ nodeSelector, tolerations = [] }: Scheduling): FieldError[] {
  const path = SCHEDULING.child('tolerations')
  return [
    ...validateLabels(nodeSelector, SCHEDULING.child('nodeSelector')),
    ...validateTolerations(tolerations, path, { allowTaintTolerationComparisonOperators: false }),
    ...validateUniqueTolerations(tolerations, path),
  ]
}

function validateRuntimeClass(runtimeClass: RuntimeClass, config: RegistryConfig): FieldError[] {
  const { metadata, handler = '', overhead, scheduling } = runtimeClass
  return [
    ...validateObjectMeta(metadata, false, nameIsDNSSubdomain, METADATA),
    ...validateHandler(handler),
    ...(overhead ? validateOverhead(overhead.podFixed, config) : []),
    ...(scheduling ? validateScheduling(scheduling) : []),
  ]
}

function warningsFor({ scheduling }: RuntimeClass): string[] {
  return Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
    const message = deprecatedNodeLabelMessage(key)
    return message === undefined ? [] : [`scheduling.nodeSelector: ${message}`]
  })
}

const table: TableDefinition<RuntimeClass> = {
  columns: [nameColumn, column('Handler'), ageColumn],
  cells: (runtimeClass, now) => [runtimeClass.metadata.name ?? '', runtimeClass.handler ?? '', age(runtimeClass, now)],
}

/** @see pkg/registry/node/runtimeclass/strategy.go, pkg/apis/node/validation/validation.go */
export const runtimeClasses = defineResource<RuntimeClass>({
  group: 'node.k8s.io',
  resource: 'runtimeclasses',
  hubVersion: 'v1',
  defaults: ({ overhead }) => setResourceListDefaults(overhead?.podFixed),
  strategy: {
    validate: (runtimeClass, { config }) => validateRuntimeClass(runtimeClass, config),
    warningsOnCreate: warningsFor,
    validateUpdate: (runtimeClass, old, { config }) => [
      ...validateRuntimeClass(runtimeClass, config),
      ...validateObjectMetaUpdate(runtimeClass.metadata, old.metadata, METADATA),
      ...validateImmutableField(runtimeClass.handler ?? '', old.handler, HANDLER),
    ],
    warningsOnUpdate: warningsFor,
  },
  table,
})
