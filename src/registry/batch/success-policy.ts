import { type FieldError, invalid, required, tooLong, tooMany } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { SuccessPolicy, SuccessPolicyRule } from '../../apimachinery/types/batch-v1.ts'
import { byteLength } from '../../apimachinery/validation/names.ts'
import { validateNonnegativeField } from '../../apimachinery/validation/object-meta.ts'
import { countIndexes, IndexesError } from './index-intervals.ts'

const MAX_RULES = 20
const MAX_SUCCEEDED_INDEXES_BYTES = 64 * 1024

/** `total`: how many indexes the rule names; 0 where they do not parse. */
function validateSucceededIndexes(
  indexes: string,
  completions: number,
  path: FieldPath,
): { readonly errors: FieldError[]; readonly total: number } {
  const errors: FieldError[] = []
  if (byteLength(indexes) > MAX_SUCCEEDED_INDEXES_BYTES) errors.push(tooLong(path, MAX_SUCCEEDED_INDEXES_BYTES))
  try {
    return { errors, total: countIndexes(indexes, completions) }
  } catch (error) {
    if (!(error instanceof IndexesError)) throw error
    errors.push(invalid(path, indexes, `error parsing succeededIndexes: ${error.message}`))
    return { errors, total: 0 }
  }
}

function validateRule(rule: SuccessPolicyRule, completions: number, path: FieldPath): FieldError[] {
  const { succeededCount, succeededIndexes } = rule
  const errors: FieldError[] = []
  if (succeededCount === undefined && succeededIndexes === undefined) {
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'))
  }
  let total = 0
  if (succeededIndexes !== undefined) {
    const result = validateSucceededIndexes(succeededIndexes, completions, path.child('succeededIndexes'))
    errors.push(...result.errors)
    total = result.total
  }
  if (succeededCount === undefined) return errors
  const countPath = path.child('succeededCount')
  errors.push(...validateNonnegativeField(succeededCount, countPath))
  if (succeededCount > completions) {
    const detail = `must be less than or equal to ${completions} (the number of specified completions)`
    errors.push(invalid(countPath, succeededCount, detail))
  }
  if (succeededIndexes !== undefined && succeededCount > total) {
    const detail = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`
    errors.push(invalid(countPath, succeededCount, detail))
  }
  return errors
}

/** @see pkg/apis/batch/validation/validation.go validateSuccessPolicy */
export function validateSuccessPolicy(policy: SuccessPolicy, completions: number, path: FieldPath): FieldError[] {
  const rules = policy.rules ?? []
  const rulesPath = path.child('rules')
  const errors: FieldError[] = []
  if (rules.length === 0) {
    errors.push(required(rulesPath, 'at least one rules must be specified when the successPolicy is specified'))
  }
  if (rules.length > MAX_RULES) errors.push(tooMany(rulesPath, rules.length, MAX_RULES))
  return errors.concat(rules.flatMap((rule, i) => validateRule(rule, completions, rulesPath.index(i))))
}
