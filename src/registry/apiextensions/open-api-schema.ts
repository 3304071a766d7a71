import { type FieldError, forbidden, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { JSONSchemaProps, ValidationRule } from '../../apimachinery/types/apiextensions-v1.ts'
import { additionalSchema, itemsSchema, sortedEntries } from './json-schema.ts'
import type { RuleSession } from './rule-checker.ts'
import { resolveSchemaPath, SchemaPathError } from './schema-path.ts'
import { structuralProblem } from './structural-schema.ts'

export const OPENAPI_TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const META_FIELDS = ['metadata', 'kind', 'apiVersion']
/** Sorted, as the message lists them. */
const RULE_REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']

/** What holds for all schemas of a definition. */
export interface SchemaRules {
  readonly requireValidPropertyType: boolean
  readonly requireAtomicSetType: boolean
  readonly requireMapListKeysMapSetValidation: boolean
}

/** What holds at one place of a schema and goes on to the schemas in it. */
interface Place {
  readonly isRoot: boolean
  readonly insideResourceMeta: boolean
  /** Why no default may stand here. */
  readonly noDefaultsReason: string | undefined
  readonly uncorrelatablePath: FieldPath | undefined
  /** Undefined where rules are not looked at: in nested schemas. */
  readonly rules: RuleSession | undefined
}

export interface SchemaErrors {
  readonly schema: FieldError[]
  /** Errors of CEL rules; they come behind all others. */
  readonly cel: FieldError[]
}

/** @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go ValidateCustomResourceDefinitionOpenAPISchema */
export function validateOpenApiSchema(
  root: JSONSchemaProps,
  options: { readonly rules: SchemaRules; readonly session: RuleSession | undefined },
  path: FieldPath,
): FieldError[] {
  const place: Place = {
    isRoot: true,
    insideResourceMeta: false,
    noDefaultsReason: undefined,
    uncorrelatablePath: undefined,
    rules: options.session,
  }
  const { schema, cel } = validateNode(root, options.rules, place, path)
  return [...schema, ...cel]
}

function validateNode(schema: JSONSchemaProps, rules: SchemaRules, place: Place, path: FieldPath): SchemaErrors {
  const errors: SchemaErrors = { schema: validateStandard(schema, rules, place, path), cel: [] }
  if (schema.uniqueItems) {
    const detail = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'
    errors.schema.push(forbidden(path.child('uniqueItems'), detail))
  }
  const descend = (child: JSONSchemaProps, childPath: FieldPath, change: Partial<Place>): void => {
    const found = validateNode(child, rules, { ...place, isRoot: false, ...change }, childPath)
    for (const error of found.schema) errors.schema.push(error)
    for (const error of found.cel) errors.cel.push(error)
  }
  validateChildren(schema, { place, path, descend, errors })
  errors.schema.push(...validateExtensions(schema, rules, path), ...validateRules(schema, path))
  if (schema['x-kubernetes-validations']?.length && errors.schema.length === 0 && place.rules) {
    errors.cel.push(...place.rules.checkNode(schema, path, place.uncorrelatablePath))
  }
  return errors
}

interface Descent {
  readonly place: Place
  readonly path: FieldPath
  readonly descend: (child: JSONSchemaProps, childPath: FieldPath, change: Partial<Place>) => void
  readonly errors: SchemaErrors
}

function validateChildren(schema: JSONSchemaProps, { place, path, descend, errors }: Descent): void {
  const additional = schema.additionalProperties
  const hasProperties = Object.keys(schema.properties ?? {}).length > 0
  if (additional !== undefined && additional !== true && hasProperties) {
    const detail = 'additionalProperties and properties are mutual exclusive'
    errors.schema.push(forbidden(path.child('additionalProperties'), detail))
  }
  const additionalNode = additionalSchema(additional)
  if (additionalNode) {
    const noDefaultsReason = place.insideResourceMeta
      ? 'inside additionalProperties applying to object metadata'
      : place.noDefaultsReason
    descend(additionalNode, path.child('additionalProperties'), { noDefaultsReason })
  }
  for (const [name, property] of sortedEntries(schema.properties)) {
    descend(property, path.child('properties').key(name), propertyPlace(schema, name, { place, path }))
  }
  const nested = { rules: undefined }
  if (schema.not) descend(schema.not, path.child('not'), nested)
  for (const list of ['allOf', 'oneOf', 'anyOf'] as const) {
    schema[list]?.forEach((each, i) => {
      descend(each, path.child(list).index(i), nested)
    })
  }
  for (const [name, definition] of sortedEntries(schema.definitions)) {
    descend(definition, path.child('definitions').key(name), nested)
  }
  const isMapList = schema['x-kubernetes-list-type'] === 'map'
  const inItems = isMapList ? {} : { uncorrelatablePath: place.uncorrelatablePath ?? path }
  if (Array.isArray(schema.items)) {
    schema.items.forEach((each, i) => {
      descend(each, path.child('items').index(i), inItems)
    })
  } else if (schema.items) descend(schema.items, path.child('items'), inItems)
  for (const [name, dependency] of sortedEntries(schema.dependencies)) {
    if (!Array.isArray(dependency)) descend(dependency, path.child('dependencies').key(name), nested)
  }
}

function propertyPlace(
  schema: JSONSchemaProps,
  name: string,
  { place, path }: { readonly place: Place; readonly path: FieldPath },
): Partial<Place> {
  const mapType = schema['x-kubernetes-map-type']
  const isCorrelatable = mapType === undefined || mapType === 'granular' || mapType === 'atomic'
  const uncorrelatablePath = place.uncorrelatablePath ?? (isCorrelatable ? undefined : path)
  const isMeta = (place.isRoot || schema['x-kubernetes-embedded-resource']) && META_FIELDS.includes(name)
  if (!isMeta) return { uncorrelatablePath }
  const noDefaultsReason = place.isRoot ? `in top-level ${name}` : place.noDefaultsReason
  return { uncorrelatablePath, insideResourceMeta: true, noDefaultsReason }
}

/** What OpenAPI v3 knows and a definition may not use. */
const UNSUPPORTED_FIELDS = [
  ['id', 'id'],
  ['additionalItems', 'additionalItems'],
  ['patternProperties', 'patternProperties'],
  ['definitions', 'definitions'],
  ['dependencies', 'dependencies'],
  ['$ref', '$ref'],
] as const

function validateStandard(schema: JSONSchemaProps, rules: SchemaRules, place: Place, path: FieldPath): FieldError[] {
  const { type = '' } = schema
  const errors: FieldError[] = []
  if (rules.requireValidPropertyType && type !== '' && !OPENAPI_TYPES.includes(type)) {
    errors.push(notSupported(path.child('type'), type, OPENAPI_TYPES))
  }
  if (schema.default !== undefined && schema.default !== null && place.noDefaultsReason !== undefined) {
    errors.push(forbidden(path.child('default'), `must not be set ${place.noDefaultsReason}`))
  }
  for (const [field, name] of UNSUPPORTED_FIELDS) {
    const value = schema[field]
    const isEmptyMap =
      (field === 'patternProperties' || field === 'definitions') && Object.keys(value ?? {}).length === 0
    if (value === undefined || (value === '' && field !== '$ref') || isEmptyMap) continue
    errors.push(forbidden(path.child(name), `${name} is not supported`))
  }
  if (type === 'null') {
    errors.push(forbidden(path.child('type'), 'type cannot be set to null, use nullable as an alternative'))
  }
  if (Array.isArray(schema.items) && schema.items.length > 0) {
    errors.push(forbidden(path.child('items'), 'items must be a schema object and not an array'))
  }
  if (place.insideResourceMeta && schema['x-kubernetes-embedded-resource']) {
    const at = path.child('x-kubernetes-embedded-resource')
    errors.push(forbidden(at, 'must not be used inside of resource meta'))
  }
  return errors
}

function validateExtensions(schema: JSONSchemaProps, rules: SchemaRules, path: FieldPath): FieldError[] {
  const { type = '' } = schema
  const mapType = schema['x-kubernetes-map-type']
  const listType = schema['x-kubernetes-list-type']
  const typePath = path.child('type')
  const errors: FieldError[] = []
  const mustBe = (wanted: string, extension: string): void => {
    const detail = `must be ${wanted} if ${extension} is specified`
    errors.push(type === '' ? required(typePath, detail) : invalid(typePath, type, detail))
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalid(path.child('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined'))
  }
  if (mapType !== undefined && type !== 'object') mustBe('object', 'x-kubernetes-map-type')
  if (mapType !== undefined && mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(notSupported(path.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']))
  }
  if (listType !== undefined && type !== 'array') mustBe('array', 'x-kubernetes-list-type')
  else if (rules.requireAtomicSetType && listType === 'set')
    errors.push(...validateSetItems(schema, path.child('items')))
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType)) {
    errors.push(notSupported(path.child('x-kubernetes-list-type'), listType, ['atomic', 'set', 'map']))
  }
  errors.push(...validateListMapKeys(schema, path))
  if (listType === 'map') errors.push(...validateMapItems(schema, path))
  if (rules.requireMapListKeysMapSetValidation) errors.push(...validateMapListKeysMapSet(schema, path))
  return errors
}

/** Items of a set must be compared whole. */
function validateSetItems(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  if (!hasNonAtomicItems(schema)) return []
  const items = itemsSchema(schema.items)!
  const extension = items.type === 'array' ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type'
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set'
  // Upstream prints the list type in both cases.
  return [invalid(path.child(extension), items['x-kubernetes-list-type'], detail)]
}

/** A set of lists or objects that are not compared whole. */
export function hasNonAtomicItems(schema: JSONSchemaProps): boolean {
  const items = itemsSchema(schema.items)
  if (schema['x-kubernetes-list-type'] !== 'set' || !items) return false
  if (items.type === 'array') return (items['x-kubernetes-list-type'] ?? 'atomic') !== 'atomic'
  return items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic'
}

function validateListMapKeys(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  if (!schema['x-kubernetes-list-map-keys']?.length) return []
  const listType = schema['x-kubernetes-list-type']
  const at = path.child('x-kubernetes-list-type')
  const detail = 'must be map if x-kubernetes-list-map-keys is non-empty'
  if (listType === undefined) return [required(at, detail)]
  return listType === 'map' ? [] : [invalid(at, listType, detail)]
}

function validateMapItems(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const items = itemsSchema(schema.items)
  const itemsPath = path.child('items')
  const errors: FieldError[] = []
  if (keys.length === 0) {
    const detail = 'must not be empty if x-kubernetes-list-type is map'
    errors.push(required(path.child('x-kubernetes-list-map-keys'), detail))
  }
  if (!schema.items) errors.push(required(itemsPath, 'must have a schema if x-kubernetes-list-type is map'))
  if (schema.items && !items) {
    errors.push(invalid(itemsPath, schema.items, 'must only have a single schema if x-kubernetes-list-type is map'))
  }
  if (!items) return errors
  if (items.type !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map"
    return [...errors, invalid(itemsPath.child('type'), items.type ?? '', detail)]
  }
  return errors.concat(validateKeyProperties(items, keys, path))
}

function validateKeyProperties(items: JSONSchemaProps, keys: readonly string[], path: FieldPath): FieldError[] {
  const keysPath = path.child('x-kubernetes-list-map-keys')
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const key of keys) {
    const property = Object.hasOwn(items.properties ?? {}, key) ? items.properties![key] : undefined
    if (!property) errors.push(invalid(keysPath, keys, 'entries must all be names of item properties'))
    else if (property.type === 'array' || property.type === 'object') {
      const at = path.child('items', 'properties').key(key).child('type')
      errors.push(invalid(at, items.type, "must be a scalar type if parent array's x-kubernetes-list-type is map"))
    }
    if (seen.has(key)) errors.push(invalid(keysPath, keys, 'must not contain duplicate entries'))
    seen.add(key)
  }
  return errors
}

