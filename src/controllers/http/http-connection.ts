import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { ApiError, type StatusReason, unknownError } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import type { Status } from '../../apimachinery/types/meta-v1.ts'
import type { ClusterAccess } from './kubeconfig-access.ts'

/** A header that comes several times has a list of values. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly body?: string
  readonly contentType?: string
  readonly headers?: RequestHeaders
}

/** Requests under way at once: as many as an API server lets a client have without complaint. */
const MAX_SOCKETS = 64
/** Times that a request is made again because the server was too busy, as client-go. */
const MAX_RETRIES = 10

/** One server, reached over connections that are kept open. */
export class HttpConnection {
  readonly #access: ClusterAccess
  readonly #clock: Clock
  readonly #isTls: boolean
  readonly #agent: HttpAgent
  /** Watches hold their connection: they must not take those of requests. */
  readonly #watchAgent: HttpAgent

  constructor(access: ClusterAccess, clock: Clock) {
    this.#access = access
    this.#clock = clock
    this.#isTls = access.server.startsWith('https:')
    this.#agent = this.#createAgent(MAX_SOCKETS)
    this.#watchAgent = this.#createAgent(Number.POSITIVE_INFINITY)
  }

  /** Makes a request; resolves with the body of a good answer. Errors: `ApiError`, and those of the network. */
  async send(request: HttpRequest): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const { status, body, retryAfterSeconds } = await this.#once(request)
      if (status < 400) return body
      const isBusy = (status === 429 || status >= 500) && retryAfterSeconds !== undefined
      if (!isBusy || attempt > MAX_RETRIES) throw apiErrorOf(status, body)
      await new Promise<void>((resolve) => {
        this.#clock.setTimer(resolve, retryAfterSeconds * 1000)
      })
    }
  }

  /** Opens a stream. The returned function closes it; nothing is called afterwards. */
  stream(
    path: string,
    headers: RequestHeaders,
    receiver: { line(line: string): void; end(error?: Error): void },
  ): () => void {
    let isOver = false
    const end = (error?: Error): void => {
      if (isOver) return
      isOver = true
      receiver.end(error)
    }
    const request = this.#open({ method: 'GET', path, headers }, this.#watchAgent)
    let isAnswered = false
    request.on('error', (error) => end(isAnswered ? undefined : error))
    request.on('response', (response: IncomingMessage) => {
      isAnswered = true
      response.setEncoding('utf8')
      if ((response.statusCode ?? 500) >= 400) {
        void readAll(response).then((body) => end(apiErrorOf(response.statusCode ?? 500, body)), end)
        return
      }
      // One that is cut off is over like any other: where it was is known, and it goes on from there.
      response.on('error', () => end())
      readLines(response, (line) => {
        if (!isOver) receiver.line(line)
      })
      response.on('end', () => end())
      response.on('close', () => end())
    })
    request.end()
    return () => {
      isOver = true
      request.destroy()
    }
  }

  close(): void {
    this.#agent.destroy()
    this.#watchAgent.destroy()
  }

  async #once(request: HttpRequest): Promise<{ status: number; body: string; retryAfterSeconds: number | undefined }> {
    return await new Promise((resolve, reject) => {
      const outgoing = this.#open(request, this.#agent)
      outgoing.on('error', reject)
      outgoing.on('response', (response: IncomingMessage) => {
        response.setEncoding('utf8')
        const retryAfter = Number(response.headers['retry-after'])
        readAll(response).then((body) => {
          const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined
          resolve({ status: response.statusCode ?? 500, body, retryAfterSeconds })
        }, reject)
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
        ...(authorization ? { authorization } : {}),
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    }
    const url = server + path
    return this.#isTls ? httpsRequest(url, options) : httpRequest(url, options)
  }

  #createAgent(maxSockets: number): HttpAgent {
    const { certificateAuthority, clientCertificate, clientKey, skipVerify, serverName } = this.#access
    if (!this.#isTls) return new HttpAgent({ keepAlive: true, maxSockets })
    return new HttpsAgent({
      keepAlive: true,
      maxSockets,
      rejectUnauthorized: !skipVerify,
      ...(certificateAuthority ? { ca: certificateAuthority } : {}),
      ...(clientCertificate ? { cert: clientCertificate } : {}),
      ...(clientKey ? { key: clientKey } : {}),
      ...(serverName ? { servername: serverName } : {}),
    })
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response) body += chunk as string
  return body
}

function readLines(response: IncomingMessage, take: (line: string) => void): void {
  let rest = ''
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') take(line)
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
