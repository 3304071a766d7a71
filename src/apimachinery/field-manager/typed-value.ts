import { isJsonObject, type JsonObject } from '../kube-object.ts'
import type { AnyNode, ListNode, SchemaField, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { fieldElement, keyElement, type PathElement, valueElement } from './path-element.ts'

/** A value that does not fit its schema; the message is upstream's. */
export class TypedValueError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TypedValueError'
  }
}

/**
 * Schema of values that nothing is known about: maps merge by key, lists are atomic. Other nodes of kind `any` (raw
 * parts of built-in types) are atomic as a whole.
 */
export const DEDUCED_NODE: AnyNode = Object.freeze({ kind: 'any' })

/** How a value of a node is to be taken: nodes of kind `any` go by the value. */
export type Shape = 'map' | 'list' | 'scalar'

export function shapeOf(node: SchemaNode, value: unknown): Shape {
  switch (node.kind) {
    case 'struct':
    case 'map':
      return 'map'
    case 'list':
      return 'list'
    case 'scalar':
      return 'scalar'
    case 'any':
      if (Array.isArray(value)) return 'list'
      return value === undefined || value === null || typeof value === 'object' ? 'map' : 'scalar'
  }
}

/** Whether maps of this node are owned as a whole. */
export function isAtomicMap(node: SchemaNode): boolean {
  if (node.kind === 'struct' || node.kind === 'map') return node.atomic
  return node.kind === 'any' && node !== DEDUCED_NODE
}

/** The list node where items are told apart; undefined for lists that are owned as a whole. */
export function associativeList(node: SchemaNode): ListNode | undefined {
  return node.kind === 'list' && node.listType !== 'atomic' ? node : undefined
}

/** Node of a member of a map; undefined for a field that the schema does not have. */
export function memberNode(node: SchemaNode, key: string): SchemaNode | undefined {
  if (node.kind === 'struct') return node.fields.get(key)?.node ?? (node.preserveUnknown ? DEDUCED_NODE : undefined)
  if (node.kind === 'map') return node.value
  return DEDUCED_NODE
}

/** Whether the schema names the member: a field, not one of the entries of a map. */
export function isNamedField(node: SchemaNode, key: string): boolean {
  return node.kind === 'struct' && node.fields.has(key)
}

export function itemNode(node: SchemaNode): SchemaNode {
  return node.kind === 'list' ? node.item : DEDUCED_NODE
}

interface NamedField {
  readonly element: PathElement
  readonly field: SchemaField
}

const fieldsByName = new WeakMap<StructNode, ReadonlyMap<string, NamedField>>()

/** Fields of a struct with their path elements. */
export function namedFields(node: StructNode): ReadonlyMap<string, NamedField> {
  let fields = fieldsByName.get(node)
  if (!fields) {
    fields = new Map([...node.fields].map(([name, field]) => [name, { element: fieldElement(name), field }]))
    fieldsByName.set(node, fields)
  }
  return fields
}

const alwaysWritten = new WeakMap<StructNode, readonly SchemaField[]>()

/** Fields that the typed server writes even where they are unset. */
export function alwaysWrittenFields(node: SchemaNode): readonly SchemaField[] {
  if (node.kind !== 'struct') return []
  let fields = alwaysWritten.get(node)
  if (!fields) {
    fields = [...node.fields.values()].filter((field) => field.omit === 'never')
    alwaysWritten.set(node, fields)
  }
  return fields
}

/** What an unset member counts as: the zero that the typed server would write, or undefined. */
export function zeroOf(node: SchemaNode, key: string): unknown {
  if (node.kind !== 'struct') return undefined
  const field = node.fields.get(key)
  return field?.omit === 'never' ? field.zero : undefined
}

/**
 * The value with the zero values that the typed server would write, at any depth: how upstream's field manager sees an
 * object of a built-in type. Shares what needs none with `value`.
 */
export function withZeroValues(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) {
    const item = itemNode(node)
    return replaceItems(value, (member) => withZeroValues(item, member))
  }
  if (!isJsonObject(value)) return value
  const result: JsonObject = { ...value }
  for (const key of Object.keys(value)) {
    const child = memberNode(node, key)
    if (child !== undefined && value[key] !== undefined) result[key] = withZeroValues(child, value[key])
  }
  for (const field of alwaysWrittenFields(node)) {
    if (value[field.name] === undefined) result[field.name] = withZeroValues(field.node, field.zero)
  }
  return result
}

function replaceItems(list: readonly unknown[], replace: (item: unknown) => unknown): readonly unknown[] {
  return list.some((item) => typeof item === 'object' && item !== null) ? list.map(replace) : list
}

const sortedKeys = new WeakMap<ListNode, readonly string[]>()

function keysOf(list: ListNode): readonly string[] {
  let keys = sortedKeys.get(list)
  if (!keys) {
    keys = [...list.mapKeys].sort()
    sortedKeys.set(list, keys)
  }
  return keys
}

interface ItemOptions {
  /** Unset fields count as the zero values that the typed server writes. */
  readonly zeros: boolean
}

/**
 * What tells a list's item apart.
 *
 * @throws {TypedValueError} where nothing does
 */
export function itemElement(list: ListNode, item: unknown, options: ItemOptions): PathElement {
  return list.mapKeys.length > 0 ? keyedItemElement(list, item, options) : setItemElement(item)
}

function keyedItemElement(list: ListNode, item: unknown, { zeros }: ItemOptions): PathElement {
  if (item === null || item === undefined) {
    throw new TypedValueError('associative list with keys may not have a null element')
  }
  if (!isJsonObject(item)) throw new TypedValueError('associative list with keys may not have non-map elements')
  const fields: [string, unknown][] = []
  for (const key of keysOf(list)) {
    const value = item[key] !== undefined ? item[key] : keyDefault(list.item, key, zeros)
    if (value !== undefined && (value !== null || item[key] === null)) fields.push([key, value])
  }
  if (fields.length === 0) {
    const names = list.mapKeys.map((key) => JSON.stringify(key)).join(' ')
    throw new TypedValueError(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    )
  }
  return keyElement(fields)
}

function keyDefault(item: SchemaNode, key: string, zeros: boolean): unknown {
  if (item.kind !== 'struct') return undefined
  const field = item.fields.get(key)
  return zeros && field?.omit === 'never' ? field.zero : field?.default
}

function setItemElement(item: unknown): PathElement {
  if (Array.isArray(item)) throw new TypedValueError('not supported: associative list with lists as elements')
  if (item === null || item === undefined) {
    throw new TypedValueError("associative list without keys has an element that's an explicit null")
  }
  if (typeof item === 'object') {
    throw new TypedValueError("associative list without keys has an element that's a map type")
  }
  return valueElement(item)
}
