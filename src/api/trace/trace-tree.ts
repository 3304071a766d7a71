import type { RequestTrace } from './request-trace.ts'
import type { TraceNode } from './trace-record.ts'

/** Levels of a tree; what is below is counted. Loops that wake each other make chains without an end. */
const MAX_DEPTH = 32
/** Records of an answer; what is beyond is counted. */
const MAX_NODES = 5_000

/** Requests by what led to them. */
export class CauseGraph {
  readonly #writers = new Map<number, RequestTrace>()
  readonly #effects = new Map<RequestTrace, RequestTrace[]>()

  /** `records`: in the order in which their requests came. */
  constructor(records: readonly RequestTrace[]) {
    for (const record of records) for (const revision of record.revisions) this.#writers.set(revision, record)
    for (const record of records) {
      for (const cause of this.causesOf(record)) {
        const known = this.#effects.get(cause)
        if (known) known.push(record)
        else this.#effects.set(cause, [record])
      }
    }
  }

  /**
   * Requests that led to one, as far as they are known. A change leads only to later ones, so that following causes
   * comes to an end, whatever a client claims.
   */
  causesOf({ cause, revisions }: RequestTrace): RequestTrace[] {
    const first = revisions[0] ?? Number.POSITIVE_INFINITY
    const found = new Set<RequestTrace>()
    for (const revision of cause?.revisions ?? []) {
      const writer = this.#writers.get(revision)
      if (writer && writer.revisions[0]! < first) found.add(writer)
    }
    return [...found]
  }

  /** Requests that one led to. */
  effectsOf(record: RequestTrace): readonly RequestTrace[] {
    return this.#effects.get(record) ?? []
  }

  /** The request with all that it led to. */
  reach(root: RequestTrace): Set<RequestTrace> {
    const reached = new Set([root])
    for (const record of reached) for (const effect of this.effectsOf(record)) reached.add(effect)
    return reached
  }

  /** The requests that one goes back to: those that have no known cause. */
  origins(record: RequestTrace): RequestTrace[] {
    const seen = new Set([record])
    for (const each of seen) for (const cause of this.causesOf(each)) seen.add(cause)
    return [...seen].filter((each) => this.causesOf(each).length === 0)
  }
}

/**
 * The trees of some requests: each record stands once, below the first of its causes; others refer to it. `isShown`:
 * false for records that are left out.
 */
export function traceTrees(
  graph: CauseGraph,
  roots: readonly RequestTrace[],
  isShown: (record: RequestTrace) => boolean,
): TraceNode[] {
  const builder = new TreeBuilder(graph, isShown)
  return roots.filter((root) => !builder.placed.has(root)).map((root) => builder.tree(root))
}

class TreeBuilder {
  readonly placed = new Set<RequestTrace>()
  readonly #graph: CauseGraph
  readonly #isShown: (record: RequestTrace) => boolean
  #nodes = 0

  constructor(graph: CauseGraph, isShown: (record: RequestTrace) => boolean) {
    this.#graph = graph
    this.#isShown = isShown
  }

  tree(root: RequestTrace): TraceNode {
    const reached = new Set([...this.#graph.reach(root)].filter((record) => record === root || this.#isShown(record)))
    const parents = new Map<RequestTrace, RequestTrace>()
    for (const record of reached) {
      if (record === root || this.placed.has(record)) continue
      const first = this.#graph.causesOf(record).find((cause) => reached.has(cause))
      if (first) parents.set(record, first)
    }
    for (const record of reached) if (record === root || parents.has(record)) this.placed.add(record)
    return this.#node(root, root, parents, 1)
  }

  #node(
    record: RequestTrace,
    root: RequestTrace,
    parents: ReadonlyMap<RequestTrace, RequestTrace>,
    depth: number,
  ): TraceNode {
    this.#nodes++
    const effects = this.#graph.effectsOf(record).filter((effect) => this.#isShown(effect))
    const own = effects.filter((effect) => parents.get(effect) === record)
    const others = effects.filter((effect) => parents.get(effect) !== record)
    const children: TraceNode[] = []
    let omitted = 0
    for (const child of own) {
      if (depth === MAX_DEPTH || this.#nodes >= MAX_NODES) omitted += this.#size(child, parents)
      else children.push(this.#node(child, root, parents, depth + 1))
    }
    return {
      record: record.view(),
      offsetMs: offsetMs(root, record),
      children,
      ...(others.length > 0 ? { alsoCaused: others.map((other) => other.id) } : {}),
      ...(omitted > 0 ? { omitted } : {}),
    }
  }

  /** Records of a subtree. */
  #size(top: RequestTrace, parents: ReadonlyMap<RequestTrace, RequestTrace>): number {
    const subtree = new Set([top])
    for (const record of subtree) {
      for (const effect of this.#graph.effectsOf(record)) if (parents.get(effect) === record) subtree.add(effect)
    }
    return [...subtree].filter(this.#isShown).length
  }
}

/** By the machine's clock, which is finer, unless the server's is another one. */
function offsetMs(root: RequestTrace, record: RequestTrace): number {
  const byClock = record.time - root.time
  const byMachine = record.startedAt - root.startedAt
  return Math.abs(byClock - byMachine) < 50 ? Math.round(byMachine * 1000) / 1000 : byClock
}
