import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions as HttpsRequestOptions, request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import { posix } from 'node:path'
import type { Clock } from '../../apimachinery/clock.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { TransportError, transportMessage } from '../../apimachinery/transport-error.ts'
import { type Address, hostPort, type ServiceResolver } from './service-resolver.ts'
import type { CredentialsByTarget } from './webhook-kubeconfig.ts'

/** How a webhook is reached, as its configuration says it. */
export interface WebhookEndpoint {
  readonly url?: string
  readonly service?: {
    readonly namespace: string
    readonly name: string
    readonly path?: string
    readonly port?: number
  }
  /** PEM in base64. Unset: the authorities that the machine trusts. */
  readonly caBundle?: string
  readonly credentials?: WebhookCredentials
}

/** How the server proves to a webhook who it is. */
export interface WebhookCredentials {
  /** PEM. */
  readonly certificate?: string
  /** PEM. */
  readonly key?: string
  /** Value of the Authorization header. */
  readonly authorization?: string
  /** Name that the webhook's certificate must carry, where it is not the host of the URL. */
  readonly serverName?: string
  /** Take any certificate. */
  readonly insecure?: boolean
}

export interface WebhookAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
  /** Set where the other side is busy and says when to come again. */
  readonly retryAfterSeconds?: number
}

/**
 * Longest body that is read. A patch holds at most an object of 3 MiB, which takes 4 MiB in base64.
 * Differs from kube-apiserver: it reads without a bound.
 */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** As Go's client. */
const MAX_REDIRECTS = 10
/** Times that a busy webhook is asked again. @see client-go rest/with_retry.go */
const MAX_RETRIES = 10
/** Endpoints whose connections are kept, as upstream's cache of clients. */
const MAX_ENDPOINTS = 200
/** As Go's transport: idle connections stay for 90 s. */
const AGENT_OPTIONS = { keepAlive: true, maxFreeSockets: 25, timeout: 90_000 }
const USER_AGENT = 'kube-apiserver-admission'

interface Connections {
  readonly secure: HttpsAgent
  readonly plain: HttpAgent
  /** Name that the certificate must carry; undefined: the host of the URL. */
  readonly serverName: string | undefined
  readonly ca: Buffer | undefined
  readonly credentials: WebhookCredentials | undefined
}

interface Hop {
  readonly url: URL
  readonly method: 'POST' | 'GET'
  readonly body: Buffer | undefined
  readonly traceparent: string | undefined
}

interface PostOptions {
  readonly timeoutMs: number
  /** The URL tells the webhook of the timeout. */
  readonly announced: boolean
  /** Header of that name; default: none. */
  readonly traceparent?: string
}

/**
 * Calls webhooks over HTTPS: connections are kept alive per endpoint, certificates are checked against the endpoint's
 * own bundle and name, and each call is over after its timeout, whatever the other side does.
 *
 * @see apiserver pkg/util/webhook/client.go
 */
export class WebhookClient {
  readonly #resolver: ServiceResolver
  readonly #clock: Clock
  readonly #credentials: CredentialsByTarget
  /** Last used last. */
  readonly #connections = new Map<string, Connections>()

  /** `credentials`: for endpoints that bring none of their own; default: nobody hears who calls. */
  constructor(resolver: ServiceResolver, clock: Clock, credentials: CredentialsByTarget = () => undefined) {
    this.#resolver = resolver
    this.#clock = clock
    this.#credentials = credentials
  }

  /**
   * Posts JSON and reads the answer, whatever its status; asks again where the webhook is busy and says when. Errors:
   * {@link TransportError} where there is no answer within `timeoutMs`.
   */
  async post(
    endpoint: WebhookEndpoint,
    body: Buffer,
    { timeoutMs, announced, traceparent }: PostOptions,
  ): Promise<WebhookAnswer> {
    const url = urlOf(endpoint)
    if (announced) url.search = `?timeout=${Math.ceil(timeoutMs / 1000)}s`
    const abort = new AbortController()
    const timer = this.#clock.setTimer(() => abort.abort(), timeoutMs)
    try {
      for (let retries = 0; ; retries++) {
        const answer = await this.#follow({ url, method: 'POST', body, traceparent }, endpoint, abort.signal)
        if (answer.retryAfterSeconds === undefined || retries === MAX_RETRIES) return answer
        await this.#sleep(answer.retryAfterSeconds * 1000, abort.signal)
      }
    } catch (error) {
      if (error instanceof ReadError) throw new TransportError(error.message, { cause: error })
      const why = abort.signal.aborted ? 'context deadline exceeded' : messageOf(error)
      throw new TransportError(`Post ${goQuote(printUrl(url, endpoint))}: ${why}`, { cause: error })
    } finally {
      timer.cancel()
    }
  }

