import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { type Duplex, pipeline, type Transform } from 'node:stream'
import { createDeflateRaw, createGunzip, createGzip, createInflateRaw } from 'node:zlib'
import { ApiError, asApiError, serviceUnavailable, unknownError } from '../../apimachinery/api-error.ts'
import { transportMessage } from '../../apimachinery/transport-error.ts'
import type { Call } from '../call.ts'
import { breakOff } from '../raw-answers.ts'
import { isUpgrade, takeOver } from '../upgrade.ts'
import { requestHeaders, responseHeaders } from './forwarded-headers.ts'
import { escapePath, joinPaths } from './go-path.ts'
import { HtmlLinks } from './html-links.ts'
import { type PageContext, proxiedLink } from './page-links.ts'

/** What requests are proxied to. */
export interface ProxyBackend {
  /** Host and port, as the backend's own pages name it. */
  readonly host: string
  /** Headers that say more than the client's, or something else. */
  readonly headers?: OutgoingHttpHeaders
  /** Opens a connection to speak HTTP on. Rejects with what `transportMessage` can word. */
  connect(): Promise<Duplex>
}

/** Longest head of a backend's answer: what this server itself takes of a client. */
const MAX_HEAD = 1 << 20
/** Proxies that a request may have gone through: one that leads back to itself would take a connection for each. */
const MAX_HOPS = 16

/**
 * Hands a request on to a backend and its answer to the client, body by body as they come. `path` is the backend's own,
 * decoded; '' where the client named none. Errors: 503 where the backend can't be reached or does not speak HTTP,
 * 508 where the request goes round in a circle.
 *
 * @see apimachinery pkg/util/proxy/upgradeaware.go, transport.go
 */
export async function proxyRequest(call: Call, backend: ProxyBackend, path: string): Promise<void> {
  checkHops(call)
  if (isUpgrade(call)) {
    // The query stays behind, as upstream's does.
    await proxyUpgrade(call, backend, escapePath(path || '/'))
    return
  }
  const { method, raw } = call.request
  const { path: asked, query } = splitUrl(raw.url ?? '/')
  if (path === '' && (method === 'GET' || method === 'HEAD')) {
    call.reply.code(301).header('location', `${asked}/${query}`).send()
    return
  }
  const pathPrefix = prefixOf(call.info.path, path)
  const own = escapePath(path || '/')
  const headers = { ...requestHeaders(call, { upgrade: false }), 'x-forwarded-uri': joinPaths(pathPrefix, own) }
  const response = await answerOf(call, backend, `${own}${query}`, { ...headers, ...backend.headers }).catch(
    (error: unknown) => {
      throw asApiError(error) ?? serviceUnavailable(`error trying to reach service: ${transportMessage(error)}`)
    },
  )
  const requestHost = String(headers.host)
  relay(call, response, { pathPrefix, backendHost: backend.host, requestHost })
}

/**
 * Joins the client's connection with one to a backend that agrees to speak the protocol that the client asked for.
 * `target` is the path, and the query if it is to be passed on. Errors: 500 where the backend can't be reached or goes
 * on speaking HTTP; its own errors are handed on.
 */
export async function proxyUpgrade(call: Call, backend: ProxyBackend, target: string): Promise<void> {
  const headers = { ...requestHeaders(call, { upgrade: true }), ...backend.headers }
  const connection = await backend.connect().catch((error: unknown) => {
    throw asApiError(error) ?? unknownError(`error dialing backend: ${transportMessage(error)}`)
  })
  const request = httpRequest({
    method: call.request.method,
    path: target,
    headers,
    setHost: false,
    maxHeaderSize: MAX_HEAD,
    createConnection: () => connection,
  })
  const gone = (): void => void connection.destroy()
  call.onEnd(gone)
  const answer = await new Promise<IncomingMessage | Upgraded>((resolve, reject) => {
    request.on('error', (error) => reject(unknownError(transportMessage(error))))
    request.on('response', resolve)
    request.on('upgrade', (response, socket, head) => resolve({ response, socket, head }))
    request.end()
  })
  if ('response' in answer) {
    join(call, answer)
    return
  }
  const { statusCode = 0 } = answer
  if (statusCode < 400) {
    connection.destroy()
    throw unknownError(`invalid upgrade response: status code ${statusCode}`)
  }
  relay(call, answer, undefined)
}

