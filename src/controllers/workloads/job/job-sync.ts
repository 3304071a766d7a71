import { isNotFound } from '../../../apimachinery/api-error.ts'
import { formatTime } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { JobCondition, JobSpec, JobStatus } from '../../../apimachinery/types/batch-v1.ts'
import type { ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { JOBS, PODS } from '../../runtime/resources.ts'
import { createPod, deletePod, isNamespaceTerminating, podFromTemplate, slowStart } from '../pod-control.ts'
import { isPodActive, isPodReady, isPodTerminating, type PodObject } from '../pod-state.ts'
import { IndexSet } from './index-intervals.ts'
import { type BackoffRecord, NO_FAILURES, nextBackoff, remainingBackoffMs } from './job-backoff.ts'
import {
  allIndexFailures,
  completionIndex,
  finishedAt,
  hasIndexBackoff,
  indexNamePrefix,
  indexTemplate,
  isIndexed,
  isIndexFailed,
  isPodFailed,
  isSuspended,
  isTracked,
  type JobObject,
  jobTemplate,
  podsForRemoval,
  replacesOnlyFailed,
  TRACKING_FINALIZER,
} from './job-pods.ts'
import { endOfJob, jobCondition, newJobCondition, remainingDeadlineMs, withJobCondition } from './job-status.ts'
import { failureVerdict, successMatch } from './policies.ts'

/** Most pods whose end waits in the status to be counted. */
const MAX_UNCOUNTED = 500
/** Most pods that one reconcile creates or deletes. */
const MAX_CHANGES = 500

/** Ends of pods that are in the status, but whose finalizer may still be there. */
interface Uncounted {
  succeeded: string[]
  failed: string[]
}

/**
 * One reconcile of a Job that is not finished: ends what is to end, creates and deletes pods, counts those that have
 * come to their end. A pod is counted once: its uid goes into the status, then its finalizer goes, then the uid.
 *
 * @see kubernetes pkg/controller/job/job_controller.go syncJob
 */
export class JobSync {
  readonly #context: ReconcileContext
  readonly #now: number
  readonly #pods: readonly PodObject[]
  readonly #active: readonly PodObject[]
  readonly #spec: JobSpec
  readonly #uncounted: Uncounted
  /** Those that were uncounted when the reconcile began. */
  readonly #known: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> }
  #job: JobObject
  /** Its own. */
  #status: JobStatus
  #backoff: BackoffRecord = NO_FAILURES
  #succeeded = 0
  #failed = 0
  #ready: number
  #terminating: number
  #before = IndexSet.EMPTY
  #succeededIndexes = IndexSet.EMPTY
  #failedIndexes: IndexSet | undefined
  /** By index: the failed pod that stays until its replacement is there, to remember the failures. */
  #delayed = new Map<number, PodObject>()
  #end: JobCondition | undefined
  #requeueMs: number | undefined

  constructor(context: ReconcileContext, job: JobObject, pods: readonly PodObject[]) {
    this.#context = context
    this.#now = context.clock.now()
    this.#job = job
    this.#spec = job.spec!
    this.#status = cloneJson(job.status ?? {})
    const { succeeded = [], failed = [] } = this.#status.uncountedTerminatedPods ?? {}
    this.#uncounted = { succeeded: [...succeeded], failed: [...failed] }
    this.#known = { succeeded: new Set(succeeded), failed: new Set(failed) }
    this.#pods = isIndexed(job) ? pods.toSorted(byIndex) : pods
    this.#active = this.#pods.filter((pod) => isPodActive(pod))
    this.#ready = this.#active.filter(isPodReady).length
    this.#terminating = this.#pods.filter((pod) => isPodTerminating(pod)).length
  }

  /** `backoff` is what `remember` was last called with for this Job. */
  async run(backoff: BackoffRecord, remember: (backoff: BackoffRecord) => void): Promise<ReconcileResult> {
    this.#count(backoff)
    if (this.#status.startTime === undefined && !isSuspended(this.#job)) this.#status.startTime = formatTime(this.#now)
    this.#decideEnd()
    this.#countIndexes()
    const { active, needsWrite, error } = this.#end ? await this.#endPods() : await this.#manage()
    const status = this.#status
    const isNews =
      needsWrite ||
      active !== (status.active ?? 0) ||
      status.ready !== this.#ready ||
      status.terminating !== this.#terminating
    Object.assign(status, { active, ready: this.#ready, terminating: this.#terminating })
    await this.#track(isNews, remember)
    if (error !== undefined) throw error
    return this.#requeueMs === undefined ? undefined : { requeueAfterMs: Math.max(1, this.#requeueMs) }
  }

  /** Pods that have come to their end and are not counted yet, and what that makes in all. */
  #count(backoff: BackoffRecord): void {
    const succeeded = this.#newlyEnded(this.#known.succeeded, (pod) => pod.status?.phase === 'Succeeded')
    const failed = this.#newlyEnded(this.#known.failed, (pod) => isPodFailed(pod, this.#job))
    const counting = failed.filter((pod) => failureVerdict(this.#spec.podFailurePolicy, pod).counts)
    this.#succeeded = (this.#status.succeeded ?? 0) + succeeded.length + this.#known.succeeded.size
    this.#failed = (this.#status.failed ?? 0) + counting.length + this.#known.failed.size
    this.#backoff = nextBackoff(backoff, succeeded, failed)
  }

  #newlyEnded(known: ReadonlySet<string>, hasEnded: (pod: PodObject) => boolean): PodObject[] {
    return this.#pods.filter(
      (pod) => isTracked(pod) && !known.has(pod.metadata.uid!) && this.#hasValidIndex(pod) && hasEnded(pod),
    )
  }

  #hasValidIndex(pod: PodObject): boolean {
    if (!isIndexed(this.#job)) return true
    const index = completionIndex(pod)
    return index !== undefined && index < this.#spec.completions!
  }

  #decideEnd(): void {
    const met = jobCondition(this.#status, 'SuccessCriteriaMet')
    const job = { ...this.#job, status: this.#status }
    this.#end = met?.status === 'True' ? met : endOfJob(job, this.#pods, this.#failed, this.#now)
    if (!this.#end) this.#requeueIn(remainingDeadlineMs(job, this.#now))
  }

  #countIndexes(): void {
    const job = this.#job
    if (!isIndexed(job)) return
    const completions = this.#spec.completions!
    const tracked = this.#pods.filter((pod) => isTracked(pod) && this.#hasValidIndex(pod))
    const indexesOf = (pods: readonly PodObject[]) => IndexSet.of(pods.map((pod) => completionIndex(pod)!))
    this.#before = IndexSet.parse(this.#status.completedIndexes, completions)
    this.#succeededIndexes = this.#before.union(indexesOf(tracked.filter((pod) => pod.status?.phase === 'Succeeded')))
    this.#succeeded = this.#succeededIndexes.size
    if (hasIndexBackoff(job)) {
      const before = IndexSet.parse(this.#status.failedIndexes, completions)
      this.#failedIndexes = before.union(indexesOf(tracked.filter((pod) => isIndexFailed(pod, job))))
      this.#end ??= this.#endByIndexes(this.#failedIndexes)
      this.#delayed = this.#delayedDeletions(tracked, this.#failedIndexes)
    }
    if (this.#end) return
    const why = successMatch(this.#spec.successPolicy, completions, this.#succeededIndexes)
    if (why !== undefined) this.#end = newJobCondition('SuccessCriteriaMet', 'SuccessPolicy', why, this.#now)
  }

  #endByIndexes(failed: IndexSet): JobCondition | undefined {
    const { maxFailedIndexes, completions } = this.#spec
    if (maxFailedIndexes !== undefined && failed.size > maxFailedIndexes) {
      const message = 'Job has exceeded the specified maximal number of failed indexes'
      return newJobCondition('FailureTarget', 'MaxFailedIndexesExceeded', message, this.#now)
    }
    if (failed.size === 0 || failed.size + this.#succeededIndexes.size < completions!) return undefined
    return newJobCondition('FailureTarget', 'FailedIndexes', 'Job has failed indexes', this.#now)
  }

  #delayedDeletions(tracked: readonly PodObject[], failedIndexes: IndexSet): Map<number, PodObject> {
    const active = new Set(this.#active.map((pod) => completionIndex(pod)))
    const last = new Map<number, PodObject>()
    for (const pod of tracked) {
      const index = completionIndex(pod)!
      if (!isPodFailed(pod, this.#job) || active.has(index)) continue
      if (this.#succeededIndexes.has(index) || failedIndexes.has(index)) continue
      const other = last.get(index)
      const isLater =
        !other || (allIndexFailures(other) <= allIndexFailures(pod) && finishedAt(pod) >= finishedAt(other))
      if (isLater) last.set(index, pod)
    }
    return last
  }

  /** The Job ends: its pods are deleted; it is only finished once all could be. */
  async #endPods(): Promise<{ active: number; needsWrite: boolean; error: unknown }> {
    const { deleted, error } = await this.#delete(this.#active, { keepFinalizers: true })
    if (deleted !== this.#active.length) this.#end = undefined
    return { active: this.#active.length - deleted, needsWrite: false, error }
  }

  async #manage(): Promise<{ active: number; needsWrite: boolean; error: unknown }> {
    const job = this.#job
    const isManaged = job.metadata.deletionTimestamp === undefined
    const { active, error } = isManaged ? await this.#scale() : { active: this.#active.length, error: undefined }
    const { completions } = this.#spec
    const isComplete = completions === undefined ? this.#succeeded > 0 : this.#succeeded >= completions
    if (isComplete && active === 0) {
      const message = 'Reached expected number of succeeded pods'
      this.#end = newJobCondition('SuccessCriteriaMet', 'CompletionsReached', message, this.#now)
      return { active, needsWrite: false, error }
    }
    return { active, needsWrite: isManaged && this.#noteSuspension(), error }
  }

  /** True where the condition has changed. */
  #noteSuspension(): boolean {
    const { events } = this.#context
    const suspended = isSuspended(this.#job)
    const condition = suspended
      ? newJobCondition('Suspended', 'JobSuspended', 'Job suspended', this.#now)
      : newJobCondition('Suspended', 'JobResumed', 'Job resumed', this.#now, 'False')
    const conditions = withJobCondition(this.#status.conditions, condition)
    if (!conditions) return false
    this.#status.conditions = conditions
    if (suspended) delete this.#status.startTime
    else this.#status.startTime = formatTime(this.#now)
    events.record(this.#job, 'Normal', suspended ? 'Suspended' : 'Resumed', condition.message!)
    return true
  }

  /** Creates or deletes pods; resolves with how many are active afterwards. */
  async #scale(): Promise<{ active: number; error: unknown }> {
    const job = this.#job
    const active = this.#active.length
    const wanted = this.#wantedActive()
    const surplus = podsForRemoval(job, this.#active, Math.max(0, active - wanted))
    if (isSuspended(job) || surplus.length > 0) {
      const doomed = isSuspended(job) ? surplus : surplus.slice(0, MAX_CHANGES)
      const { deleted, error } = await this.#delete(doomed, { keepFinalizers: false })
      return { active: active - deleted, error }
    }
    const terminating = replacesOnlyFailed(job) ? this.#terminating : 0
    const missing = Math.min(wanted - terminating - active, MAX_CHANGES)
    return missing > 0 ? await this.#create(missing, active) : { active, error: undefined }
  }

  #wantedActive(): number {
    const { completions, parallelism = 1 } = this.#spec
    if (isSuspended(this.#job)) return 0
    if (completions === undefined) return this.#succeeded > 0 ? this.#active.length : parallelism
    return Math.max(0, Math.min(completions - this.#succeeded, parallelism))
  }

  async #create(missing: number, active: number): Promise<{ active: number; error: unknown }> {
    const job = this.#job
    const wait = hasIndexBackoff(job) ? 0 : remainingBackoffMs(this.#backoff, this.#now)
    if (wait > 0) {
      this.#requeueIn(wait)
      return { active: 0, error: undefined }
    }
    const indexes = isIndexed(job) ? this.#indexesToCreate(missing) : undefined
    if (indexes && indexes.length === 0 && this.#requeueMs !== undefined && hasIndexBackoff(job)) {
      return { active: 0, error: undefined }
    }
    const template = jobTemplate(job)
    const reference = controllerReference(job, JOBS)
    const { successes, error } = await slowStart(indexes?.length ?? missing, async (i) => {
      const pod = indexes
        ? this.#indexPod(
            podFromTemplate(indexTemplate(template, job, indexes[i]!, this.#delayed.get(indexes[i]!)), job, reference),
            indexes[i]!,
          )
        : podFromTemplate(template, job, reference)
      await createPod(this.#context, job, pod).catch((failure: unknown) => {
        if (!isNamespaceTerminating(failure)) throw failure
      })
    })
    return { active: active + successes, error }
  }

  #indexPod(pod: PodObject, index: number): PodObject {
    return { ...pod, metadata: { ...pod.metadata, generateName: indexNamePrefix(this.#job.metadata.name!, index) } }
  }

  /** The lowest indexes that need a pod and need not wait for it. */
  #indexesToCreate(count: number): number[] {
    const indexesOf = (pods: readonly PodObject[]) => pods.map(completionIndex).filter((i) => i !== undefined)
    let taken = this.#succeededIndexes.union(IndexSet.of(indexesOf(this.#active)))
    if (replacesOnlyFailed(this.#job)) {
      taken = taken.union(IndexSet.of(indexesOf(this.#pods.filter((pod) => isPodTerminating(pod)))))
    }
    if (this.#failedIndexes) taken = taken.union(this.#failedIndexes)
    const pending = taken.firstMissing(count, this.#spec.completions!)
    if (!hasIndexBackoff(this.#job)) return pending
    const waits = pending.map((index) => {
      const pod = this.#delayed.get(index)
      const record = pod ? { failures: allIndexFailures(pod) + 1, lastFailureAt: finishedAt(pod) } : NO_FAILURES
      return { index, ms: remainingBackoffMs(record, this.#now) }
    })
    const now = waits.filter(({ ms }) => ms === 0).map(({ index }) => index)
    if (now.length === 0 && waits.length > 0) this.#requeueIn(Math.min(...waits.map(({ ms }) => ms)))
    return now
  }

  /** `keepFinalizers`: the pods are still to be counted. */
  async #delete(
    pods: readonly PodObject[],
    { keepFinalizers }: { readonly keepFinalizers: boolean },
  ): Promise<{ deleted: number; error: unknown }> {
    let deleted = 0
    let firstError: unknown
    await Promise.all(
      pods.map(async (pod) => {
        try {
          if (!keepFinalizers) await this.#removeFinalizer(pod)
          await deletePod(this.#context, this.#job, pod)
        } catch (error) {
          if (!isNotFound(error)) {
            firstError ??= error
            return
          }
        }
        deleted++
        if (isPodReady(pod)) this.#ready--
      }),
    )
    this.#terminating += deleted
    return { deleted, error: firstError }
  }

  async #removeFinalizer(pod: PodObject): Promise<void> {
    if (!isTracked(pod)) return
    const metadata = { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] }
    await this.#context.client.patch(PODS, keyOf(pod), 'strategic', { metadata })
  }

  /** Counts the pods that have come to their end, lets go of them, and finishes the Job where it is to end. */
  async #track(needsWrite: boolean, remember: (backoff: BackoffRecord) => void): Promise<void> {
    const withFinalizer = new Set(this.#pods.filter(isTracked).map((pod) => pod.metadata.uid!))
    let isNews = this.#settleUncounted(withFinalizer) || needsWrite
    const { toRelease, isFull, hasNews } = this.#collectEnded()
    isNews = this.#writeIndexes() || hasNews || isNews
    isNews = this.#announceEnd() || isNews
    if (isNews) {
      await this.#write()
      // From here on the failures are in the status, and will not be seen as new ones again.
      remember(this.#backoff)
      isNews = false
    }
    const failure = await this.#release(toRelease, withFinalizer)
    if (this.#settleUncounted(withFinalizer)) isNews = true
    if (failure !== undefined) {
      if (isNews) await this.#write()
      throw failure
    }
    const isFinished = !isFull && this.#finish()
    if (isFinished || isNews) await this.#write()
    if (isFinished) this.#reportEnd()
  }

  /** What has lost its finalizer is counted for good. */
  #settleUncounted(withFinalizer: ReadonlySet<string>): boolean {
    let isNews = false
    for (const outcome of ['succeeded', 'failed'] as const) {
      const left = this.#uncounted[outcome].filter((uid) => withFinalizer.has(uid))
      const settled = this.#uncounted[outcome].length - left.length
      if (settled === 0) continue
      this.#status[outcome] = (this.#status[outcome] ?? 0) + settled
      this.#uncounted[outcome] = left
      isNews = true
    }
    return isNews
  }

  #collectEnded(): { toRelease: PodObject[]; isFull: boolean; hasNews: boolean } {
    const toRelease: PodObject[] = []
    const newIndexes: number[] = []
    const { succeeded, failed } = this.#uncounted
    let hasNews = false
    for (const pod of this.#pods) {
      if (!isTracked(pod)) continue
      const hasFailed = isPodFailed(pod, this.#job)
      if (!this.#mayRelease(pod, hasFailed)) continue
      toRelease.push(pod)
      const uid = pod.metadata.uid!
      const index = completionIndex(pod)
      if (pod.status?.phase === 'Succeeded' && !this.#known.failed.has(uid)) {
        const isNew = isIndexed(this.#job)
          ? this.#hasValidIndex(pod) && !this.#before.has(index!)
          : !this.#known.succeeded.has(uid)
        if (!isNew) continue
        if (isIndexed(this.#job)) newIndexes.push(index!)
        else succeeded.push(uid)
        hasNews = true
      } else if ((hasFailed || (this.#end && this.#end.type !== 'SuccessCriteriaMet')) && this.#countsAsFailed(pod)) {
        failed.push(uid)
        hasNews = true
      }
      if (newIndexes.length + succeeded.length + failed.length >= MAX_UNCOUNTED) {
        return { toRelease, isFull: true, hasNews }
      }
    }
    return { toRelease, isFull: false, hasNews }
  }

  #countsAsFailed(pod: PodObject): boolean {
    if (this.#known.failed.has(pod.metadata.uid!) || !this.#hasValidIndex(pod)) return false
    return failureVerdict(this.#spec.podFailurePolicy, pod).counts
  }

  #mayRelease(pod: PodObject, hasFailed: boolean): boolean {
    if (this.#job.metadata.deletionTimestamp || this.#end || pod.status?.phase === 'Succeeded') return true
    if (!hasFailed) return false
    const index = completionIndex(pod)
    return index === undefined || this.#delayed.get(index)?.metadata.uid !== pod.metadata.uid
  }

  #writeIndexes(): boolean {
    if (!isIndexed(this.#job)) return false
    const status = this.#status
    const completed = this.#succeededIndexes.toString()
    const failed = this.#failedIndexes?.toString()
    const isNews = completed !== (status.completedIndexes ?? '') || failed !== status.failedIndexes
    status.succeeded = this.#succeededIndexes.size
    status.completedIndexes = completed
    if (failed !== undefined) status.failedIndexes = failed
    return isNews
  }

  /** First the condition that says that the Job will end, so that it shows while its pods still go. */
  #announceEnd(): boolean {
    const end = this.#end
    if (end?.type !== 'FailureTarget' && end?.type !== 'SuccessCriteriaMet') return false
    const isNew = jobCondition(this.#status, end.type)?.status !== 'True'
    if (isNew) this.#status.conditions = [...(this.#status.conditions ?? []), end]
    const type = end.type === 'FailureTarget' ? 'Failed' : 'Complete'
    this.#end = newJobCondition(type, end.reason ?? '', end.message ?? '', this.#now)
    return isNew
  }

  async #release(pods: readonly PodObject[], withFinalizer: Set<string>): Promise<unknown> {
    let firstError: unknown
    await Promise.all(
      pods.map(async (pod) => {
        try {
          await this.#removeFinalizer(pod)
        } catch (error) {
          if (!isNotFound(error)) {
            firstError ??= error
            return
          }
        }
        withFinalizer.delete(pod.metadata.uid!)
      }),
    )
    return firstError
  }

  /** True where the Job is finished now: no pod is left to count or to wait for. */
  #finish(): boolean {
    const end = this.#end
    if (!end || this.#uncounted.succeeded.length + this.#uncounted.failed.length > 0 || this.#terminating > 0)
      return false
    this.#status.conditions = withJobCondition(this.#status.conditions, end) ?? this.#status.conditions
    if (end.type === 'Complete') this.#status.completionTime = end.lastTransitionTime
    return true
  }

  #reportEnd(): void {
    const { events } = this.#context
    const end = this.#end!
    if (end.type !== 'Complete') {
      events.record(this.#job, 'Warning', end.reason!, end.message!)
      return
    }
    const { completions } = this.#spec
    if (completions !== undefined && (this.#status.succeeded ?? 0) > completions) {
      const message = 'Too many succeeded pods running after completion count reached'
      events.record(this.#job, 'Warning', 'TooManySucceededPods', message)
    }
    events.record(this.#job, 'Normal', 'Completed', 'Job completed')
  }

  async #write(): Promise<void> {
    const { succeeded, failed } = this.#uncounted
    this.#status.uncountedTerminatedPods = {
      ...(succeeded.length > 0 ? { succeeded: [...succeeded] } : {}),
      ...(failed.length > 0 ? { failed: [...failed] } : {}),
    }
    const job = { ...this.#job, status: this.#status }
    this.#job = await this.#context.client.updateSubresource(JOBS, 'status', job)
  }

  #requeueIn(ms: number | undefined): void {
    if (ms !== undefined && (this.#requeueMs === undefined || ms < this.#requeueMs)) this.#requeueMs = ms
  }
}

function byIndex(a: PodObject, b: PodObject): number {
  return (completionIndex(a) ?? -1) - (completionIndex(b) ?? -1)
}
