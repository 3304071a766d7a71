import { METHODS, type RequestListener, type Server } from 'node:http'
import type { ServerOptions as HttpsOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import { ApiError, asApiError, badRequest, requestEntityTooLarge, unknownError } from '../apimachinery/api-error.ts'
import type { Call } from './call.ts'
import { Discovery } from './discovery/discovery.ts'
import { type Answer, dispatch } from './dispatch.ts'
import type { Cors } from './filters/cors.ts'
import { isLongRunning, TooManyRequestsError } from './filters/flow-control.ts'
import { MAX_BODY_BYTES } from './handlers/body.ts'
import type { HandlerServices } from './handlers/services.ts'
import type { WatchHost } from './handlers/watch.ts'
import { type HealthCheck, healthAnswer } from './health.ts'
import { allottedMs, InFlightRequests } from './in-flight.ts'
import { Listener, MAX_HEADERS, refuseConnection } from './listener.ts'
import { negotiateStatus, type OutputFormat } from './negotiation/accept.ts'
import { admitCall, openCall, type PipelineOptions } from './pipeline.ts'
import { badRequestPage, breakOff, lingerAtMost, notFoundPage, sendText, sendTimeout } from './raw-answers.ts'
import { encodeStatus, wantsPretty } from './representation.ts'
import type { ResourceCatalog } from './resource-catalog.ts'

/** Answers paths that are neither resources nor discovery: `/version`, `/metrics`, `/openapi/…`. */
export interface PathHandler {
  /** True where it is for this handler. */
  matches(path: string): boolean
  handle(call: Call, watches: WatchHost): Promise<void> | void
}

export interface ApiServerOptions extends PipelineOptions {
  readonly catalog: ResourceCatalog
  readonly services: HandlerServices
  readonly health: {
    readonly healthz: readonly HealthCheck[]
    readonly livez: readonly HealthCheck[]
    readonly readyz: readonly HealthCheck[]
  }
  readonly paths: readonly PathHandler[]
  /** Undefined: plain HTTP. */
  readonly tls?: HttpsOptions
  /** Offer HTTP/2 on TLS. */
  readonly http2: boolean
  /** How long a request may take that is not long-running (`--request-timeout`). */
  readonly requestTimeoutMs: number
  /** How long watches last at least that name no time of their own (`--min-request-timeout`). */
  readonly minRequestTimeoutMs: number
  /** Value of the Strict-Transport-Security header (`--strict-transport-security-directives`); unset: none. */
  readonly strictTransportSecurity?: string
  /** How long a server that is told to stop goes on as before, not ready (`--shutdown-delay-duration`). */
  readonly shutdownDelayMs: number
  /** Undefined: pages of other origins get nothing. */
  readonly cors?: Cors
  readonly logger: FastifyBaseLogger
  readonly observer: RequestObserver
  /** What goes wrong with requests on purpose; undefined: nothing. */
  readonly faults?: RequestFaults
}

/** Makes requests fail that would not, so that clients can be tried. */
export interface RequestFaults {
  /**
   * Called for each request that may be served, before its body is read. Undefined: nothing happens to it. Rejects with
   * what it is answered; may take over the reply, or break it.
   */
  meet(call: Call): Promise<void> | undefined
}

/** Hears of requests that have been admitted, and of those that the server refuses or ends. */
export interface RequestObserver {
  begin(call: Call): void
  /** An admitted request is over. `status`: what the client was told, or was to be told before it went away. */
  end(call: Call, status: number, durationMs: number): void
  /** A request was refused or ended by the server, to defend itself. */
  terminated(call: Call, status: number): void
  /** Where the sizes of a resource's watch events are counted. */
  readonly eventSizes: WatchHost['eventSizes']
}

type ValidatorFactory = NonNullable<
  NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>['buildValidator']
>

/** No route has a JSON schema: the compilers for them are never loaded. */
const NO_SCHEMAS: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: {
    buildValidator: (() => () => () => true) as unknown as ValidatorFactory,
    buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
  },
}

/** Content types that Fastify reads, and what stands for others until the body has been read. */
const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(?:;|$)/
const UNREADABLE = 'application/octet-stream'

