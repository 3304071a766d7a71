import { isAlreadyExists, isNotFound } from '../../../apimachinery/api-error.ts'
import { formatTime, parseTime } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { CronJob, CronJobStatus } from '../../../apimachinery/types/batch-v1.ts'
import type { ObjectReference } from '../../../apimachinery/types/core-v1.ts'
import { referenceTo } from '../../runtime/api-event-recorder.ts'
import type { Typed } from '../../runtime/client.ts'
import type { ReconcileContext, ReconcileResult } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { CONTROLLER_INDEX, controllerReference, isControlledBy } from '../../runtime/owner.ts'
import { CRON_JOBS, JOBS } from '../../runtime/resources.ts'
import type { JobObject } from '../job/job-pods.ts'
import { isNamespaceTerminating, textOf } from '../pod-control.ts'
import type { Schedule } from './cron-schedule.ts'
import { parseSchedule } from './cron-schedule.ts'
import { schedulePosition, untilNextMs } from './missed-schedules.ts'
import { ZonedTime } from './zoned-time.ts'

export type CronJobObject = Typed<CronJob>

const SCHEDULED_TIMESTAMP = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

/**
 * One reconcile of a CronJob: forgets Jobs that are done, trims the history, starts the Job whose time has come.
 *
 * @see kubernetes pkg/controller/cronjob/cronjob_controllerv2.go
 */
export class CronJobSync {
  readonly #context: ReconcileContext
  readonly #cronJob: CronJobObject
  readonly #jobs: readonly JobObject[]
  readonly #now: number
  /** Its own. */
  readonly #status: CronJobStatus
  #isNews = false

  constructor(context: ReconcileContext, cronJob: CronJobObject) {
    this.#context = context
    this.#cronJob = cronJob
    this.#jobs = context.cache.byIndex(JOBS, CONTROLLER_INDEX, cronJob.metadata.uid ?? '')
    this.#now = context.clock.now()
    this.#status = cloneJson(cronJob.status ?? {})
  }

  /** `isRescheduled`: the schedule is another than last time; what it would have missed is not made up for. */
  async run({ isRescheduled }: { readonly isRescheduled: boolean }): Promise<ReconcileResult> {
    await this.#trimHistory()
    let result: ReconcileResult
    let failure: unknown
    try {
      result = await this.#sync(isRescheduled)
    } catch (error) {
      failure = error
    }
    if (this.#isNews) {
      await this.#context.client.updateSubresource(CRON_JOBS, 'status', { ...this.#cronJob, status: this.#status })
    }
    if (failure !== undefined) throw failure
    return result
  }

  async #sync(isRescheduled: boolean): Promise<ReconcileResult> {
    this.#noteJobs()
    await this.#forgetMissing()
    const { metadata, spec } = this.#cronJob
    if (metadata.deletionTimestamp || spec.suspend) return undefined
    const schedule = this.#schedule()
    if (!schedule) return undefined
    if (isRescheduled) return this.#untilNext(schedule)
    const time = this.#dueTime(schedule)
    if (time === undefined || !(await this.#mayStart(time))) return this.#untilNext(schedule)
    return (await this.#start(time)) ? this.#untilNext(schedule) : undefined
  }

  /** What has become of the Jobs that are known. */
  #noteJobs(): void {
    for (const job of this.#jobs) {
      const isActive = this.#active.some((r) => r.uid === job.metadata.uid)
      const end = endOf(job)
      if (!end) {
        if (isActive) continue
        this.#event(
          'Warning',
          'UnexpectedJob',
          `Saw a job that the controller did not create or forgot: ${job.metadata.name}`,
        )
        continue
      }
      if (isActive) {
        this.#forget(job.metadata.uid)
        this.#event('Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${end}`)
      }
      const completed = end === 'Complete' ? job.status?.completionTime : undefined
      const last = this.#status.lastSuccessfulTime
      if (completed !== undefined && (last === undefined || parseTime(completed) > parseTime(last))) {
        this.#status.lastSuccessfulTime = completed
        this.#isNews = true
      }
    }
  }

  async #forgetMissing(): Promise<void> {
    const { client } = this.#context
    for (const reference of this.#active) {
      if (this.#jobs.some((job) => job.metadata.uid === reference.uid)) continue
      try {
        await client.get(JOBS, { namespace: reference.namespace ?? '', name: reference.name ?? '' })
      } catch (error) {
        if (!isNotFound(error)) throw error
        this.#event('Normal', 'MissingJob', `Active job went missing: ${reference.name}`)
        this.#forget(reference.uid)
      }
    }
  }

