/**
 * Names of resources and their quantities, outside of pods.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go
 */
import type { FieldError } from '../../apimachinery/field-error.ts'
import { invalid } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { parseQuantity } from '../../apimachinery/quantity.ts'
import { invalidEach, isNegativeErrorMessage, isQualifiedName } from '../../apimachinery/validation/names.ts'
import {
  isExtendedResourceName,
  isIntegerResourceName,
  isNativeResource,
  isStandardContainerResourceName,
  isStandardResourceName,
} from './pod/resource-names.ts'

/** A list of resources: name to quantity text. */
export type ResourceList = Readonly<Record<string, string>>

export const NOT_POSITIVE_MESSAGE = 'must be greater than zero'
const NOT_INTEGER_MESSAGE = 'must be an integer'

/** A qualified name; one without a domain must be known to the system. */
export function validateResourceName(name: string, path: FieldPath): FieldError[] {
  const errors = invalidEach(path, name, isQualifiedName(name))
  if (errors.length > 0 || name.includes('/') || isStandardResourceName(name)) return errors
  return [invalid(path, name, 'must be a standard resource type or fully qualified')]
}

/** What a container, or a limit on one, may name. */
export function validateContainerResourceName(name: string, path: FieldPath): FieldError[] {
  const errors = validateResourceName(name, path)
  if (!name.includes('/')) {
    if (isStandardContainerResourceName(name)) return errors
    return [...errors, invalid(path, name, 'must be a standard resource for containers')]
  }
  if (isNativeResource(name) || isExtendedResourceName(name)) return errors
  return [...errors, invalid(path, name, "doesn't follow extended resource name standard")]
}

/** Not negative, and whole where the resource is counted. */
export function validateResourceQuantityValue(name: string, text: string, path: FieldPath): FieldError[] {
  const quantity = parseQuantity(text)
  const errors = validateNonnegativeQuantity(text, path)
  if (isIntegerResourceName(name) && quantity.scaledValue(-3) % 1000n !== 0n) {
    errors.push(invalid(path, text, NOT_INTEGER_MESSAGE))
  }
  return errors
}

export function validateNonnegativeQuantity(text: string, path: FieldPath): FieldError[] {
  return parseQuantity(text).sign() < 0 ? [invalid(path, text, isNegativeErrorMessage)] : []
}

export function validatePositiveQuantityValue(text: string, path: FieldPath): FieldError[] {
  return parseQuantity(text).sign() <= 0 ? [invalid(path, text, NOT_POSITIVE_MESSAGE)] : []
}

/** Not negative in whole units; the number itself is printed. */
export function validateBasicResource(text: string, path: FieldPath): FieldError[] {
  const value = parseQuantity(text).scaledValue(0)
  return value < 0n ? [invalid(path, value, 'must be a valid resource quantity')] : []
}
