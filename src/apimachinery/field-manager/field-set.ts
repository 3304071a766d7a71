import {
  canonicalElement,
  comparePathElements,
  type PathElement,
  PathElementError,
  type PathElements,
} from './path-element.ts'

/**
 * A set of paths in the very form that `managedFields[].fieldsV1` has: an object per step, `{}` a member, `.` the mark
 * of a member that others lie below. As an operand it is in canonical form: elements canonical and in upstream's order,
 * `.` first, nothing empty that is no member. Sets are never written to, and share what they have in common, so that a
 * decoded managed fields entry is a set, and an unchanged set is written as it was read.
 *
 * @see structured-merge-diff fieldpath/set.go, serialize.go
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

export const EMPTY_SET: FieldSet = Object.freeze({})

const MEMBER: FieldSet = EMPTY_SET

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

/** Whether the subtree's own path belongs to the set. */
function isMember(tree: FieldSet): boolean {
  return tree['.'] !== undefined || isEmptySet(tree)
}

/** The subtree of a member or not, with what lies below; undefined where nothing is left. */
export function makeTree(member: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return member ? MEMBER : undefined
  return member ? { '.': MEMBER, ...children } : children
}

/** The children in the order in which sets are written. */
export function inOrder(children: FieldSet): FieldSet {
  const keys = Object.keys(children)
  let sorted = true
  for (let i = 1; i < keys.length && sorted; i++) sorted = comparePathElements(keys[i - 1]!, keys[i]!) < 0
  if (sorted) return children
  const result: Record<string, FieldSet> = {}
  for (const key of keys.sort(comparePathElements)) result[key] = children[key]!
  return result
}

/** Paths of either set. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a
  if (isEmptySet(a)) return b
  return unionChildren(a, b)
}

/** `a`'s children with `b`'s; `a` itself where they bring nothing new. */
function unionChildren(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {}
  let changed = false
  let added = false
  for (const key in a) {
    if (key === '.') continue
    const other = b[key]
    const merged = other === undefined ? a[key]! : unionTree(a[key]!, other)
    if (merged !== a[key]) changed = true
    result[key] = merged
  }
  for (const key in b) {
    if (key === '.' || a[key] !== undefined) continue
    result[key] = b[key]!
    added = true
  }
  if (added) return inOrder(result)
  return changed || a['.'] !== undefined ? result : a
}

function unionTree(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a
  const aMember = isMember(a)
  const children = unionChildren(a, b)
  const member = aMember || isMember(b)
  if (member === aMember && sameChildren(a, children)) return a
  return makeTree(member, children) ?? MEMBER
}

function sameChildren(tree: FieldSet, children: FieldSet): boolean {
  for (const key in children) if (tree[key] !== children[key]) return false
  for (const key in tree) if (key !== '.' && children[key] === undefined) return false
  return true
}

interface DifferenceOptions {
  /** A member of the other set takes everything below it along. */
  readonly recursive: boolean
}

/** Paths of `a` that are not in `b`; `a` itself where that is all of them. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return differenceChildren(a, b, { recursive: false })
}

/** Paths of `a` that are neither in `b` nor below a path that is. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return differenceChildren(a, b, { recursive: true })
}

function differenceChildren(a: FieldSet, b: FieldSet, options: DifferenceOptions): FieldSet {
  const result: Record<string, FieldSet> = {}
  let changed = false
  for (const key in a) {
    if (key === '.') continue
    const tree = a[key]!
    const other = b[key]
    const left = other === undefined ? tree : differenceTree(tree, other, options)
    if (left !== tree) changed = true
    if (left !== undefined) result[key] = left
  }
  return changed || a['.'] !== undefined ? result : a
}

function differenceTree(a: FieldSet, b: FieldSet, options: DifferenceOptions): FieldSet | undefined {
  const taken = isMember(b)
  if (taken && options.recursive) return undefined
  const member = isMember(a)
  const children = differenceChildren(a, b, options)
  if (!(member && taken) && sameChildren(a, children)) return a
  return makeTree(member && !taken, children)
}

/** Paths of both sets. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a
  const result: Record<string, FieldSet> = {}
  for (const key in a) {
    const other = b[key]
    if (key === '.' || other === undefined) continue
    const common = makeTree(isMember(a[key]!) && isMember(other), intersection(childrenOf(a[key]!), childrenOf(other)))
    if (common !== undefined) result[key] = common
  }
  return result
}

function childrenOf(tree: FieldSet): FieldSet {
  if (tree['.'] === undefined) return tree
  const { '.': _, ...children } = tree
  return children
}

/** Whether every path of `a` is in `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  for (const key in a) {
    if (key === '.') continue
    const other = b[key]
    if (other === undefined) return false
    if (isMember(a[key]!) && !isMember(other)) return false
    if (!isSubset(a[key]!, other)) return false
  }
  return true
}

export function hasPath(set: FieldSet, path: PathElements): boolean {
  let tree: FieldSet | undefined = set
  for (const element of path) {
    tree = tree[element]
    if (tree === undefined) return false
  }
  return path.length > 0 && isMember(tree)
}

/** Whether the element itself, not only something below it, belongs to the set. */
export function hasElement(set: FieldSet, element: PathElement): boolean {
  const tree = set[element]
  return tree !== undefined && isMember(tree)
}

