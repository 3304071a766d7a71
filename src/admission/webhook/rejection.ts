import { ApiError, type StatusCause, type StatusDetails, type StatusReason } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'

/** Codes that can stand in an answer's first line. */
const MAX_CODE = 599

/**
 * What the client is told when a webhook says no.
 *
 * @see apiserver pkg/admission/plugin/webhook/errors/statuserror.go ToStatusErr
 */
export function rejection(webhook: string, result: JsonObject | undefined): ApiError {
  const deniedBy = `admission webhook ${goQuote(webhook)} denied the request`
  const message = textOf(result?.['message'])
  const reason = textOf(result?.['reason'])
  const why = message || reason
  const given = result?.['code']
  const isRefusal = typeof given === 'number' && Number.isInteger(given) && given >= 400 && given <= MAX_CODE
  const details = result?.['details']
  return new ApiError({
    code: isRefusal ? given : 400,
    reason: reason as StatusReason,
    message: why === '' ? `${deniedBy} without explanation` : `${deniedBy}: ${why}`,
    ...(isJsonObject(details) ? { details: detailsOf(details) } : {}),
  })
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

function detailsOf({ name, group, kind, uid, causes, retryAfterSeconds }: JsonObject): StatusDetails {
  return {
    name: textOf(name),
    group: textOf(group),
    kind: textOf(kind),
    uid: textOf(uid),
    ...(Array.isArray(causes) ? { causes: causes.filter(isJsonObject).map(causeOf) } : {}),
    ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
  }
}

function causeOf({ reason, message, field }: JsonObject): StatusCause {
  return {
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof message === 'string' ? { message } : {}),
    ...(typeof field === 'string' ? { field } : {}),
  }
}