/** Keys of map lists and items of sets can be told from one another: none is null, every key has a value. */
export function validateMapListKeysMapSet(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const items = itemsSchema(schema.items)
  const listType = schema['x-kubernetes-list-type']
  if (!items || (listType !== 'set' && listType !== 'map')) return []
  const errors: FieldError[] = []
  if (items.nullable) {
    const detail = `cannot be nullable when x-kubernetes-list-type is ${listType}`
    errors.push(forbidden(path.child('items', 'nullable'), detail))
  }
  if (listType !== 'map') return errors
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const property = Object.hasOwn(items.properties ?? {}, key) ? items.properties![key] : undefined
    if (!property) continue
    const at = path.child('items', 'properties').key(key)
    const intro = 'this property is in x-kubernetes-list-map-keys, so it'
    if (!items.required?.includes(key) && (property.default === undefined || property.default === null)) {
      errors.push(required(at.child('default'), `${intro} must have a default or be a required property`))
    }
    if (property.nullable) errors.push(forbidden(at.child('nullable'), `${intro} cannot be nullable`))
  }
  return errors
}

const hasNewlines = (text: string): boolean => /[\n\r]/.test(text)

/** What can be said of CEL rules without compiling them. */
function validateRules(schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  return (schema['x-kubernetes-validations'] ?? []).flatMap((rule, i) => {
    const at = path.child('x-kubernetes-validations').index(i)
    return [...validateRuleText(rule, at), ...validateRuleTarget(rule, schema, at)]
  })
}

