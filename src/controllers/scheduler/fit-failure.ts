import type { NodeFilter, Rejection } from './plugin.ts'

/** Why a pod fits nowhere. */
export interface FitFailure {
  readonly nodeCount: number
  /** By node; nodes that are not in it fail for `others`. */
  readonly rejections: ReadonlyMap<string, Rejection>
  readonly others: readonly string[]
  /** Set where no node had to be looked at. */
  readonly beforehand: Rejection | undefined
  /** Plugins whose change of mind could help. */
  readonly plugins: ReadonlySet<string>
  /** The pod's demands, for preemption. */
  readonly filters: readonly NodeFilter[]
  /** A rejection came before device claims were looked at. */
  readonly skippedClaims: boolean
}

/**
 * `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`.
 *
 * @see kubernetes pkg/scheduler/framework/types.go FitError
 */
export function fitMessage(
  failure: Pick<FitFailure, 'nodeCount' | 'rejections' | 'others' | 'beforehand'>,
  afterwards = '',
): string {
  let message = `0/${failure.nodeCount} nodes are available:`
  if (failure.beforehand) message += ` ${failure.beforehand.reasons.join(', ')}.`
  else {
    const counts: Map<string, number> = new Map()
    for (const { reasons } of failure.rejections.values()) {
      for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    }
    const missing = failure.nodeCount - failure.rejections.size
    if (missing > 0) for (const reason of failure.others) counts.set(reason, (counts.get(reason) ?? 0) + missing)
    const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort(byBytes)
    if (parts.length > 0) message += ` ${parts.join(', ')}.`
  }
  return afterwards === '' ? message : `${message} ${afterwards}`
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
