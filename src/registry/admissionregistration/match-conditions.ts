import { duplicate, type FieldError, required, tooMany } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { MatchCondition } from '../../apimachinery/types/admissionregistration-v1.ts'
import { invalidEach, isQualifiedName } from '../../apimachinery/validation/names.ts'
import { type ExpressionChecker, toFieldErrors } from './expression-checker.ts'

const MAX_CONDITIONS = 64

interface MatchConditionOptions {
  readonly checker: ExpressionChecker
  /** `params` may be used: policies with a paramKind. */
  readonly hasParams: boolean
  /** Expressions of the stored object. */
  readonly stored: ReadonlySet<string>
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateMatchConditions */
export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  options: MatchConditionOptions,
  path: FieldPath,
): FieldError[] {
  const list = conditions ?? []
  const errors: FieldError[] = []
  const names = new Set<string>()
  if (list.length > MAX_CONDITIONS) errors.push(tooMany(path, list.length, MAX_CONDITIONS))
  list.forEach((condition, i) => {
    const { name = '' } = condition
    errors.push(...validateCondition(condition, options, path.index(i)))
    if (name !== '' && names.has(name)) errors.push(duplicate(path.index(i).child('name'), name))
    names.add(name)
  })
  return errors
}

function validateCondition(condition: MatchCondition, options: MatchConditionOptions, path: FieldPath): FieldError[] {
  const { name = '' } = condition
  const expression = (condition.expression ?? '').trim()
  const errors =
    expression === ''
      ? [required(path.child('expression'), '')]
      : checkExpression(expression, options, path.child('expression'))
  if (name === '') errors.push(required(path.child('name'), ''))
  else errors.push(...invalidEach(path.child('name'), name, isQualifiedName(name)))
  return errors
}

function checkExpression(expression: string, options: MatchConditionOptions, path: FieldPath): FieldError[] {
  const { checker, hasParams, stored } = options
  const isStored = stored.has(expression)
  const scope = { hasParams, hasAuthorizer: true, variables: undefined, isStored }
  return toFieldErrors(checker.check(expression, 'matchCondition', scope), expression, path)
}

/** The expressions of a list of conditions. */
export function expressionsOf(conditions: readonly MatchCondition[] | undefined): string[] {
  return (conditions ?? []).map(({ expression }) => expression ?? '')
}
