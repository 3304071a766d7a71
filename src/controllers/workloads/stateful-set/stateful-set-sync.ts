import type { StatefulSetStatus } from '../../../apimachinery/types/apps-v1.ts'
import type { PodTemplateSpec } from '../../../apimachinery/types/core-v1.ts'
import type { ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { STATEFUL_SETS } from '../../runtime/resources.ts'
import {
  createRevision,
  type RevisionObject,
  renumber,
  revisionData,
  sameData,
  templateOf,
  truncateHistory,
} from '../controller-history.ts'
import { slowStart } from '../pod-control.ts'
import { isPodAvailable, isPodReady, nextAvailabilityMs, type PodObject } from '../pod-state.ts'
import { dataHash } from '../template-hash.ts'
import { StatefulPodControl } from './stateful-pod-control.ts'
import {
  firstOrdinal,
  hasIdentity,
  isCreated,
  isInRange,
  isUnavailable,
  newPod,
  ordinalOf,
  replicasOf,
  revisionNameOf,
  type StatefulSetObject,
} from './stateful-pods.ts'

/** Longest part of a set's name in the name of a revision. */
const MAX_REVISION_PREFIX = 223

/**
 * One reconcile of a StatefulSet: pods in the order of their ordinals (or all at once), each with its own name and
 * claims, updated from the last to the first.
 *
 * @see kubernetes pkg/controller/statefulset/stateful_set_control.go
 */
export class StatefulSetSync {
  readonly #context: ReconcileContext
  readonly #set: StatefulSetObject
  readonly #pods: readonly PodObject[]
  readonly #revisions: readonly RevisionObject[]
  readonly #control: StatefulPodControl
  readonly #now: number
  readonly #minReadySeconds: number
  readonly #isMonotonic: boolean
  /** The revision that pods had before the update that is under way. */
  #current!: RevisionObject
  /** The revision that pods are to have. */
  #update!: RevisionObject
  #collisionCount: number
  /** By ordinal from the first on; those that are to be created have no status. */
  #replicas: PodObject[] = []
  /** Pods beyond the size, the highest ordinal first. */
  #condemned: PodObject[] = []

  constructor(
    context: ReconcileContext,
    set: StatefulSetObject,
    pods: readonly PodObject[],
    revisions: readonly RevisionObject[],
  ) {
    this.#context = context
    this.#set = set
    this.#pods = pods
    this.#revisions = revisions
    this.#control = new StatefulPodControl(context, set)
    this.#now = context.clock.now()
    this.#minReadySeconds = set.spec?.minReadySeconds ?? 0
    this.#isMonotonic = set.spec?.podManagementPolicy !== 'Parallel'
    this.#collisionCount = set.status?.collisionCount ?? 0
  }

  async run(): Promise<ReconcileResult> {
    await this.#settleRevisions()
    this.#sortPods()
    let failure: unknown
    let status: StatefulSetStatus
    if (this.#set.metadata.deletionTimestamp) status = this.#statusOf(this.#pods)
    else {
      const deletedForUpdate = await this.#step().catch((error: unknown) => {
        failure = error
        return 0
      })
      status = this.#statusOf([...this.#replicas, ...this.#condemned])
      status.currentReplicas = Math.max(0, (status.currentReplicas ?? 0) - deletedForUpdate)
    }
    await this.#writeStatus(status)
    if (failure !== undefined) throw failure
    await this.#truncate()
    if (this.#minReadySeconds <= 0 || status.readyReplicas === status.availableReplicas) return undefined
    const next = nextAvailabilityMs(this.#pods, this.#minReadySeconds, this.#now)
    return { requeueAfterMs: next ?? this.#minReadySeconds * 1000 }
  }

  /** Creates, repairs, deletes or updates pods; resolves with how many were deleted to be updated. */
  async #step(): Promise<number> {
    if (await this.#forAll(this.#replicas, (pod) => this.#processReplica(pod))) return 0
    const repair = async (pod: PodObject): Promise<boolean> => {
      if (!this.#control.hasClaimOwners(pod)) await this.#control.updateClaimOwners(pod)
      return false
    }
    if (await this.#forAll(this.#condemned, repair)) return 0
    const firstUnavailable = this.#firstUnavailable()
    if (await this.#forAll(this.#condemned, (pod) => this.#processCondemned(pod, firstUnavailable))) return 0
    return await this.#rollUpdate()
  }

  /** True where the rest has to wait. */
  async #forAll(pods: readonly PodObject[], work: (pod: PodObject) => Promise<boolean>): Promise<boolean> {
    if (!this.#isMonotonic) {
      const { error } = await slowStart(pods.length, (i) => work(pods[i]!))
      if (error !== undefined) throw error
      return false
    }
    for (const pod of pods) if (await work(pod)) return true
    return false
  }

  /** True where the pods behind this one have to wait. */
  async #processReplica(pod: PodObject): Promise<boolean> {
    const { deletionTimestamp } = pod.metadata
    const phase = pod.status?.phase
    if (phase === 'Failed' || phase === 'Succeeded') {
      if (!deletionTimestamp) await this.#control.delete(pod)
      return true
    }
    if (!isCreated(pod)) {
      if (this.#control.hasStaleClaim(pod)) return true
      await this.#control.create(pod)
      return this.#isMonotonic
    }
    if (phase === 'Pending') {
      await this.#control.createMissingClaims(pod)
      await this.#control.updateClaimOwners(pod)
    }
    if (this.#isMonotonic && this.#mustWaitFor(pod)) return true
    if (!hasIdentity(this.#set, pod) || !this.#control.hasClaimOwners(pod)) await this.#control.update(pod)
    return false
  }

  #mustWaitFor(pod: PodObject): boolean {
    if (pod.metadata.deletionTimestamp || pod.status?.phase !== 'Running') return true
    return !isPodAvailable(pod, this.#minReadySeconds, this.#now)
  }

  async #processCondemned(pod: PodObject, firstUnavailable: PodObject | undefined): Promise<boolean> {
    if (pod.metadata.deletionTimestamp) return this.#isMonotonic
    if (this.#isMonotonic && pod !== firstUnavailable && this.#mustWaitFor(pod)) return true
    await this.#control.delete(pod)
    return true
  }

  #firstUnavailable(): PodObject | undefined {
    const pods = [...this.#replicas, ...this.#condemned.toReversed()]
    return pods.find((pod) => isUnavailable(pod, this.#minReadySeconds, this.#now))
  }

  /** Deletes the last pod that is of another revision, once all behind it are available. */
  async #rollUpdate(): Promise<number> {
    const { updateStrategy } = this.#set.spec!
    if (updateStrategy?.type === 'OnDelete') return 0
    const partition = updateStrategy?.rollingUpdate?.partition ?? 0
    for (let i = this.#replicas.length - 1; i >= partition; i--) {
      const pod = this.#replicas[i]!
      if (revisionNameOf(pod) !== this.#update.metadata.name && !pod.metadata.deletionTimestamp) {
        await this.#control.delete(pod)
        return 1
      }
      if (isUnavailable(pod, this.#minReadySeconds, this.#now)) return 0
    }
    return 0
  }

  #sortPods(): void {
    const set = this.#set
    const byOrdinal = new Map<number, PodObject>()
    const condemned: PodObject[] = []
    for (const pod of this.#pods) {
      if (isInRange(set, pod)) byOrdinal.set(ordinalOf(pod), pod)
      else if (ordinalOf(pod) >= 0) condemned.push(pod)
    }
    const first = firstOrdinal(set)
    this.#replicas = Array.from(
      { length: replicasOf(set) },
      (_, i) => byOrdinal.get(first + i) ?? this.#missingPod(first + i),
    )
    this.#condemned = condemned.toSorted((a, b) => ordinalOf(b) - ordinalOf(a))
  }

  /** Below the partition (or where the update has not come yet) a pod is made anew as it was. */
  #missingPod(ordinal: number): PodObject {
    const { updateStrategy } = this.#set.spec!
    const { rollingUpdate } = updateStrategy ?? {}
    const first = firstOrdinal(this.#set)
    const isOld = rollingUpdate
      ? ordinal < first + (rollingUpdate.partition ?? 0)
      : updateStrategy?.type === 'RollingUpdate' && ordinal < first + (this.#set.status?.currentReplicas ?? 0)
    const revision = isOld ? this.#current : this.#update
    return newPod(this.#set, this.#templateOf(revision), revision, ordinal)
  }

  #templateOf(revision: RevisionObject): PodTemplateSpec {
    return templateOf(revision) ?? this.#set.spec!.template
  }

  /** Finds or creates the revision of the present template, and the one that pods had before. */
  async #settleRevisions(): Promise<void> {
    const last = this.#revisions.at(-1)
    const wanted = this.#newRevision((last?.revision ?? 0) + 1)
    const equal = this.#revisions.findLast((revision) => sameData(revision, wanted))
    if (equal && last && sameData(last, equal)) this.#update = last
    else if (equal) this.#update = await renumber(this.#context, equal, wanted.revision)
    else this.#update = await this.#createRevision(wanted)
    const current = this.#set.status?.currentRevision
    this.#current = this.#revisions.find((revision) => revision.metadata.name === current) ?? this.#update
  }

  async #createRevision(wanted: RevisionObject): Promise<RevisionObject> {
    for (let revision = wanted; ; ) {
      const created = await createRevision(this.#context, revision)
      if (created) return created
      this.#collisionCount++
      revision = this.#newRevision(wanted.revision)
    }
  }

  #newRevision(revision: number): RevisionObject {
    const { metadata, spec } = this.#set
    const data = revisionData(spec!.template)
    const hash = dataHash(data, this.#collisionCount)
    return {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${metadata.name!.slice(0, MAX_REVISION_PREFIX)}-${hash}`,
        namespace: metadata.namespace!,
        labels: { ...spec!.template.metadata?.labels, 'controller.kubernetes.io/hash': hash },
        ...(metadata.annotations ? { annotations: { ...metadata.annotations } } : {}),
        ownerReferences: [controllerReference(this.#set, STATEFUL_SETS)],
      },
      data,
      revision,
    }
  }

  async #truncate(): Promise<void> {
    const used = new Set([this.#current.metadata.name, this.#update.metadata.name, ...this.#pods.map(revisionNameOf)])
    const limit = this.#set.spec!.revisionHistoryLimit ?? 10
    await truncateHistory(this.#context, this.#revisions, (revision) => used.has(revision.metadata.name), limit)
  }

  #statusOf(pods: readonly PodObject[]): StatefulSetStatus {
    const created = pods.filter(isCreated)
    const ready = created.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod))
    const alive = created.filter((pod) => !pod.metadata.deletionTimestamp)
    const ofRevision = ({ metadata }: RevisionObject): number =>
      alive.filter((pod) => revisionNameOf(pod) === metadata.name).length
    return {
      observedGeneration: this.#set.metadata.generation ?? 0,
      replicas: created.length,
      readyReplicas: ready.length,
      availableReplicas: ready.filter((pod) => isPodAvailable(pod, this.#minReadySeconds, this.#now)).length,
      currentReplicas: ofRevision(this.#current),
      updatedReplicas: ofRevision(this.#update),
      currentRevision: this.#current.metadata.name!,
      updateRevision: this.#update.metadata.name!,
      collisionCount: this.#collisionCount,
    }
  }

  async #writeStatus(status: StatefulSetStatus): Promise<void> {
    const set = this.#set
    const next = completedUpdate(set, status)
    if (!isInconsistent(set.status, next)) return
    const { conditions } = set.status ?? {}
    const withConditions = { ...next, ...(conditions ? { conditions } : {}) }
    await this.#context.client.updateSubresource(STATEFUL_SETS, 'status', { ...set, status: withConditions })
  }
}

/** Once all pods are of the new revision and ready, it is the current one. */
function completedUpdate({ spec }: StatefulSetObject, status: StatefulSetStatus): StatefulSetStatus {
  const replicas = spec?.replicas ?? 1
  const isComplete =
    spec?.updateStrategy?.type === 'RollingUpdate' &&
    status.updatedReplicas === replicas &&
    status.readyReplicas === replicas &&
    status.replicas === replicas
  if (!isComplete) return status
  return { ...status, currentReplicas: status.updatedReplicas, currentRevision: status.updateRevision }
}

function isInconsistent(old: StatefulSetStatus | undefined, status: StatefulSetStatus): boolean {
  const counts = ['replicas', 'currentReplicas', 'readyReplicas', 'updatedReplicas', 'availableReplicas'] as const
  return (
    (status.observedGeneration ?? 0) > (old?.observedGeneration ?? 0) ||
    counts.some((count) => (status[count] ?? 0) !== (old?.[count] ?? 0)) ||
    status.currentRevision !== old?.currentRevision ||
    status.updateRevision !== old?.updateRevision
  )
}
