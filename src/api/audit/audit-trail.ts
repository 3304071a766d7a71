import { Readable } from 'node:stream'
import { formatGoDuration } from '../../apimachinery/go-duration.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../../apimachinery/kube-object.ts'
import { decodeProtobuf } from '../../apimachinery/protobuf/decode.ts'
import { parseYaml } from '../../apimachinery/schema/yaml-text.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Call, RequestAudit } from '../call.ts'
import { type AuditEvent, auditEvent, type ObjectIdentity } from './audit-event.ts'
import type { AuditConfig, AuditStage } from './audit-policy.ts'

interface AuditTrailOptions {
  readonly call: Call
  /** Who was authenticated; undefined where nobody was. */
  readonly user: UserInfo | undefined
  readonly config: AuditConfig
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  readonly now: () => number
  readonly isLongRunning: boolean
  /** The credential was no good: one event, when that is answered. */
  readonly isRefused?: boolean
  readonly write: (event: AuditEvent) => void
}

/** Requests that take longer say where they spent the time. */
const SLOW_MS = 500
/** Streamed answers that are longer are not written. */
const MAX_STREAM_BYTES = 32 * 1024 * 1024
/** How a Status begins in JSON: only it says more of an answer than its code. */
const STATUS_PREFIX = Buffer.from('{"kind":"Status"')

/**
 * What is written about one request, from its coming in to its end.
 *
 * @see apiserver pkg/audit/request.go, pkg/endpoints/filters/audit.go
 */
export class AuditTrail implements RequestAudit {
  readonly #options: AuditTrailOptions
  #identity: ObjectIdentity = {}
  #requestObject: unknown
  #responseObject: unknown
  #responseStatus: JsonObject | undefined
  #hasStarted = false
  #isOver = false

  constructor(options: AuditTrailOptions) {
    this.#options = options
  }

  requestObject(object: KubeObject): void {
    const { name, namespace, uid, resourceVersion } = object.metadata
    this.#identity = {
      ...(name ? { name } : {}),
      ...(namespace ? { namespace } : {}),
      ...(uid ? { uid } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
    }
    if (!this.#wantsRequest || this.#requestObject !== undefined) return
    // What the server makes of the object is not the client's any more: a copy, at once.
    this.#requestObject = this.#shown(JSON.parse(JSON.stringify(object)))
  }

  requestPatch(body: Buffer, contentType: string): void {
    if (this.#wantsRequest) this.#requestObject = parsed(body, contentType)
  }

  response(body: Buffer, contentType: string): void {
    if (this.#wantsResponse) this.#answered(parsed(body, contentType))
    else if (isStatus(body)) this.#responseStatus = statusOf(parsed(body, contentType))
  }

  responseStream(stream: Readable, contentType: string): Readable {
    return this.#wantsResponse ? Readable.from(this.#read(stream, contentType)) : stream
  }

  responseStarted(status: number): void {
    const { isLongRunning, isRefused = false } = this.#options
    if (this.#hasStarted || !(isLongRunning || isRefused)) return
    this.#hasStarted = true
    this.#responseStatus = { ...(this.#responseStatus ?? { metadata: {} }), code: status }
    this.#write('ResponseStarted')
    this.#isOver = isRefused
  }

  panicked(error: unknown): void {
    const message = `APIServer panic'd: ${error instanceof Error ? error.message : String(error)}`
    this.#responseStatus = { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
    this.#write('Panic')
    this.#isOver = true
  }

  /** The request has come in. */
  received(): void {
    this.#write('RequestReceived')
  }

  /** The connection is done with the request. */
  ended(): void {
    if (this.#isOver) return
    const { raw } = this.#options.call.reply
    if (raw.headersSent) this.#responseStatus = { ...(this.#responseStatus ?? { metadata: {} }), code: raw.statusCode }
    if (!this.#responseStatus) {
      this.#responseStatus = { metadata: {}, status: 'Success', message: 'Connection closed early', code: 200 }
      if (this.#options.isLongRunning) this.#write('ResponseStarted')
    }
    this.#annotateLatency()
    this.#write('ResponseComplete')
    this.#isOver = true
  }

  get #wantsRequest(): boolean {
    const { level } = this.#options.config
    return level === 'Request' || level === 'RequestResponse'
  }

  get #wantsResponse(): boolean {
    return this.#options.config.level === 'RequestResponse'
  }

  #answered(object: unknown): void {
    if (isJsonObject(object) && object['kind'] === 'Status') this.#responseStatus = statusOf(object)
    this.#responseObject = this.#shown(object)
  }

  async *#read(stream: Readable, contentType: string): AsyncGenerator<Buffer> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes <= MAX_STREAM_BYTES) chunks.push(chunk)
      else chunks.length = 0
      yield chunk
    }
    if (bytes <= MAX_STREAM_BYTES) this.#answered(parsed(Buffer.concat(chunks), contentType))
  }

  #annotateLatency(): void {
    const { call, receivedAt, now } = this.#options
    const total = now() - receivedAt
    if (total <= SLOW_MS) return
    for (const [layer, ms] of call.latencies) {
      call.annotate(`apiserver.latency.k8s.io/${layer}`, formatGoDuration(Number(ms.toFixed(6))))
    }
    call.annotate('apiserver.latency.k8s.io/total', formatGoDuration(total))
  }

