import { equalJson } from '../../../apimachinery/clone.ts'
import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { PodSpec } from '../../../apimachinery/types/core-v1.ts'

/** Members that are maps: one without entries is the same as none. An empty struct is not, but for `resources`. */
const MAPS = new Set(['nodeSelector', 'matchLabels', 'options', 'volumeAttributes', 'userAnnotations'])
const QUANTITY_MAPS = new Set(['limits', 'requests', 'overhead'])
const QUANTITIES = new Set(['sizeLimit', 'divisor'])

/**
 * Equality of pod specs, or of parts of them, as upstream's semantic equality: quantities by value, lists and maps
 * without entries as if they were absent.
 *
 * @see apimachinery pkg/api/equality/semantic.go
 */
export function specEqual(a: unknown, b: unknown, member = ''): boolean {
  return equalJson(a, b) || equal(a, b, member)
}

/** {@link specEqual} of whole pod specs, whose `resources` are a pointer in Go: `{}` is not the same as none. */
export function podSpecEqual(a: PodSpec, b: PodSpec): boolean {
  return (a.resources === undefined) === (b.resources === undefined) && specEqual(a, b)
}

function equal(a: unknown, b: unknown, member = ''): boolean {
  if (a === b) return true
  if (isUnset(a, member) || isUnset(b, member)) return isUnset(a, member) && isUnset(b, member)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return QUANTITIES.has(member) && sameQuantity(a, b)
  }
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b)
  if (Array.isArray(b)) return false
  return sameMembers(a as Record<string, unknown>, b as Record<string, unknown>, member)
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i])) return false
  return true
}

function sameMembers(a: Record<string, unknown>, b: Record<string, unknown>, member: string): boolean {
  for (const key of Object.keys(a)) if (!sameMember(a[key], b[key], key, member)) return false
  for (const key of Object.keys(b))
    if (!Object.hasOwn(a, key) && !sameMember(undefined, b[key], key, member)) return false
  return true
}

function sameMember(a: unknown, b: unknown, key: string, member: string): boolean {
  if (a === b) return true
  if (QUANTITY_MAPS.has(member)) return sameQuantity(a, b)
  return equal(a, b, MAPS.has(member) ? '' : key)
}

function isUnset(value: unknown, member: string): boolean {
  if (value === undefined || value === null) return true
  if (Array.isArray(value)) return value.length === 0
  if (typeof value !== 'object') return false
  if (member === 'resources') return Object.entries(value).every(([key, v]) => isUnset(v, key))
  return (MAPS.has(member) || QUANTITY_MAPS.has(member)) && isEmpty(value)
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

function sameQuantity(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return parseQuantity(String(a)).equals(parseQuantity(String(b)))
}
