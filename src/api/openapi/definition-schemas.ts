import { descriptions, schemaFacts } from '../../../openapi/data.ts'
import type { DefinitionFact, FieldFact, TypeFact } from '../../../openapi/schema-facts.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'

/** OpenAPI v2 (Swagger) or v3: they differ in where definitions lie and in what they may say. */
export type Dialect = 'v2' | 'v3'

export function referenceTo(definition: string, dialect: Dialect): string {
  return dialect === 'v2' ? `#/definitions/${definition}` : `#/components/schemas/${definition}`
}

const EXTENSIONS = [
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
] as const

/**
 * The published schema of a definition. v3 tells defaults and puts a reference that has siblings into `allOf`; v2
 * does neither.
 *
 * Differs from kube-apiserver: fields of another type have no text of their own (the typings lack it). Where a type is
 * reached by such fields alone, its text stands with them instead: `kubectl explain` shows a field's text in lists, and
 * both behind each other for the field itself.
 */
export function definitionSchema(name: string, dialect: Dialect): JsonObject {
  const fact = schemaFacts()[name] ?? {}
  const texts = descriptions()[name]
  const properties = Object.entries(fact.properties ?? {}).map(([field, f]): [string, JsonObject] => [
    field,
    typeSchema(f, dialect, texts?.[1][field] ?? textOfReferred(f)),
  ])
  return {
    ...(texts?.[0] && !isToldByFields(name) ? { description: texts[0] } : {}),
    ...typeOfDefinition(fact, dialect),
    ...(properties.length > 0 ? { properties: Object.fromEntries(properties.sort(byName)) } : {}),
    ...(fact.required ? { required: fact.required } : {}),
    ...(fact['x-kubernetes-map-type'] ? { 'x-kubernetes-map-type': fact['x-kubernetes-map-type'] } : {}),
    ...(fact['x-kubernetes-unions'] ? { 'x-kubernetes-unions': fact['x-kubernetes-unions'] } : {}),
    ...(fact.gvk ? { 'x-kubernetes-group-version-kind': fact.gvk.map(groupVersionKind) } : {}),
  }
}

function textOfReferred({ $ref }: FieldFact): string | undefined {
  return $ref && isToldByFields($ref) ? descriptions()[$ref]?.[0] : undefined
}

/** True for a type that is neither a kind nor what a list or a map is made of. */
function isToldByFields(name: string): boolean {
  elementTypes ??= collectElementTypes()
  return !schemaFacts()[name]?.gvk && !elementTypes.has(name)
}

let elementTypes: ReadonlySet<string> | undefined

function collectElementTypes(): Set<string> {
  const fields = Object.values(schemaFacts()).flatMap(({ properties }) => Object.values(properties ?? {}))
  return new Set(fields.filter(({ $ref }) => !$ref).flatMap(referencesOf))
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)

function groupVersionKind([group, version, kind]: readonly [string, string, string]): JsonObject {
  return { group, kind, version }
}

function typeOfDefinition(fact: DefinitionFact, dialect: Dialect): JsonObject {
  if (dialect === 'v3' && fact.v3_oneOf) {
    return { ...(fact.format ? { format: fact.format } : {}), oneOf: fact.v3_oneOf }
  }
  return { ...(fact.type ? { type: fact.type } : {}), ...(fact.format ? { format: fact.format } : {}) }
}

function typeSchema(fact: FieldFact, dialect: Dialect, description: string | undefined): JsonObject {
  const schema: JsonObject = {}
  if (description) schema.description = description
  if (dialect === 'v3' && fact.default !== undefined) schema.default = fact.default
  for (const key of EXTENSIONS) if (fact[key] !== undefined) schema[key] = fact[key]
  if (fact.$ref) return withReference(schema, referenceTo(fact.$ref, dialect), dialect)
  if (fact.type) schema.type = fact.type
  if (fact.format) schema.format = fact.format
  if (fact.enum) schema.enum = fact.enum
  if (fact.items) schema.items = elementSchema(fact.items, dialect)
  if (fact.additionalProperties) schema.additionalProperties = elementSchema(fact.additionalProperties, dialect)
  return schema
}

function withReference(schema: JsonObject, $ref: string, dialect: Dialect): JsonObject {
  if (dialect === 'v2' || Object.keys(schema).length === 0) return { ...schema, $ref }
  return { ...schema, allOf: [{ $ref }] }
}

/** Elements of lists and maps are never null: v3 says so with the zero value as their default. */
function elementSchema(fact: TypeFact, dialect: Dialect): JsonObject {
  const zero = fact.default === undefined ? zeroOfElement(fact) : undefined
  return typeSchema(zero === undefined ? fact : { ...fact, default: zero }, dialect, undefined)
}

function zeroOfElement(fact: TypeFact): unknown {
  if (fact.$ref) return schemaFacts()[fact.$ref]?.properties ? {} : undefined
  if (fact.type === 'string' && fact.format !== 'byte') return ''
  if (fact.type === 'integer') return 0
  return fact.type === 'boolean' ? false : undefined
}

/** All definitions that the given ones lead to, themselves included, sorted by name. */
export function reachableDefinitions(roots: Iterable<string>): string[] {
  const seen = new Set<string>()
  const open = [...roots].filter((name) => schemaFacts()[name])
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    for (const fact of Object.values(schemaFacts()[name]?.properties ?? {})) open.push(...referencesOf(fact))
  }
  return [...seen].sort()
}

function referencesOf(fact: TypeFact): string[] {
  if (fact.$ref) return [fact.$ref]
  const element = fact.items ?? fact.additionalProperties
  return element ? referencesOf(element) : []
}

/** Names of the definitions that a JSON document refers to. */
export function referencedDefinitions(value: unknown, into: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const item of value) referencedDefinitions(item, into)
  else if (isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      if (key === '$ref' && typeof member === 'string') into.add(member.slice(member.lastIndexOf('/') + 1))
      else referencedDefinitions(member, into)
    }
  }
  return into
}
