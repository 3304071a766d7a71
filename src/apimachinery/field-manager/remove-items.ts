import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { setMember } from '../patch/json-member.ts'
import type { SchemaNode } from '../schema/schema-node.ts'
import { below, type FieldSet, hasElement, isEmptySet } from './field-set.ts'
import { fieldElement } from './path-element.ts'
import { associativeList, DEDUCED_NODE, isAtomicMap, itemElement, memberNode, shapeOf } from './typed-value.ts'

/**
 * The value without the paths of a set. A map or list of which nothing is left becomes null. Shares what stays.
 *
 * @throws {TypedValueError} where items of a list cannot be told apart
 * @see structured-merge-diff typed/remove.go
 */
export function removeItems(node: SchemaNode, value: unknown, items: FieldSet): unknown {
  if (isEmptySet(items)) return value
  const shape = shapeOf(node, value)
  if (shape === 'scalar') return value
  return shape === 'map' ? removeMembers(node, value, items) : removeFromList(node, value, items)
}

function removeMembers(node: SchemaNode, value: unknown, items: FieldSet): unknown {
  if (!isJsonObject(value) || isAtomicMap(node)) return null
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    const element = fieldElement(key)
    if (value[key] === undefined || hasElement(items, element)) continue
    setMember(result, key, removeItems(memberNode(node, key) ?? DEDUCED_NODE, value[key], below(items, element)))
  }
  return Object.keys(result).length > 0 ? result : null
}

function removeFromList(node: SchemaNode, value: unknown, items: FieldSet): unknown {
  const list = associativeList(node)
  if (!Array.isArray(value) || !list) return null
  const result: unknown[] = []
  for (const item of value) {
    const element = itemElement(list, item, { zeros: false })
    if (!hasElement(items, element)) result.push(removeItems(list.item, item, below(items, element)))
  }
  return result.length > 0 ? result : null
}

/**
 * The part of a value that a set names: what a manager owns of an object, ready to be applied again.
 *
 * @throws {TypedValueError} where items of a list cannot be told apart
 * @see structured-merge-diff typed/remove.go with shouldExtract
 */
export function extractItems(node: SchemaNode, value: unknown, items: FieldSet): unknown {
  const shape = shapeOf(node, value)
  if (shape === 'scalar') return value
  return shape === 'map' ? extractMembers(node, value, items) : extractFromList(node, value, items)
}

function extractMembers(node: SchemaNode, value: unknown, items: FieldSet): unknown {
  if (!isJsonObject(value)) return null
  if (isAtomicMap(node) || Object.keys(value).length === 0) return value
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    const element = fieldElement(key)
    const child = memberNode(node, key) ?? DEDUCED_NODE
    const subset = below(items, element)
    // Upstream goes on with the whole set where the field itself is owned.
    if (hasElement(items, element)) setMember(result, key, extractItems(child, value[key], items))
    else if (!isEmptySet(subset)) setMember(result, key, extractItems(child, value[key], subset))
  }
  return Object.keys(result).length > 0 ? result : null
}

function extractFromList(node: SchemaNode, value: unknown, items: FieldSet): unknown {
  const list = associativeList(node)
  if (!Array.isArray(value)) return null
  if (!list || value.length === 0) return value
  const result: unknown[] = []
  for (const item of value) {
    const element = itemElement(list, item, { zeros: false })
    const subset = below(items, element)
    if (!isEmptySet(subset)) result.push(extractItems(list.item, item, subset))
    else if (hasElement(items, element)) result.push(item)
  }
  return result.length > 0 ? result : null
}
