import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import type { Reviewer } from './reviewer.ts'
import type { WebhookConfig } from './webhook-config.ts'

const TIMEOUT_MS = 30_000
/** Largest answer that is read. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** As upstream's webhooks: five attempts, 0.5 s, 0.75 s, … apart, each up to a fifth longer. */
const MAX_ATTEMPTS = 5
const FIRST_DELAY_MS = 500
const DELAY_FACTOR = 1.5
const JITTER = 0.2

/** Asks a webhook by POSTing a review, and again where it failed in a way that may pass. */
export class ReviewClient implements Reviewer {
  readonly #config: WebhookConfig
  readonly #clock: Clock
  readonly #firstDelayMs: number
  readonly #agent: HttpAgent | HttpsAgent

  constructor(config: WebhookConfig, clock: Clock, firstDelayMs = FIRST_DELAY_MS) {
    this.#config = config
    this.#clock = clock
    this.#firstDelayMs = firstDelayMs
    this.#agent = config.url.startsWith('https:')
      ? new HttpsAgent({
          keepAlive: true,
          rejectUnauthorized: !config.skipVerification,
          ...(config.ca ? { ca: config.ca } : {}),
          ...(config.certificate ? { cert: config.certificate } : {}),
          ...(config.privateKey ? { key: config.privateKey } : {}),
          ...(config.serverName ? { servername: config.serverName } : {}),
        })
      : new HttpAgent({ keepAlive: true })
  }

  /** `status` of the answered review. Throws where there is no answer to be had, or none that is a review. */
  async review(review: object): Promise<JsonObject> {
    return await this.#persistently(review, (text, code) => {
      const answer: unknown = JSON.parse(text)
      const status = isJsonObject(answer) ? answer['status'] : undefined
      if (!isJsonObject(status)) throw new WebhookFailure('the webhook answered no review', code)
      return status
    })
  }

  /** Delivers a document whose answer does not matter. Throws where that failed. */
  async send(document: object): Promise<void> {
    await this.#persistently(document, () => undefined)
  }

  async #persistently<T>(document: object, read: (text: string, code: number) => T): Promise<T> {
    const body = Buffer.from(JSON.stringify(document))
    for (let attempt = 1, delay = this.#firstDelayMs; ; attempt++, delay *= DELAY_FACTOR) {
      try {
        const { response, text } = await this.#post(body)
        const code = response.statusCode ?? 0
        if (code < 200 || code > 299) throw new WebhookFailure(`the webhook answered ${code}`, code)
        return read(text, code)
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !mayPass(error)) throw error
        await new Promise<void>((resolve) => {
          this.#clock.setTimer(resolve, delay * (1 + Math.random() * JITTER))
        })
      }
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy()
  }

  #post(body: Buffer): Promise<{ readonly response: IncomingMessage; readonly text: string }> {
    const { url, authorization } = this.#config
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': body.length,
      ...(authorization ? { authorization } : {}),
    }
    return new Promise((resolve, reject) => {
      const request = send(url, { method: 'POST', agent: this.#agent, headers, timeout: TIMEOUT_MS }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER_BYTES) request.destroy(new Error('the answer of the webhook is too large'))
          else chunks.push(chunk)
        })
        response.on('end', () => resolve({ response, text: Buffer.concat(chunks).toString('utf8') }))
        response.on('error', reject)
      })
      request.on('timeout', () => request.destroy(new WebhookFailure('the webhook did not answer in time', 504)))
      request.on('error', reject)
      request.end(body)
    })
  }
}

/** A webhook that answered, but not as it should. */
class WebhookFailure extends Error {
  readonly statusCode: number

  constructor(message: string, statusCode: number) {
    super(message)
    this.name = 'WebhookFailure'
    this.statusCode = statusCode
  }
}

/** Lost connections, internal errors, time-outs and too many requests (apiserver pkg/util/webhook DefaultShouldRetry). */
function mayPass(error: unknown): boolean {
  if (error instanceof WebhookFailure) return [429, 500, 504].includes(error.statusCode)
  return (error as NodeJS.ErrnoException).code === 'ECONNRESET'
}
