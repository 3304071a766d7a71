import { isJsonObject } from '../../apimachinery/kube-object.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { additionalSchema, itemsSchema } from './json-schema.ts'

const META_FIELDS = ['apiVersion', 'kind', 'metadata']

/**
 * A copy of a value with the fields that its schema names, or says nothing against; the value itself where nothing goes.
 *
 * @see apiextensions-apiserver pkg/apiserver/schema/pruning/algorithm.go
 */
export function prune(value: unknown, schema: JSONSchemaProps | undefined): unknown {
  const keepsUnknown = schema?.['x-kubernetes-preserve-unknown-fields'] ?? false
  return walk(value, schema, keepsUnknown)
}

/** `keepsUnknown` holds for items of lists too, which have no say of their own below such a schema. */
function walk(value: unknown, schema: JSONSchemaProps | undefined, keepsUnknown: boolean): unknown {
  if (Array.isArray(value)) {
    const items = itemsSchema(schema?.items)
    return value.map((item) => (keepsUnknown && !items ? item : walk(item, items, keepsUnknown || keeps(items))))
  }
  if (!isJsonObject(value)) return value
  const kept: [string, unknown][] = []
  for (const [name, member] of Object.entries(value)) {
    const pruned = pruneMember(name, member, schema, keepsUnknown)
    if (pruned !== DROPPED) kept.push([name, pruned])
  }
  return Object.fromEntries(kept)
}

const DROPPED: unique symbol = Symbol('dropped')

const keeps = (schema: JSONSchemaProps | undefined): boolean =>
  schema?.['x-kubernetes-preserve-unknown-fields'] ?? false

function pruneMember(
  name: string,
  member: unknown,
  schema: JSONSchemaProps | undefined,
  keepsUnknown: boolean,
): unknown {
  if (schema?.['x-kubernetes-embedded-resource'] && META_FIELDS.includes(name)) return member
  const properties = schema?.properties ?? {}
  if (Object.hasOwn(properties, name)) return prune(member, properties[name])
  if (schema?.additionalProperties !== undefined) return prune(member, additionalSchema(schema.additionalProperties))
  return keepsUnknown ? member : DROPPED
}
