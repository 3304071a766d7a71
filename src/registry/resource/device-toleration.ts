import { duplicate, type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { DeviceTaint, DeviceToleration } from '../../apimachinery/types/resource-v1.ts'
import { invalidEach, isValidLabelValue } from '../../apimachinery/validation/names.ts'
import { validateLabelName } from '../../apimachinery/validation/object-meta.ts'
import { validateSlice } from './collections.ts'

const OPERATORS = ['Equal', 'Exists']
/** Sorted, as the message lists them. */
const EFFECTS = ['NoExecute', 'NoSchedule', 'None']
const MAX_BINDING_CONDITIONS = 4

export function setTolerationDefaults(tolerations: readonly DeviceToleration[] | undefined): void {
  for (const toleration of tolerations ?? []) toleration.operator ||= 'Equal'
}

const validateLabelValue = (value: string, path: FieldPath): FieldError[] =>
  invalidEach(path, value, isValidLabelValue(value))

/** @see kubernetes pkg/apis/resource/validation/validation.go validateDeviceTaint */
export function validateTaint(taint: DeviceTaint, path: FieldPath): FieldError[] {
  const { key = '', value = '', effect = '' } = taint
  const errors = validateLabelName(key, path.child('key'))
  if (value !== '') errors.push(...validateLabelValue(value, path.child('value')))
  if (effect === '') errors.push(required(path.child('effect'), ''))
  else if (!EFFECTS.includes(effect)) errors.push(notSupported(path.child('effect'), effect, EFFECTS))
  return errors
}

/** @see kubernetes pkg/apis/resource/validation/validation.go validateDeviceToleration */
export function validateToleration(toleration: DeviceToleration, path: FieldPath): FieldError[] {
  const { key = '', operator = '', value = '', effect = '' } = toleration
  const errors = key === '' ? [] : validateLabelName(key, path.child('key'))
  const valuePath = path.child('value')
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(valuePath, value, 'must be empty for operator `Exists`'))
  } else if (operator === 'Equal') errors.push(...validateLabelValue(value, valuePath))
  else if (operator === '') errors.push(required(path.child('operator'), ''))
  else errors.push(notSupported(path.child('operator'), operator, OPERATORS))
  if (effect !== '' && !EFFECTS.includes(effect)) errors.push(notSupported(path.child('effect'), effect, EFFECTS))
  return errors
}

interface BindingConditions {
  readonly bindingConditions?: readonly string[]
  readonly bindingFailureConditions?: readonly string[]
}

/** Conditions that must hold, and those that end the wait, come together or not at all. */
export function validateBindingConditions(device: BindingConditions, path: FieldPath): FieldError[] {
  const { bindingConditions: conditions = [], bindingFailureConditions: failures = [] } = device
  const conditionsPath = path.child('bindingConditions')
  const failuresPath = path.child('bindingFailureConditions')
  const errors = [
    ...validateSlice(conditions, MAX_BINDING_CONDITIONS, validateLabelName, conditionsPath),
    ...validateSlice(failures, MAX_BINDING_CONDITIONS, validateLabelName, failuresPath),
    ...repeated(conditions, conditionsPath),
  ]
  const known = new Set(conditions)
  const seen = new Set<string>()
  failures.forEach((failure, i) => {
    if (seen.has(failure)) errors.push(duplicate(failuresPath.index(i), failure))
    seen.add(failure)
    if (!known.has(failure)) return
    const detail = 'bindingFailureConditions must not overlap with bindingConditions'
    errors.push(invalid(failuresPath.index(i), failure, detail))
  })
  if (conditions.length === 0 && failures.length > 0) {
    const detail = 'bindingConditions are required to use bindingFailureConditions'
    errors.push(invalid(conditionsPath, device.bindingConditions, detail))
  }
  if (failures.length === 0 && conditions.length > 0) {
    const detail = 'bindingFailureConditions are required to use bindingConditions'
    errors.push(invalid(failuresPath, device.bindingFailureConditions, detail))
  }
  return errors
}

function repeated(values: readonly string[], path: FieldPath): FieldError[] {
  const seen = new Set<string>()
  return values.flatMap((value, i) => {
    const isRepeated = seen.has(value)
    seen.add(value)
    return isRepeated ? [duplicate(path.index(i), value)] : []
  })
}