function validateRuleText(rule: ValidationRule, path: FieldPath): FieldError[] {
  const { message = '', messageExpression = '' } = rule
  const text = (rule.rule ?? '').trim()
  const trimmed = message.trim()
  const messagePath = path.child('message')
  const errors: FieldError[] = []
  if (text === '') errors.push(required(path.child('rule'), 'rule is not specified'))
  else if (message !== '' && trimmed === '') {
    errors.push(invalid(messagePath, message, 'must be non-empty if specified'))
  } else if (hasNewlines(trimmed)) errors.push(invalid(messagePath, message, 'must not contain line breaks'))
  else if (hasNewlines(text) && trimmed === '') {
    errors.push(required(messagePath, 'message must be specified if rule contains line breaks'))
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(required(path.child('messageExpression'), 'messageExpression must be non-empty if specified'))
  }
  return errors
}

function validateRuleTarget(rule: ValidationRule, schema: JSONSchemaProps, path: FieldPath): FieldError[] {
  const { reason, fieldPath = '' } = rule
  const at = path.child('fieldPath')
  const errors: FieldError[] = []
  if (reason !== undefined && !RULE_REASONS.includes(reason)) {
    errors.push(notSupported(path.child('reason'), reason, RULE_REASONS))
  }
  if (fieldPath === '') return errors
  if (fieldPath.trim() === '') errors.push(invalid(at, fieldPath, 'must be non-empty if specified'))
  if (hasNewlines(fieldPath)) errors.push(invalid(at, fieldPath, 'must not contain line breaks'))
  if (!leadsSomewhere(fieldPath, schema)) errors.push(invalid(at, fieldPath, 'must be a valid path'))
  return errors
}

function leadsSomewhere(path: string, schema: JSONSchemaProps): boolean {
  if (structuralProblem(schema) !== undefined) return true
  try {
    resolveSchemaPath(path, schema, { allowArrayNotation: true })
    return true
  } catch (error) {
    if (error instanceof SchemaPathError) return false
    throw error
  }
}
