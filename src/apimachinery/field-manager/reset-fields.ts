import { type FieldSet, isEmptySet, recursiveDifference, setOf } from './field-set.ts'
import { fieldElement, type PathElement, type PathElements } from './path-element.ts'

/** Takes the fields out of a set that an endpoint resets, or does not take from clients at all. */
export type FieldFilter = (set: FieldSet) => FieldSet

/** Leaves out fields (`status`, `metadata.ownerReferences`) with all that lies below them. */
export function excludeFields(paths: readonly string[]): FieldFilter {
  const excluded = setOf(...paths.map((path) => path.split('.').map(fieldElement)))
  return (set) => recursiveDifference(set, excluded)
}

/** Stands for any element in a pattern of {@link includeFields}. */
export const ANY_ELEMENT: PathElement = '*'

/**
 * Leaves only paths that begin with one of the patterns, and the members on the way there.
 *
 * @see structured-merge-diff fieldpath/set.go FilterIncludeMatches
 */
export function includeFields(patterns: readonly PathElements[]): FieldFilter {
  return (set) => filterChildren(set, patterns)
}

function filterChildren(set: FieldSet, patterns: readonly PathElements[]): FieldSet {
  if (patterns.some((pattern) => pattern.length === 0)) return set
  const result: Record<string, FieldSet> = {}
  for (const element in set) {
    if (element === '.') continue
    const matching = patterns.filter(([first]) => first === ANY_ELEMENT || first === element)
    if (matching.length === 0) continue
    const tree = set[element]!
    const member = tree['.'] !== undefined || isEmptySet(tree)
    const children = filterChildren(
      tree,
      matching.map((pattern) => pattern.slice(1)),
    )
    const { '.': _, ...below } = children
    if (!isEmptySet(below)) result[element] = member ? { '.': {}, ...below } : below
    else if (member) result[element] = {}
  }
  return result
}
