import { isJsonObject, type JsonObject } from '../kube-object.ts'
import type { ListNode, SchemaNode } from '../schema/schema-node.ts'
import { EMPTY_SET, type FieldSet, inOrder, makeTree } from './field-set.ts'
import { fieldElement } from './path-element.ts'
import {
  associativeList,
  DEDUCED_NODE,
  isAtomicMap,
  isNamedField,
  itemElement,
  memberNode,
  shapeOf,
} from './typed-value.ts'

/**
 * The paths that a value sets: what someone who applies it owns. Items whose key stands twice are owned as a whole.
 *
 * @throws {TypedValueError} where items of a list cannot be told apart
 * @see structured-merge-diff typed/tofieldset.go
 */
export function toFieldSet(node: SchemaNode, value: unknown): FieldSet {
  return childrenOf(node, value)
}

/** Whether a value is owned itself, beside what lies below it. */
function isOwnedWhole(node: SchemaNode, value: unknown): boolean {
  switch (shapeOf(node, value)) {
    case 'map':
      return isAtomicMap(node)
    case 'list':
      return associativeList(node) === undefined
    default:
      return true
  }
}

function childrenOf(node: SchemaNode, value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null || isOwnedWhole(node, value)) return EMPTY_SET
  const list = associativeList(node)
  if (list) return Array.isArray(value) ? childrenOfList(list, value) : EMPTY_SET
  return isJsonObject(value) ? childrenOfMap(node, value) : EMPTY_SET
}

function childrenOfMap(node: SchemaNode, map: JsonObject): FieldSet {
  const children: Record<string, FieldSet> = {}
  for (const key in map) {
    const value = map[key]
    if (value === undefined) continue
    const child = memberNode(node, key) ?? DEDUCED_NODE
    const member = isEmptyValue(value) || !isNamedField(node, key) || isOwnedWhole(child, value)
    const tree = makeTree(member, childrenOf(child, value))
    if (tree) children[fieldElement(key)] = tree
  }
  return inOrder(children)
}

function isEmptyValue(value: unknown): boolean {
  if (value === null) return true
  if (!isJsonObject(value)) return false
  for (const _ in value) return false
  return true
}

function childrenOfList(list: ListNode, items: readonly unknown[]): FieldSet {
  const children: Record<string, FieldSet> = {}
  for (const item of items) {
    const element = itemElement(list, item, { zeros: false })
    const repeated = children[element] !== undefined
    children[element] = repeated ? EMPTY_SET : makeTree(true, childrenOf(list.item, item))!
  }
  return inOrder(children)
}
