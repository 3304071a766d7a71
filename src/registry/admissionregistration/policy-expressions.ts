import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { Variable } from '../../apimachinery/types/admissionregistration-v1.ts'
import { type ExpressionChecker, type ExpressionUse, toFieldErrors } from './expression-checker.ts'

const CEL_IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/
const CEL_RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

/** What is the same for all expressions of one policy. */
export interface PolicyExpressions {
  readonly checker: ExpressionChecker
  /** The policy has a paramKind. */
  readonly hasParams: boolean
  /** Declared so far; undefined where the policy has none and `variables` does not exist. */
  readonly variables: Variable[] | undefined
}

/** Checks one expression, which is printed as given. */
export function checkPolicyExpression(
  policy: PolicyExpressions,
  expression: string,
  use: ExpressionUse,
  { stored, path }: { readonly stored: ReadonlySet<string>; readonly path: FieldPath },
): FieldError[] {
  const problem = policy.checker.check(expression, use, {
    hasParams: policy.hasParams,
    hasAuthorizer: use !== 'messageExpression',
    variables: policy.variables,
    isStored: stored.has(expression),
  })
  return toFieldErrors(problem, expression, path)
}

/**
 * Validates the variables in order and declares each for what comes behind it.
 *
 * @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateVariable
 */
export function validateVariables(
  variables: readonly Variable[] | undefined,
  policy: PolicyExpressions,
  { stored, path }: { readonly stored: ReadonlySet<string>; readonly path: FieldPath },
): FieldError[] {
  const errors: FieldError[] = []
  variables?.forEach((variable, i) => {
    const { name = '', expression = '' } = variable
    const at = path.index(i)
    if (name.trim() === '') errors.push(required(at.child('name'), 'name is not specified'))
    else if (!CEL_IDENTIFIER.test(name) || CEL_RESERVED.has(name)) {
      errors.push(invalid(at.child('name'), name, 'must be a valid CEL identifier'))
    }
    if (expression.trim() === '') {
      errors.push(required(at.child('expression'), 'expression is not specified'))
      return
    }
    const expressionPath = at.child('expression')
    errors.push(...checkPolicyExpression(policy, expression, 'variable', { stored, path: expressionPath }))
    policy.variables?.push({ name, expression })
  })
  return errors
}
