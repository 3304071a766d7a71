import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { PodDisruptionBudget } from '../../apimachinery/types/policy-v1.ts'
import { selectorOf } from './affinity-term.ts'
import { type FitFailure, fitMessage } from './fit-failure.ts'
import type { NodeInfo } from './node-info.ts'
import type { Nominations } from './nominations.ts'
import { obstacleOn } from './placement.ts'
import type { Cycle, NodeFilter, Rejection } from './plugin.ts'
import { NOTHING_TO_DEALLOCATE } from './plugins/dynamic-resources.ts'
import { type PodInfo, podPriority, podStartMs } from './pod-info.ts'

const PLUGIN = 'DefaultPreemption'
const MIN_CANDIDATES_PERCENT = 10
const MIN_CANDIDATES = 100

const NO_VICTIMS: Rejection = {
  plugin: PLUGIN,
  reasons: ['No preemption victims found for incoming pod'],
  unresolvable: true,
}

/** Pods that would have to go from a node for another to fit, the most important first. */
export interface Candidate {
  readonly node: string
  readonly victims: readonly PodInfo[]
  readonly violations: number
}

/** Whom to preempt, or what to say of it. `clearsNomination`: what was promised to the pod before does not hold. */
type PreemptionOutcome =
  | { readonly candidate: Candidate }
  | { readonly message: string; readonly clearsNomination: boolean }

interface PreemptionView {
  readonly budgets: readonly PodDisruptionBudget[]
  readonly nominations: Nominations
  readonly nowMs: number
}

/**
 * Looks for a node where a pod fits once less important ones are gone.
 *
 * @see kubernetes pkg/scheduler/framework/preemption/preemption.go
 * @see plugins/defaultpreemption/default_preemption.go
 */
export function preempt(cycle: Cycle, failure: FitFailure, view: PreemptionView): PreemptionOutcome {
  if (failure.skippedClaims) return { message: 'not found', clearsNomination: false }
  const say = (text: string, clearsNomination: boolean): PreemptionOutcome => ({
    message: `${NOTHING_TO_DEALLOCATE}, preemption: ${text}`,
    clearsNomination,
  })
  const obstacle = ineligible(cycle, failure)
  if (obstacle) return say(obstacle, false)
  const nodes = cycle.cluster.nodes
  const potential = failure.beforehand
    ? failure.beforehand.unresolvable
      ? []
      : nodes
    : nodes.filter((node) => failure.rejections.get(node.name)?.unresolvable === false)
  const { candidates, rejections } = dryRun(cycle, failure.filters, potential, view)
  if (candidates.length === 0) {
    const others = ['Preemption is not helpful for scheduling']
    return say(fitMessage({ nodeCount: nodes.length, rejections, others, beforehand: undefined }), true)
  }
  return { candidate: bestCandidate(candidates, view.nowMs) }
}

function ineligible({ pod, info, cluster }: Cycle, failure: FitFailure): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const nominated = pod.status?.nominatedNodeName
  if (!nominated) return undefined
  const rejection = failure.rejections.get(nominated) ?? failure.beforehand
  if (!rejection || rejection.unresolvable) return undefined
  for (const other of cluster.get(nominated)?.pods.values() ?? []) {
    if (other.priority < info.priority && isBeingPreempted(other.pod)) {
      return 'not eligible due to a terminating pod on the nominated node.'
    }
  }
  return undefined
}

function isBeingPreempted({ metadata, status }: Pod): boolean {
  if (!metadata.deletionTimestamp) return false
  const condition = status?.conditions?.find((c) => c.type === 'DisruptionTarget')
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler'
}

function dryRun(
  cycle: Cycle,
  filters: readonly NodeFilter[],
  potential: readonly NodeInfo[],
  view: PreemptionView,
): { readonly candidates: readonly Candidate[]; readonly rejections: ReadonlyMap<string, Rejection> } {
  const wanted = Math.min(
    Math.max(Math.floor((potential.length * MIN_CANDIDATES_PERCENT) / 100), MIN_CANDIDATES),
    potential.length,
  )
  const offset = Math.floor(Math.random() * potential.length)
  const harmless: Candidate[] = []
  const violating: Candidate[] = []
  const rejections: Map<string, Rejection> = new Map()
  for (let i = 0; i < potential.length; i++) {
    if (harmless.length > 0 && harmless.length + violating.length >= wanted) break
    const node = potential[(offset + i) % potential.length]!
    const outcome = victimsOn(cycle, filters, node, view)
    if ('reasons' in outcome) rejections.set(node.name, outcome)
    else if (outcome.violations === 0) harmless.push(outcome)
    else violating.push(outcome)
  }
  return { candidates: [...harmless, ...violating], rejections }
}

