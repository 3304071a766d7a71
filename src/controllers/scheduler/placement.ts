import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { FitFailure } from './fit-failure.ts'
import type { NodeInfo } from './node-info.ts'
import type { Nominations } from './nominations.ts'
import type { Cycle, NodeFilter, Rejection, SchedulerPlugin } from './plugin.ts'

/** Below this many nodes all are looked at. */
const MIN_FEASIBLE_NODES = 100
const MIN_FEASIBLE_PERCENT = 5

/** How many fitting nodes are enough to choose from. @see kubernetes pkg/scheduler/schedule_one.go */
export function feasibleNodesToFind(nodeCount: number): number {
  if (nodeCount < MIN_FEASIBLE_NODES) return nodeCount
  const percent = Math.max(50 - Math.floor(nodeCount / 125), MIN_FEASIBLE_PERCENT)
  return Math.max(Math.floor((nodeCount * percent) / 100), MIN_FEASIBLE_NODES)
}

/** The first obstacle on a node, with the pods in mind that room was promised to. */
export function obstacleOn(
  node: NodeInfo,
  cycle: Cycle,
  filters: readonly NodeFilter[],
  nominations: Nominations,
): Rejection | undefined {
  const promised = nominations.before(cycle.info, node)
  if (promised.length > 0) {
    const crowded = node.clone()
    const strict = filters.map((filter) => filter.clone?.() ?? filter)
    for (const info of promised) {
      crowded.add(info)
      for (const filter of strict) filter.addPod?.(info, crowded)
    }
    const rejection = firstObstacle(crowded, strict)
    if (rejection) return rejection
  }
  return firstObstacle(node, filters)
}

function firstObstacle(node: NodeInfo, filters: readonly NodeFilter[]): Rejection | undefined {
  for (const filter of filters) {
    const rejection = filter.filter(node)
    if (rejection) return rejection
  }
  return undefined
}

interface Demands {
  readonly filters: readonly NodeFilter[]
  readonly nodeNames: ReadonlySet<string> | undefined
  readonly rejection: Rejection | undefined
  readonly restricting: readonly string[]
  readonly skippedClaims: boolean
}

function collectDemands(cycle: Cycle, plugins: readonly SchedulerPlugin[]): Demands {
  const filters: NodeFilter[] = []
  const restricting: string[] = []
  let nodeNames: ReadonlySet<string> | undefined
  const stop = (rejection: Rejection, at: number): Demands => ({
    filters,
    nodeNames,
    rejection,
    restricting,
    skippedClaims: plugins.findIndex((p) => p.name === 'DynamicResources') > at,
  })
  for (const [at, plugin] of plugins.entries()) {
    const demand = asked(plugin, cycle)
    if (!demand) continue
    if (demand.rejection) return stop(demand.rejection, at)
    if (demand.filter) filters.push(demand.filter)
    if (!demand.nodeNames) continue
    restricting.push(plugin.name)
    nodeNames = nodeNames ? new Set([...nodeNames].filter((name) => demand.nodeNames!.has(name))) : demand.nodeNames
    if (nodeNames.size > 0) continue
    const reason =
      restricting.length === 1
        ? `node(s) didn't satisfy plugin ${restricting[0]}`
        : `node(s) didn't satisfy plugin(s) [${[...restricting].sort().join(' ')}] simultaneously`
    return stop({ plugin: plugin.name, reasons: [reason], unresolvable: true }, at)
  }
  return { filters, nodeNames, rejection: undefined, restricting, skippedClaims: false }
}

function asked(plugin: SchedulerPlugin, cycle: Cycle) {
  try {
    return plugin.demand?.(cycle)
  } catch (error) {
    throw new Error(`running PreFilter plugin "${plugin.name}": ${(error as Error).message}`, { cause: error })
  }
}

/** Where a pod goes, or why it goes nowhere. */
type Placement = { readonly node: NodeInfo; readonly filters: readonly NodeFilter[] } | { readonly failure: FitFailure }

/**
 * Finds the best node for a pod: filters until enough nodes fit, beginning where the last search ended, then scores
 * them. Errors: a plugin's, which mean that nothing could be decided.
 *
 * @see kubernetes pkg/scheduler/schedule_one.go schedulePod
 */
