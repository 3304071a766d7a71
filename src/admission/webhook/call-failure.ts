import { type ApiError, internalError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'

/**
 * A webhook that could not be asked, as opposed to one that said no: failurePolicy decides what becomes of the request.
 *
 * @see apiserver pkg/util/webhook/error.go ErrCallingWebhook
 */
export class CallFailure extends Error {
  /** What metrics tell of it. */
  readonly code: number

  constructor(webhook: string, reason: string, options: { readonly cause?: unknown; readonly code?: number } = {}) {
    super(`failed calling webhook ${goQuote(webhook)}: ${reason}`, options)
    this.name = 'CallFailure'
    this.code = options.code ?? 503
  }

  /** What the client is told where the failure counts: 500. */
  toApiError(): ApiError {
    return internalError(this.message, { cause: this })
  }
}