  #schedule(): Schedule | undefined {
    const { spec } = this.#cronJob
    if (spec.timeZone !== undefined && !isKnownZone(spec.timeZone)) {
      const why = `invalid timeZone: "${spec.timeZone}": unknown time zone ${spec.timeZone}`
      this.#event('Warning', 'UnknownTimeZone', why)
      return undefined
    }
    if (spec.schedule.includes('TZ')) {
      const message = `CRON_TZ or TZ used in schedule "${spec.schedule}" is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`
      this.#event('Warning', 'UnsupportedSchedule', message)
    }
    try {
      return parseSchedule(spec.schedule, spec.timeZone ?? 'Local')
    } catch (error) {
      this.#event('Warning', 'UnparseableSchedule', `unparseable schedule: "${spec.schedule}" : ${textOf(error)}`)
      return undefined
    }
  }

  /** The start time that has come and was not met yet. */
  #dueTime(schedule: Schedule): number | undefined {
    try {
      const position = schedulePosition(this.#cronJob, this.#now, schedule, { withDeadline: true })
      if (position.missed === 'many') {
        const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew'
        this.#event('Warning', 'TooManyMissedTimes', message)
      }
      return position.mostRecent
    } catch (error) {
      const message = `invalid schedule: ${this.#cronJob.spec.schedule} : ${textOf(error)}`
      this.#event('Warning', 'InvalidSchedule', message)
      return undefined
    }
  }

  async #mayStart(time: number): Promise<boolean> {
    const { spec } = this.#cronJob
    const { startingDeadlineSeconds, concurrencyPolicy } = spec
    if (startingDeadlineSeconds !== undefined && time + startingDeadlineSeconds * 1000 < this.#now) {
      const text = new Date(time).toUTCString().replace('GMT', '+0000')
      this.#event('Warning', 'MissSchedule', `Missed scheduled time to start a job: ${text}`)
      return false
    }
    const isStarted = this.#active.some((r) => r.name === this.#jobName(time))
    if (isStarted || this.#status.lastScheduleTime === formatTime(time)) return false
    if (concurrencyPolicy === 'Forbid' && this.#active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid'
      this.#event('Normal', 'JobAlreadyActive', message)
      return false
    }
    if (concurrencyPolicy === 'Replace') await this.#replaceActive()
    return true
  }

  async #replaceActive(): Promise<void> {
    for (const { namespace = '', name = '' } of [...this.#active]) {
      let job: JobObject
      try {
        job = await this.#context.client.get(JOBS, { namespace, name })
      } catch (error) {
        this.#event('Warning', 'FailedGet', `Get job: ${textOf(error)}`)
        throw error
      }
      if (!(await this.#deleteJob(job))) throw new Error(`could not replace job ${namespace}/${name}`)
    }
  }

  /** False where a Job of that name is there already and is none of this reconcile's business. */
  async #start(time: number): Promise<boolean> {
    const { client } = this.#context
    const wanted = this.#newJob(time)
    let job: JobObject
    try {
      job = await client.create(JOBS, wanted)
      this.#event('Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`)
    } catch (error) {
      if (!isAlreadyExists(error)) {
        if (!isNamespaceTerminating(error))
          this.#event('Warning', 'FailedCreate', `Error creating job: ${textOf(error)}`)
        throw error
      }
      job = await client.get(JOBS, keyOf(wanted))
      if (!isControlledBy(job, this.#cronJob)) return false
      if (this.#active.some((r) => r.uid === job.metadata.uid)) return false
    }
    this.#status.active = [...this.#active, referenceTo(job)]
    this.#status.lastScheduleTime = formatTime(time)
    this.#isNews = true
    return true
  }

  #newJob(time: number): JobObject {
    const { metadata, spec } = this.#cronJob
    const { metadata: template, spec: jobSpec } = spec.jobTemplate
    const scheduled = new ZonedTime(spec.timeZone ?? 'UTC').format(time)
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: this.#jobName(time),
        namespace: metadata.namespace!,
        ...(template?.labels ? { labels: { ...template.labels } } : {}),
        annotations: { ...template?.annotations, [SCHEDULED_TIMESTAMP]: scheduled },
        ownerReferences: [controllerReference(this.#cronJob, CRON_JOBS)],
      },
      ...(jobSpec ? { spec: jobSpec } : {}),
    }
  }

  /** The same start time always gives the same name: a Job is never started twice. */
  #jobName(time: number): string {
    return `${this.#cronJob.metadata.name}-${Math.trunc(time / 60_000)}`
  }

  async #trimHistory(): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = this.#cronJob.spec
    await this.#trim('Complete', successfulJobsHistoryLimit)
    await this.#trim('Failed', failedJobsHistoryLimit)
  }

  async #trim(end: 'Complete' | 'Failed', limit: number | undefined): Promise<void> {
    if (limit === undefined) return
    const jobs = this.#jobs.filter((job) => endOf(job) === end)
    const surplus = Math.max(0, jobs.length - limit)
    for (const job of jobs.toSorted(byStartTime).slice(0, surplus)) {
      if (await this.#deleteJob(job)) this.#isNews = true
    }
  }

  async #deleteJob(job: JobObject): Promise<boolean> {
    try {
      await this.#context.client.delete(JOBS, keyOf(job), { propagationPolicy: 'Background' })
    } catch (error) {
      this.#event('Warning', 'FailedDelete', `Deleted job: ${textOf(error)}`)
      return false
    }
    this.#forget(job.metadata.uid)
    this.#event('Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`)
    return true
  }

  get #active(): readonly ObjectReference[] {
    return this.#status.active ?? []
  }

  #forget(uid: string | undefined): void {
    this.#status.active = this.#active.filter((r) => r.uid !== uid)
    this.#isNews = true
  }

  #untilNext(schedule: Schedule): ReconcileResult {
    const ms = untilNextMs(this.#cronJob, this.#now, schedule)
    // A start time that was only just met is behind the last one that the object tells of.
    return ms === undefined ? undefined : { requeueAfterMs: Math.max(1, ms) }
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.events.record(this.#cronJob, type, reason, message)
  }
}

function isKnownZone(zone: string): boolean {
  try {
    return new ZonedTime(zone) !== undefined
  } catch {
    return false
  }
}

/** How a Job has ended; undefined: it has not. */
function endOf({ status }: JobObject): string | undefined {
  return status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True')?.type
}

function byStartTime(a: JobObject, b: JobObject): number {
  const [startA, startB] = [a.status?.startTime, b.status?.startTime]
  if (startA === startB) return a.metadata.name! < b.metadata.name! ? -1 : 1
  if (startA === undefined) return 1
  return startB === undefined || startA < startB ? -1 : 1
}
