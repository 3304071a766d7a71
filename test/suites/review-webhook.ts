import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

type Review = Readonly<Record<string, unknown>> & { readonly spec: Readonly<Record<string, unknown>> }

/** A webhook that answers TokenReviews and SubjectAccessReviews, and takes audit events. */
export class ReviewWebhook {
  /** What was asked, in order. */
  readonly asked: Review[] = []
  /** Status of the answer. */
  answer: (review: Review) => object = () => ({})
  /** HTTP status of the answer. */
  code = 200
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Review
        this.asked.push(review)
        response.writeHead(this.code, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ ...review, status: this.answer(review) }))
      })
    })
  }

  static async start(): Promise<ReviewWebhook> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new ReviewWebhook(server)
  }

  /** kubeconfig that leads here. */
  get kubeconfig(): string {
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/review`
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'hook',
      clusters: [{ name: 'hook', cluster: { server: url } }],
      users: [{ name: 'me', user: { token: 'for-the-hook' } }],
      contexts: [{ name: 'hook', context: { cluster: 'hook', user: 'me' } }],
    })
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
