import { hostname } from 'node:os'
import { isNotFound } from '../../apimachinery/api-error.ts'
import { causedByChange } from '../../apimachinery/cause.ts'
import { type Clock, formatMicroTime, type Timer } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Event } from '../../apimachinery/types/events-v1.ts'
import { identified, referenceTo } from './api-event-recorder.ts'
import type { Client, Typed } from './client.ts'
import { EventOutbox, FAST_EVENTS } from './event-outbox.ts'
import type { Logger } from './logger.ts'
import { SERIES_EVENTS } from './resources.ts'

export interface SeriesEventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Who reports: `default-scheduler`. Together with the machine's name it is the instance. */
  readonly controller: string
}

/** What happened, as events.k8s.io says it. */
export interface Happening {
  readonly regarding: KubeObject
  /** Another object that it has to do with. */
  readonly related?: KubeObject
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  /** What was being done: `Binding`. */
  readonly action: string
  /** Up to 1024 bytes. */
  readonly note: string
}

interface Known {
  event: Typed<Event>
  lastMs: number
  /** Times that it happened; 1: no series yet. */
  count: number
}

/** A series is over after so long without another occurrence; its last count is written then. */
const FINISH_MS = 6 * 60_000
/** Happenings that a repetition is told by; the oldest are forgotten first. */
const MAX_KNOWN = 4096

/**
 * Writes events.k8s.io/v1 Events, as kube-scheduler does: the second occurrence of the same makes a series of the first,
 * later ones are counted and written at the series' end.
 *
 * @see client-go tools/events/event_broadcaster.go
 */
export class SeriesEventRecorder {
  readonly #options: SeriesEventRecorderOptions
  readonly #instance: string
  readonly #outbox: EventOutbox<Happening & { readonly atMs: number }>
  readonly #known: Map<string, Known> = new Map()
  #finishTimer: Timer | undefined

  constructor(options: SeriesEventRecorderOptions) {
    this.#options = options
    const { clock, logger, controller } = options
    this.#instance = `${controller}-${hostname()}`
    this.#outbox = new EventOutbox({
      clock,
      logger,
      component: controller,
      rate: FAST_EVENTS,
      prepare: (happening) => this.#prepare(happening),
    })
  }

  record(happening: Happening): void {
    const { regarding, related } = happening
    this.#outbox.push({
      ...happening,
      regarding: identified(regarding),
      ...(related ? { related: identified(related) } : {}),
      atMs: this.#options.clock.now(),
    })
  }

  /** Drops what has not been written yet. */
  stop(): void {
    this.#outbox.stop()
    this.#finishTimer?.cancel()
    this.#known.clear()
  }

  #prepare(happening: Happening & { readonly atMs: number }): (() => Promise<void>) | undefined {
    const { regarding, related, type, reason, action, atMs } = happening
    const key = JSON.stringify([type, action, reason, referenceTo(regarding), related ? referenceTo(related) : ''])
    const known = this.#known.get(key)
    if (known) {
      known.lastMs = atMs
      known.count++
      return known.count === 2 ? () => this.#writeSeries(known) : undefined
    }
    const event = this.#event(happening)
    this.#known.set(key, { event, lastMs: atMs, count: 1 })
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!)
    this.#finishTimer ??= this.#options.clock.setTimer(() => this.#finish(), FINISH_MS)
    return async () => {
      await this.#clientFor(event).create(SERIES_EVENTS, event)
    }
  }

  #event({
    regarding,
    related,
    type,
    reason,
    action,
    note,
    atMs,
  }: Happening & { readonly atMs: number }): Typed<Event> {
    const { namespace, name = '' } = regarding.metadata
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: this.#outbox.nameFor(name, atMs), namespace: namespace || 'default' },
      eventTime: formatMicroTime(atMs),
      reportingController: this.#options.controller,
      reportingInstance: this.#instance,
      action,
      reason,
      regarding: referenceTo(regarding),
      ...(related ? { related: referenceTo(related) } : {}),
      note,
      type,
    }
  }

  #clientFor({ regarding }: Event): Client {
    const { resourceVersion } = regarding ?? {}
    return this.#options.client.causedBy(causedByChange({ metadata: resourceVersion ? { resourceVersion } : {} }))
  }

  /** Counts up the Event, or begins a new one where it has expired since. */
  async #writeSeries({ event, count, lastMs }: Known): Promise<void> {
    const client = this.#clientFor(event)
    const series = { count, lastObservedTime: formatMicroTime(lastMs) }
    const { namespace = '', name = '' } = event.metadata
    try {
      await client.patch(SERIES_EVENTS, { namespace, name }, 'strategic', { series })
    } catch (error) {
      if (!isNotFound(error)) throw error
      await client.create(SERIES_EVENTS, { ...event, series })
    }
  }

  /** Forgets what has not happened again for a while, and writes how often it did. */
  #finish(): void {
    const { clock, logger } = this.#options
    for (const [key, known] of this.#known) {
      if (clock.now() - known.lastMs < FINISH_MS) continue
      this.#known.delete(key)
      if (known.count <= 2) continue
      this.#writeSeries(known).catch((error: unknown) => logger.debug({ err: error }, 'event not written'))
    }
    this.#finishTimer = this.#known.size > 0 ? clock.setTimer(() => this.#finish(), FINISH_MS) : undefined
  }
}
