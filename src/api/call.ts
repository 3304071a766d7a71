import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import type { RequestContext } from '../registry/generic/request-context.ts'
import type { QueryParameters } from './query-parameters.ts'
import type { RequestInfo } from './request-info.ts'
import type { RequestTrace } from './trace/request-trace.ts'
import { WarningRecorder } from './warning-recorder.ts'

const NO_WARNINGS: readonly string[] = []

/**
 * As long as a write may take, whatever the server allows.
 *
 * @see apiserver pkg/endpoints/handlers/rest.go requestTimeoutUpperBound
 */
const MAX_WRITE_MS = 34_000

/** Parts of the server in which a request may spend time, as the audit names them. */
export type LatencyLayer =
  | 'authentication'
  | 'impersonation'
  | 'apf-queue-wait'
  | 'authorization'
  | 'mutating-webhook'
  | 'validating-webhook'
  | 'etcd'
  | 'response-write'

/** Layers whose time says nothing of the server itself. */
const OTHERS: ReadonlySet<LatencyLayer> = new Set(['apf-queue-wait', 'mutating-webhook', 'validating-webhook'])

/** Takes what the audit is to tell of a request; what it is given it reads at once, or not at all. */
export interface RequestAudit {
  /** The object that the client sent, in the version in which it did. */
  requestObject(object: KubeObject): void
  /** A patch as it came. */
  requestPatch(body: Buffer, contentType: string): void
  /** The answer in one piece. */
  response(body: Buffer, contentType: string): void
  /** The answer piece by piece: hands on what it reads. */
  responseStream(stream: Readable, contentType: string): Readable
  /** The head of a long answer goes out, or the protocol is switched. */
  responseStarted(status: number): void
  /** The server has failed. */
  panicked(error: unknown): void
}

/** One request on its way through the pipeline: what each phase found out, for the next ones. */
export class Call {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly query: QueryParameters
  readonly info: RequestInfo
  /** The Content-Type header as the client sent it. */
  readonly contentType: string | undefined
  readonly auditId: string
  /** Milliseconds since the process started (performance.now) when the head of the request had been read. */
  readonly startedAt: number
  /** Set by authentication; requests that are refused before have none. */
  user: UserInfo | undefined
  /** Set where the request counts as somebody else's: who really makes it, and the constrained mode that let it. */
  impersonation: { readonly user: UserInfo; readonly constraint: string } | undefined
  /** Set where the request is audited. */
  audit: RequestAudit | undefined
  readonly auditAnnotations: Map<string, string> = new Map()
  /** Those that tell as much as the request's object does. */
  requestAnnotations: Map<string, string> | undefined
  /** Bytes of the answer's body so far, before it is compressed. */
  sentBytes = 0
  /** Milliseconds from the start that the request may take. */
  allottedMs = MAX_WRITE_MS
  #othersMs = 0
  #latencies: Map<LatencyLayer, number> | undefined
  #ended: (() => void)[] | undefined
  /** Set where the request may write something that is recorded. */
  trace: RequestTrace | undefined
  #warnings: WarningRecorder | undefined

  constructor(fields: {
    readonly request: FastifyRequest
    readonly reply: FastifyReply
    readonly query: QueryParameters
    readonly info: RequestInfo
    readonly auditId: string
    readonly startedAt: number
  }) {
    this.request = fields.request
    this.reply = fields.reply
    this.query = fields.query
    this.info = fields.info
    this.contentType = fields.request.headers['content-type']
    this.auditId = fields.auditId
    this.startedAt = fields.startedAt
  }

  get userAgent(): string {
    return this.request.headers['user-agent'] ?? ''
  }

  /** Milliseconds that are left; none where the client has gone or was told to go. */
  timeLeftMs(): number {
    return this.request.isOver ? 0 : this.startedAt + Math.min(this.allottedMs, MAX_WRITE_MS) - performance.now()
  }

  /** Milliseconds spent in each layer so far; layers that took none are left out. */
  get latencies(): ReadonlyMap<LatencyLayer, number> {
    return this.#latencies ?? new Map()
  }

  /** Milliseconds that went to others: webhooks, and requests that were served first. */
  get othersMs(): number {
    return this.#othersMs
  }

  /** Adds to the milliseconds spent in a layer; kept for requests that are audited. */
  spent(layer: LatencyLayer, ms: number): void {
    if (OTHERS.has(layer)) this.#othersMs += ms
    if (!this.audit) return
    this.#latencies ??= new Map()
    this.#latencies.set(layer, (this.#latencies.get(layer) ?? 0) + ms)
  }

  /** Calls back once the connection is done with the request: answered, or broken. */
  onEnd(callback: () => void): void {
    this.#ended ??= []
    this.#ended.push(callback)
  }

  /** The connection is done with the request. */
  end(): void {
    for (const callback of this.#ended ?? []) callback()
  }

  /** Adds an annotation to the audit event, or to those only that hold the request's object. */
  annotate(key: string, value: string, level: 'Metadata' | 'Request' = 'Metadata'): void {
    if (level === 'Request') this.requestAnnotations ??= new Map()
    const annotations = level === 'Request' ? this.requestAnnotations : this.auditAnnotations
    annotations?.set(key, value)
  }

  warn(text: string): void {
    this.#warnings ??= new WarningRecorder()
    this.#warnings.add(text)
  }

  /** `Warning` header values: `299 - "text"`. */
  warningHeaders(): readonly string[] {
    return this.#warnings?.headers ?? NO_WARNINGS
  }

  /** The request as the registry sees it. */
  context({ dryRun = false, namespace = this.info.namespace } = {}): RequestContext {
    const { user, info, trace } = this
    return {
      user,
      apiGroup: info.apiGroup,
      namespace,
      dryRun,
      trace,
      warn: (text) => this.warn(text),
      ...(this.audit ? { spent: (layer, ms) => this.spent(layer, ms) } : {}),
    }
  }
}
