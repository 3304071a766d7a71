import { type FieldError, forbidden, notSupported, required, tooLong } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  IngressClass,
  IngressClassParametersReference,
  IngressClassSpec,
} from '../../apimachinery/types/networking-v1.ts'
import { byteLength, invalidEach, isDomainPrefixedPath } from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateImmutableField,
  validateNamespaceName,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource, type TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { validateReference } from './ingress-backend-validation.ts'

const METADATA = FieldPath.of('metadata')
const CONTROLLER = FieldPath.of('spec', 'controller')
const PARAMETERS = FieldPath.of('spec', 'parameters')

const DEFAULT_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class'
const MAX_CONTROLLER_BYTES = 250

function validateScope({ scope, namespace }: IngressClassParametersReference): FieldError[] {
  const namespacePath = PARAMETERS.child('namespace')
  switch (scope) {
    case undefined:
      return [required(PARAMETERS.child('scope'), '')]
    case 'Namespace':
      if (namespace === undefined) return [required(namespacePath, "`parameters.scope` is set to 'Namespace'")]
      return invalidEach(namespacePath, namespace, validateNamespaceName(namespace, false))
    case 'Cluster':
      return namespace === undefined ? [] : [forbidden(namespacePath, "`parameters.scope` is set to 'Cluster'")]
    default:
      return [notSupported(PARAMETERS.child('scope'), scope, ['Cluster', 'Namespace'])]
  }
}

function validateSpec({ controller = '', parameters }: IngressClassSpec): FieldError[] {
  const errors: FieldError[] = []
  if (byteLength(controller) > MAX_CONTROLLER_BYTES) errors.push(tooLong(CONTROLLER, MAX_CONTROLLER_BYTES))
  errors.push(...isDomainPrefixedPath(CONTROLLER, controller))
  if (parameters) errors.push(...validateReference(parameters, PARAMETERS), ...validateScope(parameters))
  return errors
}

function validateIngressClass(ingressClass: IngressClass): FieldError[] {
  return [
    ...validateObjectMeta(ingressClass.metadata, false, nameIsDNSSubdomain, METADATA),
    ...validateSpec(ingressClass.spec ?? {}),
  ]
}

function parametersCell(parameters: IngressClassParametersReference | undefined): string {
  if (!parameters) return '<none>'
  const group = parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`
  return `${parameters.kind ?? ''}${group}/${parameters.name ?? ''}`
}

const table: TableDefinition<IngressClass> = {
  columns: [nameColumn, column('Controller'), column('Parameters'), ageColumn],
  cells(ingressClass, now) {
    const { name = '', annotations } = ingressClass.metadata
    return [
      annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true' ? `${name} (default)` : name,
      ingressClass.spec?.controller ?? '',
      parametersCell(ingressClass.spec?.parameters),
      age(ingressClass, now),
    ]
  },
}

/** @see pkg/registry/networking/ingressclass/strategy.go, pkg/apis/networking/validation/validation.go */
export const ingressClasses = defineResource<IngressClass>({
  group: 'networking.k8s.io',
  resource: 'ingressclasses',
  hubVersion: 'v1',
  defaults({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster'
  },
  strategy: {
    prepareForCreate(ingressClass) {
      ingressClass.metadata.generation = 1
    },
    validate: validateIngressClass,
    prepareForUpdate(ingressClass, old) {
      if (!semanticEqual(ingressClass.spec, old.spec)) {
        ingressClass.metadata.generation = (old.metadata.generation ?? 0) + 1
      }
    },
    validateUpdate: (ingressClass, old) => [
      ...validateObjectMetaUpdate(ingressClass.metadata, old.metadata, METADATA),
      ...validateImmutableField(ingressClass.spec?.controller ?? '', old.spec?.controller ?? '', CONTROLLER),
      ...validateIngressClass(ingressClass),
    ],
  },
  table,
})
