import type {
  JSONSchemaProps,
  JSONSchemaPropsOrArray,
  JSONSchemaPropsOrBool,
} from '../../apimachinery/types/apiextensions-v1.ts'

/** Schemas may lie this deep in one another; no real API comes near, and walks over them are recursive. */
export const MAX_SCHEMA_DEPTH = 200

/** The schema of `items`, where it is one schema and not a list of them. */
export function itemsSchema(items: JSONSchemaPropsOrArray | undefined): JSONSchemaProps | undefined {
  return Array.isArray(items) ? undefined : items
}

/** The schema of `additionalProperties`, where it is no boolean. */
export function additionalSchema(value: JSONSchemaPropsOrBool | undefined): JSONSchemaProps | undefined {
  return typeof value === 'object' ? value : undefined
}

/** Entries of a map of schemas in the order of their names (upstream's order is that of a Go map: none). */
export function sortedEntries<T>(map: Readonly<Record<string, T>> | undefined): [string, T][] {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The schemas directly inside of one, of every kind. */
function* children(schema: JSONSchemaProps): Generator<JSONSchemaProps> {
  if (Array.isArray(schema.items)) yield* schema.items
  else if (schema.items) yield schema.items
  yield* schema.allOf ?? []
  yield* schema.anyOf ?? []
  yield* schema.oneOf ?? []
  if (schema.not) yield schema.not
  yield* Object.values(schema.properties ?? {})
  for (const either of [schema.additionalProperties, schema.additionalItems]) {
    if (typeof either === 'object') yield either
  }
  yield* Object.values(schema.patternProperties ?? {})
  yield* Object.values(schema.definitions ?? {})
  for (const dependency of Object.values(schema.dependencies ?? {})) if (!Array.isArray(dependency)) yield dependency
}

/** Visits a schema and all that lie in it, outer ones first. */
export function* allSchemas(root: JSONSchemaProps | undefined): Generator<JSONSchemaProps> {
  const stack = root ? [root] : []
  for (let schema = stack.pop(); schema; schema = stack.pop()) {
    yield schema
    stack.push(...[...children(schema)].reverse())
  }
}

export function anySchema(root: JSONSchemaProps | undefined, test: (schema: JSONSchemaProps) => boolean): boolean {
  for (const schema of allSchemas(root)) if (test(schema)) return true
  return false
}

/** Whether schemas lie deeper in one another than {@link MAX_SCHEMA_DEPTH}. */
export function isTooDeep(root: JSONSchemaProps): boolean {
  let level: JSONSchemaProps[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_SCHEMA_DEPTH) return true
    level = level.flatMap((schema) => [...children(schema)])
  }
  return false
}