/** The least that has to go from a node, or why it does not help. */
function victimsOn(
  cycle: Cycle,
  filters: readonly NodeFilter[],
  original: NodeInfo,
  view: PreemptionView,
): Candidate | Rejection {
  const { info } = cycle
  const potential = [...original.pods.values()].filter((other) => other.priority < info.priority)
  if (potential.length === 0) return NO_VICTIMS
  const node = original.clone()
  const trial = filters.map((filter) => filter.clone?.() ?? filter)
  const remove = (other: PodInfo): void => {
    node.remove(other.uid)
    for (const filter of trial) filter.removePod?.(other, node)
  }
  const add = (other: PodInfo): void => {
    node.add(other)
    for (const filter of trial) filter.addPod?.(other, node)
  }
  for (const other of potential) remove(other)
  const obstacle = obstacleOn(node, cycle, trial, view.nominations)
  if (obstacle) return obstacle
  potential.sort((a, b) => byImportance(a, b, view.nowMs))
  const [violating, harmless] = splitByBudgets(potential, view.budgets)
  const victims: PodInfo[] = []
  const isSpared = (other: PodInfo): boolean => {
    add(other)
    if (!obstacleOn(node, cycle, trial, view.nominations)) return true
    remove(other)
    victims.push(other)
    return false
  }
  let violations = 0
  for (const other of violating) if (!isSpared(other)) violations++
  for (const other of harmless) isSpared(other)
  victims.sort((a, b) => byImportance(a, b, view.nowMs))
  if (victims.length === 0) {
    return { plugin: PLUGIN, reasons: [`expected at least one victim pod on node "${node.name}"`], unresolvable: false }
  }
  return { node: node.name, victims, violations }
}

/** Higher priority first, then the one that has run longer. */
function byImportance(a: PodInfo, b: PodInfo, nowMs: number): number {
  return b.priority - a.priority || podStartMs(a.pod, nowMs) - podStartMs(b.pod, nowMs)
}

/** Pods whose removal would break a disruption budget, and the others; the order is kept. */
function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): readonly [violating: readonly PodInfo[], harmless: readonly PodInfo[]] {
  const left = budgets.map((budget) => budget.status?.disruptionsAllowed ?? 0)
  const selectors = budgets.map((budget) => selectorOf(budget.spec?.selector))
  const violating: PodInfo[] = []
  const harmless: PodInfo[] = []
  for (const info of pods) {
    const { labels, name = '' } = info.pod.metadata
    let breaks = false
    for (const [i, budget] of budgets.entries()) {
      if (!labels || Object.keys(labels).length === 0 || budget.metadata.namespace !== info.namespace) continue
      if (selectors[i]!.isEmpty() || !selectors[i]!.matches(labels)) continue
      if (budget.status?.disruptedPods?.[name] !== undefined) continue
      if (--left[i]! < 0) breaks = true
    }
    if (breaks) violating.push(info)
    else harmless.push(info)
  }
  return [violating, harmless]
}

/** What makes one candidate better than another, the most important first; higher is better. */
const CRITERIA: readonly ((candidate: Candidate, nowMs: number) => number)[] = [
  ({ violations }) => -violations,
  ({ victims }) => -victims[0]!.priority,
  ({ victims }) => -victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0),
  ({ victims }) => -victims.length,
  ({ victims }, nowMs) => {
    const highest = victims[0]!.priority
    return Math.min(...victims.filter((v) => v.priority === highest).map((v) => podStartMs(v.pod, nowMs)))
  },
]

function bestCandidate(candidates: readonly Candidate[], nowMs: number): Candidate {
  let left = candidates
  for (const criterion of CRITERIA) {
    if (left.length === 1) break
    const scores = left.map((candidate) => criterion(candidate, nowMs))
    const best = Math.max(...scores)
    left = left.filter((_, i) => scores[i] === best)
  }
  return left[0]!
}

/** Pods of lower priority to which the same node was promised: their promise is void now. */
export function outbidNominations(pod: Pod, nodeName: string, nominations: Nominations): readonly PodInfo[] {
  return [...nominations.on(nodeName)].filter((other) => other.priority < podPriority(pod))
}
