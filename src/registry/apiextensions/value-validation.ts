import { RE2JS } from 're2js'
import {
  type FieldError,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goJson, goQuote } from '../../apimachinery/go-quote.ts'
import { isJsonObject } from '../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { additionalSchema, itemsSchema, sortedEntries } from './json-schema.ts'
import { hasStringFormat, isKnownFormat } from './value-formats.ts'

/** Path of errors: of the value as a whole, and the name of the field inside of it as messages carry it. */
interface Place {
  readonly root: FieldPath | undefined
  /** '' for the value itself. */
  readonly name: string
}

/**
 * Validates a value against a schema, with the words of upstream's OpenAPI validator. `path` is of the value; undefined
 * for a whole object, whose fields then stand first in the paths.
 *
 * @see apiextensions-apiserver pkg/apiserver/validation/validation.go, kube-openapi pkg/validation/validate
 */
export function validateValue(value: unknown, schema: JSONSchemaProps, path: FieldPath | undefined): FieldError[] {
  return validateAt(value, schema, { root: path, name: '' })
}

function pathOf({ root, name }: Place): FieldPath | undefined {
  if (name === '') return root
  return root ? root.child(name) : FieldPath.of(name)
}

const inBody = ({ name }: Place, text: string): string => `${name} in body ${text}`

function validateAt(value: unknown, schema: JSONSchemaProps, place: Place): FieldError[] {
  const errors = validateType(value, schema, place)
  if (value === null || value === undefined) return [...errors, ...validateEnum(value, schema, place)]
  errors.push(...validateCombinations(value, schema, place))
  if (typeof value === 'string') errors.push(...validateString(value, schema, place))
  if (typeof value === 'number') errors.push(...validateNumber(value, schema, place))
  if (Array.isArray(value)) errors.push(...validateList(value, schema, place))
  errors.push(...validateEnum(value, schema, place))
  if (isJsonObject(value)) errors.push(...validateObject(value, schema, place))
  return errors
}

function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'object' ? 'object' : typeof value
}

function validateType(value: unknown, schema: JSONSchemaProps, place: Place): FieldError[] {
  const types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : []
  const given = typeNameOf(value)
  if (types.length === 0 || types.includes(given) || (given === 'null' && schema.nullable)) return []
  if (given === 'integer' && types.includes('number')) return []
  return [typeInvalid(pathOf(place), given, inBody(place, `must be of type ${types.join(',')}: ${goQuote(given)}`))]
}

function validateEnum(value: unknown, schema: JSONSchemaProps, place: Place): FieldError[] {
  const allowed = schema.enum ?? []
  if (allowed.length === 0 || allowed.some((each) => semanticEqual(each, value))) return []
  if (value === null && schema.nullable) return []
  const texts = allowed.map((each) => (typeof each === 'string' ? each : goJson(each)))
  return [notSupported(pathOf(place), value ?? undefined, texts)]
}