/** Errors: 508. */
function checkHops({ request }: Call): void {
  const { 'x-forwarded-for': hops = '' } = request.raw.headers
  if (String(hops).split(',').length <= MAX_HOPS) return
  throw new ApiError({ code: 508, reason: '', message: `the request has been through ${MAX_HOPS} proxies already` })
}

interface Upgraded {
  readonly response: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** Whatever ends one side ends the other. */
function join(call: Call, { response, socket: backend, head }: Upgraded): void {
  const { socket: client, head: early } = takeOver(call)
  client.write(headOf(response))
  if (head.length > 0) client.write(head)
  if (early.length > 0) backend.write(early)
  for (const [from, to] of [
    [client, backend],
    [backend, client],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }
}

function headOf({ statusCode = 101, statusMessage = 'Switching Protocols', rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`]
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Sends the request, with the client's body as it comes; resolves with the head of the answer. */
async function answerOf(
  call: Call,
  backend: ProxyBackend,
  path: string,
  headers: OutgoingHttpHeaders,
): Promise<IncomingMessage> {
  const { method, raw } = call.request
  const hasBody = raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length'] ?? 0) > 0
  const isChunked = hasBody && headers['content-length'] === undefined
  const connection = await backend.connect()
  if (call.request.isOver) connection.destroy()
  return await new Promise((resolve, reject) => {
    const request = httpRequest({
      method,
      path,
      headers: isChunked ? { ...headers, 'transfer-encoding': 'chunked' } : headers,
      setHost: false,
      maxHeaderSize: MAX_HEAD,
      createConnection: () => connection,
    })
    request.on('error', reject)
    request.on('response', resolve)
    call.onEnd(() => request.destroy())
    // A body that breaks off must not look whole to the backend.
    raw.once('error', () => request.destroy())
    if (hasBody) raw.pipe(request)
    else request.end()
  })
}

/** `page`: rewrite what leads to the backend's own pages; undefined: hand the answer on as it is. */
function relay(call: Call, response: IncomingMessage, page: PageContext | undefined): void {
  const { reply } = call
  const { statusCode = 502 } = response
  const headers = mergeHeaders(reply.getHeaders() as OutgoingHttpHeaders, responseHeaders(response.headers))
  const rewriters = page ? rewritersOf(headers, page) : []
  if (rewriters.length > 0) delete headers['content-length']
  reply.hijack()
  const { raw } = reply
  raw.writeHead(statusCode, headers)
  raw.flushHeaders()
  raw.on('error', () => response.destroy())
  response.on('data', (chunk: Buffer) => {
    call.sentBytes += chunk.length
  })
  response.on('end', () => {
    if (Object.keys(response.trailers).length > 0) raw.addTrailers(response.trailers as Record<string, string>)
  })
  // A broken answer has to look broken to the client, too.
  pipeline([response, ...rewriters, raw], (error) => error && breakOff(reply))
}

/** Rewrites the address of a redirect at once; answers what the body has to go through. */
function rewritersOf(headers: OutgoingHttpHeaders, page: PageContext): Transform[] {
  const { location } = headers
  if (location !== undefined && location !== '') {
    headers['location'] = proxiedLink(String(location), page)
    return []
  }
  if (
    String(headers['content-type'] ?? '')
      .split(';', 1)[0]!
      .trim() !== 'text/html'
  )
    return []
  const links = new HtmlLinks((link) => proxiedLink(link, page))
  switch (headers['content-encoding'] ?? '') {
    case '':
      return [links]
    case 'gzip':
      return [createGunzip(), links, createGzip()]
    case 'deflate':
      return [createInflateRaw(), links, createDeflateRaw()]
    default:
      return []
  }
}

/** Both, where they name the same: what this server says of the answer stands before what the backend says. */
function mergeHeaders(own: OutgoingHttpHeaders, given: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const merged: OutgoingHttpHeaders = { ...own }
  for (const [name, value] of Object.entries(given)) {
    const before = merged[name]
    merged[name] = before === undefined ? value : [before, value].flat().map(String)
  }
  return merged
}

/** What the client's path has in front of the backend's. */
function prefixOf(asked: string, path: string): string {
  const suffix = asked.endsWith('/') && !path.endsWith('/') ? `${path}/` : path
  return asked.endsWith(suffix) ? asked.slice(0, asked.length - suffix.length) : asked
}

/** The path and the query, with its question mark, as the client wrote them. */
function splitUrl(url: string): { readonly path: string; readonly query: string } {
  const at = url.indexOf('?')
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at) }
}
