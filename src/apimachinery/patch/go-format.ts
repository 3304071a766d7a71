import { isJsonObject } from '../kube-object.ts'

/** A JSON value as Go's `%v` prints it decoded: `map[a:1 b:[x y]]`. Messages of upstream's patches carry it. */
export function goFormat(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goFormat).join(' ')}]`
  if (isJsonObject(value)) {
    const keys = Object.keys(value).sort()
    return `map[${keys.map((key) => `${key}:${goFormat(value[key])}`).join(' ')}]`
  }
  if (typeof value === 'number') return goNumber(value)
  return String(value)
}

/** `%v` of a float64 uses the shortest form, with an exponent from 1e21 on and below 1e-4, of two digits at least. */
function goNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return value.toString()
  const size = Math.abs(value)
  const text = size !== 0 && size < 1e-4 ? value.toExponential() : value.toString()
  return text.replace(/e([+-])(\d)$/, 'e$10$2')
}

/** Go's name of a decoded JSON value's type, as reflect prints it. */
export function goTypeName(value: unknown): string {
  if (value === null || value === undefined) return '%!s(<nil>)'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'object') return 'map[string]interface {}'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64'
  return typeof value === 'boolean' ? 'bool' : 'string'
}
