import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { isDNS1035Label } from '../../apimachinery/validation/names.ts'
import { additionalSchema, itemsSchema, sortedEntries } from './json-schema.ts'
import { prune } from './pruning.ts'
import type { RuleChecker } from './rule-checker.ts'
import { validateValue } from './value-validation.ts'

const META_FIELDS = ['metadata', 'apiVersion', 'kind']

interface DefaultsOptions {
  readonly rules: RuleChecker
  /** Defaults may not have fields that pruning would take away. */
  readonly requirePruned: boolean
}

/**
 * Every default must be a value that its own schema accepts.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/defaulting/validation.go ValidateDefaults
 */
export function validateDefaults(root: JSONSchemaProps, options: DefaultsOptions, path: FieldPath): FieldError[] {
  const schema = { ...root, 'x-kubernetes-embedded-resource': true }
  return validateNode(schema, { ...options, insideMeta: false }, path)
}

interface Context extends DefaultsOptions {
  readonly insideMeta: boolean
}

function validateNode(schema: JSONSchemaProps, context: Context, path: FieldPath): FieldError[] {
  const isEmbedded = schema['x-kubernetes-embedded-resource'] ?? false
  const insideMeta = context.insideMeta && !isEmbedded
  const errors: FieldError[] = []
  if (schema.default !== undefined && schema.default !== null) {
    errors.push(...validateDefault(schema.default, schema, { ...context, insideMeta }, path.child('default')))
  }
  const items = itemsSchema(schema.items)
  if (items) errors.push(...validateNode(items, { ...context, insideMeta }, path.child('items')))
  for (const [name, property] of sortedEntries(schema.properties)) {
    const inner = { ...context, insideMeta: insideMeta || (isEmbedded && META_FIELDS.includes(name)) }
    errors.push(...validateNode(property, inner, path.child('properties').key(name)))
  }
  return errors
}

function validateDefault(value: unknown, schema: JSONSchemaProps, context: Context, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (!context.insideMeta && context.requirePruned && !semanticEqual(prune(value, schema), value)) {
    errors.push(invalid(path, value, 'must not have unknown fields'))
  }
  const embedded = context.insideMeta ? [] : validateEmbedded(value, schema, path)
  if (embedded.length > 0) return [...errors, ...embedded]
  const problems = validateValue(value, schema, path)
  if (problems.length > 0) return [...errors, ...problems]
  return [...errors, ...context.rules.checkDefault(value, schema, path)]
}

/**
 * Whole objects in a value carry apiVersion and kind.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/objectmeta/validation.go
 */
function validateEmbedded(value: unknown, schema: JSONSchemaProps | undefined, path: FieldPath): FieldError[] {
  if (!schema) return []
  if (Array.isArray(value)) {
    const items = itemsSchema(schema.items)
    return value.flatMap((item, i) => validateEmbedded(item, items, path.index(i)))
  }
  if (!isJsonObject(value)) return []
  const errors = schema['x-kubernetes-embedded-resource'] ? validateTypeMeta(value, path) : []
  for (const [name, member] of sortedEntries(value)) {
    const properties = schema.properties ?? {}
    if (Object.hasOwn(properties, name)) errors.push(...validateEmbedded(member, properties[name], path.child(name)))
    else errors.push(...validateEmbedded(member, additionalSchema(schema.additionalProperties), path.key(name)))
  }
  return errors
}

function validateTypeMeta(object: JsonObject, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['apiVersion', 'kind'] as const) {
    const value = object[field]
    const at = path.child(field)
    if (value === undefined) errors.push(required(at, ''))
    else if (typeof value !== 'string') errors.push(invalid(at, value, 'must be a string'))
    else if (value === '') errors.push(invalid(at, value, 'must not be empty'))
    else if (field === 'apiVersion') errors.push(...validateApiVersion(value, at))
    else {
      const problems = isDNS1035Label(value.toLowerCase())
      const detail = `may have mixed case, but should otherwise match: ${problems.join(',')}`
      if (problems.length > 0) errors.push(invalid(at, value, detail))
    }
  }
  return errors
}

function validateApiVersion(apiVersion: string, path: FieldPath): FieldError[] {
  if (apiVersion.split('/').length <= 2) return []
  return [invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)]
}