/** A path that Go's HTTP server does not take. */
const BAD_ESCAPE = /^[^?]*%(?![0-9a-fA-F]{2})/

/** Queries are read as Go does, with the head of a request (`QueryParameters`). */
const NO_QUERY = {}

/** Replies larger than this are compressed for clients that take it, as upstream. */
const MIN_GZIP_BYTES = 128 * 1024
/** How long the end of an answer may take to reach a client that does not read, once its time is over. */
const LINGER_MS = 5_000

declare module 'fastify' {
  interface FastifyRequest {
    call: Call | null
    release: (() => void) | null
    isAdmitted: boolean
    isOver: boolean
  }
}

const SOCKET_CLOSE = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls back when the connection is closed: one listener on it, however many requests were pipelined. Answers what
 * takes the callback away again.
 */
function onSocketClose(socket: Socket, callback: () => void): () => void {
  const known = SOCKET_CLOSE.get(socket)
  const callbacks = known ?? new Set<() => void>()
  if (!known) {
    SOCKET_CLOSE.set(socket, callbacks)
    socket.once('close', () => {
      for (const call of callbacks) call()
    })
  }
  callbacks.add(callback)
  return () => void callbacks.delete(callback)
}

/** The HTTP surface: one Fastify instance through which every request passes the same pipeline. */
export class ApiServer {
  readonly app: FastifyInstance
  readonly #options: ApiServerOptions
  readonly #discovery: Discovery
  readonly #streams = new Set<() => void>()
  readonly #inFlight: InFlightRequests
  readonly #readyChecks: readonly HealthCheck[]
  /** The application's own, and the plain one beside it. */
  readonly #listeners: Listener[] = []
  #isShuttingDown = false
  #closed: Promise<void> | undefined
  #address = ''

  constructor(options: ApiServerOptions) {
    this.#options = options
    this.#discovery = new Discovery(options.catalog, () => this.#address)
    this.#inFlight = new InFlightRequests(options.requestTimeoutMs, (call) => this.#expire(call))
    this.#readyChecks = [...options.health.readyz, { name: 'shutdown', check: () => this.#checkRunning() }]
    this.app = this.#createApp()
  }

