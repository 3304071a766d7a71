import type { Clock, Timer } from '../../apimachinery/clock.ts'
import type { AuditEvent } from './audit-event.ts'
import type { AuditSink } from './auditor.ts'

export interface AuditWebhookOptions {
  /** Sends a document. Throws where it could not be delivered. */
  readonly send: (document: object) => Promise<void>
  readonly maxBatchSize: number
  /** How long an event waits for others, in milliseconds. */
  readonly maxBatchWaitMs: number
  /** Events that wait; what comes beyond is dropped, and said so. */
  readonly maxBuffered: number
  readonly clock: Clock
  readonly onError: (message: string, error: unknown) => void
}

/** Sends events to a webhook, many at a time (EventList). What can't be delivered is lost. */
export class AuditWebhook implements AuditSink {
  readonly #options: AuditWebhookOptions
  #waiting: AuditEvent[] = []
  #timer: Timer | undefined
  #sending: Promise<void> | undefined

  constructor(options: AuditWebhookOptions) {
    this.#options = options
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
    this.#flush()
    while (this.#sending) await this.#sending
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#waiting.length > 0) this.#sending ??= this.#drain()
  }

  async #drain(): Promise<void> {
    const { maxBatchSize, send, onError } = this.#options
    while (this.#waiting.length > 0) {
      const items = this.#waiting.splice(0, maxBatchSize)
      try {
        await send({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items })
      } catch (error) {
        onError('audit events could not be delivered', error)
      }
    }
    this.#sending = undefined
  }
}
