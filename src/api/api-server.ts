import { METHODS } from 'node:http'
import type { ServerOptions as HttpsOptions, Server as HttpsServer } from 'node:https'
import { Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import {
  type ApiError,
  asApiError,
  badRequest,
  requestEntityTooLarge,
  unknownError,
  unsupportedMediaType,
} from '../apimachinery/api-error.ts'
import type { Call } from './call.ts'
import { Discovery } from './discovery/discovery.ts'
import { type Answer, dispatch } from './dispatch.ts'
import { MAX_BODY_BYTES } from './handlers/body.ts'
import type { HandlerServices } from './handlers/services.ts'
import { type HealthCheck, healthAnswer } from './health.ts'
import { negotiateOutput, type OutputFormat } from './negotiation/accept.ts'
import { admitCall, openCall, type PipelineOptions } from './pipeline.ts'
import { encodeStatus } from './representation.ts'
import type { ResourceCatalog } from './resource-catalog.ts'

/** Answers paths that are neither resources nor discovery: `/version`, `/metrics`, `/openapi/…`. */
export interface PathHandler {
  /** True where it is for this handler. */
  matches(path: string): boolean
  handle(call: Call): Promise<void> | void
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
  readonly logger: FastifyBaseLogger
  /** Called once an answer has been sent. */
  readonly observe?: (call: Call, status: number, durationMs: number) => void
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

/** Replies larger than this are compressed for clients that take it, as upstream. */
const MIN_GZIP_BYTES = 128 * 1024

declare module 'fastify' {
  interface FastifyRequest {
    call: Call | null
    release: (() => void) | null
  }
}

/** The HTTP surface: one Fastify instance through which every request passes the same pipeline. */
export class ApiServer {
  readonly app: FastifyInstance
  readonly #options: ApiServerOptions
  readonly #discovery: Discovery
  readonly #streams = new Set<() => void>()
  #address = ''

  constructor(options: ApiServerOptions) {
    this.#options = options
    this.#discovery = new Discovery(options.catalog, () => this.#address)
    this.app = this.#createApp()
  }

  /** Begins to listen; resolves with the port. */
  async listen(host: string, port: number): Promise<number> {
    await this.app.listen({ host, port })
    const address = (this.app.server as HttpsServer).address()
    if (address === null || typeof address === 'string') throw new Error('not listening on a port')
    this.#address = `${host.includes(':') ? `[${host}]` : host}:${address.port}`
    return address.port
  }

  /** Ends watches, lets requests finish, closes connections. */
  async close(): Promise<void> {
    for (const end of [...this.#streams]) end()
    await this.app.close()
  }

  #createApp(): FastifyInstance {
    const { tls, logger } = this.#options
    const common = {
      loggerInstance: logger,
      disableRequestLogging: true,
      bodyLimit: MAX_BODY_BYTES,
      forceCloseConnections: 'idle' as const,
      exposeHeadRoutes: false,
      genReqId: () => '',
      schemaController: NO_SCHEMAS,
      onProtoPoisoning: 'ignore' as const,
      routerOptions: { maxParamLength: 8192, ignoreDuplicateSlashes: false },
      frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
        this.#fail(error, request, reply),
    }
    const app = (tls ? fastify({ ...common, https: tls }) : fastify(common)) as unknown as FastifyInstance
    app.decorateRequest('call', null)
    app.decorateRequest('release', null)
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) =>
      done(null, body),
    )
    const methods = METHODS.filter((m) => m !== 'CONNECT')
    for (const method of methods)
      if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
    app.addHook('onRequest', async (request, reply) => this.#onRequest(request, reply))
    app.addHook('onResponse', async (request, reply) => this.#onResponse(request, reply))
    app.setErrorHandler((error, request, reply) => this.#fail(error, request, reply))
    app.route({ method: methods, url: '*', handler: async (request, reply) => await this.#handle(request, reply) })
    return app
  }

  async #onRequest(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const call = openCall(request, reply)
    request.call = call
    request.release = await admitCall(call, this.#options)
  }

  async #onResponse(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { call } = request
    this.#release(request)
    if (call) this.#options.observe?.(call, reply.statusCode, performance.now() - call.startedAt)
  }

  #release(request: FastifyRequest): void {
    request.release?.()
    request.release = null
  }

  async #handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const call = request.call!
    if (!call.info.isResourceRequest) return await this.#handlePath(call, reply)
    const { apiGroup } = call.info
    if (!this.#options.catalog.group(apiGroup)) return notFoundPage(reply)
    const { catalog, services } = this.#options
    const answer = await dispatch(call, { catalog, services, watches: { opened: (end) => this.#track(request, end) } })
    return this.#send(call, reply, answer)
  }

  /** Keeps a stream so that it can be ended; its place in the in-flight limits is given back. */
  #track(request: FastifyRequest, end: () => void): () => void {
    this.#release(request)
    this.#streams.add(end)
    return () => this.#streams.delete(end)
  }

  #send(call: Call, reply: FastifyReply, answer: Answer): FastifyReply {
    if (answer === undefined) return reply
    reply.code(answer.status)
    setWarnings(call, reply)
    const { body } = answer
    reply.header('content-type', body.contentType)
    if ('stream' in body) return this.#sendStream(call, reply, body.stream)
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
    const segments = path.split('/').filter((s) => s !== '')
    const isHealth = await this.#handleHealth(call, segments, reply)
    if (isHealth) return reply
    const found = segments[0] === 'api' || segments[0] === 'apis' ? this.#discovery.answer(call, segments) : undefined
    if (found) {
      if (found.etag) reply.header('etag', found.etag).header('vary', 'Accept')
      return reply.code(found.status).header('content-type', found.contentType).send(found.body)
    }
    const handler = this.#options.paths.find((p) => p.matches(path))
    if (!handler) return notFoundPage(reply)
    await handler.handle(call)
    return reply
  }

  async #handleHealth(call: Call, segments: readonly string[], reply: FastifyReply): Promise<boolean> {
    const [endpoint, single, ...rest] = segments
    if (rest.length > 0 || (endpoint !== 'healthz' && endpoint !== 'livez' && endpoint !== 'readyz')) return false
    const answer = await healthAnswer(endpoint, single, this.#options.health[endpoint], call.query)
    if (!answer) return false
    reply.header('x-content-type-options', 'nosniff')
    reply.code(answer.status).header('content-type', answer.contentType).send(answer.body)
    return true
  }

  /** Every failure leaves as a Status; what is none is a bug and says nothing to the client. */
  #fail(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const apiError = asApiError(error) ?? frameworkError(error)
    if (!apiError) request.log.error({ err: error, url: request.url }, 'request failed')
    const status = (apiError ?? unknownError('internal error')).toStatus()
    const { call } = request
    this.#release(request)
    if (call) setWarnings(call, reply)
    const retryAfter = status.details?.retryAfterSeconds
    if (retryAfter) reply.header('retry-after', String(retryAfter))
    if (status.code === 401) reply.header('www-authenticate', 'Basic realm="kubernetes-master"')
    const { contentType, body } = encodeStatus(status, outputOf(request))
    return reply
      .code(status.code ?? 500)
      .header('content-type', contentType)
      .send(body)
  }
}

/** Failures that Fastify itself notices, as upstream would word them. Undefined: not the client's. */
function frameworkError(error: unknown): ApiError | undefined {
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return requestEntityTooLarge(`limit is ${MAX_BODY_BYTES}`)
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return unsupportedMediaType('415: Unsupported Media Type', {})
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return badRequest(message ?? 'bad request')
  return undefined
}

function outputOf(request: FastifyRequest): OutputFormat | undefined {
  try {
    return negotiateOutput(request.headers.accept, {})
  } catch {
    return undefined
  }
}

function setWarnings(call: Call, reply: FastifyReply): void {
  const warnings = call.warningHeaders()
  if (warnings.length > 0) reply.header('warning', warnings)
}

function acceptsGzip(call: Call): boolean {
  const accepted = call.request.headers['accept-encoding']
  return typeof accepted === 'string' && accepted.split(',').some((e) => e.trim().split(';')[0] === 'gzip')
}

/** Go's own answer to a path that nobody serves. */
export function notFoundPage(reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send('404 page not found\n')
}