export class Placer {
  readonly #plugins: readonly SchedulerPlugin[]
  readonly #nominations: Nominations
  #nextStart = 0

  constructor(plugins: readonly SchedulerPlugin[], nominations: Nominations) {
    this.#plugins = plugins
    this.#nominations = nominations
  }

  place(cycle: Cycle): Placement {
    const all = cycle.cluster.nodes
    const demands = collectDemands(cycle, this.#plugins)
    const { filters, nodeNames, rejection } = demands
    if (rejection) return { failure: failed(all.length, demands, new Map()) }
    const promised = this.#promisedNode(cycle, filters)
    if (promised) return { node: promised, filters }
    const nodes = nodeNames ? [...nodeNames].flatMap((name) => cycle.cluster.get(name) ?? []) : all
    const rejections: Map<string, Rejection> = new Map()
    const feasible = this.#feasible(cycle, nodes, filters, rejections)
    this.#nextStart = all.length === 0 ? 0 : (this.#nextStart + feasible.length + rejections.size) % all.length
    if (feasible.length === 0) return { failure: failed(all.length, demands, rejections) }
    return { node: feasible.length === 1 ? feasible[0]! : this.#best(cycle, feasible), filters }
  }

  /** The node that room was made on, if it fits now. */
  #promisedNode(cycle: Cycle, filters: readonly NodeFilter[]): NodeInfo | undefined {
    const name = cycle.pod.status?.nominatedNodeName
    const node = name ? cycle.cluster.get(name) : undefined
    return node && !obstacleOn(node, cycle, filters, this.#nominations) ? node : undefined
  }

  #feasible(
    cycle: Cycle,
    nodes: readonly NodeInfo[],
    filters: readonly NodeFilter[],
    rejections: Map<string, Rejection>,
  ): NodeInfo[] {
    const enough = feasibleNodesToFind(nodes.length)
    const feasible: NodeInfo[] = []
    for (let i = 0; i < nodes.length && feasible.length < enough; i++) {
      const node = nodes[(this.#nextStart + i) % nodes.length]!
      const rejection = obstacleOn(node, cycle, filters, this.#nominations)
      if (rejection) rejections.set(node.name, rejection)
      else feasible.push(node)
    }
    return feasible
  }

  /** The node with the highest sum of weighted scores; a random one of equals. */
  #best(cycle: Cycle, nodes: readonly NodeInfo[]): NodeInfo {
    const totals = new Array<number>(nodes.length).fill(0)
    for (const plugin of this.#plugins) {
      const scorer = plugin.scorer?.(cycle, nodes)
      if (!scorer) continue
      const scores = nodes.map((node) => scorer.score(node))
      scorer.normalize?.(scores, nodes)
      const weight = plugin.weight ?? 1
      for (let i = 0; i < totals.length; i++) totals[i]! += weight * scores[i]!
    }
    let best = 0
    let equals = 1
    for (let i = 1; i < totals.length; i++) {
      if (totals[i]! > totals[best]!) {
        best = i
        equals = 1
      } else if (totals[i] === totals[best] && Math.random() * ++equals < 1) best = i
    }
    return nodes[best]!
  }
}

function failed(nodeCount: number, demands: Demands, rejections: ReadonlyMap<string, Rejection>): FitFailure {
  const { filters, rejection, nodeNames, restricting, skippedClaims } = demands
  const plugins: Set<string> = new Set(rejection ? [rejection.plugin, ...restricting] : restricting)
  for (const { plugin } of rejections.values()) plugins.add(plugin)
  const others = nodeNames ? [`node(s) didn't satisfy plugin(s) [${[...restricting].sort().join(' ')}]`] : []
  return { nodeCount, rejections, others, beforehand: rejection, plugins, filters, skippedClaims }
}

/** True for a pod that the scheduler of that name is to place. */
export function isForScheduler(pod: Pod, schedulerName: string): boolean {
  return !pod.spec?.nodeName && (pod.spec?.schedulerName || 'default-scheduler') === schedulerName
}
