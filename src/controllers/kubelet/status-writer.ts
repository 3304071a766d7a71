import { isConflict, isNotFound } from '../../apimachinery/api-error.ts'
import { type Cause, causedByChange, later } from '../../apimachinery/cause.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { PODS } from '../runtime/resources.ts'
import type { PodWorker } from './pod-worker.ts'
import { Rush } from './rush.ts'

/** Writes under way at once, of all nodes together. */
const CONCURRENCY = 32
/** How soon a write that failed is tried again. */
const RETRY_MS = 1000

/**
 * Brings the state of pods into the API, a few at a time. Level-based: what changes while a pod waits for its turn is
 * written once.
 *
 * @see kubernetes pkg/kubelet/status/status_manager.go
 */
export class StatusWriter {
  readonly #log: Logger
  readonly #dirty: Set<PodWorker> = new Set()
  readonly #writing: Set<PodWorker> = new Set()
  readonly #ends: Rush
  #isStopped = false

  constructor(log: Logger, clock: Clock) {
    this.#log = log
    this.#ends = new Rush(clock)
  }

  changed(worker: PodWorker): void {
    if (this.#isStopped) return
    this.#dirty.add(worker)
    if (this.#dirty.size === 1) queueMicrotask(() => this.#pump())
  }

  /** Nothing more is to be written for a pod. */
  forget(worker: PodWorker): void {
    this.#dirty.delete(worker)
  }

  stop(): void {
    this.#isStopped = true
    this.#dirty.clear()
  }

  #pump(): void {
    for (const worker of this.#dirty) {
      if (this.#writing.size >= CONCURRENCY || this.#isStopped) return
      if (this.#writing.has(worker)) continue
      this.#dirty.delete(worker)
      this.#writing.add(worker)
      void this.#write(worker).finally(() => {
        this.#writing.delete(worker)
        this.#pump()
      })
    }
  }

  async #write(worker: PodWorker): Promise<void> {
    const { client, timeline } = worker.node
    const cause = worker.causes.take()
    try {
      const { pod } = worker
      if (worker.isTerminal && pod.metadata.deletionTimestamp && !pod.metadata.finalizers && this.#ends.count()) {
        // In a rush, and with nobody waiting for it, the last status is not worth a write.
        await this.#remove(worker, cause)
        return
      }
      const written = await client
        .causedBy(cause)
        .updateSubresource(PODS, 'status', { ...pod, status: worker.status() })
      if (isNewer(written.metadata.resourceVersion, worker.pod.metadata.resourceVersion)) worker.pod = written
      if (worker.isTerminal && worker.pod.metadata.deletionTimestamp) {
        await this.#remove(worker, causedByChange(written))
      }
    } catch (error) {
      if (isNotFound(error) || this.#isStopped) return
      worker.causes.add(later(cause, 'retry'))
      if (!isConflict(error)) this.#log.warn({ err: error, pod: worker.key }, 'could not write the status of a pod')
      // After a conflict the watch brings what is missing; it may have done so already.
      if (isConflict(error) && this.#dirty.has(worker)) return
      timeline.after(isConflict(error) ? 5 : RETRY_MS, () => this.changed(worker))
    }
  }

  async #remove(worker: PodWorker, cause: Cause): Promise<void> {
    const { namespace = '', name = '' } = worker.pod.metadata
    const options = { gracePeriodSeconds: 0, preconditions: { uid: worker.uid } }
    await worker.node.client.causedBy(cause).delete(PODS, { namespace, name }, options)
  }
}

function isNewer(a: string | undefined, b: string | undefined): boolean {
  return Number(a ?? 0) > Number(b ?? 0)
}
