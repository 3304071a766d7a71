import { badRequest } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { AdmissionAttributes } from '../admission.ts'
import { type ReviewedObjects, reviewRequest, reviewVersionOf } from './admission-review.ts'
import { AnswerError, answerObject } from './answer-body.ts'
import { CallFailure } from './call-failure.ts'
import type { Invocation } from './hook-matcher.ts'
import { rejection } from './rejection.ts'
import { InvalidReview, type ReviewResponse, reviewResponse } from './review-response.ts'
import { TransportError } from './transport-error.ts'
import type { WebhookClient } from './webhook-client.ts'

/**
 * Asks one webhook and resolves with its answer where that is yes. Errors: {@link CallFailure} where there is no answer
 * to go by, else an {@link ApiError}: a refusal, or 400 for a dry run that the webhook has no part in.
 */
export async function callHook(
  client: WebhookClient,
  attributes: AdmissionAttributes,
  invocation: Invocation,
  objects: () => ReviewedObjects,
  { mutating, timeoutMs }: { readonly mutating: boolean; readonly timeoutMs: number },
): Promise<ReviewResponse> {
  const { name, endpoint, reviewVersions, allowsDryRun } = invocation.hook
  if (attributes.dryRun && !allowsDryRun) {
    throw badRequest(`admission webhook ${goQuote(name)} does not support dry run`)
  }
  const version = reviewVersionOf(reviewVersions)
  if (!version) {
    const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)'
    throw new CallFailure(name, `could not create admission objects: ${why}`)
  }
  const request = reviewRequest(attributes, invocation, version, objects())
  const response = await answered(name, async () => {
    const answer = await client.post(endpoint, request.body, { timeoutMs, announced: true })
    return reviewResponse(answerObject(answer), request, { mutating })
  })
  for (const [key, value] of Object.entries(response.auditAnnotations)) {
    attributes.addAuditAnnotation(`${name}/${key}`, value)
  }
  for (const warning of response.warnings) attributes.addWarning(warning)
  if (!response.allowed) throw rejection(name, response.result)
  return response
}

async function answered(name: string, ask: () => Promise<ReviewResponse>): Promise<ReviewResponse> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof TransportError || error instanceof AnswerError) {
      throw new CallFailure(name, `failed to call webhook: ${error.message}`, { cause: error })
    }
    if (error instanceof InvalidReview) {
      throw new CallFailure(name, `received invalid webhook response: ${error.message}`, { cause: error })
    }
    throw error
  }
}
