import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import { internalError } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Call } from '../call.ts'
import { attributesOf } from '../filters/authorization.ts'
import type { AuditEvent } from './audit-event.ts'
import type { AuditConfig, AuditPolicy } from './audit-policy.ts'
import { AuditTrail } from './audit-trail.ts'

/** Takes events; must neither throw nor make anybody wait. */
export interface AuditSink {
  write(event: AuditEvent): void
  /** Set where no request may go on before its first event is stored: resolves with whether it was. */
  readonly store?: ((event: AuditEvent) => Promise<boolean>) | undefined
  /** Resolves once what was taken is written, or can't be. */
  close(): Promise<void>
}

/**
 * Writes down who did what: an event when a request has come in, one when a long answer begins, one when it is over.
 *
 * @see apiserver pkg/endpoints/filters/audit.go
 */
export class Auditor {
  readonly #policy: AuditPolicy
  readonly #sinks: readonly AuditSink[]
  readonly #clock: Clock
  readonly #isLongRunning: (call: Call) => boolean
  /** Events under way that a request has to wait for. */
  readonly #pending = new Set<Promise<boolean>>()

  constructor(options: {
    readonly policy: AuditPolicy
    readonly sinks: readonly AuditSink[]
    readonly clock: Clock
    readonly isLongRunning: (call: Call) => boolean
  }) {
    this.#policy = options.policy
    this.#sinks = options.sinks
    this.#clock = options.clock
    this.#isLongRunning = options.isLongRunning
  }

  /**
   * To be called once it is known who makes a request. Where a promise comes back, the request has to wait for it.
   * Errors: 500 where the event can't be stored and has to be.
   */
  received(call: Call): Promise<void> | undefined {
    const trail = this.#open(call, this.#policy.evaluate(attributesOf(call)), this.#isLongRunning(call))
    if (!trail) return undefined
    call.onEnd(() => trail.ended())
    this.#pending.clear()
    trail.received()
    return this.#pending.size > 0 ? allStored([...this.#pending]) : undefined
  }

  /** To be called where a credential is no good: there is no user that a rule could match. */
  refused(call: Call): void {
    this.#open(call, this.#policy.evaluate({ ...call.info, user: NOBODY }), true)
  }

  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()))
  }

  #open(call: Call, config: AuditConfig, hasHead: boolean): AuditTrail | undefined {
    if (config.level === 'None') return undefined
    const { user } = call
    const now = (): number => this.#clock.now()
    const trail = new AuditTrail({
      call,
      user,
      config,
      isLongRunning: hasHead && user !== undefined,
      isRefused: user === undefined,
      receivedAt: now() - Math.round(performance.now() - call.startedAt),
      now,
      write: (event) => this.#write(event),
    })
    call.audit = trail
    if (hasHead) onHead(call.reply.raw, (status) => trail.responseStarted(status))
    return trail
  }

  #write(event: AuditEvent): void {
    for (const sink of this.#sinks) {
      if (event.stage === 'RequestReceived' && sink.store) this.#pending.add(sink.store(event))
      else sink.write(event)
    }
  }
}

const NOBODY = { name: '', uid: '', groups: [], extra: {} }

async function allStored(waits: readonly Promise<boolean>[]): Promise<void> {
  const outcomes = await Promise.all(waits)
  if (!outcomes.every((isStored) => isStored)) throw internalError('failed to store audit event')
}

type WriteHead = (status: number, ...rest: (string | OutgoingHttpHeaders | OutgoingHttpHeader[])[]) => unknown

/** Calls back once, when the head of the answer is written. */
function onHead(raw: Call['reply']['raw'], callback: (status: number) => void): void {
  const target = raw as unknown as { writeHead: WriteHead }
  const original = target.writeHead
  target.writeHead = function writeHead(status, ...rest) {
    target.writeHead = original
    callback(status)
    return original.call(this, status, ...rest)
  }
}
