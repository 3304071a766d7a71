import type * as Re2 from 're2js'
import {
  type FieldError,
  fieldErrorMessage,
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
import { lazyModule } from '../../apimachinery/lazy-module.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { additionalSchema, itemsSchema, sortedEntries } from './json-schema.ts'
import { hasStringFormat, isKnownFormat } from './value-formats.ts'

const re2 = lazyModule<typeof Re2>('re2js')

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
  return validateAt(value, schema, { root: path, name: '' }).errors
}

/** Errors, each once, and how much of a value fits a schema: alternatives are compared by that. */
class Outcome {
  readonly errors: FieldError[] = []
  matches = 0
  readonly #seen = new Set<string>()

  get isValid(): boolean {
    return this.errors.length === 0
  }

  add(error: FieldError): void {
    const message = fieldErrorMessage(error)
    if (this.#seen.has(message)) return
    this.#seen.add(message)
    this.errors.push(error)
  }

  merge(other: Outcome): void {
    for (const error of other.errors) this.add(error)
    this.matches += other.matches
  }
}

function pathOf({ root, name }: Place): FieldPath | undefined {
  const field = name.startsWith('.') ? name.slice(1) : name
  if (field === '') return root
  return root ? root.child(field) : FieldPath.of(field)
}

const inBody = ({ name }: Place, text: string): string => `${name} in body ${text}`

/** Matches are counted as upstream does: one for each group of keywords that applies, and what these count themselves. */
function validateAt(value: unknown, schema: JSONSchemaProps, place: Place): Outcome {
  const outcome = new Outcome()
  validateType(value, schema, place, outcome)
  if (value === null || value === undefined) {
    validateEnum(value, schema, place, outcome)
    return outcome
  }
  if (typesOf(schema).length > 0 || knownFormat(schema) !== '') outcome.matches++
  validateCombinations(value, schema, place, outcome)
  outcome.matches += 2
  if (typeof value === 'string') validateString(value, schema, place, outcome)
  if (typeof value === 'number') validateNumber(value, schema, place, outcome)
  if (Array.isArray(value)) validateList(value, schema, place, outcome)
  validateEnum(value, schema, place, outcome)
  outcome.matches++
  if (isJsonObject(value)) validateObject(value, schema, place, outcome)
  outcome.matches++
  return outcome
}

function typesOf(schema: JSONSchemaProps): string[] {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string']
  return schema.type ? [schema.type] : []
}

/** Formats that are not known for the type are as none. */
function knownFormat({ type = '', format = '' }: JSONSchemaProps): string {
  return isKnownFormat(type, format) ? format : ''
}

function typeNameOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'object' ? 'object' : typeof value
}

const FORMATS_OF_TYPES: Readonly<Record<string, string>> = { integer: 'int64', number: 'float64' }

function validateType(value: unknown, schema: JSONSchemaProps, place: Place, outcome: Outcome): void {
  const types = typesOf(schema)
  const format = knownFormat(schema)
  const given = typeNameOf(value)
  const refuse = (wanted: string, found: string): void => {
    outcome.add(typeInvalid(pathOf(place), found, inBody(place, `must be of type ${wanted}: ${goQuote(found)}`)))
  }
  const fits = types.includes(given) || (given === 'integer' && types.includes('number'))
  if (given === 'null') {
    if (types.length > 0 && !schema.nullable) refuse(types.join(), given)
    else outcome.matches++
  } else if (format !== '' && !['string', 'array'].includes(given) && !fits) {
    refuse(format, FORMATS_OF_TYPES[given] ?? '')
  } else if (format !== '' && ['string', 'array'].includes(given) && !isNumeric(types)) {
    // As upstream: what has a format for strings takes lists too.
    outcome.matches++
  } else if (types.length > 0 && !fits) refuse(types.join(), given)
  else if (types.length > 0) outcome.matches++
}

const isNumeric = (types: readonly string[]): boolean => types.includes('number') || types.includes('integer')

