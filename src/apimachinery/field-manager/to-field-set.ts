import { isJsonObject, type JsonObject } from '../kube-object.ts'
import type { ListNode, SchemaNode } from '../schema/schema-node.ts'
import { type FieldSet, FieldSetBuilder } from './field-set.ts'
import { fieldElement, type PathElement } from './path-element.ts'
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
  const builder = new FieldSetBuilder()
  visit(node, value, builder)
  return builder.build()
}

function visit(node: SchemaNode, value: unknown, at: FieldSetBuilder): void {
  switch (shapeOf(node, value)) {
    case 'map':
      if (isAtomicMap(node)) at.addSelf()
      else if (isJsonObject(value)) visitMembers(node, value, at)
      break
    case 'list': {
      const list = associativeList(node)
      if (!list) at.addSelf()
      else if (Array.isArray(value)) visitItems(list, value, at)
      break
    }
    default:
      at.addSelf()
  }
}

function visitMembers(node: SchemaNode, map: JsonObject, at: FieldSetBuilder): void {
  for (const key of Object.keys(map)) {
    const value = map[key]
    if (value === undefined) continue
    const child = at.child(fieldElement(key))
    visit(memberNode(node, key) ?? DEDUCED_NODE, value, child)
    const empty = value === null || (isJsonObject(value) && Object.keys(value).length === 0)
    if (empty || !isNamedField(node, key)) child.addSelf()
  }
}

function visitItems(list: ListNode, items: readonly unknown[], at: FieldSetBuilder): void {
  const elements = items.map((item) => itemElement(list, item, { zeros: false }))
  const repeated = repeatedElements(elements)
  for (const [i, element] of elements.entries()) {
    const child = at.child(element)
    if (!repeated.has(element)) visit(list.item, items[i], child)
    child.addSelf()
  }
}

function repeatedElements(elements: readonly PathElement[]): ReadonlySet<PathElement> {
  const repeated = new Set<PathElement>()
  const seen = new Set<PathElement>()
  for (const element of elements) {
    if (seen.has(element)) repeated.add(element)
    seen.add(element)
  }
  return repeated
}
