/**
 * Equality of two JSON values as API objects mean it: a list without items, null and an absent member are the same.
 *
 * @see apimachinery pkg/api/equality/semantic.go
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isUnset(a) || isUnset(b)) return isUnset(a) && isUnset(b)
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameItems(a, b)
  return sameMembers(a as Record<string, unknown>, b as Record<string, unknown>)
}

function isUnset(value: unknown): value is undefined | null {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => semanticEqual(item, b[i]))
}

function sameMembers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key of Object.keys(a)) {
    if (!semanticEqual(a[key], Object.hasOwn(b, key) ? b[key] : undefined)) return false
  }
  for (const key of Object.keys(b)) {
    if (!Object.hasOwn(a, key) && !isUnset(b[key])) return false
  }
  return true
}
