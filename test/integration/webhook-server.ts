import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ServingCertificate } from '../suites/certificates.ts'

/** An AdmissionReview as it came. */
interface Review {
  readonly apiVersion: string
  readonly kind: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look wherever they like
  readonly request: any
}

/** Members of the response besides the uid. */
type ReviewAnswer = Readonly<Record<string, unknown>>

/** Answers in its own way; returns nothing where it has written to the response itself. */
type ReviewHandler = (
  review: Review,
  response: ServerResponse,
  request: IncomingMessage,
) => ReviewAnswer | undefined | Promise<ReviewAnswer | undefined>

/** A JSON patch as a response carries it. */
export function patchAnswer(...operations: readonly object[]): ReviewAnswer {
  const patch = Buffer.from(JSON.stringify(operations)).toString('base64')
  return { allowed: true, patchType: 'JSONPatch', patch }
}

/** A webhook server on a port of its own: each path has a handler; what it was asked is kept. */
export class WebhookServer {
  readonly certificate: ServingCertificate
  readonly port: number
  readonly reviews: Review[] = []
  /** Connections that were ever opened. */
  connections = 0
  readonly #server: Server
  readonly #sockets: Set<Duplex>
  readonly #handlers = new Map<string, ReviewHandler>()

  private constructor(server: Server, certificate: ServingCertificate, sockets: Set<Duplex>) {
    this.#server = server
    this.#sockets = sockets
    this.certificate = certificate
    this.port = (server.address() as AddressInfo).port
  }

  static async start(certificate: ServingCertificate): Promise<WebhookServer> {
    const sockets = new Set<Duplex>()
    const { cert, key } = certificate
    const server = createServer({ cert, key })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const webhooks = new WebhookServer(server, certificate, sockets)
    server.on('request', (request, response) => void webhooks.#handle(request, response))
    server.on('tlsClientError', () => {})
    server.on('secureConnection', () => webhooks.connections++)
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => sockets.delete(socket))
    })
    return webhooks
  }

  url(path: string): string {
    return `https://127.0.0.1:${this.port}${path}`
  }

  on(path: string, handler: ReviewHandler): void {
    this.#handlers.set(path, handler)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const review = (text === '' ? { apiVersion: '', kind: '', request: {} } : JSON.parse(text)) as Review
    this.reviews.push(review)
    const handler = this.#handlers.get(request.url!.replace(/\?.*$/, ''))
    const answer = handler ? await handler(review, response, request) : undefined
    if (answer) {
      const { apiVersion, kind } = review
      const body = { apiVersion, kind, response: { uid: review.request.uid, ...answer } }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    } else if (!handler) {
      response.writeHead(404).end()
    }
  }
}
