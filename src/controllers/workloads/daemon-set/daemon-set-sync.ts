import { isNotFound } from '../../../apimachinery/api-error.ts'
import type { DaemonSetStatus } from '../../../apimachinery/types/apps-v1.ts'
import type { Node } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS } from '../../runtime/resources.ts'
import {
  createRevision,
  REVISION_LABEL,
  type RevisionObject,
  renumber,
  revisionData,
  sameData,
  truncateHistory,
} from '../controller-history.ts'
import { createPod, deletePod, isNamespaceTerminating, podFromTemplate, slowStart } from '../pod-control.ts'
import { isPodAvailable, isPodReady, type PodObject } from '../pod-state.ts'
import { templateHash } from '../template-hash.ts'
import {
  type DaemonSetObject,
  daemonTemplate,
  isUpdated,
  type NodeFit,
  nodeFit,
  oldestPodFirst,
  podsByNode,
  updateBounds,
} from './daemon-pods.ts'
import { updateStep } from './daemon-update.ts'
import type { FailedPodsBackoff } from './failed-pods-backoff.ts'

/** Most pods that one reconcile creates or deletes. */
const BURST_REPLICAS = 250

/**
 * One reconcile of a DaemonSet: a pod on each node that fits, none elsewhere, updated within the bounds.
 *
 * @see kubernetes pkg/controller/daemon/daemon_controller.go
 */
export class DaemonSetSync {
  readonly #context: ReconcileContext
  readonly #set: DaemonSetObject
  readonly #pods: readonly PodObject[]
  readonly #backoff: FailedPodsBackoff
  readonly #nodes: readonly Typed<Node>[]
  readonly #fits: ReadonlyMap<string, NodeFit>
  readonly #byNode: Map<string, PodObject[]>
  readonly #now: number
  #hash = ''
  #requeueMs: number | undefined

  constructor(context: ReconcileContext, set: DaemonSetObject, pods: readonly PodObject[], backoff: FailedPodsBackoff) {
    this.#context = context
    this.#set = set
    this.#pods = pods
    this.#backoff = backoff
    this.#nodes = context.cache.list(NODES)
    const fitOf = nodeFit(set)
    this.#fits = new Map(this.#nodes.map((node) => [node.metadata.name!, fitOf(node)]))
    this.#byNode = podsByNode(pods)
    this.#now = context.clock.now()
  }

  async run(revisions: readonly RevisionObject[]): Promise<ReconcileResult> {
    const { current, old } = await this.#settleHistory(revisions)
    this.#hash = current.metadata.labels?.[REVISION_LABEL] ?? ''
    let failure: unknown
    try {
      const { toCreate, toDelete } = this.#plan()
      await this.#apply(toDelete, toCreate)
      const isRolling = this.#set.spec?.updateStrategy?.type === 'RollingUpdate'
      if (toCreate.length + toDelete.length === 0 && isRolling) await this.#rollUpdate()
      await this.#truncate(old)
    } catch (error) {
      failure = error
    }
    await this.#writeStatus()
    if (failure !== undefined) throw failure
    return this.#requeueMs === undefined ? undefined : { requeueAfterMs: this.#requeueMs }
  }

