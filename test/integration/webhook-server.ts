import type { webcrypto } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { x509Library } from '../../src/cluster/pki/x509-library.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Certificate and key of a server, in PEM, with the authority that signed it. */
interface ServingCertificate {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** The authority as `caBundle` takes it. */
  readonly caBundle: string
}

/** A certificate for these DNS names and for 127.0.0.1, valid for a day. */
export async function servingCertificate(...dnsNames: readonly string[]): Promise<ServingCertificate> {
  const x509 = await x509Library()
  const generate = (): Promise<webcrypto.CryptoKeyPair> =>
    crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const [caKeys, keys] = await Promise.all([generate(), generate()])
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) }
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=webhook-ca',
    keys: caKeys,
    ...validity,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=webhook',
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    ...validity,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ]),
    ],
  })
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  const ca = authority.toString('pem')
  return {
    ca,
    cert: certificate.toString('pem'),
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    caBundle: Buffer.from(ca).toString('base64'),
  }
}

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
