import { equalJson } from '../clone.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import type { ListNode, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { EMPTY_SET, type FieldSet, FieldSetBuilder } from './field-set.ts'
import { comparePathElements, fieldElement, type PathElement } from './path-element.ts'
import { type Branch, type SharedSet, SharedSets } from './shared-sets.ts'
import {
  alwaysWrittenFields,
  associativeList,
  DEDUCED_NODE,
  isAtomicMap,
  itemElement,
  memberNode,
  namedFields,
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

/** Sets of whole values: with the zero values that the typed server writes, and without. */
const wholeSets = { withZeros: new SharedSets(), asGiven: new SharedSets() }
/** Sets of what was added. */
const addedSets = new SharedSets()

interface Added {
  readonly path: readonly PathElement[]
  readonly tree: FieldSet
}

/** A step towards what was added. */
const DESCENT: FieldSet = Object.freeze({})

/** No value of a key begins so. */
const NO_TEXT = '\u0000'

function addedSet(added: readonly Added[]): FieldSet {
  if (added.length === 0) return EMPTY_SET
  let at = addedSets.of(DEDUCED_NODE)
  for (const { path, tree } of added) {
    const last = path.length - 1
    for (let i = 0; i <= last; i++) {
      const element = path[i]!
      const below = i < last ? DESCENT : tree
      at = at.after(element, below) ?? at.add(element, { element, tree: below })
    }
  }
  return at.set(() => {
    const builder = new FieldSetBuilder()
    for (const { path, tree } of added) builder.addTree(path, tree)
    return builder.build()
  })
}

function treeOf(branches: readonly Branch[]): FieldSet {
  if (branches.length === 0) return EMPTY_SET
  const tree: Record<string, FieldSet> = { '.': EMPTY_SET }
  const sorted = [...branches].sort((a, b) => comparePathElements(a.element, b.element))
  for (const branch of sorted) tree[branch.element] = branch.tree
  return tree
}

/** Items whose key stands twice count as one thing. */
function treeOfItems(branches: readonly Branch[]): FieldSet {
  const trees = new Map<PathElement, FieldSet>()
  for (const { element, tree } of branches) trees.set(element, trees.has(element) ? EMPTY_SET : tree)
  return treeOf([...trees].map(([element, tree]) => ({ element, tree })))
}

class CompareWalker {
  readonly #zeros: boolean
  readonly #removed = new FieldSetBuilder()
  readonly #modified = new FieldSetBuilder()
  readonly #added: Added[] = []
  readonly #path: PathElement[] = []

  constructor(zeros: boolean) {
    this.#zeros = zeros
  }

  comparison(): Comparison {
    return { removed: this.#removed.build(), modified: this.#modified.build(), added: addedSet(this.#added) }
  }

  compare(node: SchemaNode, left: unknown, right: unknown): void {
    if (left === right) return
    // Most of what an update brings near the top is as it was: sooner seen as a whole.
    const { length: depth } = this.#path
    if ((depth === 1 || depth === 2) && typeof left === 'object' && equalJson(left, right)) return
    if (left === undefined) this.#addWhole(this.#wholeTree(node, right))
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

  #addWhole(tree: FieldSet): void {
    this.#added.push({ path: this.#path.slice(), tree })
  }

  /** The paths of a value that only one side has. */
  #wholeTree(node: SchemaNode, value: unknown): FieldSet {
    if (typeof value !== 'object' || value === null) return EMPTY_SET
    switch (shapeOf(node, value)) {
      case 'map':
        if (isAtomicMap(node) || Array.isArray(value)) return EMPTY_SET
        return node.kind === 'struct' && !node.preserveUnknown
          ? this.#wholeStruct(node, value as JsonObject)
          : this.#wholeMap(node, value as JsonObject)
      case 'list': {
        const list = associativeList(node)
        return list && Array.isArray(value) ? this.#wholeList(list, value) : EMPTY_SET
      }
      default:
        return EMPTY_SET
    }
  }

  #startOf(node: SchemaNode): SharedSet {
    return (this.#zeros ? wholeSets.withZeros : wholeSets.asGiven).of(node)
  }

  #wholeStruct(node: StructNode, value: JsonObject): FieldSet {
    const named = namedFields(node)
    let at = this.#startOf(node)
    for (const name in value) {
      const member = value[name]
      const known = named.get(name)
      if (member === undefined || known === undefined) continue
      const tree = this.#wholeTree(known.field.node, member)
      at = at.after(name, tree) ?? at.add(name, { element: known.element, tree })
    }
    return at.set((branches) => this.#structSet(node, value, branches))
  }

  /** With the fields that are unset, as far as they count. */
  #structSet(node: StructNode, value: JsonObject, branches: readonly Branch[]): FieldSet {
    const all = [...branches]
    if (this.#zeros) {
      for (const { name, zero, node: child } of alwaysWrittenFields(node)) {
        if (value[name] !== undefined || zero === undefined) continue
        all.push({ element: fieldElement(name), tree: this.#wholeTree(child, zero) })
      }
    }
    return treeOf(all)
  }

  #wholeMap(node: SchemaNode, value: JsonObject): FieldSet {
    let at = this.#startOf(node)
    for (const key in value) {
      if (value[key] === undefined) continue
      const tree = this.#wholeTree(memberNode(node, key) ?? DEDUCED_NODE, value[key])
      at = at.after(key, tree) ?? at.add(key, { element: fieldElement(key), tree })
    }
    return at.set(treeOf)
  }

  #wholeList(list: ListNode, items: readonly unknown[]): FieldSet {
    const single = list.mapKeys.length === 1 ? list.mapKeys[0]! : undefined
    let at = this.#startOf(list)
    for (const item of items) {
      const own = single !== undefined && isJsonObject(item) ? item[single] : undefined
      const element = typeof own === 'string' ? undefined : itemElement(list, item, { zeros: this.#zeros })
      // What tells the item apart is cheaper to look up than the text that it makes.
      const key = element === undefined ? own : NO_TEXT + element
      const tree = this.#wholeTree(list.item, item)
      at =
        at.after(key, tree) ??
        at.add(key, { element: element ?? itemElement(list, item, { zeros: this.#zeros }), tree })
    }
    return at.set(treeOfItems)
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
      this.#addWhole(EMPTY_SET)
    }
    this.#path.pop()
  }
}