  /** TLS handshakes that failed. */
  get handshakeErrors(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.handshakeErrors, 0)
  }

  /** Begins to listen; resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    await this.app.listen({ host, port })
    const address = this.app.server.address() as AddressInfo
    this.#address = `${host.includes(':') ? `[${host}]` : host}:${address.port}`
    this.#options.logger.debug({ address: this.#address }, 'listening')
    return address.port
  }

  /** Listens without TLS as well; resolves with the port. */
  async listenPlain(host: string, port: number): Promise<number> {
    const handler: RequestListener = (request, response) => this.app.routing(request, response)
    const listener = new Listener({ handler, http2: false })
    this.#listeners.push(listener)
    const { server } = listener
    server.on('clientError', refuseConnection)
    this.#shareUpgrades(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
    return (server.address() as AddressInfo).port
  }

  /** What takes connections over from the application's own server does so from another as well. */
  #shareUpgrades(server: Server): void {
    const main = this.app.server
    const share = (): void => void server.on('upgrade', (...args) => main.emit('upgrade', ...args))
    if (main.listenerCount('upgrade') > 0) share()
    else main.on('newListener', (event) => event === 'upgrade' && share())
  }

  /**
   * Stops: says that it is not ready, takes no more connections, ends watches, lets requests finish as long as they
   * may take, and breaks the connections that are left. Called again, resolves with the first call.
   */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown()
    return this.#closed
  }

  async #shutDown(): Promise<void> {
    this.#isShuttingDown = true
    const { shutdownDelayMs } = this.#options
    if (shutdownDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, shutdownDelayMs))
    for (const listener of this.#listeners) listener.stop()
    for (const end of [...this.#streams]) end()
    await Promise.race([this.#inFlight.drained(), delay(this.#options.requestTimeoutMs)])
    this.#inFlight.stop()
    for (const listener of this.#listeners) listener.destroy()
    await this.app.close()
  }

  #checkRunning(): void {
    if (this.#isShuttingDown) throw new Error('process is shutting down')
  }

  #createApp(): FastifyInstance {
    const { tls, http2 } = this.#options
    // Without a logger of its own: one would cost each request a child and two listeners, and what there is to tell of
    // requests is told here.
    const app = fastify({
      bodyLimit: MAX_BODY_BYTES,
      forceCloseConnections: 'idle' as const,
      return503OnClosing: false,
      exposeHeadRoutes: false,
      genReqId: () => '',
      schemaController: NO_SCHEMAS,
      onProtoPoisoning: 'ignore' as const,
      routerOptions: { maxParamLength: 8192, ignoreDuplicateSlashes: false, querystringParser: () => NO_QUERY },
      serverFactory: (handler) => {
        const listener = new Listener({ handler, http2, ...(tls ? { tls } : {}) })
        this.#listeners.push(listener)
        return listener.server
      },
      clientErrorHandler: refuseConnection,
      frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
        BAD_ESCAPE.test(request.raw.url ?? '') ? badRequestPage(reply) : this.#fail(error, request, reply),
    }) as unknown as FastifyInstance
    app.decorateRequest('call', null)
    app.decorateRequest('release', null)
    app.decorateRequest('isAdmitted', false)
    app.decorateRequest('isOver', false)
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) =>
      done(null, body),
    )
    const methods = METHODS.filter((m) => m !== 'CONNECT')
    for (const method of methods)
      if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
    app.addHook('onRequest', (request, reply, done) => {
      const admitted = this.#onRequest(request, reply)
      if (admitted) admitted.then(() => done(), done)
      else done()
    })
    app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply))
    app.route({ method: methods, url: '*', handler: (request, reply) => this.#handle(request, reply) })
    return app
  }

  #onRequest(request: FastifyRequest, reply: FastifyReply): Promise<unknown> | undefined {
    const { raw } = request
    if (this.#isShuttingDown && raw.httpVersionMajor === 1) reply.header('connection', 'close')
    const { strictTransportSecurity } = this.#options
    if (strictTransportSecurity) reply.header('strict-transport-security', strictTransportSecurity)
    if (raw.rawHeaders.length >= 2 * MAX_HEADERS) throw tooManyHeaders()
    const call = openCall(request, reply)
    request.call = call
    // Fastify would refuse what is no media type before anybody knows whether there is something to send it to.
    if (call.contentType !== undefined && !MEDIA_TYPE.test(call.contentType)) raw.headers['content-type'] = UNREADABLE
    this.#trace(call)
    this.#begin(call)
    if (this.#options.cors?.apply(call)) return undefined
    const release = admitCall(call, this.#options)
    return release instanceof Promise
      ? release.then((later) => this.#admitted(call, later))
      : this.#admitted(call, release)
  }

  #admitted(call: Call, release: () => void): Promise<unknown> | undefined {
    const { request } = call
    // The client may have gone while the request waited for its turn.
    if (request.isOver) {
      release()
      return undefined
    }
    request.release = release
    request.isAdmitted = true
    this.#options.observer.begin(call)
    const fault = this.#options.faults?.meet(call)
    return fault ? fault.then(() => this.#handOn(call)) : this.#handOn(call)
  }

  /** A proxy hands the body on as it comes: it must not be read here. */
  #handOn(call: Call): Promise<unknown> | undefined {
    const { request, reply, info } = call
    return info.subresource === 'proxy' && !reply.sent ? this.#handle(request, reply) : undefined
  }

  #trace(call: Call): void {
    call.trace = this.#options.recorder.begin(call)
    // A client that traces is told which span its request was.
    const isTraced = call.trace && call.request.headers['traceparent'] !== undefined
    if (isTraced) call.reply.header('traceresponse', call.trace!.traceparent)
  }

  /** From here on the call counts, until its connection is done with it: answered, or broken. */
  #begin(call: Call): void {
    const { requestTimeoutMs, observer } = this.#options
    const { request, reply } = call
    const isBounded = !isLongRunning(call.info)
    if (isBounded) call.allottedMs = allottedMs(call, requestTimeoutMs)
    const entry = isBounded ? this.#inFlight.begin(call, call.allottedMs) : undefined
    let forgetSocket: (() => void) | undefined
    const over = (): void => {
      if (request.isOver) return
      request.isOver = true
      forgetSocket?.()
      this.#release(request)
      if (entry) this.#inFlight.end(entry)
      call.trace?.end(reply.statusCode)
      if (request.isAdmitted) observer.end(call, reply.statusCode, performance.now() - call.startedAt)
      call.end()
      if (this.#isShuttingDown) for (const listener of this.#listeners) listener.closeIdle()
    }
    reply.raw.on('close', over)
    // A connection that is taken over is parted from its response, one that breaks forgets the responses that wait for
    // those of earlier requests.
    if (request.headers.upgrade !== undefined || reply.raw.socket === null) {
      forgetSocket = onSocketClose(request.raw.socket, over)
    }
  }

  #release(request: FastifyRequest): void {
    request.release?.()
    request.release = null
  }

  /**
   * A request has taken too long: the client is told, or its connection broken where the answer has begun. One that was
   * answered in time has some more to take the answer.
   */
  #expire(call: Call): void {
    const { reply, request } = call
    if (reply.raw.writableEnded) {
      lingerAtMost(reply, LINGER_MS)
      return
    }
    if (reply.statusCode !== 504) this.#options.observer.terminated(call, 504)
    if (reply.sent || reply.raw.headersSent) {
      breakOff(reply)
      return
    }
    if (request.raw.httpVersionMajor === 1 && !request.raw.complete) reply.header('connection', 'close')
    sendTimeout(reply)
  }

  /** Undefined where the request has been answered already. */
  #handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> | undefined {
    const answered = this.#answer(request.call!, request, reply)
    return answered?.catch((error: unknown) => {
      // What a request comes to after its time is over nobody hears of.
      if (reply.sent) return reply
      throw error
    })
  }

  #answer(call: Call, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> | undefined {
    if (!call.info.isResourceRequest) return this.#handlePath(call, reply)
    const { catalog, services } = this.#options
    if (!catalog.group(call.info.apiGroup)) {
      notFoundPage(reply)
      return undefined
    }
    call.trace?.mark('body')
    const answer = dispatch(call, { catalog, services, watches: this.#watchHost(request) })
    if (answer instanceof Promise) return answer.then((later) => this.#send(call, reply, later))
    this.#send(call, reply, answer)
    return undefined
  }

  #watchHost(request: FastifyRequest): WatchHost {
    const { minRequestTimeoutMs: minTimeoutMs, observer } = this.#options
    return { minTimeoutMs, opened: (end) => this.#track(request, end), eventSizes: observer.eventSizes }
  }

  /** Keeps a stream so that it can be ended; its place in the in-flight limits is given back. */
  #track(request: FastifyRequest, end: () => void): () => void {
    this.#release(request)
    this.#streams.add(end)
    return () => {
      this.#streams.delete(end)
      lingerAtMost(request.call!.reply, LINGER_MS)
    }
  }

  #send(call: Call, reply: FastifyReply, answer: Answer): FastifyReply {
    if (answer === undefined || reply.sent) return reply
    reply.code(answer.status)
    setWarnings(call, reply)
    const { body } = answer
    reply.header('content-type', body.contentType)
    if ('stream' in body) {
      return this.#sendStream(call, reply, call.audit?.responseStream(body.stream, body.contentType) ?? body.stream)
    }
    call.audit?.response(body.body, body.contentType)
    call.sentBytes = body.body.length
    if (body.body.length > MIN_GZIP_BYTES && acceptsGzip(call))
      return this.#sendStream(call, reply, Readable.from([body.body]))
    return reply.send(body.body)
  }

  #sendStream(call: Call, reply: FastifyReply, stream: Readable): FastifyReply {
    if (!acceptsGzip(call)) return reply.send(stream)
    reply.header('content-encoding', 'gzip')
    reply.header('vary', 'Accept-Encoding')
    const gzip = createGzip({ level: constants.Z_BEST_SPEED })
    stream.on('error', (error) => gzip.destroy(error))
    return reply.send(stream.pipe(gzip))
  }

  async #handlePath(call: Call, reply: FastifyReply): Promise<FastifyReply> {
    const { path } = call.info
    const isHealth = await this.#handleHealth(call, path, reply)
    if (isHealth) return reply
    const segments = path.split('/').filter((s) => s !== '')
    const found = segments[0] === 'api' || segments[0] === 'apis' ? this.#discovery.answer(call, segments) : undefined
    if (found) {
      call.audit?.response(found.body, found.contentType)
      if (found.etag) reply.header('etag', found.etag).header('vary', 'Accept').header('cache-control', 'public')
      return reply.code(found.status).header('content-type', found.contentType).send(found.body)
    }
    const handler = this.#options.paths.find((p) => p.matches(path))
    if (!handler) return notFoundPage(reply)
    await handler.handle(call, this.#watchHost(call.request))
    return reply
  }

  async #handleHealth(call: Call, path: string, reply: FastifyReply): Promise<boolean> {
    const [, endpoint, single] = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path) ?? []
    if (endpoint !== 'healthz' && endpoint !== 'livez' && endpoint !== 'readyz') return false
    const checks = endpoint === 'readyz' ? this.#readyChecks : this.#options.health[endpoint]
    const answer = await healthAnswer(endpoint, single, checks, call.query)
    if (!answer) return false
    if (single === undefined || answer.status !== 200) reply.header('x-content-type-options', 'nosniff')
    call.sentBytes = answer.body.length
    reply.code(answer.status).header('content-type', answer.contentType).send(answer.body)
    return true
  }

  /** Past the limits on requests at once: plain text, as upstream's filter. */
  #refuse(error: TooManyRequestsError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { call } = request
    if (call) this.#options.observer.terminated(call, 429)
    call?.trace?.failed('TooManyRequests', error.message)
    reply.header('retry-after', String(error.retryAfterSeconds))
    return sendText(reply, 429, error.message)
  }

  /** Every failure leaves as a Status; what is none is a bug and says nothing to the client. */
  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (error instanceof TooManyRequestsError) return this.#refuse(error, request, reply)
    const apiError = asApiError(error) ?? frameworkError(error)
    if (!apiError && !request.isOver && !isBroken(error))
      this.#options.logger.error({ err: error, url: request.url }, 'request failed')
    const status = (apiError ?? unknownError('internal error')).toStatus()
    const { call } = request
    call?.trace?.failed(status.reason ?? '', status.message ?? '')
    this.#release(request)
    if (call) setWarnings(call, reply)
    // Fastify wants the connection of a body that was too large closed; HTTP/2 has no such header.
    if (request.raw.httpVersionMajor === 2) reply.removeHeader('connection')
    const retryAfter = status.details?.retryAfterSeconds
    if (retryAfter) reply.header('retry-after', String(retryAfter))
    if (status.code === 401) reply.header('www-authenticate', 'Basic realm="kubernetes-master"')
    const { contentType, body } = encodeStatus(status, outputOf(request))
    if (!apiError && !request.isOver) call?.audit?.panicked(error)
    call?.audit?.response(body, contentType)
    if (call) call.sentBytes = body.length
    return reply
      .code(status.code ?? 500)
      .header('content-type', contentType)
      .send(body)
  }
}

/** The client's connection broke while its body was read. */
const isBroken = (error: unknown): boolean => (error as { readonly code?: string }).code === 'ECONNRESET'

/** Failures that Fastify itself notices, as upstream would word them. Undefined: not the client's. */
function frameworkError(error: unknown): ApiError | undefined {
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return requestEntityTooLarge(`limit is ${MAX_BODY_BYTES}`)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return badRequest(message ?? 'bad request')
  return undefined
}

function tooManyHeaders(): ApiError {
  return new ApiError({ code: 431, reason: '', message: `a request may have ${MAX_HEADERS} headers` })
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

/** How an error is written: as it is, in the first format that the client takes. */
function outputOf({ headers, call }: FastifyRequest): OutputFormat | undefined {
  const output = negotiateStatus(headers.accept)
  return output && call && wantsPretty(call) ? { ...output, pretty: true } : output
}

function setWarnings(call: Call, reply: FastifyReply): void {
  const warnings = call.warningHeaders()
  if (warnings.length > 0) reply.header('warning', warnings)
}

function acceptsGzip(call: Call): boolean {
  const accepted = call.request.headers['accept-encoding']
  return typeof accepted === 'string' && accepted.split(',').some((e) => e.trim().split(';')[0] === 'gzip')
}
