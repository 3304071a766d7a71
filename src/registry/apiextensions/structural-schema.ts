import type * as Re2 from 're2js'
import { type FieldError, fieldErrorMessage, forbidden, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { lazyModule } from '../../apimachinery/lazy-module.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { additionalSchema, itemsSchema, sortedEntries } from './json-schema.ts'

const re2 = lazyModule<typeof Re2>('re2js')

const UNSUPPORTED = [
  ['id', 'id'],
  ['$schema', 'schema'],
  ['$ref', '$ref'],
  ['patternProperties', 'patternProperties'],
  ['dependencies', 'dependencies'],
  ['additionalItems', 'additionalItems'],
  ['definitions', 'definitions'],
] as const

/**
 * Why a schema cannot be made structural at all, in the order in which upstream comes upon it; undefined where it can.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/convert.go NewStructural
 */
export function structuralProblem(schema: JSONSchemaProps): string | undefined {
  return (
    unsupportedField(schema) ??
    firstProblem(valueValidations(schema), nestedProblem) ??
    extensionProblem(schema) ??
    itemsProblem(schema, structuralProblem) ??
    firstProblem(
      sortedEntries(schema.properties).map(([, property]) => property),
      structuralProblem,
    ) ??
    firstProblem([additionalSchema(schema.additionalProperties)], structuralProblem)
  )
}

type Problem = (schema: JSONSchemaProps) => string | undefined

function firstProblem(schemas: readonly (JSONSchemaProps | undefined)[], problemOf: Problem): string | undefined {
  for (const schema of schemas) {
    const problem = schema && problemOf(schema)
    if (problem) return problem
  }
  return undefined
}

function nestedProblem(schema: JSONSchemaProps): string | undefined {
  return (
    unsupportedField(schema) ??
    firstProblem(valueValidations(schema), nestedProblem) ??
    extensionProblem(schema) ??
    itemsProblem(schema, nestedProblem) ??
    firstProblem(
      sortedEntries(schema.properties).map(([, property]) => property),
      nestedProblem,
    ) ??
    firstProblem([additionalSchema(schema.additionalProperties)], nestedProblem)
  )
}

const valueValidations = (schema: JSONSchemaProps): (JSONSchemaProps | undefined)[] => [
  schema.not,
  ...(schema.allOf ?? []),
  ...(schema.anyOf ?? []),
  ...(schema.oneOf ?? []),
]

function unsupportedField(schema: JSONSchemaProps): string | undefined {
  const found = UNSUPPORTED.find(([field]) =>
    field === 'additionalItems' ? schema[field] !== undefined : isGiven(schema[field]),
  )
  return found && `OpenAPIV3Schema '${found[1]}' is not supported`
}

/** Set, and not empty. */
function isGiven(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return value !== undefined && value !== ''
}

function extensionProblem(schema: JSONSchemaProps): string | undefined {
  if (schema['x-kubernetes-preserve-unknown-fields'] !== false) return undefined
  return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
}

function itemsProblem({ items }: JSONSchemaProps, problemOf: Problem): string | undefined {
  if (Array.isArray(items)) {
    return items.length > 0 ? "OpenAPIV3Schema 'items' must be a schema, but is an array" : undefined
  }
  return items && problemOf(items)
}

type Level = 'root' | 'item' | 'field'

/**
 * Whether a schema has the form that pruning and defaulting need; errors come sorted by their text.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/validation.go, KEP-1026
 */
export function validateStructural(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const errors = [...validateInvariants(schema, 'root', path), ...completeness(schema, schema, path, path)]
  return errors
    .map((error) => ({ error, text: fieldErrorMessage(error) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ error }) => error)
}

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

function validateInvariants(schema: JSONSchemaProps, level: Level, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const items = itemsSchema(schema.items)
  if (schema.type === 'array' && !items) errors.push(required(path.child('items'), 'must be specified'))
  if (items) errors.push(...validateInvariants(items, 'item', path.child('items')))
  for (const [name, property] of sortedEntries(schema.properties)) {
    errors.push(...validateInvariants(property, 'field', path.child('properties').key(name)))
  }
  const additionalPath = path.child('additionalProperties')
  if (schema.additionalProperties !== undefined && level === 'root') {
    errors.push(forbidden(additionalPath, 'must not be used at the root'))
  }
  const additional = additionalSchema(schema.additionalProperties)
  if (additional) errors.push(...validateInvariants(additional, 'field', additionalPath))
  const skipAnyOf = isIntOrString(schema.anyOf)
  const skipFirstAllOf = isIntOrString(schema.allOf?.[0]?.anyOf)
  return [
    ...errors,
    ...validateExtensions(schema, path),
    ...validateValueValidation(schema, { skipAnyOf, skipFirstAllOf, allowRules: false, level }, path),
    ...validateTypeAndMetadata(schema, level, path),
  ]
}

/** `anyOf: [{type: integer}, {type: string}]`, which x-kubernetes-int-or-string is allowed to carry. */
function isIntOrString(anyOf: readonly JSONSchemaProps[] | undefined): boolean {
  return semanticEqual(anyOf, [{ type: 'integer' }, { type: 'string' }])
}

function validateExtensions(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  if (!schema['x-kubernetes-int-or-string']) return []
  return (['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    .filter((field) => schema[field])
    .map((field) => invalid(path.child(field), true, 'must be false if x-kubernetes-int-or-string is true'))
}

function validateTypeAndMetadata(schema: JSONSchemaProps, level: Level, path: FieldPath): FieldError[] {
  const { type = '', properties = {} } = schema
  const isEmbedded = schema['x-kubernetes-embedded-resource'] ?? false
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] ?? false
  const typePath = path.child('type')
  const errors: FieldError[] = []
  if (isEmbedded && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(type === '' ? required(typePath, detail) : invalid(typePath, type, detail))
  } else if (type === '' && !schema['x-kubernetes-int-or-string'] && !preserves) {
    errors.push(required(typePath, EMPTY_TYPE[level]))
  }
  if (isEmbedded && schema.additionalProperties !== undefined) {
    const detail = 'must not be used if x-kubernetes-embedded-resource is set'
    errors.push(forbidden(path.child('additionalProperties'), detail))
  }
  if (level === 'root' && type !== '' && type !== 'object') {
    errors.push(invalid(typePath, type, 'must be object at the root'))
  }
  const isObject = level === 'root' || isEmbedded
  for (const name of ['kind', 'apiVersion']) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (!isObject || !property || property.type === 'string') continue
    errors.push(invalid(path.child('properties').key(name).child('type'), property.type ?? '', 'must be string'))
  }
  if (Object.hasOwn(properties, 'metadata')) {
    errors.push(
      ...validateMetadata(properties['metadata']!, { isObject, level }, path.child('properties').key('metadata')),
    )
  }
  if (isEmbedded && !preserves && Object.keys(properties).length === 0) {
    const detail =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(required(path.child('properties'), detail))
  }
  return errors
}

function validateMetadata(
  schema: JSONSchemaProps,
  { isObject, level }: { readonly isObject: boolean; readonly level: Level },
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  if (isObject && schema.type !== 'object')
    errors.push(invalid(path.child('type'), schema.type ?? '', 'must be object'))
  if (level !== 'root') return errors
  const { type: _type, default: _default, properties, ...rest } = schema
  const names = Object.keys(properties ?? {})
  const isNamesOnly = names.every((name) => name === 'name' || name === 'generateName')
  if (isNamesOnly && Object.values(rest).every((value) => !isGiven(value) || value === false)) return errors
  const detail = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
  return [...errors, forbidden(path, detail)]
}

interface ValueContext {
  readonly skipAnyOf: boolean
  readonly skipFirstAllOf: boolean
  /** x-kubernetes-validations may stand in a nested schema. */
  readonly allowRules: boolean
  readonly level: Level
}

function validateValueValidation(schema: JSONSchemaProps, context: ValueContext, path: FieldPath): FieldError[] {
  const nested = { skipAnyOf: false, skipFirstAllOf: false, allowRules: false, level: context.level }
  const errors: FieldError[] = []
  if (!context.skipAnyOf) {
    schema.anyOf?.forEach((each, i) => {
      errors.push(...validateNested(each, nested, path.child('anyOf').index(i)))
    })
  }
  schema.allOf?.forEach((each, i) => {
    const own = { ...nested, skipAnyOf: context.skipFirstAllOf && i === 0, allowRules: context.allowRules }
    errors.push(...validateNested(each, own, path.child('allOf').index(i)))
  })
  schema.oneOf?.forEach((each, i) => {
    errors.push(...validateNested(each, nested, path.child('oneOf').index(i)))
  })
  if (schema.not) errors.push(...validateNested(schema.not, nested, path.child('not')))
  return errors.concat(validatePattern(schema.pattern ?? '', path.child('pattern')))
}

function validatePattern(pattern: string, path: FieldPath): FieldError[] {
  if (pattern === '') return []
  try {
    re2().RE2JS.compile(pattern)
    return []
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [invalid(path, pattern, `must be a valid regular expression, but isn't: ${why}`)]
  }
}

/** Fields that shape the value, which only the schema around may do, with what is said about each. */
const FORBIDDEN_IN_NESTED = [
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
] as const

function validateNested(schema: JSONSchemaProps, context: ValueContext, path: FieldPath): FieldError[] {
  const inner = { ...context, skipAnyOf: false, skipFirstAllOf: false }
  const errors = validateValueValidation(schema, context, path)
  const items = itemsSchema(schema.items)
  if (items) errors.push(...validateNested(items, inner, path.child('items')))
  for (const [name, property] of sortedEntries(schema.properties)) {
    errors.push(...validateNested(property, { ...inner, level: 'field' }, path.child('properties').key(name)))
  }
  if (schema.type) errors.push(forbidden(path.child('type'), 'must be empty to be structural'))
  // `false` is as good as undefined here.
  if (schema.additionalProperties) {
    errors.push(forbidden(path.child('additionalProperties'), 'must be undefined to be structural'))
  }
  for (const [field, detail] of FORBIDDEN_IN_NESTED) {
    const value = schema[field]
    const isSet = field === 'default' ? value !== undefined && value !== null : isGiven(value) && value !== false
    if (isSet) errors.push(forbidden(path.child(field), detail))
  }
  if (schema['x-kubernetes-validations']?.length && !context.allowRules) {
    errors.push(forbidden(path.child('x-kubernetes-validations'), 'must be empty to be structural'))
  }
  if (Object.hasOwn(schema.properties ?? {}, 'metadata')) {
    errors.push(forbidden(path.child('properties').key('metadata'), 'must not be specified in a nested context'))
  }
  return errors
}

/**
 * What a nested schema speaks of must be specified by the schema around it.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/complete.go
 */
function completeness(
  value: JSONSchemaProps,
  schema: JSONSchemaProps,
  schemaPath: FieldPath,
  valuePath: FieldPath,
): FieldError[] {
  const lists = ['allOf', 'anyOf', 'oneOf'] as const
  return [
    ...(value.not ? nestedCompleteness(value.not, schema, schemaPath, valuePath.child('not')) : []),
    ...lists.flatMap((list) =>
      (value[list] ?? []).flatMap((each, i) =>
        nestedCompleteness(each, schema, schemaPath, valuePath.child(list).index(i)),
      ),
    ),
  ]
}

function nestedCompleteness(
  value: JSONSchemaProps,
  schema: JSONSchemaProps | undefined,
  schemaPath: FieldPath,
  valuePath: FieldPath,
): FieldError[] {
  if (!schema) return [required(schemaPath, `because it is defined in ${valuePath}`)]
  const errors = completeness(value, schema, schemaPath, valuePath)
  const items = itemsSchema(value.items)
  if (items) {
    const own = itemsSchema(schema.items)
    errors.push(...nestedCompleteness(items, own, schemaPath.child('items'), valuePath.child('items')))
  }
  for (const [name, property] of sortedEntries(value.properties)) {
    const own = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties![name] : undefined
    const at = schemaPath.child('properties').key(name)
    errors.push(...nestedCompleteness(property, own, at, valuePath.child('properties').key(name)))
  }
  return errors
}
