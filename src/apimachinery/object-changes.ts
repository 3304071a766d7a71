import { equalJson } from './clone.ts'

/** One difference between two states of an object. */
export interface ObjectChange {
  /** As validation errors name fields: `spec.replicas`, `status.conditions[Ready].status`. */
  readonly path: string
  readonly op: 'add' | 'remove' | 'replace'
  /**
   * Undefined for what was added, and where values are hidden. A value whose JSON is longer than 256 characters is a
   * text, cut off with an ellipsis.
   */
  readonly from?: unknown
  /** The same; undefined for what was removed. */
  readonly to?: unknown
}

export interface ObjectChanges {
  readonly changes: readonly ObjectChange[]
  /** There are more than these. */
  readonly isCut: boolean
}

interface ChangeOptions {
  /** Name paths only: what stands there is secret. */
  readonly hideValues?: boolean
}

/** Differences that are looked for at most. */
const MAX_CHANGES = 24
/** Values that are compared at most, so that an object of a megabyte costs no more than a large pod. */
const MAX_COMPARED = 4_000
const MAX_VALUE_LENGTH = 256
/** Items of a list that are matched by name. */
const MAX_LABELLED = 200

/** Members of metadata that every write changes. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['resourceVersion', 'managedFields', 'generation'])

const NO_CHANGES: ObjectChanges = { changes: [], isCut: false }

/**
 * What differs between two states of an object, bookkeeping (resourceVersion, managedFields, generation) left out.
 * Items of lists are matched by their names or types where all have one, else by their places. Costs about what
 * comparing the two costs.
 */
export function objectChanges(before: object, after: object, options: ChangeOptions = {}): ObjectChanges {
  const comparison = new Comparison(options.hideValues ?? false)
  comparison.members(before as Members, after as Members, '')
  return comparison.changes.length === 0 && !comparison.isCut ? NO_CHANGES : comparison
}

type Members = Readonly<Record<string, unknown>>

class Comparison implements ObjectChanges {
  readonly changes: ObjectChange[] = []
  isCut = false
  readonly #hideValues: boolean
  #compared = 0

  constructor(hideValues: boolean) {
    this.#hideValues = hideValues
  }

  members(before: Members, after: Members, path: string): void {
    const isMetadata = path === 'metadata'
    for (const key in before) {
      if (isMetadata && BOOKKEEPING.has(key)) continue
      if (this.#isTooMuch()) return
      if (before[key] !== after[key]) this.#value(before[key], after[key], path, key)
    }
    for (const key in after) {
      if (isMetadata && BOOKKEEPING.has(key)) continue
      if (this.#isTooMuch()) return
      if (!Object.hasOwn(before, key)) this.#value(undefined, after[key], path, key)
    }
  }

  /** Counts one more comparison. */
  #isTooMuch(): boolean {
    if (++this.#compared > MAX_COMPARED) this.isCut = true
    return this.isCut
  }

  #value(before: unknown, after: unknown, parent: string, key: string): void {
    if (isNewList(before, after)) this.#list([], after as readonly unknown[], joined(parent, key))
    else if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) {
      this.#add(joined(parent, key), before, after)
    } else if (isNearTop(parent) && equalJson(before, after)) {
      // Most of what an update brings is as it was: no names are made for that.
    } else if (Array.isArray(before) && Array.isArray(after)) this.#list(before, after, joined(parent, key))
    else if (Array.isArray(before) || Array.isArray(after)) this.#add(joined(parent, key), before, after)
    else this.members(before as Members, after as Members, joined(parent, key))
  }

  #list(before: readonly unknown[], after: readonly unknown[], path: string): void {
    const label = labelOfItems(before, after)
    if (label === undefined) {
      const length = Math.max(before.length, after.length)
      for (let i = 0; i < length && !this.#isTooMuch(); i++) this.#item(before[i], after[i], `${path}[${i}]`)
      return
    }
    const named = new Map(after.map((item) => [(item as Members)[label], item]))
    for (const item of before) {
      const name = (item as Members)[label]
      if (this.#isTooMuch()) return
      this.#item(item, named.get(name), `${path}[${name}]`)
      named.delete(name)
    }
    for (const [name, item] of named) {
      if (this.#isTooMuch()) return
      this.#item(undefined, item, `${path}[${name}]`)
    }
  }

  #item(before: unknown, after: unknown, path: string): void {
    if (before === after) return
    if (isMembers(before) && isMembers(after)) this.members(before, after, path)
    else if (Array.isArray(before) && Array.isArray(after)) this.#list(before, after, path)
    else this.#add(path, before, after)
  }

  #add(path: string, before: unknown, after: unknown): void {
    if (before === after) return
    if (this.changes.length === MAX_CHANGES) {
      this.isCut = true
      return
    }
    const op = before === undefined ? 'add' : after === undefined ? 'remove' : 'replace'
    if (this.#hideValues) {
      this.changes.push({ path, op })
      return
    }
    this.changes.push({
      path,
      op,
      ...(before === undefined ? {} : { from: shownValue(before) }),
      ...(after === undefined ? {} : { to: shownValue(after) }),
    })
  }
}

/** A list that was not there before, of items that are told apart by name: each is a change of its own. */
function isNewList(before: unknown, after: unknown): boolean {
  return before === undefined && Array.isArray(after) && after.length > 0 && labelOfItems([], after) !== undefined
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object itself, `metadata`, `spec`, `status`. */
const isNearTop = (path: string): boolean => !path.includes('.') && !path.includes('[')

/** Keys with dots (labels, annotations) would read as several members. */
function joined(parent: string, key: string): string {
  if (key.includes('.')) return `${parent}[${key}]`
  return parent === '' ? key : `${parent}.${key}`
}

const LABELS = ['name', 'type'] as const

/** The member that tells the items of a list apart; undefined where there is none. */
function labelOfItems(before: readonly unknown[], after: readonly unknown[]): 'name' | 'type' | undefined {
  return LABELS.find((label) => areLabelled(before, label) && areLabelled(after, label))
}

function areLabelled(items: readonly unknown[], label: string): boolean {
  if (items.length > MAX_LABELLED) return false
  const seen = new Set<unknown>()
  for (const item of items) {
    const name = isMembers(item) ? item[label] : undefined
    if (typeof name !== 'string' || seen.has(name)) return false
    seen.add(name)
  }
  return true
}

/** A copy: the object itself goes on to change. */
function shownValue(value: unknown): unknown {
  if (typeof value === 'string') return shortened(value)
  if (typeof value !== 'object' || value === null) return value
  const text = JSON.stringify(value)
  return text.length > MAX_VALUE_LENGTH ? shortened(text) : JSON.parse(text)
}

function shortened(text: string): string {
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text
}
