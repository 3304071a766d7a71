import type { Clock } from '../../apimachinery/clock.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { describeInShort, evaluatePod } from './policy-evaluator.ts'
import { formatLevelVersion, type LevelVersion } from './policy-version.ts'

/** Most pods of a namespace that a new policy is tried on. */
const MAX_PODS = 3000
/** Longest that it is tried. */
const MAX_DURATION_MS = 1000
/** Pods in one go: other requests get their turn between two. */
const PODS_PER_TURN = 200

interface ExistingPods {
  readonly namespace: string
  readonly pods: readonly Pod[]
  readonly enforce: LevelVersion
  readonly clock: Clock
  isExempt(pod: Pod): boolean
}

/**
 * Warnings of the pods of a namespace that a new policy would not let in again: one line for all pods that break it in
 * the same way.
 *
 * @see pod-security-admission admission/admission.go EvaluatePodsInNamespace
 */
export async function warningsOfExistingPods(options: ExistingPods): Promise<string[]> {
  const { namespace, enforce, clock } = options
  const ordered = prioritized(options.pods.filter((pod) => !options.isExempt(pod)))
  const examined = ordered.slice(0, MAX_PODS)
  const deadline = clock.now() + MAX_DURATION_MS
  const namesByReason = new Map<string, { first: string; count: number }>()
  let checked = 0
  for (const pod of examined) {
    checked++
    note(namesByReason, pod, enforce)
    if (checked % PODS_PER_TURN === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    if (clock.now() > deadline) break
  }
  const warnings: string[] = []
  if (checked < ordered.length) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked} of ${ordered.length} existing pods`,
    )
  }
  if (namesByReason.size > 0) {
    const level = goQuote(formatLevelVersion(enforce))
    warnings.push(`existing pods in namespace ${goQuote(namespace)} violate the new PodSecurity enforce level ${level}`)
  }
  const lines = [...namesByReason].map(([reason, { first, count }]) => `${first}${othersOf(count)}: ${reason}`)
  return [...warnings, ...lines.sort()]
}

function note(byReason: Map<string, { first: string; count: number }>, pod: Pod, enforce: LevelVersion): void {
  if (!pod.spec) return
  const violations = evaluatePod(enforce, pod.metadata, pod.spec)
  if (violations.length === 0) return
  const reason = describeInShort(violations)
  const name = pod.metadata.name ?? ''
  const seen = byReason.get(reason)
  if (!seen) byReason.set(reason, { first: name, count: 1 })
  else {
    seen.count++
    if (name < seen.first) seen.first = name
  }
}

function othersOf(count: number): string {
  if (count === 1) return ''
  return count === 2 ? ' (and 1 other pod)' : ` (and ${count - 1} other pods)`
}

/** One pod of each controller first: its siblings are most likely the same. */
function prioritized(pods: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>()
  const first: Pod[] = []
  const siblings: Pod[] = []
  for (const pod of pods) {
    const controller = pod.metadata.ownerReferences?.find((owner) => owner.controller)?.uid
    if (controller !== undefined && seen.has(controller)) {
      siblings.push(pod)
      continue
    }
    if (controller !== undefined) seen.add(controller)
    first.push(pod)
  }
  return [...first, ...siblings]
}
