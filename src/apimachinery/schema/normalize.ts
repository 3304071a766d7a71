import type { JsonObject } from '../kube-object.ts'
import { isJsonObject } from '../kube-object.ts'
import type { SchemaField, SchemaNode, StructNode } from './schema-node.ts'

/**
 * What the walks along a struct look at for each field, in the order of the Go type. Made once per struct type.
 */
export interface FieldPlan {
  readonly index: number
  readonly name: string
  readonly node: SchemaNode
  readonly omit: SchemaField['omit']
  readonly zero: unknown
  readonly struct: StructNode
  readonly embeddedIn: string | undefined
}

export interface StructPlan {
  readonly struct: StructNode
  readonly byName: ReadonlyMap<string, FieldPlan>
  /** Fields that JSON always carries. */
  readonly never: readonly FieldPlan[]
}

const plans = new WeakMap<StructNode, StructPlan>()

export function planOf(struct: StructNode): StructPlan {
  let plan = plans.get(struct)
  if (!plan) {
    const fields = [...struct.fields.values()].map(
      ({ name, node, omit, zero, embeddedIn }, index): FieldPlan => ({
        index,
        name,
        node,
        omit,
        zero,
        struct,
        embeddedIn,
      }),
    )
    const byName = new Map(fields.map((field) => [field.name, field]))
    plan = { struct, byName, never: fields.filter((field) => field.omit === 'never') }
    plans.set(struct, plan)
  }
  return plan
}

/** The value that JSON carries for an unset field with `omit: 'never'`: a new one where it is an object. */
export function zeroOfField(field: FieldPlan): unknown {
  if (!isJsonObject(field.zero)) return field.zero
  return field.node.kind === 'struct' ? zeroObject(field.node) : {}
}

/** An object of the type with nothing set: only what JSON always carries. */
export function zeroObject(struct: StructNode): JsonObject {
  const object: JsonObject = {}
  for (const field of planOf(struct).never) object[field.name] = zeroOfField(field)
  return object
}

/** True for a value that `omitempty` leaves out. */
export function isOmittedWhenZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false || value === null) return true
  if (typeof value !== 'object') return false
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value) return false
  return true
}

/**
 * Brings an object that defaults, strategies, admission or patches have changed back into normal form, in place:
 * unset and zero fields are left out where the typed server would leave them out, and filled in where it would not.
 * Values must have the types of their fields (what {@link decode} gives); members that the type does not name stay.
 */
export function normalize(object: JsonObject, struct: StructNode): void {
  const { byName, never } = planOf(struct)
  for (const name in object) {
    const value = object[name]
    const field = byName.get(name)
    if (value === undefined || value === null) {
      if (field === undefined || field.omit !== 'never') delete object[name]
      continue
    }
    if (field === undefined) continue
    if (typeof value === 'object') normalizeValue(value, field.node)
    if (field.omit === 'zero' && isOmittedWhenZero(value)) delete object[name]
  }
  for (const field of never) {
    const value = object[field.name]
    if (value === undefined || (value === null && field.zero !== null)) object[field.name] = zeroOfField(field)
    else if (field.zero === null && isEmptyCollection(value) && hasMembers(field.node) && !isStoredAsJson(struct)) {
      object[field.name] = null
    }
  }
}

/**
 * Upstream stores built-in objects as protobuf, which does not tell an empty list from none: always present fields read
 * back as null. Its definitions of custom resources and of API services are stored as JSON, and keep the difference.
 */
const isStoredAsJson = ({ definition }: StructNode): boolean =>
  definition === '' ||
  definition.startsWith('io.k8s.apiextensions-apiserver.') ||
  definition.startsWith('io.k8s.kube-aggregator.')

/** Raw content is stored as it was given. */
const hasMembers = ({ kind }: SchemaNode): boolean => kind === 'list' || kind === 'map'

function isEmptyCollection(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (!isJsonObject(value)) return false
  for (const _ in value) return false
  return true
}

function normalizeValue(value: object, node: SchemaNode): void {
  switch (node.kind) {
    case 'struct':
      if (isJsonObject(value)) normalize(value, node)
      return
    case 'list':
      if (!holdsObjects(node.item) || !Array.isArray(value)) return
      for (const item of value) if (typeof item === 'object' && item !== null) normalizeValue(item, node.item)
      return
    case 'map': {
      if (!holdsObjects(node.value) || !isJsonObject(value)) return
      for (const key in value) {
        const item = value[key]
        if (typeof item === 'object' && item !== null) normalizeValue(item, node.value)
      }
    }
  }
}

function holdsObjects(node: SchemaNode): boolean {
  return node.kind === 'struct' || node.kind === 'list' || node.kind === 'map'
}