  /** Ends the connections that are kept. */
  close(): void {
    for (const { secure, plain } of this.#connections.values()) {
      secure.destroy()
      plain.destroy()
    }
    this.#connections.clear()
  }

  /** Rejects where the call is over before. */
  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        timer.cancel()
        reject(signal.reason as Error)
      }
      const timer = this.#clock.setTimer(() => {
        signal.removeEventListener('abort', stop)
        resolve()
      }, ms)
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  async #follow(first: Hop, endpoint: WebhookEndpoint, signal: AbortSignal): Promise<WebhookAnswer> {
    const connections = this.#connectionsOf(endpoint)
    let hop = first
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(hop, connections, endpoint, signal)
      const next = redirectOf(hop, response)
      if (!next) return await read(response, signal)
      response.destroy()
      if (redirects + 1 >= MAX_REDIRECTS) throw new TransportError(`stopped after ${MAX_REDIRECTS} redirects`)
      hop = next
    }
  }

  async #send(
    hop: Hop,
    connections: Connections,
    endpoint: WebhookEndpoint,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const address = await this.#addressOf(hop.url, endpoint)
    // Credentials are for the endpoint only, wherever it sends the client on to.
    const isOwn = hop.url.host === urlOf(endpoint).host
    const options = requestOptions(hop, isOwn ? connections : { ...connections, credentials: undefined }, address)
    try {
      return await send(hop, options, signal)
    } catch (error) {
      // The other side closed a kept connection just as it was taken: the request has not been looked at.
      if (!(error instanceof StaleConnection)) throw error
      return await send(hop, { ...options, agent: false }, signal)
    }
  }

  /** Only the service's own name leads through the resolver: a redirect to elsewhere does not. */
  async #addressOf({ hostname, port, protocol }: URL, { service }: WebhookEndpoint): Promise<Address> {
    const number = port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port)
    if (service && hostname === serverNameOf(service)) {
      return await this.#resolver.resolve(service.namespace, service.name, number)
    }
    return { host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname, port: number }
  }

  #connectionsOf(endpoint: WebhookEndpoint): Connections {
    const key = JSON.stringify([endpoint.url, endpoint.service, endpoint.caBundle, endpoint.credentials])
    let connections = this.#connections.get(key)
    if (connections) {
      this.#connections.delete(key)
    } else {
      const { caBundle, service } = endpoint
      const credentials = endpoint.credentials ?? this.#credentials(hostOf(endpoint))
      connections = {
        ca: caBundle ? Buffer.from(caBundle, 'base64') : undefined,
        secure: new HttpsAgent(AGENT_OPTIONS),
        plain: new HttpAgent(AGENT_OPTIONS),
        serverName: service ? serverNameOf(service) : credentials?.serverName,
        credentials,
      }
    }
    this.#connections.set(key, connections)
    if (this.#connections.size > MAX_ENDPOINTS) this.#forgetOldest()
    return connections
  }

  #forgetOldest(): void {
    const [key, { secure, plain }] = this.#connections.entries().next().value!
    this.#connections.delete(key)
    secure.destroy()
    plain.destroy()
  }
}

/** The answer began and then broke off. */
class ReadError extends Error {}

/** A kept connection turned out to be closed. */
class StaleConnection extends Error {}

const messageOf = (error: unknown): string =>
  typeof (error as { code?: unknown }).code !== 'string' ? (error as Error).message : transportMessage(error)

const serverNameOf = (service: NonNullable<WebhookEndpoint['service']>): string =>
  `${service.name}.${service.namespace}.svc`

