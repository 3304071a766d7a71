import { equalJson } from '../clone.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import type { ListNode, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { EMPTY_SET, type FieldSet, FieldSetBuilder, inOrder, isEmptySet, makeTree } from './field-set.ts'
import { fieldElement, type PathElement } from './path-element.ts'
import {
  alwaysWrittenFields,
  associativeList,
  DEDUCED_NODE,
  isAtomicMap,
  itemElement,
  memberNode,
  orderedFields,
  type Shape,
  shapeOf,
  zeroOf,
} from './typed-value.ts'

/** How two values of one type differ. */
export interface Comparison {
  readonly removed: FieldSet
  readonly modified: FieldSet
  readonly added: FieldSet
}

export const NO_DIFFERENCE: Comparison = { removed: EMPTY_SET, modified: EMPTY_SET, added: EMPTY_SET }

export function isSame(comparison: Comparison): boolean {
  return isEmptySet(comparison.removed) && isEmptySet(comparison.modified) && isEmptySet(comparison.added)
}

export interface CompareOptions {
  /** Unset fields count as the zero values that the typed server writes. */
  readonly zeros: boolean
}

/**
 * Compares two values by their schema: lists by their items' keys, atomic ones as a whole. What both share is not
 * looked into.
 *
 * @throws {TypedValueError} where items of a list cannot be told apart
 * @see structured-merge-diff typed/compare.go
 */
export function compareValues(node: SchemaNode, left: unknown, right: unknown, options: CompareOptions): Comparison {
  if (left === right) return NO_DIFFERENCE
  const walker = new CompareWalker(options.zeros)
  walker.compare(node, left, right)
  return walker.comparison()
}

type Items = Map<PathElement, unknown[]>

class CompareWalker {
  readonly #zeros: boolean
  readonly #removed = new FieldSetBuilder()
  readonly #modified = new FieldSetBuilder()
  readonly #added = new FieldSetBuilder()
  readonly #path: PathElement[] = []

  constructor(zeros: boolean) {
    this.#zeros = zeros
  }

  comparison(): Comparison {
    return { removed: this.#removed.build(), modified: this.#modified.build(), added: this.#added.build() }
  }

  compare(node: SchemaNode, left: unknown, right: unknown): void {
    if (left === right) return
    if (left === undefined) this.#added.addTree(this.#path, this.#wholeTree(node, right))
    else if (right === undefined) this.#removed.addTree(this.#path, this.#wholeTree(node, left))
    else this.#compareBoth(node, left, right)
  }

  #compareBoth(node: SchemaNode, left: unknown, right: unknown): void {
    const leftShape = shapeOf(node, left)
    const rightShape = shapeOf(node, right)
    // A value of a kind that the schema leaves open may have changed its type: both sides are looked at.
    if (leftShape !== rightShape) this.#compareAs(leftShape, node, left, right)
    this.#compareAs(rightShape, node, left, right)
  }

