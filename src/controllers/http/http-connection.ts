import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { ApiError, type StatusReason, unknownError } from '../../apimachinery/api-error.ts'
import { type Clock, systemClock, type Timer } from '../../apimachinery/clock.ts'
import { transportMessage } from '../../apimachinery/transport-error.ts'
import type { Status } from '../../apimachinery/types/meta-v1.ts'
import type { ClusterAccess } from './kubeconfig-access.ts'
import { noRequestMetrics, type RequestMetrics } from './request-metrics.ts'

/** A header that comes several times has a list of values. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly body?: string
  readonly contentType?: string
  readonly headers?: RequestHeaders
  /** How long the answer may take; default: the connection's. */
  readonly timeoutMs?: number | undefined
}

export interface HttpConnectionOptions {
  readonly access: ClusterAccess
  readonly clock: Clock
  readonly metrics?: RequestMetrics
  /** How long an answer may take. Default 90 s: an API server gives up after 60 by itself. */
  readonly timeoutMs?: number
}

/** Requests under way at once: as many as an API server lets a client have without complaint. */
const MAX_SOCKETS = 64
/** Times that a request is made again because the server was too busy, as client-go. */
const MAX_RETRIES = 10
const RETRY_AFTER_RESET_SECONDS = 1
const DEFAULT_TIMEOUT_MS = 90_000
/** How long a connection is kept that nothing goes over: less than a server keeps it, which is 90 s. */
const IDLE_TIMEOUT_MS = 60_000
/** Until a connection is there: Go's dialer. */
const CONNECT_TIMEOUT_MS = 30_000
/** A connection that nothing comes over is probed after so long, so that a watch on a machine that is gone ends. */
const KEEP_ALIVE_MS = 30_000
/** Longest line of a watch: objects end at 1.5 MiB, and are sent with little around them. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024

/** Status code, in metrics, of requests without an answer. */
const NO_ANSWER = '<error>'

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfterSeconds: number | undefined
  /** Why there was no answer at all. */
  readonly failure?: Error
}

/** One server, reached over connections that are kept open. */
export class HttpConnection {
  /** Host and port, as metrics name the server. */
  readonly host: string
  readonly metrics: RequestMetrics
  readonly #access: ClusterAccess
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #isTls: boolean
  readonly #agent: HttpAgent
  /** Watches hold their connection: they must not take those of requests. */
  readonly #watchAgent: HttpAgent

  constructor({ access, clock, metrics = noRequestMetrics, timeoutMs = DEFAULT_TIMEOUT_MS }: HttpConnectionOptions) {
    this.#access = access
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.metrics = metrics
    this.host = new URL(access.server).host
    this.#isTls = access.server.startsWith('https:')
    this.#agent = this.#createAgent(MAX_SOCKETS)
    this.#watchAgent = this.#createAgent(Number.POSITIVE_INFINITY)
  }

  /**
   * Makes a request; resolves with the body of a good answer. Errors: `ApiError`, and those of the network, which name
   * the request as Go's do.
   */
  async send(request: HttpRequest): Promise<string> {
    const { method } = request
    const began = performance.now()
    try {
      for (let attempt = 1; ; attempt++) {
        const { status, body, retryAfterSeconds, failure } = await this.#attempt(request)
        if (status < 400 && !failure) return body
        const isBusy = (failure || status === 429 || status >= 500) && retryAfterSeconds !== undefined
        if (!isBusy || attempt > MAX_RETRIES) throw failure ?? apiErrorOf(status, body)
        this.metrics.retried(failure ? NO_ANSWER : String(status), method, this.host)
        await new Promise<void>((resolve) => {
          this.#clock.setTimer(resolve, retryAfterSeconds * 1000)
        })
      }
    } finally {
      this.metrics.took(method, this.host, performance.now() - began)
    }
  }

