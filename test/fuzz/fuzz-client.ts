import { Agent, request as httpRequest } from 'node:http'
import { ADMIN_TOKEN } from '../suites/server.ts'
import type { FuzzRequest } from './fuzz-request.ts'

export interface FuzzAnswer {
  /** 0: there was no answer. */
  readonly status: number
  /** The body, or what went wrong without one. */
  readonly text: string
}

/** Sends requests as the administrator, so that they get past authorization, over connections that are kept. */
export class FuzzClient {
  readonly #base: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })

  constructor(url: string) {
    this.#base = new URL(url)
  }

  send(fuzz: FuzzRequest): Promise<FuzzAnswer> {
    const { method, path, headers, body } = fuzz
    return new Promise((resolve) => {
      // A connection that the server closed for being idle, just as it was taken: every client asks again.
      const failed = (error: NodeJS.ErrnoException): void =>
        resolve(
          request.reusedSocket && error.code === 'ECONNRESET' ? this.send(fuzz) : { status: 0, text: error.message },
        )
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const request = httpRequest(
        {
          agent: this.#agent,
          host: this.#base.hostname,
          port: this.#base.port,
          method,
          path,
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers, ...length },
          timeout: 30_000,
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          )
          response.on('error', failed)
        },
      )
      request.on('timeout', () => request.destroy(new Error('no answer within 30 s')))
      request.on('error', failed)
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** For a report: what can be pasted into a test. */
export function describeRequest({ method, path, headers, body }: FuzzRequest): string {
  return JSON.stringify({ method, path, headers, body: body?.toString('latin1').slice(0, 2_000) })
}
