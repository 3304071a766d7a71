import { equalJson } from '../clone.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { setMember } from '../patch/json-member.ts'
import type { ListNode, SchemaNode } from '../schema/schema-node.ts'
import { type PathElement, printPathElement } from './path-element.ts'
import {
  associativeList,
  DEDUCED_NODE,
  isAtomicMap,
  itemElement,
  memberNode,
  shapeOf,
  TypedValueError,
} from './typed-value.ts'

/**
 * Merges an applied configuration into a live value: what is applied wins, what it does not name stays. Shares parts of
 * both; where nothing changes, the result is the live value itself.
 *
 * @throws {TypedValueError} where items of a list cannot be told apart, or stand twice in what is applied
 * @see structured-merge-diff typed/merge.go
 */
export function mergeValues(node: SchemaNode, live: unknown, applied: unknown): unknown {
  if (applied === undefined || live === applied) return live
  if (live === undefined) return applied
  switch (shapeOf(node, applied)) {
    case 'map':
      return mergeMaps(node, live, applied)
    case 'list':
      return mergeLists(node, live, applied)
    default:
      return applied
  }
}

function isEmptyMap(value: JsonObject | undefined): boolean {
  return !value || Object.keys(value).length === 0
}

function mergeMaps(node: SchemaNode, live: unknown, applied: unknown): unknown {
  const l = isJsonObject(live) ? live : undefined
  const r = isJsonObject(applied) ? applied : undefined
  if (isAtomicMap(node) || (isEmptyMap(l) && isEmptyMap(r))) return equalJson(live, applied) ? live : applied
  const result: JsonObject = { ...l }
  let changed = l === undefined
  for (const key of Object.keys(r ?? {})) {
    const child = memberNode(node, key) ?? DEDUCED_NODE
    const before = l && Object.hasOwn(l, key) ? l[key] : undefined
    const merged = mergeValues(child, before, r![key])
    if (merged === before) continue
    changed = true
    setMember(result, key, merged)
  }
  return changed ? result : live
}

function mergeLists(node: SchemaNode, live: unknown, applied: unknown): unknown {
  const l = Array.isArray(live) ? live : []
  const r = Array.isArray(applied) ? applied : []
  const list = associativeList(node)
  if (!list || (l.length === 0 && r.length === 0)) return equalJson(live, applied) ? live : applied
  const merged = new ListMerge(list, l, r).run()
  return merged.length === l.length && merged.every((item, i) => item === l[i]) ? live : merged
}

interface Indexed {
  readonly elements: readonly PathElement[]
  /** Item of each element; null for one that stands twice. */
  readonly items: ReadonlyMap<PathElement, unknown>
}

/**
 * Merges two lists item by item. Items of both keep the applied order; items of the live list alone stay behind the
 * item that they followed.
 */
class ListMerge {
  readonly #list: ListNode
  readonly #live: readonly unknown[]
  readonly #left: Indexed
  readonly #right: Indexed
  /** Items of both lists, in the applied order, that are still to come. */
  readonly #shared: PathElement[]
  readonly #merged = new Set<PathElement>()
  readonly #out: unknown[] = []

  constructor(list: ListNode, live: readonly unknown[], applied: readonly unknown[]) {
    this.#list = list
    this.#live = live
    this.#right = indexItems(list, applied, { allowDuplicates: false })
    this.#left = indexItems(list, live, { allowDuplicates: true })
    this.#shared = this.#right.elements.filter((element) => this.#left.items.has(element)).reverse()
  }

  run(): readonly unknown[] {
    const left = this.#left.elements
    const right = this.#right.elements
    let l = 0
    let r = 0
    while (l < left.length || r < right.length) {
      const inBoth = l < left.length && r < right.length
      if (inBoth && left[l] === right[r]) {
        this.#mergeItem(right[r]!)
        this.#shared.pop()
        l++
        r++
      } else if (inBoth && this.#comesLater(left[l]!)) {
        l++
      } else if (l < left.length && !this.#right.items.has(left[l]!)) {
        this.#out.push(this.#live[l])
        l++
      } else {
        if (l < left.length && this.#merged.has(left[l]!)) l++
        if (r < right.length) this.#takeApplied(right[r++]!)
      }
    }
    return this.#out
  }

  /** An item of both lists that the applied order puts behind the next shared one. */
  #comesLater(element: PathElement): boolean {
    const next = this.#shared.at(-1)
    return this.#right.items.has(element) && next !== undefined && next !== element
  }

  #takeApplied(element: PathElement): void {
    this.#mergeItem(element)
    if (this.#shared.at(-1) === element) this.#shared.pop()
  }

  #mergeItem(element: PathElement): void {
    this.#merged.add(element)
    this.#out.push(mergeValues(this.#list.item, this.#left.items.get(element), this.#right.items.get(element)))
  }
}

function indexItems(
  list: ListNode,
  items: readonly unknown[],
  { allowDuplicates }: { readonly allowDuplicates: boolean },
): Indexed {
  const elements: PathElement[] = []
  const found = new Map<PathElement, unknown>()
  for (const item of items) {
    const element = itemElement(list, item, { zeros: false })
    const repeated = found.has(element)
    if (repeated && !allowDuplicates) {
      throw new TypedValueError(`duplicate entries for key ${printPathElement(element)}`)
    }
    found.set(element, repeated ? null : item)
    elements.push(element)
  }
  return { elements, items: found }
}