  /** Opens a stream. The returned function closes it; nothing is called afterwards. */
  stream(
    path: string,
    headers: RequestHeaders,
    receiver: { line(line: string): void; end(error?: Error): void },
  ): () => void {
    let isOver = false
    const request = this.#open({ method: 'GET', path, headers }, this.#watchAgent)
    const end = (error?: Error): void => {
      if (isOver) return
      isOver = true
      answerTimer.cancel()
      request.destroy()
      receiver.end(error)
    }
    const answerTimer = systemClock.setTimer(
      () => end(this.#failure('GET', path, new Error(noAnswerWithin(this.#timeoutMs)))),
      this.#timeoutMs,
    )
    let isAnswered = false
    request.on('error', (error) => {
      if (!isAnswered) this.metrics.answered(NO_ANSWER, 'GET', this.host)
      end(isAnswered ? undefined : this.#failure('GET', path, error))
    })
    request.on('response', (response: IncomingMessage) => {
      isAnswered = true
      answerTimer.cancel()
      const status = response.statusCode ?? 500
      this.metrics.answered(String(status), 'GET', this.host)
      response.setEncoding('utf8')
      if (status >= 400) {
        void readAll(response).then((body) => end(apiErrorOf(status, body)), end)
        return
      }
      // One that is cut off is over like any other: where it was is known, and it goes on from there.
      response.on('error', () => end())
      readLines(response, {
        line: (line) => {
          if (isOver) return
          try {
            receiver.line(line)
          } catch (error) {
            end(this.#failure('GET', path, error as Error))
          }
        },
        tooLong: () => end(this.#failure('GET', path, new Error('a line of the answer is too long'))),
      })
      response.on('end', () => end())
      response.on('close', () => end())
    })
    request.end()
    return () => {
      isOver = true
      answerTimer.cancel()
      request.destroy()
    }
  }

  close(): void {
    this.#agent.destroy()
    this.#watchAgent.destroy()
  }

  /** One attempt; a read whose connection was cut off is as good as a server that asks to come again. */
  async #attempt(request: HttpRequest): Promise<Answer> {
    const { method, path } = request
    try {
      const answer = await this.#once(request)
      this.metrics.answered(String(answer.status), method, this.host)
      this.metrics.sizes(method, this.host, byteLength(request.body), Buffer.byteLength(answer.body))
      return answer
    } catch (error) {
      this.metrics.answered(NO_ANSWER, method, this.host)
      const { code } = error as NodeJS.ErrnoException
      const isReset = method === 'GET' && (code === 'ECONNRESET' || code === 'EPIPE')
      const failure = this.#failure(method, path, error as Error)
      return { status: 0, body: '', retryAfterSeconds: isReset ? RETRY_AFTER_RESET_SECONDS : undefined, failure }
    }
  }

  /** As Go's `url.Error` reads. Keeps the code. */
  #failure(method: string, path: string, cause: Error): Error {
    const verb = method.charAt(0) + method.slice(1).toLowerCase()
    const { code } = cause as NodeJS.ErrnoException
    const error = new Error(`${verb} "${this.#access.server}${path}": ${transportMessage(cause)}`, { cause })
    return code === undefined ? error : Object.assign(error, { code })
  }

  async #once(request: HttpRequest): Promise<Answer> {
    const timeoutMs = request.timeoutMs ?? this.#timeoutMs
    return await new Promise((resolve, reject) => {
      const outgoing = this.#open(request, this.#agent)
      let timer: Timer | undefined
      const fail = (error: Error): void => {
        timer?.cancel()
        reject(error)
      }
      // What waits for a free connection has not been sent yet.
      outgoing.once('socket', () => {
        timer = systemClock.setTimer(() => {
          fail(new Error(noAnswerWithin(timeoutMs)))
          outgoing.destroy()
        }, timeoutMs)
      })
      outgoing.on('error', fail)
      outgoing.on('response', (response: IncomingMessage) => {
        response.setEncoding('utf8')
        const retryAfter = Number(response.headers['retry-after'])
        readAll(response).then((body) => {
          timer?.cancel()
          const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined
          resolve({ status: response.statusCode ?? 500, body, retryAfterSeconds })
        }, fail)
      })
      outgoing.end(request.body)
    })
  }

  #open({ method, path, headers, contentType, body }: HttpRequest, agent: HttpAgent): ClientRequest {
    const { server, authorization } = this.#access
    const options = {
      method,
      agent,
      headers: {
        accept: 'application/json',
        ...(authorization ? { authorization: authorization() } : {}),
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    }
    const url = server + path
    const request = this.#isTls ? httpsRequest(url, options) : httpRequest(url, options)
    request.once('socket', (socket: Socket) => {
      if (socket.connecting) watchConnecting(socket, request, this.#isTls)
    })
    return request
  }

  #createAgent(maxSockets: number): HttpAgent {
    const { certificateAuthority, clientCertificate, clientKey, skipVerify, serverName } = this.#access
    if (!this.#isTls) return new HttpAgent({ keepAlive: true, maxSockets, timeout: IDLE_TIMEOUT_MS })
    return new HttpsAgent({
      keepAlive: true,
      maxSockets,
      timeout: IDLE_TIMEOUT_MS,
      rejectUnauthorized: !skipVerify,
      ...(certificateAuthority ? { ca: certificateAuthority } : {}),
      ...(clientCertificate ? { cert: clientCertificate } : {}),
      ...(clientKey ? { key: clientKey } : {}),
      ...(serverName ? { servername: serverName } : {}),
    })
  }
}

/** Ends a request whose connection does not come about, and has the connection looked after once it has. */
function watchConnecting(socket: Socket, request: ClientRequest, isTls: boolean): void {
  const timer = systemClock.setTimer(
    () => request.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`)),
    CONNECT_TIMEOUT_MS,
  )
  socket.once(isTls ? 'secureConnect' : 'connect', () => {
    timer.cancel()
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
  })
  socket.once('close', () => timer.cancel())
}

function noAnswerWithin(timeoutMs: number): string {
  return `no answer within ${timeoutMs / 1000} s`
}

function byteLength(body: string | undefined): number {
  return body === undefined ? 0 : Buffer.byteLength(body)
}

async function readAll(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response) body += chunk as string
  return body
}

function readLines(
  response: IncomingMessage,
  receiver: { readonly line: (line: string) => void; readonly tooLong: () => void },
): void {
  let rest = ''
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') receiver.line(line)
    if (rest.length > MAX_LINE_LENGTH) receiver.tooLong()
  })
}

/** The failure that an answer stands for. */
function apiErrorOf(code: number, body: string): ApiError {
  try {
    const status = JSON.parse(body) as Partial<Status>
    if (status.kind === 'Status') return apiErrorOfStatus({ ...status, code: status.code ?? code } as Status)
  } catch {
    // Not JSON: a proxy's page, or Go's own 404.
  }
  return unknownError(`the server answered ${code}: ${body.slice(0, 200)}`)
}

/** The failure that a Status stands for. */
export function apiErrorOfStatus({ code = 500, reason, message, details }: Status): ApiError {
  const fields = { code, reason: (reason ?? '') as StatusReason, message: message ?? '' }
  return new ApiError(details ? { ...fields, details: details as never } : fields)
}
