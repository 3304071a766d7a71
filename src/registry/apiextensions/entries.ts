import type { AnyResourceEntry } from '../resource.ts'
import { customResourceDefinitions } from './custom-resource-definition.ts'
import { acceptAnyRule, type RuleChecker } from './rule-checker.ts'

/** apiextensions.k8s.io, with `rules` judging the CEL rules of schemas. */
function apiextensionsEntriesWith(rules: RuleChecker): readonly AnyResourceEntry[] {
  return [customResourceDefinitions(rules)]
}

/** apiextensions.k8s.io, with any CEL rule let in. */
export const apiextensionsEntries: readonly AnyResourceEntry[] = apiextensionsEntriesWith(acceptAnyRule)
