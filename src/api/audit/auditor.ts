import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { parseYaml } from '../../apimachinery/schema/yaml-text.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Call } from '../call.ts'
import { attributesOf } from '../filters/authorization.ts'
import { type AuditEvent, type AuditOutcome, auditEvent } from './audit-event.ts'
import type { AuditConfig, AuditPolicy, AuditStage } from './audit-policy.ts'

/** Takes events; must neither throw nor wait. */
export interface AuditSink {
  write(event: AuditEvent): void
  /** Resolves once what was taken is written, or can't be. */
  close(): Promise<void>
}

interface Trail {
  readonly call: Call
  readonly user: UserInfo | undefined
  readonly config: AuditConfig
  readonly receivedAt: number
  readonly isLongRunning: boolean
  payload: unknown
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
  readonly #trails = new WeakMap<Call, Trail>()

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

  /** Adds what audits answers to an app; before it is ready. */
  install(app: FastifyInstance): void {
    app.addHook('onSend', async (request, reply, payload) => {
      const { call } = request
      if (!call) return payload
      const trail = this.#trails.get(call)
      if (trail) trail.payload = payload
      else if (call.user === undefined && reply.statusCode === 401) this.#unauthenticated(call)
      return payload
    })
  }

  /** To be called once it is known who makes a request. */
  received(call: Call): void {
    const config = this.#policy.evaluate(attributesOf(call))
    if (config.level === 'None') return
    const trail: Trail = {
      call,
      user: call.user,
      config,
      receivedAt: this.#clock.now(),
      isLongRunning: this.#isLongRunning(call),
      payload: undefined,
    }
    this.#trails.set(call, trail)
    this.#write(trail, 'RequestReceived')
    const { raw } = call.reply
    if (trail.isLongRunning)
      onHead(raw, (status) => this.#write(trail, 'ResponseStarted', { responseStatus: plainStatus(status) }))
    raw.once('close', () => this.#write(trail, 'ResponseComplete', outcomeOf(trail)))
  }

  async close(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.close()))
  }

  /** A credential that was no good: there is no user that a rule could match. */
  #unauthenticated(call: Call): void {
    const nobody = { name: '', uid: '', groups: [], extra: {} }
    const { info } = call
    const config = this.#policy.evaluate({ ...info, user: nobody })
    if (config.level === 'None') return
    const receivedAt = this.#clock.now()
    const trail = { call, user: undefined, config, receivedAt, isLongRunning: false, payload: undefined }
    const attempted = call.request.headers.authorization === undefined ? 'not attempted' : 'attempted: bearer'
    const message = `Authentication failed, ${attempted}`
    const responseStatus = { metadata: {}, status: 'Failure', message, reason: 'Unauthorized', code: 401 }
    this.#write(trail, 'ResponseStarted', { responseStatus })
  }

  #write(trail: Trail, stage: AuditStage, outcome?: AuditOutcome): void {
    const { call, user, config, receivedAt } = trail
    if (config.omitStages.has(stage)) return
    const event = auditEvent({ call, user, level: config.level, receivedAt }, stage, this.#clock.now(), outcome)
    for (const sink of this.#sinks) sink.write(event)
  }
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

function outcomeOf(trail: Trail): AuditOutcome {
  const { call, config, payload } = trail
  const { reply } = call
  const status = reply.raw.headersSent ? reply.raw.statusCode : undefined
  const wantsResponse = config.level === 'RequestResponse'
  const response = wantsResponse || (status ?? 0) >= 400 ? jsonOf(payload) : undefined
  return {
    responseStatus: responseStatusOf(status, response),
    requestObject: config.level === 'Request' || wantsResponse ? objectOf(requestBody(call), config) : undefined,
    responseObject: wantsResponse ? objectOf(response, config) : undefined,
  }
}

function responseStatusOf(status: number | undefined, response: unknown): JsonObject {
  if (status === undefined) return { metadata: {}, status: 'Success', message: 'Connection closed early', code: 200 }
  if (!isJsonObject(response) || response['kind'] !== 'Status') return plainStatus(status)
  const { status: word, message, reason, details } = response as Readonly<Record<string, unknown>>
  return {
    metadata: {},
    ...(word ? { status: word } : {}),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    code: status,
  }
}

const plainStatus = (code: number): JsonObject => ({ metadata: {}, code })

/** JSON of an answer that was sent in one piece; undefined for streams and other formats. */
function jsonOf(payload: unknown): unknown {
  if (!Buffer.isBuffer(payload) && typeof payload !== 'string') return undefined
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}

/** The body as an object, where it is JSON or YAML. */
function requestBody({ request }: Call): unknown {
  const { body } = request
  if (!Buffer.isBuffer(body) || body.length === 0) return undefined
  const json = jsonOf(body)
  if (json !== undefined || !request.headers['content-type']?.includes('yaml')) return json
  try {
    return parseYaml(body.toString('utf8')).value
  } catch {
    return undefined
  }
}

function objectOf(value: unknown, { omitManagedFields }: AuditConfig): unknown {
  if (!omitManagedFields || !isJsonObject(value)) return value
  const items = value['items']
  const own = withoutManagedFields(value)
  return Array.isArray(items)
    ? { ...own, items: items.map((i: unknown) => (isJsonObject(i) ? withoutManagedFields(i) : i)) }
    : own
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const { metadata } = object as { readonly metadata?: unknown }
  if (!isJsonObject(metadata) || !('managedFields' in metadata)) return object
  const { managedFields: _managedFields, ...rest } = metadata
  return { ...object, metadata: rest }
}
