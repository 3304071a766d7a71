import { asApiError, isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import { causedByChange } from '../../apimachinery/cause.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Event, ObjectReference } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from './client.ts'
import type { EventRecorder } from './controller.ts'
import { type Correlated, EventCorrelator } from './event-correlator.ts'
import type { Logger } from './logger.ts'
import { EVENTS } from './resources.ts'
import { TokenBucket } from './token-bucket.ts'

export interface ApiEventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Who reports: `deployment-controller`, `default-scheduler`, `kubelet`. */
  readonly component: string
  /** Name of the node that reports, for kubelets. */
  readonly host?: string
  /** Default: that of a controller. */
  readonly rate?: EventRate
}

/** So many Events are written at once, then so many a second. */
export interface EventRate {
  readonly burst: number
  readonly perSecond: number
}

/** A controller's: kube-controller-manager's `--kube-api-burst` and `--kube-api-qps` by default. */
const CONTROLLER_RATE: EventRate = { burst: 30, perSecond: 20 }
/** That of kube-scheduler's clients, and of a kubelet's `eventBurst` and `eventRecordQPS`. */
export const FAST_EVENTS: EventRate = { burst: 100, perSecond: 50 }

/** Events that wait to be written: what comes on top is dropped, as client-go's broadcaster does. */
const MAX_QUEUED = 1000
/** Once these are used up, so many are written in a row, so that waiting costs few timers. */
const TOKENS_PER_WAIT = 20
/** Attempts at one Event, upstream's `maxTriesPerEvent`. */
const MAX_TRIES = 12
const RETRY_MS = 10_000

interface Occurrence {
  /** Only what identifies it: the rest may be long out of date when the Event is written. */
  readonly object: KubeObject
  readonly atMs: number
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly fieldPath: string | undefined
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
  readonly #bucket: TokenBucket
  #isWriting = false
  #isDropping = false
  #isStopped = false
  #lastNanos = 0n

  constructor(options: ApiEventRecorderOptions) {
    this.#options = options
    this.#correlator = new EventCorrelator(options.clock)
    const { burst, perSecond } = options.rate ?? CONTROLLER_RATE
    this.#bucket = new TokenBucket(burst, perSecond, options.clock.now())
  }

  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    if (this.#isStopped) return
    const { clock, component, logger } = this.#options
    if (this.#queue.length >= MAX_QUEUED) {
      if (!this.#isDropping) logger.warn({ component }, 'too many events, dropping some')
      this.#isDropping = true
      return
    }
    this.#queue.push({ object: identified(object), atMs: clock.now(), type, reason, message, fieldPath })
    if (!this.#isWriting) void this.#write()
  }

  /** Drops what has not been written yet. */
  stop(): void {
    this.#isStopped = true
    this.#queue.length = 0
  }

  #event(
    { object, atMs, type, reason, fieldPath }: Occurrence,
    { message, count, firstTimestamp }: Correlated,
  ): Typed<Event> {
    const { component, host } = this.#options
    const { namespace, name = '' } = object.metadata
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${this.#nanos(atMs).toString(16)}`, namespace: namespace || 'default' },
      involvedObject: { ...referenceTo(object), ...(fieldPath === undefined ? {} : { fieldPath }) },
      reason,
      message,
      source: { component, ...(host ? { host } : {}) },
      firstTimestamp: formatTime(firstTimestamp),
      lastTimestamp: formatTime(atMs),
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
      await this.#turn()
      await this.#writeOne(next)
    }
    this.#isWriting = false
    this.#isDropping = false
  }

  /** Waits until one more may be written. */
  async #turn(): Promise<void> {
    const { clock } = this.#options
    while (!this.#isStopped && !this.#bucket.take(clock.now())) {
      const waitMs = this.#bucket.waitMs(TOKENS_PER_WAIT, clock.now())
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, waitMs)
      })
    }
  }

  async #writeOne(occurrence: Occurrence): Promise<void> {
    const { clock, logger } = this.#options
    const { object, atMs, type, reason, message, fieldPath } = occurrence
    const { namespace = '', name = '', uid = '' } = object.metadata
    const objectId = `${object.kind}|${namespace}|${name}|${uid}|${object.apiVersion}`
    const correlated = this.#correlator.correlate({ objectId, fieldPath, atMs, type, reason, message })
    if (!correlated) return
    const event = this.#event(occurrence, correlated)
    for (let attempt = 1; !this.#isStopped; attempt++) {
      try {
        const written = await this.#send(this.#options.client.causedBy(causedByChange(object)), correlated, event)
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
  async #send(client: Client, correlated: Correlated, event: Typed<Event>): Promise<Typed<Event>> {
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

function identified({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { namespace, name, uid, resourceVersion } = metadata
  return { apiVersion, kind, metadata: { name, uid, resourceVersion, ...(namespace ? { namespace } : {}) } }
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
