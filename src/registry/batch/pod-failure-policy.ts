import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  OMIT_VALUE,
  required,
  tooMany,
} from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
} from '../../apimachinery/types/batch-v1.ts'
import { invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'

const MAX_RULES = 20
const MAX_EXIT_CODES = 255
const MAX_CONDITION_PATTERNS = 20

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const OPERATORS = ['In', 'NotIn']
const CONDITION_STATUSES = ['False', 'True', 'Unknown']

/** One of an enumerated set, and required. */
function validateRequiredEnum(value: string, validValues: readonly string[], path: FieldPath): FieldError[] {
  if (value === '') return [required(path, `valid values: [${validValues.map(goQuote).join(' ')}]`)]
  return validValues.includes(value) ? [] : [notSupported(path, value, validValues)]
}

function validateExitCodeValues(
  { operator, values }: PodFailurePolicyOnExitCodesRequirement,
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<number>()
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0)
      errors.push(invalid(path.index(i), value, 'must not be 0 for the In operator'))
    if (seen.has(value)) errors.push(duplicate(path.index(i), value))
    seen.add(value)
  }
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) errors.push(invalid(path, values, 'must be ordered'))
  return errors
}

function validateOnExitCodes(
  onExitCodes: PodFailurePolicyOnExitCodesRequirement,
  path: FieldPath,
  containerNames: ReadonlySet<string>,
): FieldError[] {
  const { operator = '', containerName } = onExitCodes
  const errors = validateRequiredEnum(operator, OPERATORS, path.child('operator'))
  if (containerName !== undefined && !containerNames.has(containerName)) {
    const detail = 'must be one of the container or initContainer names in the pod template'
    errors.push(invalid(path.child('containerName'), containerName, detail))
  }
  const values = onExitCodes.values ?? []
  const valuesPath = path.child('values')
  if (values.length === 0)
    errors.push(invalid(valuesPath, onExitCodes.values ?? null, 'at least one value is required'))
  else if (values.length > MAX_EXIT_CODES) errors.push(tooMany(valuesPath, values.length, MAX_EXIT_CODES))
  errors.push(...validateExitCodeValues({ operator, values }, valuesPath))
  return errors
}

function validateOnPodConditions(
  patterns: readonly PodFailurePolicyOnPodConditionsPattern[],
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = []
  if (patterns.length > MAX_CONDITION_PATTERNS) errors.push(tooMany(path, patterns.length, MAX_CONDITION_PATTERNS))
  for (const [i, { type = '', status = '' }] of patterns.entries()) {
    const at = path.index(i)
    errors.push(
      ...invalidEach(at.child('type'), type, isQualifiedName(type)),
      ...validateRequiredEnum(status, CONDITION_STATUSES, at.child('status')),
    )
  }
  return errors
}

function validateAction(action: string, spec: JobSpec, path: FieldPath): FieldError[] {
  if (action !== 'FailIndex') return validateRequiredEnum(action, ACTIONS, path)
  if (spec.backoffLimitPerIndex !== undefined) return []
  return [invalid(path, action, 'requires the backoffLimitPerIndex to be set')]
}

function validateRule(
  rule: PodFailurePolicyRule,
  spec: JobSpec,
  path: FieldPath,
  containerNames: ReadonlySet<string>,
): FieldError[] {
  const { onExitCodes, onPodConditions = [] } = rule
  const errors = validateAction(rule.action ?? '', spec, path.child('action'))
  if (onExitCodes) errors.push(...validateOnExitCodes(onExitCodes, path.child('onExitCodes'), containerNames))
  errors.push(...validateOnPodConditions(onPodConditions, path.child('onPodConditions')))
  if (onExitCodes && onPodConditions.length > 0) {
    errors.push(invalid(path, OMIT_VALUE, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    errors.push(invalid(path, OMIT_VALUE, 'specifying one of OnExitCodes and OnPodConditions is required'))
  }
  return errors
}

/** @see pkg/apis/batch/validation/validation.go validatePodFailurePolicy */
export function validatePodFailurePolicy(spec: JobSpec, path: FieldPath): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? []
  const rulesPath = path.child('rules')
  const { containers, initContainers } = spec.template.spec ?? {}
  const containerNames = new Set([...(containers ?? []), ...(initContainers ?? [])].map(({ name }) => name))
  const errors = rules.length > MAX_RULES ? [tooMany(rulesPath, rules.length, MAX_RULES)] : []
  return errors.concat(rules.flatMap((rule, i) => validateRule(rule, spec, rulesPath.index(i), containerNames)))
}
