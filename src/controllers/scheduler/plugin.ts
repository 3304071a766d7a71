import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { CacheReader } from '../runtime/controller.ts'
import type { ClusterState } from './cluster-state.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'

/** The highest score that a plugin gives a node. */
export const MAX_NODE_SCORE = 100

/** Why a pod cannot go to a node (or to any). */
export interface Rejection {
  readonly plugin: string
  readonly reasons: readonly string[]
  /** Removing other pods would not help. */
  readonly unresolvable: boolean
}

/** Reads the caches of the objects that scheduling looks at. */
export type ObjectReader = Pick<CacheReader, 'get' | 'list'>

/** One attempt to place one pod. */
export interface Cycle {
  readonly pod: Pod
  readonly info: PodInfo
  readonly cluster: ClusterState
  readonly objects: ObjectReader
}

/** A pod's demand on nodes, worked out once per cycle. Those that depend on other pods can be changed and copied. */
export interface NodeFilter {
  filter(node: NodeInfo): Rejection | undefined
  /** What if that pod were on that node as well? */
  addPod?(pod: PodInfo, node: NodeInfo): void
  removePod?(pod: PodInfo, node: NodeInfo): void
  /** A copy to try changes on; without it there is nothing to change. */
  clone?(): NodeFilter
}

/** What a plugin says before nodes are looked at; nothing at all where it has no demand. */
export interface Demand {
  readonly filter?: NodeFilter
  /** Only these nodes can do. */
  readonly nodeNames?: ReadonlySet<string>
  /** No node will do. */
  readonly rejection?: Rejection
}

export interface NodeScorer {
  /** Any number where `normalize` brings it into 0…100. */
  score(node: NodeInfo): number
  normalize?(scores: number[], nodes: readonly NodeInfo[]): void
}

/** What changed of a node. */
export type NodeChange = 'allocatable' | 'labels' | 'taints' | 'conditions' | 'annotations'
/** What changed of a pod. */
export type PodChange = 'labels' | 'scale-down' | 'gates-eliminated' | 'tolerations' | 'other'

/** A change in the cluster that may make pods schedulable. `old` is missing for what was added, `new` for what is gone. */
export type ClusterEvent =
  | { readonly kind: 'node'; readonly old?: Node; readonly new?: Node; readonly change?: NodeChange }
  | {
      readonly kind: 'pod'
      readonly old?: Pod
      readonly new?: Pod
      readonly change?: PodChange
      readonly assigned: boolean
    }
  | { readonly kind: 'object'; readonly resource: string; readonly old?: KubeObject; readonly new?: KubeObject }
  /** Time has passed or something failed: anything may have changed. */
  | { readonly kind: 'any' }

/**
 * A rule of scheduling, stateless between cycles.
 *
 * @see kubernetes pkg/scheduler/framework/interface.go
 */
export interface SchedulerPlugin {
  readonly name: string
  /** Weight of its score; default 1. */
  readonly weight?: number
  demand?(cycle: Cycle): Demand | undefined
  /** Undefined: has no preference among these nodes. */
  scorer?(cycle: Cycle, nodes: readonly NodeInfo[]): NodeScorer | undefined
  /** Whether a change may lift a rejection of this plugin's. */
  isWokenBy?(event: ClusterEvent, pod: Pod, objects: ObjectReader): boolean
}

/** Scales scores so that the highest is 100; reversed: the lowest count wins. @see helper/normalize_score.go */
export function normalizeScores(scores: number[], reverse: boolean): void {
  let highest = 0
  for (const score of scores) if (score > highest) highest = score
  for (let i = 0; i < scores.length; i++) {
    const scaled = highest === 0 ? 0 : Math.floor((MAX_NODE_SCORE * scores[i]!) / highest)
    scores[i] = reverse ? MAX_NODE_SCORE - scaled : scaled
  }
}
