import { isNotFound } from '../../apimachinery/api-error.ts'
import { causedByChange } from '../../apimachinery/cause.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Event, ObjectReference } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from './client.ts'
import type { EventRecorder } from './controller.ts'
import { type Correlated, EventCorrelator } from './event-correlator.ts'
import { CONTROLLER_RATE, EventOutbox, type EventRate } from './event-outbox.ts'
import type { Logger } from './logger.ts'
import { EVENTS } from './resources.ts'

export interface ApiEventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Who reports: `deployment-controller`, `kubelet`. */
  readonly component: string
  /** Name of the node that reports, for kubelets. */
  readonly host?: string
  /** Default: that of a controller. */
  readonly rate?: EventRate
}

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
 * Writes core/v1 Events through the client, as controllers and kubelets do.
 *
 * @see client-go tools/record/event.go
 */
export class ApiEventRecorder implements EventRecorder {
  readonly #options: ApiEventRecorderOptions
  readonly #correlator: EventCorrelator
  readonly #outbox: EventOutbox<Occurrence>

  constructor(options: ApiEventRecorderOptions) {
    this.#options = options
    this.#correlator = new EventCorrelator(options.clock)
    const { clock, logger, component, rate = CONTROLLER_RATE } = options
    const prepare = (occurrence: Occurrence) => this.#prepare(occurrence)
    this.#outbox = new EventOutbox({ clock, logger, component, rate, prepare })
  }

  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const atMs = this.#options.clock.now()
    this.#outbox.push({ object: identified(object), atMs, type, reason, message, fieldPath })
  }

  /** Drops what has not been written yet. */
  stop(): void {
    this.#outbox.stop()
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
      metadata: { name: this.#outbox.nameFor(name, atMs), namespace: namespace || 'default' },
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

  #prepare(occurrence: Occurrence): (() => Promise<void>) | undefined {
    const { object, atMs, type, reason, message, fieldPath } = occurrence
    const { namespace = '', name = '', uid = '' } = object.metadata
    const objectId = `${object.kind}|${namespace}|${name}|${uid}|${object.apiVersion}`
    const correlated = this.#correlator.correlate({ objectId, fieldPath, atMs, type, reason, message })
    if (!correlated) return undefined
    const event = this.#event(occurrence, correlated)
    const client = this.#options.client.causedBy(causedByChange(object))
    return async () => {
      const written = await send(client, correlated, event)
      this.#correlator.written(correlated.logKey, written.metadata.name!)
    }
  }
}

/** Counts up the Event that there is, or creates one. */
async function send(client: Client, correlated: Correlated, event: Typed<Event>): Promise<Typed<Event>> {
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

/** An object without all that does not tell which one it is. */
export function identified({ apiVersion, kind, metadata }: KubeObject): KubeObject {
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
