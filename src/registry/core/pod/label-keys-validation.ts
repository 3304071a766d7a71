import { type FieldError, forbidden, invalid } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import type { PodAffinityTerm } from '../../../apimachinery/types/core-v1.ts'
import type { LabelSelector } from '../../../apimachinery/types/meta-v1.ts'
import { validateLabelName, validateLabelSelector } from '../../../apimachinery/validation/object-meta.ts'

const IN_BOTH = 'exists in both matchLabelKeys and labelSelector'
const WITHOUT_SELECTOR = 'must not be specified when labelSelector is not set'

/** Selectors of a pod affinity term. */
export function podAffinityTermSelectorErrors(
  term: PodAffinityTerm,
  allowInvalidLabelValueInSelector: boolean,
  path: FieldPath,
): FieldError[] {
  if (!term.labelSelector && !term.namespaceSelector) return []
  const options = { allowInvalidLabelValueInSelector }
  return [
    ...validateLabelSelector(term.labelSelector, options, path.child('labelSelector')),
    ...validateLabelSelector(term.namespaceSelector, options, path.child('namespaceSelector')),
  ]
}

/**
 * Keys whose values of the pod itself are merged into the selector on creation: a requirement for a key may follow
 * once, as merged, not stand beside another.
 *
 * @see kubernetes pkg/apis/core/validation/validation.go ValidateMatchLabelKeysAndMismatchLabelKeys
 */
export function validateMatchLabelKeysAndMismatchLabelKeys(
  path: FieldPath,
  matchLabelKeys: readonly string[] = [],
  mismatchLabelKeys: readonly string[] = [],
  selector: LabelSelector | undefined,
): FieldError[] {
  if (matchLabelKeys.length === 0 && mismatchLabelKeys.length === 0) return []
  const errors = [
    ...labelKeysErrors(path.child('matchLabelKeys'), matchLabelKeys, selector),
    ...labelKeysErrors(path.child('mismatchLabelKeys'), mismatchLabelKeys, selector),
  ]
  if (selector) {
    const seen = new Set(Object.keys(selector.matchLabels ?? {}))
    for (const { key } of selector.matchExpressions ?? []) {
      const i = matchLabelKeys.lastIndexOf(key)
      if (i >= 0 && seen.has(key)) errors.push(invalid(path.index(i), key, IN_BOTH))
      seen.add(key)
    }
  }
  for (const [i, key] of matchLabelKeys.entries()) {
    if (!mismatchLabelKeys.includes(key)) continue
    const detail = 'exists in both matchLabelKeys and mismatchLabelKeys'
    errors.push(invalid(path.child('matchLabelKeys').index(i), key, detail))
  }
  return errors
}

function labelKeysErrors(path: FieldPath, keys: readonly string[], selector: LabelSelector | undefined): FieldError[] {
  if (keys.length === 0) return []
  if (!selector) return [forbidden(path, WITHOUT_SELECTOR)]
  return keys.flatMap((key, i) => validateLabelName(key, path.index(i)))
}

/** Keys that are kept apart from the selector: none of them may stand in both. */
export function validateMatchLabelKeysInTopologySpread(
  path: FieldPath,
  matchLabelKeys: readonly string[] = [],
  selector: LabelSelector | undefined,
): FieldError[] {
  if (matchLabelKeys.length === 0) return []
  const errors: FieldError[] = selector ? [] : [forbidden(path, WITHOUT_SELECTOR)]
  const inSelector = new Set(Object.keys(selector?.matchLabels ?? {}))
  for (const { key } of selector?.matchExpressions ?? []) inSelector.add(key)
  for (const [i, key] of matchLabelKeys.entries()) {
    errors.push(...validateLabelName(key, path.index(i)))
    if (inSelector.has(key)) errors.push(invalid(path.index(i), key, IN_BOTH))
  }
  return errors
}
