import type { Deployment, ReplicaSet } from '../../../apimachinery/types/apps-v1.ts'
import type { Typed } from '../../runtime/client.ts'

export type DeploymentObject = Typed<Deployment>
export type ReplicaSetObject = Typed<ReplicaSet>

export const REVISION = 'deployment.kubernetes.io/revision'
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history'
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'
export const ROLLBACK_TO = 'deprecated.deployment.rollback.to'

/** Annotations of a Deployment that its ReplicaSets do not take over. */
const KEPT: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  ROLLBACK_TO,
])

/** Longest history of revisions in an annotation. */
const MAX_HISTORY_LENGTH = 2000

type Annotations = Record<string, string>

/** The revision of a ReplicaSet: 0 without one, undefined where it is no number. */
export function revisionOf({ metadata }: Pick<ReplicaSet, 'metadata'>): number | undefined {
  const text = metadata.annotations?.[REVISION]
  return text === undefined ? 0 : parseInteger(text)
}

export function maxRevision(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((max, rs) => Math.max(max, revisionOf(rs) ?? 0), 0)
}

/** The revision before the newest: what an undo without a revision goes back to; 0 where there is none. */
export function lastRevision(replicaSets: readonly ReplicaSet[]): number {
  let max = 0
  let second = 0
  for (const rs of replicaSets) {
    const revision = revisionOf(rs)
    if (revision === undefined) continue
    if (revision >= max) {
      second = max
      max = revision
    } else if (revision > second) second = revision
  }
  return second
}

/** Annotations of the newest ReplicaSet, given what the Deployment has and which revision it is; a new object. */
export function newReplicaSetAnnotations(deployment: Deployment, own: Annotations | undefined, revision: number) {
  const annotations: Annotations = { ...own }
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!KEPT.has(key)) annotations[key] = value
  }
  const text = annotations[REVISION]
  const old = text === undefined || text === '' ? 0 : parseInteger(text)
  if (old === undefined || old >= revision) return annotations
  annotations[REVISION] = String(revision)
  if (text !== undefined) addToHistory(annotations, text)
  return annotations
}

/** Keeps the revisions that a ReplicaSet had before, the oldest of them only as long as there is room. */
function addToHistory(annotations: Annotations, revision: string): void {
  const history = annotations[REVISION_HISTORY] ?? ''
  if (history === '') {
    annotations[REVISION_HISTORY] = revision
    return
  }
  const revisions = history.split(',')
  let length = history.length + revision.length + 1
  let start = 0
  while (length > MAX_HISTORY_LENGTH && start < revisions.length) length -= revisions[start++]!.length + 1
  if (length <= MAX_HISTORY_LENGTH) annotations[REVISION_HISTORY] = [...revisions.slice(start), revision].join(',')
}

/** Annotations of a Deployment that goes back to a ReplicaSet. */
export function rolledBackAnnotations(own: Annotations | undefined, target: Annotations | undefined): Annotations {
  const entries = [
    ...Object.entries(own ?? {}).filter(([key]) => KEPT.has(key)),
    ...Object.entries(target ?? {}).filter(([key]) => !KEPT.has(key)),
  ]
  return Object.fromEntries(entries)
}

/** The revision that the old rollback endpoint asked for; undefined: none. */
export function rollbackRevision({ metadata }: Deployment): number | undefined {
  const text = metadata.annotations?.[ROLLBACK_TO]
  return text === undefined || text === '' ? undefined : parseInteger(text)
}

/** How many pods were wanted (or allowed) when a ReplicaSet was scaled last; undefined where that is not noted. */
export function notedReplicas({ metadata }: ReplicaSet, annotation: string): number | undefined {
  const text = metadata.annotations?.[annotation]
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const count = Number(text)
  return count <= 2_147_483_647 ? count : undefined
}

function parseInteger(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined
}
