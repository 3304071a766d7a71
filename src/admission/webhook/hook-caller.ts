import { badRequest } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { TransportError } from '../../apimachinery/transport-error.ts'
import type { AdmissionAttributes } from '../admission.ts'
import type { WebhookObserver, WebhookOutcome } from '../admission-observer.ts'
import { type ReviewedObjects, reviewRequest, reviewVersionOf } from './admission-review.ts'
import { AnswerError, answerObject } from './answer-body.ts'
import { CallFailure } from './call-failure.ts'
import type { Invocation } from './hook-matcher.ts'
import { rejection } from './rejection.ts'
import { InvalidReview, type ReviewResponse, reviewResponse } from './review-response.ts'
import type { WebhookClient } from './webhook-client.ts'

type Verdict = Pick<WebhookOutcome, 'rejection' | 'code'>

const ALLOWED: Verdict = { rejection: undefined, code: 200 }
const FAILED_HERE: Verdict = { rejection: 'apiserver_internal_error', code: 0 }

const STEPS = {
  admit: { plugin: 'MutatingAdmissionWebhook', phase: 'mutating' },
  validating: { plugin: 'ValidatingAdmissionWebhook', phase: 'validating' },
} as const

/** Asks webhooks of one kind, each for as long as it and the request have time. */
export class HookCaller {
  readonly #type: WebhookOutcome['type']
  readonly #client: WebhookClient
  readonly #observer: WebhookObserver

  constructor(type: WebhookOutcome['type'], client: WebhookClient, observer: WebhookObserver) {
    this.#type = type
    this.#client = client
    this.#observer = observer
  }

  /**
   * Asks one webhook; where that says yes, resolves with what `use` makes of its answer. Errors: {@link CallFailure}
   * where there is no answer to go by, else an {@link ApiError}: a refusal, or 400 for a dry run that the webhook has no
   * part in.
   */
  async call<T>(
    attributes: AdmissionAttributes,
    invocation: Invocation,
    objects: () => ReviewedObjects,
    use: (response: ReviewResponse) => T,
  ): Promise<T> {
    const { name, failsOpen, configuration } = invocation.hook
    const start = performance.now()
    let verdict = FAILED_HERE
    let failedOpen = false
    try {
      const response = await this.#ask(attributes, invocation, objects)
      if (!response.allowed) {
        const refusal = rejection(name, response.result)
        verdict = { rejection: 'no_error', code: refusal.code }
        throw refusal
      }
      const result = use(response)
      verdict = ALLOWED
      return result
    } catch (error) {
      if (error instanceof CallFailure) {
        verdict = { rejection: failsOpen ? undefined : 'calling_webhook_error', code: error.code }
        failedOpen = failsOpen
      }
      throw error
    } finally {
      const { operation, trace, object } = attributes
      const durationMs = performance.now() - start
      this.#observer.called({ webhook: name, type: this.#type, operation, durationMs, failedOpen, ...verdict })
      const refused = verdict.rejection !== undefined
      if (trace?.isDetailed)
        trace.ran({ ...STEPS[this.#type], object, durationMs, refused, webhook: name, configuration })
    }
  }

  async #ask(
    attributes: AdmissionAttributes,
    invocation: Invocation,
    objects: () => ReviewedObjects,
  ): Promise<ReviewResponse> {
    const { name, endpoint, reviewVersions, allowsDryRun, timeoutMs } = invocation.hook
    if (attributes.dryRun && !allowsDryRun) {
      throw badRequest(`admission webhook ${goQuote(name)} does not support dry run`)
    }
    const version = reviewVersionOf(reviewVersions)
    if (!version) {
      const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)'
      throw new CallFailure(name, `could not create admission objects: ${why}`, { code: 400 })
    }
    const request = reviewRequest(attributes, invocation, version, objects())
    const time = Math.max(0, Math.min(timeoutMs, attributes.timeLeftMs()))
    const response = await answered(name, async () => {
      const answer = await this.#client.post(endpoint, request.body, {
        timeoutMs: time,
        announced: time > 0,
        ...(attributes.trace ? { traceparent: attributes.trace.traceparent } : {}),
      })
      return reviewResponse(answerObject(answer), request, { mutating: this.#type === 'admit' })
    })
    for (const [key, value] of Object.entries(response.auditAnnotations)) {
      attributes.addAuditAnnotation(`${name}/${key}`, value)
    }
    for (const warning of response.warnings) attributes.addWarning(warning)
    return response
  }
}

async function answered(name: string, ask: () => Promise<ReviewResponse>): Promise<ReviewResponse> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof TransportError) {
      throw new CallFailure(name, `failed to call webhook: ${error.message}`, { cause: error })
    }
    if (error instanceof AnswerError) {
      throw new CallFailure(name, `failed to call webhook: ${error.message}`, { cause: error, code: error.code })
    }
    if (error instanceof InvalidReview) {
      throw new CallFailure(name, `received invalid webhook response: ${error.message}`, { cause: error })
    }
    throw error
  }
}
