import type { FieldError } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'

/** Judges the CEL rules of one root schema, one node after the other. */
export interface RuleSession {
  /**
   * Errors of the rules of a node that is right otherwise. `uncorrelatablePath`: the nearest schema around, below which
   * old and new values cannot be paired, so that `oldSelf` makes no sense.
   */
  checkNode(node: JSONSchemaProps, path: FieldPath, uncorrelatablePath: FieldPath | undefined): FieldError[]
  /** Errors of all rules together: their cost. */
  finish(path: FieldPath): FieldError[]
}

interface RuleOptions {
  /** Rules and message expressions of the stored definition: judged by the wider rules for stored expressions. */
  readonly storedRules: ReadonlySet<string>
  readonly storedMessageExpressions: ReadonlySet<string>
  /** The schema is the stored one: what a single rule costs is not held against it. */
  readonly suppressCost: boolean
}

/**
 * What of x-kubernetes-validations needs CEL: compiling rules, their cost, and running them on defaults. Everything
 * else about them is validated without.
 */
export interface RuleChecker {
  begin(root: JSONSchemaProps, options: RuleOptions): RuleSession
  /** Errors of a default value under the rules of its own schema. */
  checkDefault(value: unknown, schema: JSONSchemaProps, path: FieldPath): FieldError[]
}

/** Finds nothing wrong: for servers without CEL. */
export const acceptAnyRule: RuleChecker = {
  begin: () => ({ checkNode: () => [], finish: () => [] }),
  checkDefault: () => [],
}
