import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { IntOrString } from '../../apimachinery/types/intstr.ts'
import { invalidEach, isValidPercent } from '../../apimachinery/validation/names.ts'
import { validateNonnegativeField } from '../../apimachinery/validation/object-meta.ts'

/** A number that is not negative, or a percentage (`25%`). */
export function validatePositiveIntOrPercent(value: IntOrString, path: FieldPath): FieldError[] {
  if (typeof value === 'string') return invalidEach(path, value, isValidPercent(value))
  return validateNonnegativeField(value, path)
}

/** The number of a percentage; undefined where the value is none. */
function percentValue(value: IntOrString): number | undefined {
  if (typeof value !== 'string' || isValidPercent(value).length > 0) return undefined
  return Number(value.slice(0, -1))
}

/** The plain number, the number before `%`, or 0 of a text that is neither. */
export function intOrPercentValue(value: IntOrString): number {
  if (typeof value === 'number') return value
  const percent = percentValue(value)
  if (percent !== undefined) return percent
  return /^[+-]?[0-9]+$/.test(value) ? Number(value) : 0
}

/** No percentage above 100; other values pass. */
export function isNotMoreThan100Percent(value: IntOrString, path: FieldPath): FieldError[] {
  return (percentValue(value) ?? 0) <= 100 ? [] : [invalid(path, value, 'must not be greater than 100%')]
}
