import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { base64ErrorAt } from './decode.ts'
import { DecodeError } from './json-text.ts'
import { planOf } from './normalize.ts'
import type { ScalarNode, SchemaNode, StructNode } from './schema-node.ts'

/**
 * Reads a patched object as Go's converter from unstructured content does where `decode` refused it: integers that are
 * too large wrap around, and what does not fit is told in the converter's words, by the order of the type's fields.
 * Answers a copy that `decode` takes, unless a type that parses itself (quantity, time, int-or-string) is at fault.
 *
 * @see apimachinery pkg/runtime/converter.go fromUnstructured
 */
export function fromUnstructured(value: JsonObject, struct: StructNode): JsonObject {
  return restoreStruct(value, struct) as JsonObject
}

function restore(value: unknown, node: SchemaNode): unknown {
  if (value === null || value === undefined) return value
  switch (node.kind) {
    case 'struct':
      return restoreStruct(value, node)
    case 'list':
      if (!Array.isArray(value)) throw cannotRestore('slice from', value)
      return value.map((item) => restore(item, node.item))
    case 'map':
      if (!isJsonObject(value)) throw cannotRestore('map from', value)
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, restore(member, node.value)]))
    case 'scalar':
      return restoreScalar(value, node)
    default:
      return value
  }
}

function restoreStruct(value: unknown, struct: StructNode): unknown {
  if (!isJsonObject(value)) throw cannotRestore('struct from:', value)
  const restored: JsonObject = { ...value }
  for (const [name, { node }] of planOf(struct).byName) {
    if (Object.hasOwn(value, name)) restored[name] = restore(value[name], node)
  }
  return restored
}

function restoreScalar(value: unknown, { type, goName }: ScalarNode): unknown {
  const from = kindOf(value)
  switch (type) {
    case 'string':
      if (from === 'string') return value
      throw from === 'int64' ? cannotConvert(from, goName) : unrecognized('string')
    case 'bool':
      if (from === 'bool') return value
      throw unrecognized('bool')
    case 'int32':
    case 'int64':
      if (from === 'int64') return type === 'int32' ? (value as number) | 0 : value
      if (from !== 'float64') throw unrecognized(type)
      if (!Number.isInteger(value)) throw cannotConvert(from, goName)
      return type === 'int32' ? 0 : Number.MIN_SAFE_INTEGER
    case 'float64':
      if (from === 'int64' || from === 'float64') return value
      throw unrecognized('float64')
    case 'bytes':
      if (typeof value !== 'string') throw cannotRestore('slice from', value)
      checkBase64(value)
      return value
    case 'time':
    case 'micro-time':
    case 'duration':
      if (from !== 'string')
        throw new DecodeError(`json: cannot unmarshal ${jsonKindOf(value)} into Go value of type string`)
      return value
    case 'int-or-string':
      if (from === 'string' || (from === 'int64' && ((value as number) | 0) === value)) return value
      throw new DecodeError(
        `json: cannot unmarshal ${jsonNumber(value) ?? jsonKindOf(value)} into Go value of type int32`,
      )
    default:
      return value
  }
}

function checkBase64(text: string): void {
  const bad = base64ErrorAt(text)
  if (bad !== undefined) throw new DecodeError(`error decoding from json: illegal base64 data at input byte ${bad}`)
}

const MAX_INT64 = 2 ** 63

function kindOf(value: unknown): string {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < MAX_INT64 ? 'int64' : 'float64'
  return Array.isArray(value) ? 'slice' : 'map'
}

const jsonNumber = (value: unknown): string | undefined => (typeof value === 'number' ? `number ${value}` : undefined)

function jsonKindOf(value: unknown): string {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return 'number'
  return Array.isArray(value) ? 'array' : 'object'
}

const cannotRestore = (what: string, value: unknown): DecodeError =>
  new DecodeError(`cannot restore ${what} ${kindOf(value)}`)

const cannotConvert = (from: string, to: string): DecodeError => new DecodeError(`cannot convert ${from} to ${to}`)

const unrecognized = (kind: string): DecodeError => new DecodeError(`unrecognized type: ${kind}`)
