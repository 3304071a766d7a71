import { asApiError, isAlreadyExists } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Logger } from './logger.ts'
import { TokenBucket } from './token-bucket.ts'

/** So many Events are written at once, then so many a second. */
export interface EventRate {
  readonly burst: number
  readonly perSecond: number
}

/** A controller's: kube-controller-manager's `--kube-api-burst` and `--kube-api-qps` by default. */
export const CONTROLLER_RATE: EventRate = { burst: 30, perSecond: 20 }
/** That of kube-scheduler's clients, and of a kubelet's `eventBurst` and `eventRecordQPS`. */
export const FAST_EVENTS: EventRate = { burst: 100, perSecond: 50 }

/** Events that wait to be written: what comes on top is dropped, as client-go's broadcasters do. */
const MAX_QUEUED = 1000
/** Once these are used up, so many are written in a row, so that waiting costs few timers. */
const TOKENS_PER_WAIT = 20
/** Attempts at one Event, upstream's `maxTriesPerEvent`. */
const MAX_TRIES = 12
const RETRY_MS = 10_000

export interface EventOutboxOptions<T> {
  readonly clock: Clock
  readonly logger: Logger
  /** Who reports. */
  readonly component: string
  readonly rate: EventRate
  /** What writes an occurrence once its turn has come, tried again where that fails; undefined: nothing is written. */
  prepare(occurrence: T): (() => Promise<void>) | undefined
}

/** Writes Events one after the other, off their reporters' path, no faster than a rate. */
export class EventOutbox<T> {
  readonly #options: EventOutboxOptions<T>
  readonly #queue: T[] = []
  readonly #bucket: TokenBucket
  #isWriting = false
  #isDropping = false
  #isStopped = false
  #lastNanos = 0n

  constructor(options: EventOutboxOptions<T>) {
    this.#options = options
    const { burst, perSecond } = options.rate
    this.#bucket = new TokenBucket(burst, perSecond, options.clock.now())
  }

  push(occurrence: T): void {
    if (this.#isStopped) return
    if (this.#queue.length >= MAX_QUEUED) {
      const { component, logger } = this.#options
      if (!this.#isDropping) logger.warn({ component }, 'too many events, dropping some')
      this.#isDropping = true
      return
    }
    this.#queue.push(occurrence)
    if (!this.#isWriting) void this.#write()
  }

  /** Drops what has not been written yet. */
  stop(): void {
    this.#isStopped = true
    this.#queue.length = 0
  }

  /** The name of an Event: that of its object and the time in nanoseconds, never twice the same. */
  nameFor(objectName: string, atMs: number): string {
    const nanos = BigInt(atMs) * 1_000_000n
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1n
    return `${objectName}.${this.#lastNanos.toString(16)}`
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    for (let next = this.#queue.shift(); next !== undefined && !this.#isStopped; next = this.#queue.shift()) {
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

  async #writeOne(occurrence: T): Promise<void> {
    const { clock, logger } = this.#options
    const send = this.#options.prepare(occurrence)
    if (!send) return
    for (let attempt = 1; !this.#isStopped; attempt++) {
      try {
        await send()
        return
      } catch (error) {
        // An answer of the API is final (a namespace that goes, a quota); anything else may pass.
        if (asApiError(error) || attempt === MAX_TRIES) {
          if (!isAlreadyExists(error)) logger.debug({ err: error }, 'event not written')
          return
        }
        await new Promise<void>((resolve) => {
          clock.setTimer(resolve, RETRY_MS * Math.random())
        })
      }
    }
  }
}
