import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { AuditEvent } from './audit-event.ts'
import type { AuditSink } from './auditor.ts'
import { truncated } from './truncate.ts'

export interface AuditWebhookOptions {
  /** Sends a document. Throws where it could not be delivered. */
  readonly send: (document: object) => Promise<void>
  /** One in the modes without batches. */
  readonly maxBatchSize: number
  /** How long an event waits for others, in milliseconds. */
  readonly maxBatchWaitMs: number
  /** Events that wait; what comes beyond is dropped, and said so. */
  readonly maxBuffered: number
  /** How many batches a second, and how many at once after a pause; undefined: as many as come. */
  readonly throttle?: { readonly perSecond: number; readonly burst: number } | undefined
  /** Bytes of an event beyond which it loses its objects; undefined: it never does. */
  readonly maxEventBytes?: number | undefined
  /** No request may go on before its first event is delivered. */
  readonly isStrict?: boolean
  readonly clock: Clock
  readonly onError: (message: string, error: unknown) => void
}

/** Sends events to a webhook, many at a time (EventList). What can't be delivered is lost. */
export class AuditWebhook implements AuditSink {
  readonly #options: AuditWebhookOptions
  #waiting: AuditEvent[] = []
  #timer: Timer | undefined
  #sending: Promise<void> | undefined
  /** Batches that may be sent at once, and when that was counted. */
  #tokens: number
  #countedAt: number
  #isClosing = false
  /** Undefined where nobody may be made to wait. */
  readonly store: ((event: AuditEvent) => Promise<boolean>) | undefined

  constructor(options: AuditWebhookOptions) {
    this.#options = options
    this.#tokens = options.throttle?.burst ?? 0
    this.#countedAt = options.clock.now()
    this.store = options.isStrict ? (event) => this.#deliver([event]) : undefined
  }

  write(event: AuditEvent): void {
    const { maxBatchSize, maxBuffered, maxBatchWaitMs, clock, onError } = this.#options
    if (this.#waiting.length >= maxBuffered) {
      onError('an audit event was dropped: the webhook does not keep up', undefined)
      return
    }
    this.#waiting.push(event)
    if (this.#waiting.length >= maxBatchSize) this.#flush()
    else this.#timer ??= clock.setTimer(() => this.#flush(), maxBatchWaitMs)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#flush()
    while (this.#sending) await this.#sending
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#waiting.length > 0) this.#sending ??= this.#drain()
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#turn()
      await this.#deliver(this.#waiting.splice(0, this.#options.maxBatchSize))
    }
    this.#sending = undefined
  }

  async #deliver(events: readonly AuditEvent[]): Promise<boolean> {
    const { send, onError, maxEventBytes } = this.#options
    const items =
      maxEventBytes === undefined ? events : events.flatMap((event) => truncated(event, maxEventBytes) ?? [])
    if (items.length < events.length) onError('an audit event is too large even after truncating', undefined)
    if (items.length === 0) return true
    try {
      await send({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items })
      return true
    } catch (error) {
      onError('audit events could not be delivered', error)
      return false
    }
  }

  /** Resolves when the next batch may be sent. */
  async #turn(): Promise<void> {
    const { throttle, clock } = this.#options
    if (!throttle || this.#isClosing) return
    const now = clock.now()
    const earned = ((now - this.#countedAt) / 1000) * throttle.perSecond
    this.#tokens = Math.min(throttle.burst, this.#tokens + earned) - 1
    this.#countedAt = now
    if (this.#tokens >= 0) return
    const waitMs = (-this.#tokens / throttle.perSecond) * 1000
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, waitMs)
    })
  }
}