  #write(stage: AuditStage): void {
    const { config, write, now, ...subject } = this.#options
    if (this.#isOver || config.omitStages.has(stage)) return
    const isReceived = stage === 'RequestReceived'
    const event = auditEvent({ ...subject, level: config.level, identity: this.#identity }, stage, now(), {
      responseStatus: isReceived ? undefined : this.#responseStatus,
      requestObject: this.#requestObject,
      responseObject: this.#responseObject,
    })
    write(event)
  }

  #shown(value: unknown): unknown {
    if (!this.#options.config.omitManagedFields || !isJsonObject(value)) return value
    const { items, rows } = value as { readonly items?: unknown; readonly rows?: unknown }
    const own = withoutManagedFields<JsonObject>(value)
    if (Array.isArray(items)) return { ...own, items: items.map(withoutManagedFields) }
    return Array.isArray(rows) ? { ...own, rows: rows.map(rowWithoutManagedFields) } : own
  }
}

const isStatus = (body: Buffer): boolean => body.subarray(0, STATUS_PREFIX.length).equals(STATUS_PREFIX)

/** What an event says of a Status; undefined for anything else. */
function statusOf(object: unknown): JsonObject | undefined {
  if (!isJsonObject(object) || object['kind'] !== 'Status') return undefined
  const { status, message, reason, details, code } = object as Readonly<Record<string, unknown>>
  return {
    metadata: {},
    ...(status ? { status } : {}),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    ...(code ? { code } : {}),
  }
}

/** What stands in a body, whatever its format; undefined where it can't be read. */
function parsed(body: Buffer, contentType: string): unknown {
  try {
    if (contentType.includes('protobuf')) return decodeProtobuf(body).object
    if (!contentType.includes('yaml')) return JSON.parse(body.toString('utf8'))
    return parseYaml(body.toString('utf8')).value
  } catch {
    return undefined
  }
}

function rowWithoutManagedFields(row: unknown): unknown {
  return isJsonObject(row) && 'object' in row ? { ...row, object: withoutManagedFields(row['object']) } : row
}

function withoutManagedFields<T>(object: T): T | JsonObject {
  if (!isJsonObject(object)) return object
  const { metadata } = object as { readonly metadata?: unknown }
  if (!isJsonObject(metadata) || !('managedFields' in metadata)) return object
  const { managedFields: _managedFields, ...rest } = metadata
  return { ...object, metadata: rest }
}
