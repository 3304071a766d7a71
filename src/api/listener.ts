import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type ServerHttp2Session,
} from 'node:http2'
import {
  createServer as createHttpsServer,
  type ServerOptions as HttpsOptions,
  type Server as HttpsServer,
} from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

/** What connections may cost before a request has been understood; upstream's figures (pkg/server/secure_serving.go). */
const CONNECTION_LIMITS = {
  /** Request line and headers together. */
  maxHeaderSize: 1 << 20,
  /** From the first byte of a request to the end of its headers. */
  headersTimeout: 32_000,
  /** An idle connection is closed after this. */
  keepAliveTimeout: 90_000,
  /** Node's last resort for a body that never ends and nobody waits for; requests have their own deadline. */
  requestTimeout: 300_000,
  /** How often the two limits above are looked at. */
  connectionsCheckingInterval: 5_000,
} as const

/** Headers of one request that Node keeps: it drops what is beyond without a word, so such requests are refused. */
export const MAX_HEADERS = 1000

/** Streams at once on one HTTP/2 connection: what Go's clients begin with. */
const MAX_CONCURRENT_STREAMS = 100
/** Bytes of one upload that may be on their way: enough for almost every object (upstream's resourceBody99Percentile). */
const UPLOAD_WINDOW_BYTES = 256 * 1024
/** Memory (MB) of one HTTP/2 connection: a client's watches all share it. */
const MAX_SESSION_MEGABYTES = 64

interface ListenerOptions {
  readonly handler: RequestListener
  /** Undefined: plain HTTP. */
  readonly tls?: HttpsOptions
  /** Offer HTTP/2 to clients that ask for it in the TLS handshake. */
  readonly http2: boolean
}

/** A server for HTTP/1.1, and over TLS for HTTP/2 as well. HTTP/1.1 connections go the same way with and without it. */
export class Listener {
  readonly server: Server | HttpsServer
  readonly #sessions = new Set<ServerHttp2Session>()
  /** Those that speak another protocol by now (exec, port-forward) included, of which the server knows nothing. */
  readonly #sockets = new Set<Socket>()
  #handshakeErrors = 0

  constructor({ handler, tls, http2 }: ListenerOptions) {
    if (!tls) {
      this.server = createHttpServer(CONNECTION_LIMITS, handler)
      this.server.maxHeadersCount = MAX_HEADERS
      this.#trackSockets()
      return
    }
    const ALPNProtocols = http2 ? ['h2', 'http/1.1'] : ['http/1.1']
    const server = createHttpsServer({ ...CONNECTION_LIMITS, ...tls, ALPNProtocols }, handler)
    server.maxHeadersCount = MAX_HEADERS
    server.on('tlsClientError', () => this.#handshakeErrors++)
    if (http2) this.#offerHttp2(server, handler)
    this.server = server
    this.#trackSockets()
  }

  /** TLS handshakes that failed. */
  get handshakeErrors(): number {
    return this.#handshakeErrors
  }

  /** Takes no more connections, closes idle ones, and tells HTTP/2 clients to make their next request elsewhere. */
  stop(): void {
    if (this.server.listening) this.server.close()
    this.closeIdle()
    for (const session of this.#sessions) session.close()
  }

  /** Closes the HTTP/1.1 connections without a request. */
  closeIdle(): void {
    this.server.closeIdleConnections()
  }

  /** Breaks every connection. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy()
    this.server.closeAllConnections()
    for (const socket of this.#sockets) socket.destroy()
  }

  #trackSockets(): void {
    this.server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Connections of clients that agreed on HTTP/2 are taken away from the HTTP/1.1 parser. */
  #offerHttp2(server: HttpsServer, handler: RequestListener): void {
    const http2 = this.#createHttp2(handler)
    const [serveHttp1] = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
    if (!serveHttp1) throw new Error('an HTTPS server without a handler of connections')
    server.removeAllListeners('secureConnection')
    server.on('secureConnection', (socket) => {
      if (socket.alpnProtocol === 'h2') http2.emit('connection', socket)
      else serveHttp1.call(server, socket)
    })
  }

  #createHttp2(handler: RequestListener): Http2Server {
    const server = createHttp2Server({
      maxSessionMemory: MAX_SESSION_MEGABYTES,
      settings: {
        maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
        initialWindowSize: UPLOAD_WINDOW_BYTES,
        maxHeaderListSize: CONNECTION_LIMITS.maxHeaderSize,
      },
    })
    // Requests and responses of HTTP/2 look like those of HTTP/1.1, as far as the pipeline goes.
    server.on('request', (request, response) => {
      announceBody(request)
      handler(request as unknown as IncomingMessage, response as unknown as ServerResponse<IncomingMessage>)
    })
    server.on('session', (session) => this.#keep(session))
    return server
  }

  #keep(session: ServerHttp2Session): void {
    let streams = 0
    this.#sessions.add(session)
    session.setLocalWindowSize(UPLOAD_WINDOW_BYTES * MAX_CONCURRENT_STREAMS)
    session.on('stream', (stream) => {
      streams++
      stream.once('close', () => streams--)
    })
    session.setTimeout(CONNECTION_LIMITS.keepAliveTimeout, () => {
      if (streams === 0) session.close()
    })
    session.once('close', () => this.#sessions.delete(session))
  }
}

/** HTTP/2 needs no header for a body of unknown length (a pipe into kubectl); what reads bodies looks for HTTP/1.1's. */
function announceBody({ headers, stream }: Http2ServerRequest): void {
  if (!stream.endAfterHeaders && headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked'
}

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_INVALID_TRANSFER_ENCODING: '501 Not Implemented',
}

/** Answers what is no HTTP request as Go's server does: a line of text, or nothing to who was too slow. */
export function refuseConnection(error: Error & { readonly code?: string }, connection: Duplex): void {
  const socket = connection as Socket
  const isGone = error.code === 'ECONNRESET' || error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || !socket.writable
  if (isGone) {
    socket.destroy()
    return
  }
  const status = REFUSALS[error.code ?? ''] ?? '400 Bad Request'
  socket.write(`HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`)
  socket.destroySoon()
}
