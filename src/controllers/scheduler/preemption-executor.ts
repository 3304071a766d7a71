import { isNotFound } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from '../runtime/client.ts'
import type { EventRecorder } from '../runtime/controller.ts'
import type { Logger } from '../runtime/logger.ts'
import { PODS } from '../runtime/resources.ts'
import type { ObjectReader } from './plugin.ts'
import type { PodInfo } from './pod-info.ts'
import { writePodStatus } from './pod-status-writer.ts'
import type { Candidate } from './preemption.ts'

export interface PreemptionExecutorOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventRecorder
  readonly objects: ObjectReader
  /** Preempting for a pod failed: it is to be tried again. */
  onFailure(uid: string): void
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

  /** Begins to make room for a pod; `outbid` are pods that lose their claim on the node by that. */
  start(preemptor: Pod, candidate: Candidate, outbid: readonly PodInfo[]): void {
    const uid = preemptor.metadata.uid ?? ''
    const victims = candidate.victims.filter(({ pod }) => !pod.metadata.deletionTimestamp).map(({ pod }) => pod)
    if (victims.length === 0) return
    this.#running.set(uid, undefined)
    void this.#run(preemptor, candidate.node, victims, outbid)
      .catch((error: unknown) => {
        this.#options.log.warn({ err: error, pod: preemptor.metadata.name }, 'preemption failed')
        this.#running.delete(uid)
        this.#options.onFailure(uid)
      })
      .finally(() => this.#running.delete(uid))
  }

  async #run(preemptor: Pod, node: string, victims: readonly Pod[], outbid: readonly PodInfo[]): Promise<void> {
    const { client, clock } = this.#options
    await Promise.all(outbid.map(({ pod }) => writePodStatus(client, clock, pod, { nominatedNodeName: '' })))
    await Promise.all(victims.slice(0, -1).map((victim) => this.#preempt(preemptor, node, victim)))
    const last = victims.at(-1)!
    this.#running.set(preemptor.metadata.uid ?? '', last)
    await this.#preempt(preemptor, node, last)
  }

  async #preempt(preemptor: Pod, node: string, victim: Pod): Promise<void> {
    const { client, clock, events } = this.#options
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
    const message = `Preempted by pod ${preemptor.metadata.uid} on node ${node}`
    events.record(victim as Typed<Pod>, 'Normal', 'Preempted', message)
  }
}
