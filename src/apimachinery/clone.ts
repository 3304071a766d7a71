/** A deep copy of a JSON value that shares nothing with it. Several times faster than structuredClone. */
export function cloneJson<T>(value: T): T {
  return clone(value) as T
}

function clone(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const list = new Array<unknown>(value.length)
    for (let i = 0; i < value.length; i++) list[i] = clone(value[i])
    return list
  }
  const copy: Record<string, unknown> = {}
  for (const key in value) {
    const member = clone((value as Record<string, unknown>)[key])
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: member, enumerable: true, configurable: true, writable: true })
    else copy[key] = member
  }
  return copy
}

/** Deep equality of JSON values; a member that is undefined counts as absent. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!equalJson(a[i], b[i])) return false
    return true
  }
  if (Array.isArray(b)) return false
  return sameMembers(a as Record<string, unknown>, b as Record<string, unknown>)
}

function sameMembers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  let defined = 0
  for (const key in a) {
    const value = a[key]
    if (value === undefined) continue
    const other = b[key]
    // What an object inherits is no JSON, and so never equal; but for `__proto__`, the prototype itself.
    if (value !== other && (other === Object.prototype || !equalJson(value, other))) return false
    defined++
  }
  for (const key in b) if (b[key] !== undefined) defined--
  return defined === 0
}
