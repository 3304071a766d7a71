import type { Clock } from '../../apimachinery/clock.ts'
import { LruMap } from './lru-map.ts'
import { TokenBucket } from './token-bucket.ts'

/** An Event before it gets its name, times and count. */
interface EventOccurrence {
  /** Tells objects apart: kind, namespace, name, uid, apiVersion. */
  readonly objectId: string
  /** The part of the object that it is about; undefined: the whole. */
  readonly fieldPath?: string | undefined
  readonly type: string
  readonly reason: string
  readonly message: string
  /** When it happened, in milliseconds since the epoch; default: now. */
  readonly atMs?: number
}

/** How an occurrence is to be written. */
export interface Correlated {
  /** Under which the written Event is remembered: {@link EventCorrelator.written}. */
  readonly logKey: string
  readonly message: string
  readonly count: number
  /** Name of the Event that counts this one as well; undefined: a new one. */
  readonly name: string | undefined
  readonly firstTimestamp: number
}

interface LoggedEvent {
  readonly count: number
  readonly firstTimestamp: number
  readonly name: string | undefined
}

interface Aggregate {
  readonly messages: Set<string>
  lastAt: number
}

/** Sizes and limits of client-go's correlator. */
const MAX_ENTRIES = 4096
const MAX_SIMILAR = 10
const SIMILAR_WITHIN_MS = 600_000
const BURST = 25
const PER_SECOND = 1 / 300

/**
 * Counts repeated Events instead of writing them anew, combines those that differ in their message only, and drops
 * what one source says too often about one object.
 *
 * @see client-go tools/record/events_cache.go
 */
export class EventCorrelator {
  readonly #clock: Clock
  readonly #aggregates = new LruMap<string, Aggregate>(MAX_ENTRIES)
  readonly #logged = new LruMap<string, LoggedEvent>(MAX_ENTRIES)
  readonly #buckets = new LruMap<string, TokenBucket>(MAX_ENTRIES)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What is to be written; undefined: nothing. */
  correlate(event: EventOccurrence): Correlated | undefined {
    const { logKey, message } = this.#aggregate(event)
    const last = this.#logged.get(logKey)
    const logged: LoggedEvent = last
      ? { ...last, count: last.count + 1 }
      : { count: 1, firstTimestamp: event.atMs ?? this.#clock.now(), name: undefined }
    this.#logged.set(logKey, logged)
    if (!this.#takeToken(`${event.objectId}|${event.type}`)) return undefined
    return { logKey, message, ...logged }
  }

  /** The Event has been written under that name. */
  written(logKey: string, name: string): void {
    const logged = this.#logged.get(logKey)
    if (logged) this.#logged.set(logKey, { ...logged, name })
  }

  /** From the tenth different message within ten minutes on, one Event stands for all of them. */
  #aggregate({ objectId, fieldPath = '', type, reason, message }: EventOccurrence): {
    logKey: string
    message: string
  } {
    const now = this.#clock.now()
    const key = `${objectId}|${type}|${reason}`
    let aggregate = this.#aggregates.get(key)
    if (!aggregate || now - aggregate.lastAt > SIMILAR_WITHIN_MS) {
      aggregate = { messages: new Set(), lastAt: now }
      this.#aggregates.set(key, aggregate)
    }
    aggregate.messages.add(message)
    aggregate.lastAt = now
    if (aggregate.messages.size < MAX_SIMILAR) return { logKey: `${key}|${fieldPath}|${message}`, message }
    for (const any of aggregate.messages) {
      aggregate.messages.delete(any)
      break
    }
    return { logKey: key, message: `(combined from similar events): ${message}` }
  }

  #takeToken(key: string): boolean {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(key) ?? new TokenBucket(BURST, PER_SECOND, now)
    this.#buckets.set(key, bucket)
    return bucket.take(now)
  }
}
