import type { SchemaNode } from '../schema/schema-node.ts'
import type { FieldSet } from './field-set.ts'
import type { PathElement } from './path-element.ts'

/** Steps that are kept at most (some megabytes); then all are forgotten. */
const MAX_STEPS = 20_000

/** What lies below one element. */
export interface Branch {
  readonly element: PathElement
  readonly tree: FieldSet
}

/**
 * A set that was made before, found again by the steps that make it: objects that look alike get the very same set. So a
 * set that thousands of objects have is built, combined with others and encoded once.
 *
 * A step is told by a key that stands for its element, and by the identity of the tree below, which is shared itself.
 */
export class SharedSet {
  readonly #steps: StepCount
  readonly #before: SharedSet | undefined
  readonly #branch: Branch | undefined
  #set: FieldSet | undefined
  /** The step that was taken first, which mostly is the only one. */
  #key: unknown
  #tree: FieldSet | undefined
  #next: SharedSet | undefined
  #others: Map<unknown, Map<FieldSet, SharedSet>> | undefined

  constructor(steps: StepCount, before?: SharedSet, branch?: Branch) {
    this.#steps = steps
    this.#before = before
    this.#branch = branch
  }

  /** Where the step leads; undefined where nobody has taken it. */
  after(key: unknown, tree: FieldSet): SharedSet | undefined {
    if (this.#tree === tree && this.#key === key) return this.#next
    return this.#others?.get(key)?.get(tree)
  }

  /** Takes a step for the first time. */
  add(key: unknown, { element, tree }: Branch): SharedSet {
    const next = new SharedSet(this.#steps, this, { element, tree })
    this.#steps.count++
    if (this.#next === undefined) {
      this.#key = key
      this.#tree = tree
      this.#next = next
      return next
    }
    this.#others ??= new Map()
    const byTree = this.#others.get(key)
    if (byTree) byTree.set(tree, next)
    else this.#others.set(key, new Map([[tree, next]]))
    return next
  }

  /** The set; made of all branches, in the order of their steps, the first time. */
  set(make: (branches: readonly Branch[]) => FieldSet): FieldSet {
    this.#set ??= make(this.#branches())
    return this.#set
  }

  #branches(): Branch[] {
    const branches: Branch[] = []
    let at: SharedSet = this
    while (at.#before !== undefined && at.#branch !== undefined) {
      branches.push(at.#branch)
      at = at.#before
    }
    return branches.reverse()
  }
}

interface StepCount {
  count: number
}

/** The beginnings of sets, one for each type. */
export class SharedSets {
  #steps: StepCount = { count: 0 }
  #byNode = new WeakMap<object, SharedSet>()

  of(node: SchemaNode): SharedSet {
    if (this.#steps.count > MAX_STEPS) {
      this.#steps = { count: 0 }
      this.#byNode = new WeakMap()
    }
    let start = this.#byNode.get(node)
    if (!start) {
      start = new SharedSet(this.#steps)
      this.#byNode.set(node, start)
    }
    return start
  }
}