function validateEnum(value: unknown, schema: JSONSchemaProps, place: Place, outcome: Outcome): void {
  const allowed = schema.enum ?? []
  if (allowed.length === 0 || allowed.some((each) => semanticEqual(each, value))) return
  if (value === null && schema.nullable) return
  const texts = allowed.map((each) => (typeof each === 'string' ? each : goJson(each)))
  outcome.add(notSupported(pathOf(place), value ?? undefined, texts))
}

/** Errors of combinations are reported for the value as a whole; their words say where. */
function validateCombinations(value: unknown, schema: JSONSchemaProps, place: Place, outcome: Outcome): void {
  const refuse = (text: string): void => outcome.add(invalid(place.root, '', `${goQuote(place.name)} ${text}`))
  const outcomesOf = (schemas: readonly JSONSchemaProps[]): Outcome[] =>
    schemas.map((each) => validateAt(value, each, place))
  if (schema.anyOf?.length) {
    const all = outcomesOf(schema.anyOf)
    const first = all.find(({ isValid }) => isValid)
    if (!first) refuse('must validate at least one schema (anyOf)')
    outcome.merge(first ?? bestOf(all))
  }
  if (schema.oneOf?.length) {
    const all = outcomesOf(schema.oneOf)
    const valid = all.filter(({ isValid }) => isValid)
    if (valid.length === 1) outcome.merge(valid[0]!)
    else {
      const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`
      refuse(`must validate one and only one schema (oneOf). ${found}`)
      if (valid.length === 0) outcome.merge(bestOf(all))
    }
  }
  if (schema.allOf?.length) {
    const all = outcomesOf(schema.allOf)
    for (const each of all) outcome.merge(each)
    if (all.some(({ isValid }) => !isValid)) {
      const none = all.some(({ isValid }) => isValid) ? '' : '. None validated'
      refuse(`must validate all the schemas (allOf)${none}`)
    }
  }
  if (schema.not && validateAt(value, schema.not, place).isValid) refuse('must not validate the schema (not)')
}

/** The first of those that match most. */
const bestOf = (outcomes: readonly Outcome[]): Outcome =>
  outcomes.reduce((best, each) => (each.matches > best.matches ? each : best))

/** Unicode characters, as upstream counts them. */
function characterCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

/** Of length and pattern, the first that fails is told. */
function validateString(text: string, schema: JSONSchemaProps, place: Place, outcome: Outcome): void {
  const { maxLength, minLength, pattern } = schema
  const format = knownFormat(schema)
  outcome.matches++
  if (maxLength !== undefined && characterCount(text) > maxLength) outcome.add(tooLong(pathOf(place), maxLength))
  else if (minLength !== undefined && characterCount(text) < minLength) {
    outcome.add(invalid(pathOf(place), text, inBody(place, `should be at least ${minLength} chars long`)))
  } else if (pattern) {
    const problem = patternProblem(text, pattern)
    if (problem) outcome.add(invalid(pathOf(place), text, inBody(place, problem)))
  }
  if (format === '' || isNumeric(typesOf(schema))) return
  outcome.matches++
  if (hasStringFormat(text, format)) return
  outcome.add(typeInvalid(pathOf(place), text, inBody(place, `must be of type ${format}: ${goQuote(text)}`)))
}

function patternProblem(text: string, pattern: string): string | undefined {
  try {
    return re2().RE2JS.compile(pattern).matcher(text).find() ? undefined : `should match '${pattern}'`
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return `should match '${pattern}, but pattern is invalid: ${why}'`
  }
}

function validateNumber(value: number, schema: JSONSchemaProps, place: Place, outcome: Outcome): void {
  const { exclusiveMaximum, exclusiveMinimum } = schema
  // Upstream compares whole numbers with the whole part of a bound that fits the schema's type.
  const bound = (limit: number | undefined) =>
    Number.isInteger(value) && limit && isInRange(limit, schema) ? Math.trunc(limit) : limit
  const [maximum, minimum] = [bound(schema.maximum), bound(schema.minimum)]
  const refuse = (text: string): void => {
    outcome.add(invalid(pathOf(place), value, inBody(place, `should be ${text}`)))
  }
  const refuseLimit = (limit: number | undefined, what: string): void => {
    if (limit === undefined || isInRange(limit, schema)) return
    const { type, format = '' } = schema
    const wanted = format === '' ? `${type} (default format)` : `${type} with format ${format}`
    outcome.add(invalid(pathOf(place), '', `${what} value must be of type ${wanted} in ${place.name}`))
  }
  outcome.matches += 2
  refuseLimit(schema.multipleOf, 'MultipleOf')
  if (schema.multipleOf !== undefined && schema.multipleOf > 0 && !isMultiple(value, schema.multipleOf)) {
    refuse(`a multiple of ${schema.multipleOf}`)
  }
  refuseLimit(schema.minimum, 'Minimum boundary')
  if (minimum !== undefined) {
    if (exclusiveMinimum && value <= minimum) refuse(`greater than ${minimum}`)
    else if (value < minimum) refuse(`greater than or equal to ${minimum}`)
  }
  refuseLimit(schema.maximum, 'Maximum boundary')
  if (maximum !== undefined) {
    if (exclusiveMaximum && value >= maximum) refuse(`less than ${maximum}`)
    else if (value > maximum) refuse(`less than or equal to ${maximum}`)
  }
}

const INTEGER_RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64 - 1],
}

/** Whether a limit is a number of the type that the schema names: only integers have ranges. */
function isInRange(limit: number, { type, format = '' }: JSONSchemaProps): boolean {
  if (type !== 'integer') return true
  const [min, max] = INTEGER_RANGES[format] ?? [-(2 ** 63), 2 ** 63 - 1024]
  return Number.isInteger(limit) && limit >= min && limit <= max
}

function isMultiple(value: number, of: number): boolean {
  const factor = value / of
  return Math.abs(factor - Math.round(factor)) < 1e-9
}

function validateList(list: readonly unknown[], schema: JSONSchemaProps, place: Place, outcome: Outcome): void {
  const { maxItems, minItems } = schema
  const items = itemsSchema(schema.items)
  if (items) {
    list.forEach((item, i) => {
      outcome.merge(validateAt(item, items, { ...place, name: `${place.name}[${i}]` }))
    })
  }
  if (minItems !== undefined && list.length < minItems) {
    outcome.add(invalid(pathOf(place), list.length, inBody(place, `should have at least ${minItems} items`)))
  }
  if (maxItems !== undefined && list.length > maxItems) outcome.add(tooMany(pathOf(place), list.length, maxItems))
  outcome.matches += 2
}

/** The number of fields counts first: where it is wrong, fields are not looked at. */
function validateObject(
  object: Record<string, unknown>,
  schema: JSONSchemaProps,
  place: Place,
  outcome: Outcome,
): void {
  const { maxProperties, minProperties, additionalProperties, properties = {} } = schema
  const size = Object.keys(object).length
  outcome.matches++
  if (minProperties !== undefined && size < minProperties) {
    const detail = inBody(place, `should have at least ${minProperties} properties`)
    outcome.add(invalid(pathOf(place), size, detail))
    return
  }
  if (maxProperties !== undefined && size > maxProperties) {
    outcome.add(tooMany(pathOf(place), size, maxProperties))
    return
  }
  // Only fields that the schema names go without the dot where they stand first.
  const below = (name: string): Place => ({ ...place, name: `${place.name}.${name}` })
  const additional = additionalSchema(additionalProperties)
  for (const [name, value] of sortedEntries(object)) {
    if (Object.hasOwn(properties, name)) continue
    if (additionalProperties === false) {
      outcome.add(invalid(pathOf(place), name, inBody(below(name), 'is a forbidden property')))
    } else if (additional) outcome.merge(validateAt(value, additional, below(name)))
  }
  for (const [name, property] of sortedEntries(properties)) {
    if (!Object.hasOwn(object, name)) continue
    const at = place.name === '' ? { ...place, name } : below(name)
    outcome.merge(validateAt(object[name], property, at))
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(object, name)) outcome.add(required(pathOf(below(name)), ''))
  }
}
