import type { FieldPath } from './field-path.ts'
import { goJson, goQuote } from './go-quote.ts'

/** Type of a field error, as it stands in `details.causes[].reason`, with the words that a message begins with. */
const TYPE_WORDS = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTooFew: 'Too few',
  FieldValueTooShort: 'Too short',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
} as const

type FieldErrorType = keyof typeof TYPE_WORDS

/** Marks a bad value that must not be printed. */
export const OMIT_VALUE: unique symbol = Symbol('value omitted')

/** Text of a bad value that stands as it is, unquoted: what Go's `%v` of a number or a Stringer would print. */
export class LiteralValue {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/**
 * One thing that is wrong with one field of an object.
 *
 * @see apimachinery pkg/util/validation/field/errors.go
 */
export interface FieldError {
  readonly type: FieldErrorType
  /** The path in text form; empty for the object as a whole. */
  readonly field: string
  readonly badValue: unknown
  readonly detail: string
}

const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set<FieldErrorType>([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'FieldValueTooShort',
  'InternalError',
])

/** The message without the field's name: `Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorBody(error: FieldError): string {
  const words = TYPE_WORDS[error.type]
  const withValue = !WITHOUT_VALUE.has(error.type) && error.badValue !== OMIT_VALUE
  const head = withValue ? `${words}: ${formatBadValue(error.badValue)}` : words
  return error.detail === '' ? head : `${head}: ${error.detail}`
}

/** The whole message: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorMessage(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`
}

function formatBadValue(value: unknown): string {
  if (typeof value === 'string') return goQuote(value)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof LiteralValue) return value.text
  if (value === undefined) return 'null'
  return goJson(value)
}

type Field = FieldPath | undefined

function make(type: FieldErrorType, field: Field, badValue: unknown, detail: string): FieldError {
  return { type, field: field === undefined ? '<nil>' : field.toString(), badValue, detail }
}

/** A required value is absent. */
export const required = (field: Field, detail: string): FieldError => make('FieldValueRequired', field, '', detail)

/** A value is malformed or out of range; `value` is printed. */
export const invalid = (field: Field, value: unknown, detail: string): FieldError =>
  make('FieldValueInvalid', field, value, detail)

/** A value is of the wrong JSON type. */
export const typeInvalid = (field: Field, value: unknown, detail: string): FieldError =>
  make('FieldValueTypeInvalid', field, value, detail)

/** A value that is well formed but not permitted here. */
export const forbidden = (field: Field, detail: string): FieldError => make('FieldValueForbidden', field, '', detail)

/** A value that must be unique stands twice. */
export const duplicate = (field: Field, value: unknown): FieldError => make('FieldValueDuplicate', field, value, '')

/** A reference to something that does not exist. */
export const notFoundField = (field: Field, value: unknown): FieldError => make('FieldValueNotFound', field, value, '')

/** A value that is not of an enumerated set; list the set in the order that upstream prints (mostly sorted). */
export function notSupported(field: Field, value: unknown, validValues: readonly string[]): FieldError {
  const detail = validValues.length > 0 ? `supported values: ${validValues.map(goQuote).join(', ')}` : ''
  return make('FieldValueNotSupported', field, value, detail)
}

/** Longer than `maxLength` bytes (the value is not printed). */
export function tooLong(field: Field, maxLength: number, unit: 'byte' | 'character' = 'byte'): FieldError {
  const detail = maxLength >= 0 ? `may not be more than ${maxLength} ${plural(unit, maxLength)}` : 'value is too long'
  return make('FieldValueTooLong', field, '<value omitted>', detail)
}

/** More than `max` items; a negative `actual` is not printed. */
export function tooMany(field: Field, actual: number, max: number): FieldError {
  const detail = max >= 0 ? `must have at most ${max} ${plural('item', max)}` : 'has too many items'
  return make('FieldValueTooMany', field, actual >= 0 ? actual : OMIT_VALUE, detail)
}

/** A failure that is not the client's. */
export const internalFieldError = (field: Field, detail: string): FieldError =>
  make('InternalError', field, detail, detail)

function plural(word: string, n: number): string {
  return n === 1 ? word : `${word}s`
}