/** The set of what lies below an element, relative to it. */
export function below(set: FieldSet, element: PathElement): FieldSet {
  const tree = set[element]
  return tree === undefined ? EMPTY_SET : childrenOf(tree)
}

/** Calls `visit` for each path: at every level the members first, then what lies below them. */
export function forEachPath(set: FieldSet, visit: (path: PathElements) => void): void {
  walk(set, [], visit)
}

function walk(set: FieldSet, prefix: PathElements, visit: (path: PathElements) => void): void {
  for (const key in set) if (key !== '.' && isMember(set[key]!)) visit([...prefix, key])
  for (const key in set) if (key !== '.') walk(set[key]!, [...prefix, key], visit)
}

/** The paths of a set, for messages and tests. */
export function pathsOf(set: FieldSet): PathElements[] {
  const paths: PathElements[] = []
  forEachPath(set, (path) => paths.push(path))
  return paths
}

/** Collects paths in any order. */
export class FieldSetBuilder {
  #member = false
  #children: Map<PathElement, FieldSetBuilder> | undefined
  /** A tree that was made elsewhere, for this path and all below it. */
  #whole: FieldSet | undefined

  /** Adds a path; the empty one is left out, as upstream does. */
  add(path: PathElements): void {
    if (path.length > 0) this.#descend(path).#member = true
  }

  /** Adds the tree of a path, as {@link makeTree} gives it; nothing else may be added there. */
  addTree(path: PathElements, tree: FieldSet): void {
    this.#descend(path).#whole = tree
  }

  #descend(path: PathElements): FieldSetBuilder {
    let node: FieldSetBuilder = this
    for (const element of path) node = node.child(element)
    return node
  }

  /** The builder of what lies below an element; an empty one leaves no trace. */
  child(element: PathElement): FieldSetBuilder {
    this.#children ??= new Map()
    let child = this.#children.get(element)
    if (!child) {
      child = new FieldSetBuilder()
      this.#children.set(element, child)
    }
    return child
  }

  build(): FieldSet {
    if (this.#whole) return childrenOf(this.#whole)
    if (!this.#children) return EMPTY_SET
    const result: Record<string, FieldSet> = {}
    for (const [element, builder] of this.#children) {
      const tree = builder.#whole ?? makeTree(builder.#member, builder.build())
      if (tree !== undefined) result[element] = tree
    }
    return inOrder(result)
  }
}

export function setOf(...paths: readonly PathElements[]): FieldSet {
  const builder = new FieldSetBuilder()
  for (const path of paths) builder.add(path)
  return builder.build()
}

/** Canonical sets by what was decoded: managed fields are decoded on every write of an object. */
const canonicalSets = new WeakMap<object, FieldSet>()

/**
 * The set that a `fieldsV1` value means; the value itself where it is canonical already, as everything is that this
 * server wrote. The value must not change afterwards.
 *
 * @throws {PathElementError} where it holds no such set
 */
export function fieldSetOf(fieldsV1: unknown): FieldSet {
  if (fieldsV1 === undefined || fieldsV1 === null) return EMPTY_SET
  if (typeof fieldsV1 !== 'object') throw new PathElementError('fieldsV1 must be an object')
  const known = canonicalSets.get(fieldsV1)
  if (known) return known
  const set = canonicalChildren(fieldsV1)
  canonicalSets.set(fieldsV1, set)
  canonicalSets.set(set, set)
  return set
}

function canonicalChildren(raw: unknown): FieldSet {
  if (raw === null) return EMPTY_SET
  if (typeof raw !== 'object' || Array.isArray(raw)) throw new PathElementError('expected an object in fieldsV1')
  const result: Record<string, FieldSet> = {}
  let same = true
  for (const [key, value] of Object.entries(raw)) {
    if (key === '.') {
      same = false
      continue
    }
    const element = canonicalElement(key)
    const tree = element === undefined ? undefined : canonicalTree(value)
    if (element !== key || tree !== value) same = false
    if (element === undefined || tree === undefined) continue
    const earlier = result[element]
    result[element] = earlier === undefined ? tree : unionTree(earlier, tree)
  }
  const ordered = inOrder(result)
  return same && ordered === result ? (raw as FieldSet) : ordered
}

function canonicalTree(raw: unknown): FieldSet {
  const children = canonicalChildren(raw)
  const marked = typeof raw === 'object' && raw !== null && Object.hasOwn(raw, '.')
  if (isEmptySet(children)) return isEmptyObject(raw) ? (raw as FieldSet) : MEMBER
  if (!marked) return children
  const tree: FieldSet = { '.': MEMBER, ...children }
  return isSameObject(raw as FieldSet, tree) ? (raw as FieldSet) : tree
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && isEmptySet(value as FieldSet)
}

function isSameObject(a: FieldSet, b: FieldSet): boolean {
  if (!isEmptyObject(a['.'])) return false
  const aKeys = Object.keys(a)
  const bKeys = Object.keys(b)
  if (aKeys.length !== bKeys.length) return false
  return aKeys.every((key, i) => key === bKeys[i] && (key === '.' || a[key] === b[key]))
}