  #compareAs(shape: Shape, node: SchemaNode, left: unknown, right: unknown): void {
    if (shape === 'map') this.#compareMaps(node, left, right)
    else if (shape === 'list') this.#compareLists(node, left, right)
    else this.#leaf(left, right)
  }

  #leaf(left: unknown, right: unknown): void {
    if (!equalJson(left, right)) this.#modified.add(this.#path)
  }

  #compareMaps(node: SchemaNode, left: unknown, right: unknown): void {
    const l = isJsonObject(left) ? left : undefined
    const r = isJsonObject(right) ? right : undefined
    if (isAtomicMap(node) || (this.#isEmptyMap(node, l) && this.#isEmptyMap(node, r))) {
      this.#leaf(left, right)
      return
    }
    for (const key in l) if (l[key] !== undefined) this.#compareMember(node, key, l, r)
    for (const key in r) if (r[key] !== undefined && l?.[key] === undefined) this.#compareMember(node, key, l, r)
    // Where both sides are there, fields that are unset on both are equal.
    if (this.#zeros && (!l || !r)) {
      const side = l ?? r!
      for (const { name } of alwaysWrittenFields(node)) {
        if (side[name] === undefined) this.#compareMember(node, name, l, r)
      }
    }
  }

  /** The paths of a value that only one side has. */
  #wholeTree(node: SchemaNode, value: unknown): FieldSet {
    const shape = shapeOf(node, value)
    if (shape === 'map' && isJsonObject(value) && !isAtomicMap(node)) {
      return node.kind === 'struct' && !node.preserveUnknown
        ? this.#wholeStruct(node, value)
        : this.#wholeMap(node, value)
    }
    const list = shape === 'list' && Array.isArray(value) ? associativeList(node) : undefined
    if (!list) return EMPTY_SET
    const children: Record<string, FieldSet> = {}
    for (const [element, items] of this.#group(list, value as unknown[])) {
      children[element] = items.length === 1 ? this.#wholeTree(list.item, items[0]) : EMPTY_SET
    }
    return makeTree(true, inOrder(children))!
  }

  /** Members in the order in which sets are written, which is kept with the type: no sorting. */
  #wholeStruct(node: StructNode, value: JsonObject): FieldSet {
    const tree: Record<string, FieldSet> = { '.': EMPTY_SET }
    let empty = true
    for (const { name, element, field } of orderedFields(node)) {
      const own = value[name]
      const member = own === undefined && this.#zeros && field.omit === 'never' ? field.zero : own
      if (member === undefined) continue
      tree[element] = this.#wholeTree(field.node, member)
      empty = false
    }
    return empty ? EMPTY_SET : tree
  }

  #wholeMap(node: SchemaNode, value: JsonObject): FieldSet {
    const children: Record<string, FieldSet> = {}
    for (const key in value) {
      if (value[key] !== undefined)
        children[fieldElement(key)] = this.#wholeTree(memberNode(node, key) ?? DEDUCED_NODE, value[key])
    }
    return makeTree(true, inOrder(children))!
  }

  #isEmptyMap(node: SchemaNode, map: JsonObject | undefined): boolean {
    if (!map) return true
    if (this.#zeros && alwaysWrittenFields(node).length > 0) return false
    for (const key in map) if (map[key] !== undefined) return false
    return true
  }

  #compareMember(node: SchemaNode, key: string, l: JsonObject | undefined, r: JsonObject | undefined): void {
    const left = l && this.#memberOf(node, key, l)
    const right = r && this.#memberOf(node, key, r)
    if (left === right) return
    this.#path.push(fieldElement(key))
    this.compare(memberNode(node, key) ?? DEDUCED_NODE, left, right)
    this.#path.pop()
  }

  #memberOf(node: SchemaNode, key: string, map: JsonObject): unknown {
    const value = Object.hasOwn(map, key) ? map[key] : undefined
    return value === undefined && this.#zeros ? zeroOf(node, key) : value
  }

  #compareLists(node: SchemaNode, left: unknown, right: unknown): void {
    const l = Array.isArray(left) ? left : undefined
    const r = Array.isArray(right) ? right : undefined
    const list = associativeList(node)
    if (!list || (!l?.length && !r?.length)) {
      this.#leaf(left, right)
      return
    }
    // Cheaper than to tell the items apart, which is needed where one of them has changed.
    if (l && r && equalJson(l, r)) return
    const leftItems = this.#group(list, l ?? [])
    const rightItems = this.#group(list, r ?? [])
    for (const [element, items] of leftItems) this.#compareItems(list, element, items, rightItems.get(element) ?? [])
    for (const [element, items] of rightItems) {
      if (!leftItems.has(element)) this.#compareItems(list, element, [], items)
    }
  }

  #group(list: ListNode, items: readonly unknown[]): Items {
    const groups: Items = new Map()
    for (const item of items) {
      const element = itemElement(list, item, { zeros: this.#zeros })
      const group = groups.get(element)
      if (group) group.push(item)
      else groups.set(element, [item])
    }
    return groups
  }

  /** Items with one key: one on each side is the rule, several count as one thing. */
  #compareItems(list: ListNode, element: PathElement, left: readonly unknown[], right: readonly unknown[]): void {
    this.#path.push(element)
    if (left.length <= 1 && right.length <= 1) {
      this.compare(list.item, left[0], right[0])
    } else if (left.length >= 2 && right.length >= 2) {
      if (!equalJson(left, right)) this.#modified.add(this.#path)
    } else if (left.length >= 2) {
      if (right.length > 0) this.compare(list.item, undefined, right[0])
      this.#removed.addTree(this.#path, EMPTY_SET)
    } else {
      if (left.length > 0) this.compare(list.item, left[0], undefined)
      this.#added.addTree(this.#path, EMPTY_SET)
    }
    this.#path.pop()
  }
}
