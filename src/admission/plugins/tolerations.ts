import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { Toleration } from '../../apimachinery/types/core-v1.ts'

/**
 * Both lists, without the tolerations that another one covers. Of equal ones the first stays.
 *
 * @see kubernetes pkg/util/tolerations/tolerations.go
 */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second]
  const merged: Toleration[] = []
  for (const [i, toleration] of all.entries()) {
    if (merged.some((other) => covers(other, toleration))) continue
    const rest = all.slice(i + 1)
    if (rest.some((other) => !semanticEqual(toleration, other) && covers(other, toleration))) continue
    merged.push(toleration)
  }
  return merged
}

/** Each toleration is covered by one that is allowed; everything is where there are none. */
export function areAllowed(tolerations: readonly Toleration[], allowed: readonly Toleration[]): boolean {
  return allowed.length === 0 || tolerations.every((t) => allowed.some((a) => covers(a, t)))
}

/** Everything that `inner` tolerates, `outer` does too. */
function covers(outer: Toleration, inner: Toleration): boolean {
  if (semanticEqual(outer, inner)) return true
  if ((inner.key ?? '') !== (outer.key ?? '') && (outer.key || outer.operator !== 'Exists')) return false
  if (outer.effect && inner.effect !== outer.effect) return false
  if (outer.effect === 'NoExecute' && outer.tolerationSeconds !== undefined) {
    if (inner.tolerationSeconds === undefined || inner.tolerationSeconds > outer.tolerationSeconds) return false
  }
  if (outer.operator === 'Exists') return true
  if (outer.operator && outer.operator !== 'Equal') return false
  return inner.operator === 'Equal' && (inner.value ?? '') === (outer.value ?? '')
}
