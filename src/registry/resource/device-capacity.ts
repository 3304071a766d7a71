import { type FieldError, forbidden, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { parseQuantity, type Quantity } from '../../apimachinery/quantity.ts'
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  DeviceCapacity,
} from '../../apimachinery/types/resource-v1.ts'
import { validateSet } from './collections.ts'

const MAX_VALID_VALUES = 10

/** Capacity of a device that one claim takes whole: no policy for parts of it. */
export function validateWholeCapacity({ requestPolicy }: DeviceCapacity, path: FieldPath): FieldError[] {
  return requestPolicy ? [forbidden(path.child('requestPolicy'), 'allowMultipleAllocations must be true')] : []
}

/** Capacity of a device that several claims share. @see https://kep.k8s.io/5075 */
export function validateSharedCapacity({ value, requestPolicy }: DeviceCapacity, path: FieldPath): FieldError[] {
  if (!requestPolicy) return []
  return validateRequestPolicy(parseQuantity(value), requestPolicy, path.child('requestPolicy'))
}

function validateRequestPolicy(max: Quantity, policy: CapacityRequestPolicy, path: FieldPath): FieldError[] {
  const { validValues = [], validRange } = policy
  const preset = policy.default ? parseQuantity(policy.default) : undefined
  if (validValues.length > 0 && validRange) {
    const detail = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
    return [forbidden(path, detail)]
  }
  if (validValues.length > 0) {
    if (!preset) return [required(path.child('default'), 'required when validValues is defined')]
    return validateValidValues(preset, max, validValues.map(parseQuantity), path.child('validValues'))
  }
  if (!validRange) return []
  if (!preset) return [required(path.child('default'), 'required when validRange is defined')]
  return validateRange(preset, max, validRange, path.child('validRange'))
}

function validateValidValues(
  preset: Quantity,
  max: Quantity,
  values: readonly Quantity[],
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  values.slice(1).forEach((value, i) => {
    if (values[i]!.cmp(value) <= 0) return
    errors.push(invalid(path.index(i + 1), value.toString(), 'values must be sorted in ascending order'))
  })
  const rules = {
    max: MAX_VALID_VALUES,
    validateItem: (value: Quantity, at: FieldPath) =>
      value.cmp(max) > 0 ? [invalid(at, value.toString(), `option is larger than capacity value: ${max}`)] : [],
    key: (value: Quantity) => String(value.value()),
  }
  errors.push(...validateSet(values, rules, path))
  // Upstream looks for the default while it validates the items: with too many of them it never finds it.
  if (values.length > MAX_VALID_VALUES || !values.some((value) => value.cmp(preset) === 0)) {
    errors.push(invalid(path, preset.toString(), 'default value is not valid according to the requestPolicy'))
  }
  return errors
}

function validateRange(
  preset: Quantity,
  max: Quantity,
  range: CapacityRequestPolicyRange,
  path: FieldPath,
): FieldError[] {
  if (!range.min) return [required(path.child('min'), 'required when validRange is defined')]
  const min = parseQuantity(range.min)
  const errors: FieldError[] = []
  const refuse = (field: 'min' | 'max', value: Quantity, detail: string): void => {
    errors.push(invalid(path.child(field), value.toString(), detail))
  }
  if (min.cmp(max) > 0) refuse('min', min, `min is larger than capacity value: ${max}`)
  if (preset.cmp(min) < 0) refuse('min', preset, `default is less than min: ${min}`)
  const upper = range.max ? parseQuantity(range.max) : undefined
  if (upper) {
    if (min.cmp(upper) > 0) refuse('max', min, `min is larger than max: ${upper}`)
    if (upper.cmp(max) > 0) refuse('max', upper, `max is larger than capacity value: ${max}`)
    if (preset.cmp(upper) > 0) refuse('max', preset, `default is more than max: ${upper}`)
  }
  if (!range.step) return errors
  const step = parseQuantity(range.step)
  const checked = upper ? [preset, upper] : [preset]
  return errors.concat(validateStep({ min, max, step }, checked, path.child('step')))
}

interface Steps {
  readonly min: Quantity
  readonly max: Quantity
  readonly step: Quantity
}

function validateStep({ min, max, step }: Steps, checked: readonly Quantity[], path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const first = min.add(step)
  if (first.cmp(max) > 0) {
    errors.push(invalid(path, step.toString(), `one step ${first} is larger than capacity value: ${max}`))
  }
  for (const value of checked) {
    const distance = value.value() - min.value()
    // A step of 0 divides nothing (upstream divides by it and fails).
    if (step.value() !== 0 && distance % step.value() === 0) continue
    errors.push(invalid(path, value.toString(), `value is not a multiple of a given step (${step}) from (${min})`))
  }
  return errors
}
