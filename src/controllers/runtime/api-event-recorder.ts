import { asApiError, isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Event, ObjectReference } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from './client.ts'
import type { EventRecorder } from './controller.ts'
import { type Correlated, EventCorrelator } from './event-correlator.ts'
import type { Logger } from './logger.ts'
import { EVENTS } from './resources.ts'

export interface ApiEventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Who reports: `deployment-controller`, `default-scheduler`, `kubelet`. */
  readonly component: string
  /** Name of the node that reports, for kubelets. */
  readonly host?: string
}

/** Events that wait to be written: what comes on top is dropped, as client-go's broadcaster does. */
const MAX_QUEUED = 1000
/** Attempts at one Event, upstream's `maxTriesPerEvent`. */
const MAX_TRIES = 12
const RETRY_MS = 10_000

interface Occurrence {
  readonly object: KubeObject
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/**
 * Writes core/v1 Events through the client, one after the other, off the caller's path.
 *
 * @see client-go tools/record/event.go
 */
export class ApiEventRecorder implements EventRecorder {
  readonly #options: ApiEventRecorderOptions
  readonly #correlator: EventCorrelator
  readonly #queue: Occurrence[] = []
  #isWriting = false
  #isStopped = false
  #lastNanos = 0n

  constructor(options: ApiEventRecorderOptions) {
    this.#options = options
    this.#correlator = new EventCorrelator(options.clock)
  }

  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#isStopped) return
    if (this.#queue.length >= MAX_QUEUED) {
      this.#options.logger.warn({ component: this.#options.component }, 'too many events, dropping one')
      return
    }
    this.#queue.push({ object, type, reason, message })
    if (!this.#isWriting) void this.#write()
  }

  /** Drops what has not been written yet. */
  stop(): void {
    this.#isStopped = true
    this.#queue.length = 0
  }

  #event({ object, type, reason }: Occurrence, { message, count, firstTimestamp }: Correlated): Typed<Event> {
    const { clock, component, host } = this.#options
    const now = clock.now()
    const { namespace, name = '' } = object.metadata
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${this.#nanos(now).toString(16)}`, namespace: namespace || 'default' },
      involvedObject: referenceTo(object),
      reason,
      message,
      source: { component, ...(host ? { host } : {}) },
      firstTimestamp: formatTime(firstTimestamp),
      lastTimestamp: formatTime(now),
      count,
      type,
      reportingComponent: component,
      ...(host ? { reportingInstance: host } : {}),
    }
  }

  /** Nanoseconds since the epoch, never twice the same: the clock only knows milliseconds. */
  #nanos(now: number): bigint {
    const nanos = BigInt(now) * 1_000_000n
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1n
    return this.#lastNanos
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    for (let next = this.#queue.shift(); next && !this.#isStopped; next = this.#queue.shift()) {
      await this.#writeOne(next)
    }
    this.#isWriting = false
  }

  async #writeOne(occurrence: Occurrence): Promise<void> {
    const { clock, logger } = this.#options
    const { object, type, reason, message } = occurrence
    const { namespace = '', name = '', uid = '' } = object.metadata
    const objectId = `${object.kind}|${namespace}|${name}|${uid}|${object.apiVersion}`
    const correlated = this.#correlator.correlate({ objectId, type, reason, message })
    if (!correlated) return
    const event = this.#event(occurrence, correlated)
    for (let attempt = 1; !this.#isStopped; attempt++) {
      try {
        const written = await this.#send(correlated, event)
        this.#correlator.written(correlated.logKey, written.metadata.name!)
        return
      } catch (error) {
        // An answer of the API is final (a namespace that goes, a quota); anything else may pass.
        if (asApiError(error) || attempt === MAX_TRIES) {
          if (!isAlreadyExists(error)) logger.debug({ err: error, reason }, 'event not written')
          return
        }
        await new Promise<void>((resolve) => {
          clock.setTimer(resolve, RETRY_MS * Math.random())
        })
      }
    }
  }

  /** Counts up the Event that there is, or creates one. */
  async #send(correlated: Correlated, event: Typed<Event>): Promise<Typed<Event>> {
    const { client } = this.#options
    if (correlated.name !== undefined) {
      const patch = { count: event.count, lastTimestamp: event.lastTimestamp, message: event.message }
      const key = { namespace: event.metadata.namespace!, name: correlated.name }
      try {
        return await client.patch(EVENTS, key, 'strategic', patch)
      } catch (error) {
        // It has expired since: begin a new one.
        if (!isNotFound(error)) throw error
      }
    }
    return await client.create(EVENTS, event)
  }
}

/** What an Event says of the object that it is about. */
export function referenceTo({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  return {
    kind,
    ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
    name: metadata.name,
    uid: metadata.uid,
    apiVersion,
    resourceVersion: metadata.resourceVersion,
  }
}
