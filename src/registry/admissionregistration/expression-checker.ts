import { type FieldError, internalFieldError, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'

/** Where a CEL expression stands: that decides what it may refer to and what it must evaluate to. */
export type ExpressionUse =
  | 'matchCondition'
  | 'variable'
  | 'validation'
  | 'messageExpression'
  | 'auditAnnotation'
  | 'applyConfiguration'
  | 'jsonPatch'

interface ExpressionScope {
  /** `params` is declared. */
  readonly hasParams: boolean
  /** `authorizer` is declared. */
  readonly hasAuthorizer: boolean
  /** Fields of `variables`, in the order in which they were declared; undefined where there is no `variables`. */
  readonly variables: readonly { readonly name: string; readonly expression: string }[] | undefined
  /** The stored object has the same expression already: what older servers let in stays. */
  readonly isStored: boolean
}

interface ExpressionProblem {
  readonly type: 'required' | 'invalid' | 'internal'
  readonly detail: string
}

/** Judges CEL expressions of webhooks and policies. The kinds of this group need nothing else of CEL. */
export interface ExpressionChecker {
  /** What is wrong with an expression; undefined where it compiles to what its place needs. */
  check(expression: string, use: ExpressionUse, scope: ExpressionScope): ExpressionProblem | undefined
}

/** Finds nothing wrong: for servers without CEL. */
export const acceptAnyExpression: ExpressionChecker = { check: () => undefined }

export function toFieldErrors(
  problem: ExpressionProblem | undefined,
  expression: string,
  path: FieldPath,
): FieldError[] {
  switch (problem?.type) {
    case undefined:
      return []
    case 'required':
      return [required(path, problem.detail)]
    case 'invalid':
      return [invalid(path, expression, problem.detail)]
    case 'internal':
      return [internalFieldError(path, problem.detail)]
  }
}
