import { flowControlBootstrap } from '../../../openapi/data.ts'
import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { FlowSchema, FlowSchemaSpec } from '../../apimachinery/types/flowcontrol-v1.ts'
import { invalidEach } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta } from '../core/core-object-meta.ts'
import { defineResource } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import { metadataOfStatusWrite, validateStatus } from './conditions.ts'
import { compareFlowSchemas } from './flow-schema-order.ts'
import { validatePolicyRules } from './flow-schema-rules.ts'
import { goDistinguisherMethod, goFlowSchemaSpec } from './go-types.ts'

const DEFAULT_PRECEDENCE = 1000
const MAX_PRECEDENCE = 10_000
const DISTINGUISHER_METHODS = ['ByNamespace', 'ByUser']

function setDefaults(schema: FlowSchema): void {
  schema.spec ??= { priorityLevelConfiguration: { name: '' } }
  schema.spec.matchingPrecedence ||= DEFAULT_PRECEDENCE
}

/** @see kubernetes pkg/apis/flowcontrol/validation/validation.go ValidateFlowSchema */
function validateFlowSchema(schema: FlowSchema): FieldError[] {
  const name = schema.metadata.name ?? ''
  return [
    ...validateObjectMeta(schema.metadata, false, nameIsDNSSubdomain, FieldPath.of('metadata')),
    ...validateSpec(name, schema.spec, FieldPath.of('spec')),
    ...validateMandatory(name, schema.spec, FieldPath.of('spec')),
    ...validateStatus(schema.status),
  ]
}

function validateSpec(name: string, spec: FlowSchemaSpec | undefined, path: FieldPath): FieldError[] {
  const errors = validatePrecedence(name, spec?.matchingPrecedence ?? 0, path.child('matchingPrecedence'))
  const method = spec?.distinguisherMethod
  if (method && !DISTINGUISHER_METHODS.includes(method.type)) {
    const value = goStructValue(goDistinguisherMethod, method)
    errors.push(notSupported(path.child('distinguisherMethod', 'type'), value, DISTINGUISHER_METHODS))
  }
  const level = spec?.priorityLevelConfiguration?.name ?? ''
  const levelPath = path.child('priorityLevelConfiguration', 'name')
  if (level === '') errors.push(required(levelPath, 'must reference a priority level'))
  else errors.push(...invalidEach(levelPath, level, nameIsDNSSubdomain(level, false)))
  spec?.rules?.forEach((rule, i) => {
    errors.push(...validatePolicyRules(rule, path.child('rules').index(i)))
  })
  return errors
}

function validatePrecedence(name: string, precedence: number, path: FieldPath): FieldError[] {
  if (precedence <= 0) return [invalid(path, precedence, 'must be a positive value')]
  if (precedence > MAX_PRECEDENCE) return [invalid(path, precedence, `must not be greater than ${MAX_PRECEDENCE}`)]
  if (precedence !== 1 || name === 'exempt') return []
  return [invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")]
}

function validateMandatory(name: string, spec: FlowSchemaSpec | undefined, path: FieldPath): FieldError[] {
  const mandatory = flowControlBootstrap().mandatoryFlowSchemas.find((schema) => schema.name === name)
  if (!mandatory || semanticEqual(goFlowSchemaSpec(spec), goFlowSchemaSpec(mandatory.spec))) return []
  return [invalid(path, goStructValue(goFlowSchemaSpec, spec), `spec of '${name}' must equal the fixed value`)]
}

export const flowSchemas = defineResource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  resource: 'flowschemas',
  hubVersion: 'v1',
  defaults: setDefaults,
  strategy: {
    prepareForCreate(schema) {
      schema.status = {}
      schema.metadata.generation = 1
    },
    prepareForUpdate(schema, old) {
      if (!semanticEqual(schema.spec, old.spec)) schema.metadata.generation = (old.metadata.generation ?? 0) + 1
      schema.status = old.status
    },
    validate: validateFlowSchema,
    validateUpdate: validateFlowSchema,
  },
  subresourceStrategies: {
    status: {
      prepareForUpdate(schema, old) {
        schema.metadata = metadataOfStatusWrite(schema.metadata, old.metadata)
        schema.spec = old.spec
      },
      validateUpdate: ({ status }) => validateStatus(status),
    },
  },
  table: {
    columns: [
      nameColumn,
      column('PriorityLevel'),
      column('MatchingPrecedence'),
      column('DistinguisherMethod'),
      ageColumn,
      column('MissingPL'),
    ],
    cells: (schema, now) => [
      schema.metadata.name ?? '',
      schema.spec?.priorityLevelConfiguration?.name ?? '',
      schema.spec?.matchingPrecedence ?? 0,
      schema.spec?.distinguisherMethod ? (schema.spec.distinguisherMethod.type ?? '') : '<none>',
      age(schema, now),
      danglingStatus(schema),
    ],
    compareRows: compareFlowSchemas,
  },
})

function danglingStatus({ status }: FlowSchema): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Dangling')
  return condition ? (condition.status ?? '') : '?'
}
