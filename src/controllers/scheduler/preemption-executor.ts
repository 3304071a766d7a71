import { isNotFound } from '../../apimachinery/api-error.ts'
import type { Cause } from '../../apimachinery/cause.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from '../runtime/client.ts'
import type { Logger } from '../runtime/logger.ts'
import { PODS } from '../runtime/resources.ts'
import type { SeriesEventRecorder } from '../runtime/series-event-recorder.ts'
import type { ObjectReader } from './plugin.ts'
import type { PodInfo } from './pod-info.ts'
import { writePodStatus } from './pod-status-writer.ts'
import type { Candidate } from './preemption.ts'

export interface PreemptionExecutorOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly events: SeriesEventRecorder
  readonly objects: ObjectReader
  /** Preempting for a pod failed: it is to be tried again. */
  onFailure(uid: string): void
}

export interface PreemptionOptions {
  /** Pods that lose their claim on the node by that. */
  readonly outbid: readonly PodInfo[]
  /** What woke the pod that room is made for. */
  readonly cause: Cause
}

/** Room that is being made for a pod. */
interface Run {
  readonly preemptor: Pod
  readonly node: string
  readonly client: Client
}

/**
 * Makes room: marks and deletes the victims, off the scheduler's path. The last victim goes last, so that the pod is
 * woken once, when all are gone.
 *
 * @see kubernetes pkg/scheduler/framework/preemption/executor.go
 */
export class PreemptionExecutor {
  readonly #options: PreemptionExecutorOptions
  /** By preemptor: the last victim, once it is being deleted. */
  readonly #running: Map<string, Pod | undefined> = new Map()

  constructor(options: PreemptionExecutorOptions) {
    this.#options = options
  }

  /** True while victims are left that have not been told to go. */
  isRunningFor(pod: Pod): boolean {
    const uid = pod.metadata.uid ?? ''
    if (!this.#running.has(uid)) return false
    const last = this.#running.get(uid)
    if (!last) return true
    const key = { namespace: last.metadata.namespace ?? '', name: last.metadata.name ?? '' }
    const now = this.#options.objects.get(PODS, key)
    return now !== undefined && now.metadata.uid === last.metadata.uid && !now.metadata.deletionTimestamp
  }

  /** Begins to make room for a pod. */
  start(preemptor: Pod, candidate: Candidate, { outbid, cause }: PreemptionOptions): void {
    const uid = preemptor.metadata.uid ?? ''
    const victims = candidate.victims.filter(({ pod }) => !pod.metadata.deletionTimestamp).map(({ pod }) => pod)
    if (victims.length === 0) return
    this.#running.set(uid, undefined)
    void this.#run({ preemptor, node: candidate.node, client: this.#options.client.causedBy(cause) }, victims, outbid)
      .catch((error: unknown) => {
        this.#options.log.warn({ err: error, pod: preemptor.metadata.name }, 'preemption failed')
        this.#running.delete(uid)
        this.#options.onFailure(uid)
      })
      .finally(() => this.#running.delete(uid))
  }

  async #run(run: Run, victims: readonly Pod[], outbid: readonly PodInfo[]): Promise<void> {
    const { clock } = this.#options
    await Promise.all(outbid.map(({ pod }) => writePodStatus(run.client, clock, pod, { nominatedNodeName: '' })))
    await Promise.all(victims.slice(0, -1).map((victim) => this.#preempt(run, victim)))
    const last = victims.at(-1)!
    this.#running.set(run.preemptor.metadata.uid ?? '', last)
    await this.#preempt(run, last)
  }

  async #preempt({ preemptor, node, client }: Run, victim: Pod): Promise<void> {
    const { clock, events } = this.#options
    const scheduler = preemptor.spec?.schedulerName || 'default-scheduler'
    await writePodStatus(client, clock, victim, {
      condition: {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: `${scheduler}: preempting to accommodate a higher priority pod`,
      },
    })
    try {
      await client.delete(PODS, { namespace: victim.metadata.namespace ?? '', name: victim.metadata.name ?? '' })
    } catch (error) {
      if (isNotFound(error)) return
      throw error
    }
    events.record({
      regarding: victim as Typed<Pod>,
      related: preemptor as Typed<Pod>,
      type: 'Normal',
      reason: 'Preempted',
      action: 'Preempting',
      note: `Preempted by pod ${preemptor.metadata.uid} on node ${node}`,
    })
  }
}