function validateCombinations(value: unknown, schema: JSONSchemaProps, place: Place): FieldError[] {
  const errors: FieldError[] = []
  const refuse = (text: string): void => {
    errors.push(invalid(pathOf(place), '', `${goQuote(place.name)} ${text}`))
  }
  const isValid = (each: JSONSchemaProps): boolean => validateAt(value, each, place).length === 0
  if (schema.anyOf?.length && !schema.anyOf.some(isValid)) {
    refuse('must validate at least one schema (anyOf)')
    errors.push(...validateAt(value, schema.anyOf[0]!, place))
  }
  const valid = schema.oneOf?.filter(isValid).length ?? 1
  if (schema.oneOf?.length && valid !== 1) {
    const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`
    refuse(`must validate one and only one schema (oneOf). ${found}`)
    if (valid === 0) errors.push(...validateAt(value, schema.oneOf[0]!, place))
  }
  if (schema.allOf?.length) {
    const inner = schema.allOf.flatMap((each) => validateAt(value, each, place))
    errors.push(...inner)
    if (!schema.allOf.every(isValid)) {
      refuse(`must validate all the schemas (allOf)${schema.allOf.some(isValid) ? '' : '. None validated'}`)
    }
  }
  if (schema.not && isValid(schema.not)) refuse('must not validate the schema (not)')
  return errors
}

/** Unicode characters, as upstream counts them. */
function characterCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function validateString(text: string, schema: JSONSchemaProps, place: Place): FieldError[] {
  const { maxLength, minLength, pattern, format = '', type = '' } = schema
  const errors: FieldError[] = []
  if (maxLength !== undefined && characterCount(text) > maxLength) errors.push(tooLong(pathOf(place), maxLength))
  if (minLength !== undefined && characterCount(text) < minLength) {
    errors.push(invalid(pathOf(place), text, inBody(place, `should be at least ${minLength} chars long`)))
  }
  if (pattern) errors.push(...validatePattern(text, pattern, place))
  if (format !== '' && isKnownFormat(type, format) && !hasStringFormat(text, format)) {
    const detail = inBody(place, `must be of type ${format}: ${goQuote(text)}`)
    errors.push(typeInvalid(pathOf(place), text, detail))
  }
  return errors
}

function validatePattern(text: string, pattern: string, place: Place): FieldError[] {
  try {
    if (RE2JS.compile(pattern).matcher(text).find()) return []
    return [invalid(pathOf(place), text, inBody(place, `should match '${pattern}'`))]
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return [invalid(pathOf(place), text, inBody(place, `should match '${pattern}, but pattern is invalid: ${why}'`))]
  }
}

function validateNumber(value: number, schema: JSONSchemaProps, place: Place): FieldError[] {
  const { maximum, minimum, multipleOf, exclusiveMaximum, exclusiveMinimum } = schema
  const errors: FieldError[] = []
  const refuse = (text: string): void => {
    errors.push(invalid(pathOf(place), value, inBody(place, `should be ${text}`)))
  }
  if (multipleOf !== undefined && multipleOf > 0 && !isMultiple(value, multipleOf)) {
    refuse(`a multiple of ${multipleOf}`)
  }
  if (maximum !== undefined) {
    if (exclusiveMaximum && value >= maximum) refuse(`less than ${maximum}`)
    else if (value > maximum) refuse(`less than or equal to ${maximum}`)
  }
  if (minimum !== undefined) {
    if (exclusiveMinimum && value <= minimum) refuse(`greater than ${minimum}`)
    else if (value < minimum) refuse(`greater than or equal to ${minimum}`)
  }
  return errors
}

function isMultiple(value: number, of: number): boolean {
  const factor = value / of
  return Math.abs(factor - Math.round(factor)) < 1e-9
}

function validateList(list: readonly unknown[], schema: JSONSchemaProps, place: Place): FieldError[] {
  const { maxItems, minItems } = schema
  const items = itemsSchema(schema.items)
  const errors: FieldError[] = []
  if (items) {
    list.forEach((item, i) => {
      for (const error of validateAt(item, items, { ...place, name: `${place.name}[${i}]` })) errors.push(error)
    })
  }
  if (minItems !== undefined && list.length < minItems) {
    errors.push(invalid(pathOf(place), list.length, inBody(place, `should have at least ${minItems} items`)))
  }
  if (maxItems !== undefined && list.length > maxItems) errors.push(tooMany(pathOf(place), list.length, maxItems))
  return errors
}

function validateObject(object: Record<string, unknown>, schema: JSONSchemaProps, place: Place): FieldError[] {
  const { maxProperties, minProperties, additionalProperties, properties = {} } = schema
  const size = Object.keys(object).length
  const errors: FieldError[] = []
  if (minProperties !== undefined && size < minProperties) {
    errors.push(invalid(pathOf(place), size, inBody(place, `should have at least ${minProperties} properties`)))
  }
  if (maxProperties !== undefined && size > maxProperties) errors.push(tooMany(pathOf(place), size, maxProperties))
  const at = (name: string): Place => ({ ...place, name: place.name === '' ? name : `${place.name}.${name}` })
  const additional = additionalSchema(additionalProperties)
  for (const [name, value] of sortedEntries(object)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (property) continue
    if (additionalProperties === false) {
      errors.push(invalid(pathOf(at(name)), '', inBody(at(name), 'is a forbidden property')))
    } else if (additional) errors.push(...validateAt(value, additional, at(name)))
  }
  for (const [name, property] of sortedEntries(properties)) {
    if (Object.hasOwn(object, name)) errors.push(...validateAt(object[name], property, at(name)))
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(object, name)) errors.push(required(pathOf(at(name)), ''))
  }
  return errors
}