function urlOf({ url, service }: WebhookEndpoint): URL {
  const base = service ? new URL(`https://${serverNameOf(service)}:${service.port ?? 443}`) : new URL(url ?? '')
  const path = service ? (service.path ?? '') : base.pathname
  base.pathname = posix.join('/', path).replace(/(.)\/$/, '$1')
  return base
}

/** With the host as it was written: URL leaves out the default port. */
function printUrl(url: URL, { url: given = '', service }: WebhookEndpoint): string {
  const host = service ? `${serverNameOf(service)}:${service.port ?? 443}` : /^[^/]*\/\/([^/?#]*)/.exec(given)?.[1]
  return `${url.protocol}//${host ?? url.host}${url.pathname}${url.search}`
}

/** `host:port`, the port always. */
function hostOf(endpoint: WebhookEndpoint): string {
  const { host, port, protocol } = urlOf(endpoint)
  return port === '' ? `${host}:${protocol === 'http:' ? 80 : 443}` : host
}

function requestOptions(
  { url, method, body, traceparent }: Hop,
  connections: Connections,
  address: Address,
): HttpsRequestOptions {
  const isPlain = url.protocol === 'http:'
  const serverName = connections.serverName ?? address.host
  const headers: Record<string, string | number> = {
    host: url.port === '' ? url.hostname : hostPort(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port)),
    accept: 'application/json, */*',
    'user-agent': USER_AGENT,
  }
  if (body) {
    headers['content-type'] = 'application/json'
    headers['content-length'] = body.length
  }
  if (traceparent !== undefined) headers['traceparent'] = traceparent
  const { ca, credentials } = connections
  if (credentials?.authorization) headers['authorization'] = credentials.authorization
  const plain = { method, host: address.host, port: address.port, path: url.pathname + url.search, headers }
  if (isPlain) return { ...plain, agent: connections.plain }
  return {
    ...plain,
    agent: connections.secure,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(ca ? { ca } : {}),
    ...(credentials?.certificate ? { cert: credentials.certificate, key: credentials.key } : {}),
    ...(credentials?.insecure ? { rejectUnauthorized: false } : {}),
  }
}

function send({ url, body }: Hop, options: HttpsRequestOptions, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'http:' ? requestHttp : requestHttps)({ ...options, signal })
    request.on('response', resolve)
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      reject(isStale && !signal.aborted ? new StaleConnection(error.message, { cause: error }) : error)
    })
    request.end(body)
  })
}

/** Where an answer sends the client on to, as Go's client follows it; undefined: it is the answer. */
function redirectOf({ url, body, traceparent }: Hop, { statusCode, headers }: IncomingMessage): Hop | undefined {
  const { location } = headers
  if (!location) return undefined
  const keepsMethod = statusCode === 307 || statusCode === 308
  if (!keepsMethod && statusCode !== 301 && statusCode !== 302 && statusCode !== 303) return undefined
  if (!URL.canParse(location, url.href))
    throw new TransportError(`failed to parse Location header ${goQuote(location)}`)
  const next = new URL(location, url)
  if (next.protocol !== 'https:' && next.protocol !== 'http:') {
    throw new TransportError(`unsupported protocol scheme ${goQuote(next.protocol.slice(0, -1))}`)
  }
  return keepsMethod
    ? { url: next, method: 'POST', body, traceparent }
    : { url: next, method: 'GET', body: undefined, traceparent }
}

async function read(response: IncomingMessage, signal: AbortSignal): Promise<WebhookAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) throw new Error(`the response is longer than ${MAX_ANSWER_BYTES} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    const why = signal.aborted
      ? 'context deadline exceeded'
      : 'code' in (error as object)
        ? 'unexpected EOF'
        : messageOf(error)
    const text = `unexpected error when reading response body. Please retry. Original error: ${why}`
    throw new ReadError(text, { cause: error })
  }
  const { statusCode = 0, headers } = response
  const after = headers['retry-after'] ?? ''
  const isBusy = (statusCode === 429 || statusCode >= 500) && /^\d{1,9}$/.test(after)
  return {
    status: statusCode,
    contentType: headers['content-type'] ?? '',
    body: Buffer.concat(chunks, size),
    ...(isBusy ? { retryAfterSeconds: Number(after) } : {}),
  }
}
