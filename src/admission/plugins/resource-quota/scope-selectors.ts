import { newRequirement, Selector } from '../../../apimachinery/label-selector.ts'
import type { ResourceQuota, ScopedResourceSelectorRequirement } from '../../../apimachinery/types/core-v1.ts'

/** All conditions on scope of a quota: a plain scope is one that must exist. */
export function scopeSelectorsOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  const scopes = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }))
  return [...scopes, ...(spec?.scopeSelector?.matchExpressions ?? [])]
}

const OPERATORS = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const

/**
 * Whether one of the values that an object has for the scope fits; without any, whether having none does.
 *
 * @see kubernetes pkg/apis/core/v1/helper/helpers.go ScopedResourceSelectorRequirementsAsSelector
 */
export function selectsOneOf(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  candidates: Iterable<string>,
): boolean {
  const known = OPERATORS[operator as keyof typeof OPERATORS]
  if (known === undefined) return false
  const selector = new Selector([newRequirement(scopeName, known, values)])
  let any = false
  for (const value of candidates) {
    any = true
    if (selector.matches({ [scopeName]: value })) return true
  }
  return !any && selector.matches({})
}