  /** Nodes that lack a pod, and pods that are not wanted where they are. */
  #plan(): { toCreate: string[]; toDelete: PodObject[] } {
    const toCreate: string[] = []
    const toDelete: PodObject[] = []
    const allowsSurge = updateBounds(this.#set, 1).surge > 0
    for (const { metadata } of this.#nodes) {
      const name = metadata.name!
      const { shouldRun, mayStay } = this.#fits.get(name)!
      const pods = this.#byNode.get(name)
      if (shouldRun && !pods) toCreate.push(name)
      else if (mayStay && pods) {
        const running = this.#running(name, pods, toDelete)
        if (!allowsSurge) toDelete.push(...running.toSorted(oldestPodFirst).slice(1))
        else if (running.length > 1) toDelete.push(...this.#surplusOfSurge(running))
        else if (running.length === 0 && shouldRun) toCreate.push(name)
      } else if (!mayStay && pods) toDelete.push(...pods.filter((pod) => !pod.metadata.deletionTimestamp))
    }
    return { toCreate, toDelete: [...toDelete, ...this.#podsWithoutNode()] }
  }

  /** Live pods of a node that have not come to their end; the others are to be deleted. */
  #running(node: string, pods: readonly PodObject[], toDelete: PodObject[]): PodObject[] {
    const { events } = this.#context
    return pods.filter((pod) => {
      if (pod.metadata.deletionTimestamp) return false
      const { namespace, name } = pod.metadata
      switch (pod.status?.phase) {
        case 'Failed': {
          const key = `${this.#set.metadata.uid}/${this.#set.status?.observedGeneration ?? 0}/${node}`
          const wait = this.#backoff.take(key, this.#now)
          if (wait > 0) {
            this.#requeueIn(wait)
            return false
          }
          const message = `Found failed daemon pod ${namespace}/${name} on node ${node}, will try to kill it`
          events.record(this.#set, 'Warning', 'FailedDaemonPod', message)
          toDelete.push(pod)
          return false
        }
        case 'Succeeded': {
          const message = `Found succeeded daemon pod ${namespace}/${name} on node ${node}, will try to delete it`
          events.record(this.#set, 'Normal', 'SucceededDaemonPod', message)
          toDelete.push(pod)
          return false
        }
        default:
          return true
      }
    })
  }

  /** With surge a node may have one old and one new pod, until the old one is not needed any more. */
  #surplusOfSurge(running: readonly PodObject[]): PodObject[] {
    const ordered = running.toSorted(oldestPodFirst)
    const newest = ordered.find((pod) => pod.metadata.labels?.[REVISION_LABEL] === this.#hash)
    const old = ordered.find((pod) => pod.metadata.labels?.[REVISION_LABEL] !== this.#hash)
    const surplus = ordered.filter((pod) => pod !== newest && pod !== old)
    if (newest && old && (!isPodReady(old) || this.#isAvailable(newest))) surplus.push(old)
    return surplus
  }

  #podsWithoutNode(): PodObject[] {
    return [...this.#byNode]
      .filter(([node]) => !this.#fits.has(node))
      .flatMap(([, pods]) => pods.filter((pod) => !pod.spec?.nodeName))
  }

  async #rollUpdate(): Promise<void> {
    const desired = this.#desired()
    const byNode = new Map<string, readonly PodObject[]>(this.#byNode)
    for (const node of desired) if (!byNode.has(node)) byNode.set(node, [])
    const view = { set: this.#set, hash: this.#hash, now: this.#now, byNode, desired }
    const { toDelete, toCreate } = updateStep(view)
    await this.#apply(toDelete, toCreate)
  }

  #desired(): Set<string> {
    return new Set([...this.#fits].filter(([, { shouldRun }]) => shouldRun).map(([node]) => node))
  }

  async #apply(toDelete: readonly PodObject[], toCreate: readonly string[]): Promise<void> {
    const set = this.#set
    const reference = controllerReference(set, DAEMON_SETS)
    const { error } = await slowStart(Math.min(toCreate.length, BURST_REPLICAS), (i) => {
      const pod = podFromTemplate(daemonTemplate(set, this.#hash, toCreate[i]!), set, reference)
      return createPod(this.#context, set, pod).catch((failure: unknown) => {
        if (!isNamespaceTerminating(failure)) throw failure
      })
    })
    const deletions = await Promise.allSettled(
      toDelete.slice(0, BURST_REPLICAS).map((pod) => deletePod(this.#context, set, pod)),
    )
    const failed = deletions.find((r) => r.status === 'rejected' && !isNotFound(r.reason)) as
      | PromiseRejectedResult
      | undefined
    if (error !== undefined) throw error
    if (failed) throw failed.reason
  }

  async #settleHistory(
    revisions: readonly RevisionObject[],
  ): Promise<{ current: RevisionObject; old: RevisionObject[] }> {
    const data = revisionData(this.#set.spec!.template)
    const matching = revisions.filter((revision) => sameData(revision, { data } as RevisionObject))
    const old = revisions.filter((revision) => !matching.includes(revision))
    const number = Math.max(0, ...old.map((r) => r.revision)) + 1
    const newest = matching.at(-1)
    if (!newest) return { current: await this.#snapshot(data, number), old }
    for (const revision of matching.slice(0, -1)) await this.#mergeInto(newest, revision)
    return { current: newest.revision < number ? await renumber(this.#context, newest, number) : newest, old }
  }

  /** Two revisions of the same template become one. */
  async #mergeInto(kept: RevisionObject, revision: RevisionObject): Promise<void> {
    const { client } = this.#context
    const hash = kept.metadata.labels?.[REVISION_LABEL]
    for (const pod of this.#pods) {
      if (pod.metadata.labels?.[REVISION_LABEL] === hash) continue
      await client.patch(PODS, keyOf(pod), 'merge', { metadata: { labels: { [REVISION_LABEL]: hash } } })
    }
    await client.delete(CONTROLLER_REVISIONS, keyOf(revision))
  }

  async #snapshot(data: Record<string, unknown>, number: number): Promise<RevisionObject> {
    const { metadata, spec, status } = this.#set
    const hash = templateHash(spec!.template, status?.collisionCount)
    const revision: RevisionObject = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${metadata.name}-${hash}`,
        namespace: metadata.namespace!,
        labels: { ...spec!.template.metadata?.labels, [REVISION_LABEL]: hash },
        ...(metadata.annotations ? { annotations: { ...metadata.annotations } } : {}),
        ownerReferences: [controllerReference(this.#set, DAEMON_SETS)],
      },
      data,
      revision: number,
    }
    const created = await createRevision(this.#context, revision)
    if (created) return created
    // The name is taken by another template: the next attempt has another hash.
    const collisionCount = (status?.collisionCount ?? 0) + 1
    const next = { ...this.#set, status: { ...this.#status(), ...status, collisionCount } }
    await this.#context.client.updateSubresource(DAEMON_SETS, 'status', next)
    throw new Error(`controllerrevisions.apps "${revision.metadata.name}" already exists`)
  }

  async #truncate(old: readonly RevisionObject[]): Promise<void> {
    const live = new Set(this.#pods.map((pod) => pod.metadata.labels?.[REVISION_LABEL]))
    const unusedLimit = (this.#set.spec!.revisionHistoryLimit ?? 10) - old.filter((r) => isLive(r)).length
    function isLive(revision: RevisionObject): boolean {
      return live.has(revision.metadata.labels?.[REVISION_LABEL])
    }
    await truncateHistory(this.#context, old, isLive, Math.max(0, unusedLimit))
  }

  #status(): DaemonSetStatus {
    const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 }
    for (const [node, { shouldRun }] of this.#fits) {
      const pods = this.#byNode.get(node)
      if (!shouldRun) {
        if (pods) counts.misscheduled++
        continue
      }
      counts.desired++
      if (!pods) continue
      counts.current++
      const pod = pods.toSorted(oldestPodFirst)[0]!
      if (isPodReady(pod)) counts.ready++
      if (this.#isAvailable(pod)) counts.available++
      if (isUpdated(this.#set, pod, this.#hash)) counts.updated++
    }
    return {
      currentNumberScheduled: counts.current,
      desiredNumberScheduled: counts.desired,
      numberAvailable: counts.available,
      numberMisscheduled: counts.misscheduled,
      numberReady: counts.ready,
      numberUnavailable: counts.desired - counts.available,
      updatedNumberScheduled: counts.updated,
    }
  }

  async #writeStatus(): Promise<void> {
    const { client } = this.#context
    const status = this.#status()
    const { minReadySeconds = 0 } = this.#set.spec!
    if (minReadySeconds > 0 && status.numberReady !== status.numberAvailable) this.#requeueIn(minReadySeconds * 1000)
    const { generation = 0 } = this.#set.metadata
    if (isSame(this.#set.status, status) && (this.#set.status?.observedGeneration ?? 0) >= generation) return
    const withStatus = (set: DaemonSetObject): DaemonSetObject => ({
      ...set,
      status: { ...set.status, ...status, observedGeneration: generation },
    })
    try {
      await client.updateSubresource(DAEMON_SETS, 'status', withStatus(this.#set))
    } catch {
      const fresh = await client.get(DAEMON_SETS, keyOf(this.#set))
      await client.updateSubresource(DAEMON_SETS, 'status', withStatus(fresh))
    }
  }

  #isAvailable(pod: PodObject): boolean {
    return isPodAvailable(pod, this.#set.spec?.minReadySeconds ?? 0, this.#now)
  }

  #requeueIn(ms: number): void {
    if (this.#requeueMs === undefined || ms < this.#requeueMs) this.#requeueMs = ms
  }
}

function isSame(old: DaemonSetStatus | undefined, status: DaemonSetStatus): boolean {
  return (Object.keys(status) as (keyof DaemonSetStatus)[]).every((key) => (old?.[key] ?? 0) === (status[key] ?? 0))
}
