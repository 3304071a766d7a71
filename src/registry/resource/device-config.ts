import {
  type FieldError,
  forbidden,
  internalFieldError,
  invalid,
  required,
  tooLong,
} from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { isJsonObject } from '../../apimachinery/kube-object.ts'
import type {
  DeviceClassConfiguration,
  DeviceSelector,
  OpaqueDeviceConfiguration,
} from '../../apimachinery/types/resource-v1.ts'
import { byteLength } from '../../apimachinery/validation/names.ts'
import { validateSlice } from './collections.ts'
import type { DeviceEnvironment } from './device-environment.ts'
import { validateDriverName } from './device-names.ts'

export const MAX_CONFIGS = 32
const MAX_SELECTORS = 32
const MAX_EXPRESSION_BYTES = 10 * 1024
const MAX_PARAMETERS_BYTES = 10 * 1024

/** `isStored`: the stored object has the same already. */
export interface DeviceValidation {
  readonly environment: DeviceEnvironment
  readonly isStored: boolean
}

/** @see kubernetes pkg/apis/resource/validation/validation.go validateSelectorSlice */
export function validateSelectors(
  selectors: readonly DeviceSelector[] | undefined,
  validation: DeviceValidation,
  path: FieldPath,
): FieldError[] {
  return validateSlice(
    selectors,
    MAX_SELECTORS,
    ({ cel }, at) =>
      cel
        ? validateExpression(cel.expression ?? '', validation, at.child('cel', 'expression'))
        : [required(at.child('cel'), '')],
    path,
  )
}

function validateExpression(expression: string, validation: DeviceValidation, path: FieldPath): FieldError[] {
  if (byteLength(expression) > MAX_EXPRESSION_BYTES) return [tooLong(path, MAX_EXPRESSION_BYTES)]
  const problem = validation.environment.checkExpression(expression, validation.isStored)
  switch (problem?.type) {
    case undefined:
      return []
    case 'required':
      return [required(path, problem.detail)]
    case 'invalid':
      return [invalid(path, expression, problem.detail)]
    case 'tooComplex':
      return [forbidden(path, 'too complex, exceeds cost limit')]
    case 'internal':
      return [internalFieldError(path, problem.detail)]
  }
}

/** Settings for a driver; `opaque` is the only form there is. */
export function validateDeviceConfiguration(
  config: DeviceClassConfiguration,
  isStored: boolean,
  path: FieldPath,
): FieldError[] {
  if (!config.opaque) return [required(path.child('opaque'), '')]
  return validateOpaque(config.opaque, isStored, path.child('opaque'))
}

function validateOpaque(config: OpaqueDeviceConfiguration, isStored: boolean, path: FieldPath): FieldError[] {
  return [
    ...validateDriverName(config.driver, path.child('driver')),
    ...validateRawObject(
      config.parameters,
      isStored ? Number.POSITIVE_INFINITY : MAX_PARAMETERS_BYTES,
      path.child('parameters'),
    ),
  ]
}

/** Raw JSON that must be an object of at most `maxBytes`. */
export function validateRawObject(value: unknown, maxBytes: number, path: FieldPath): FieldError[] {
  if (value === undefined || value === null) return [required(path, '')]
  if (byteLength(JSON.stringify(value)) > maxBytes) return [tooLong(path, maxBytes)]
  return isJsonObject(value) ? [] : [invalid(path, '<value omitted>', 'must be a valid JSON object')]
}
