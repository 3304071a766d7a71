import { type FieldError, forbidden, invalid } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import type { CustomResourceValidation, JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { validateDefaults } from './defaults-validation.ts'
import { goJsonSchema, JSON_SCHEMA_FIELDS } from './go-types.ts'
import { isTooDeep, MAX_SCHEMA_DEPTH } from './json-schema.ts'
import { validateOpenApiSchema } from './open-api-schema.ts'
import type { RuleSession } from './rule-checker.ts'
import { structuralProblem, validateStructural } from './structural-schema.ts'
import type { Options } from './validation-options.ts'

/** Go names, as the message lists them. */
const ALLOWED_AT_ROOT =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations'

interface SchemaContext {
  readonly options: Options
  readonly statusEnabled: boolean
  /** Name of the version; of the first one for a schema that all share. */
  readonly version: string
}

/**
 * The schema of a version, or of all of them.
 *
 * @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go validateCustomResourceDefinitionValidation
 */
export function validateVersionSchema(
  validation: CustomResourceValidation | undefined,
  { options, statusEnabled, version }: SchemaContext,
  path: FieldPath,
): FieldError[] {
  const schema = validation?.openAPIV3Schema
  if (!schema) return []
  const at = path.child('openAPIV3Schema')
  // Differs from kube-apiserver: schemas deeper than any real one are refused, since walks over them are recursive.
  if (isTooDeep(schema)) return [invalid(at, '', `schemas may be nested ${MAX_SCHEMA_DEPTH} deep at most`)]
  const errors = statusEnabled ? validateRootFields(schema, path) : []
  if (schema.nullable)
    errors.push(forbidden(path.child('openAPIV3Schema.nullable'), 'nullable cannot be true at the root'))
  const problem = options.requireStructuralSchema ? structuralProblem(schema) : undefined
  let session: RuleSession | undefined
  if (options.requireStructuralSchema && problem === undefined) {
    const structural = validateStructural(schema, at)
    const { rules, requirePrunedDefaults: requirePruned } = options
    const found = structural.length > 0 ? structural : validateDefaults(schema, { rules, requirePruned }, at)
    errors.push(...found)
    if (found.length === 0) {
      session = rules.begin(schema, {
        storedRules: options.storedRules,
        storedMessageExpressions: options.storedMessageExpressions,
        suppressCost: options.unchangedVersions.has(version),
      })
    }
  }
  errors.push(...validateOpenApiSchema(schema, { rules: options, session }, at))
  if (problem !== undefined && errors.length === 0) errors.push(invalid(at, '', problem))
  return session ? errors.concat(session.finish(at)) : errors
}

/** With a status subresource the root may not say what would hold for spec and status together. */
function validateRootFields(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const allowed = ALLOWED_AT_ROOT.split(' ')
  const values = schema as Readonly<Record<string, unknown>>
  for (const [goName, jsonName] of JSON_SCHEMA_FIELDS) {
    const value = values[jsonName]
    if (value === undefined || value === '' || value === false) continue
    if (goName === 'Type') {
      if (schema.type === 'object') continue
      const detail =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
      return [invalid(path.child('openAPIV3Schema.type'), schema.type, detail)]
    }
    if (allowed.includes(goName)) continue
    const detail = `only [${ALLOWED_AT_ROOT}] fields are allowed at the root of the schema if the status subresource is enabled`
    return [invalid(path.child('openAPIV3Schema'), goStructValue(goJsonSchema, schema), detail)]
  }
  return []
}
