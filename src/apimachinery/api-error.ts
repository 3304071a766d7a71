import { type FieldError, fieldErrorBody, fieldErrorMessage } from './field-error.ts'
import { goQuote } from './go-quote.ts'
import { type GroupKind, type GroupResource, qualifiedKind, qualifiedResource } from './group-version.ts'

/** Reason of a Status: what client libraries branch on (`IsNotFound`, `IsConflict`, …). */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'Invalid'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'UnsupportedMediaType'
  | 'RequestEntityTooLarge'
  | 'ServerTimeout'
  | 'StoreReadError'
  | 'Timeout'
  | 'TooManyRequests'
  | 'ServiceUnavailable'
  | 'InternalError'
  | ''

export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/** metav1.Status as it goes over the wire; empty members are left out. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: {
    readonly resourceVersion?: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: StatusReason
  readonly details?: StatusDetails
  readonly code?: number
}

export interface ApiErrorFields {
  readonly code: number
  readonly reason: StatusReason
  readonly message: string
  readonly details?: StatusDetails
  /** Continue token to go on with, of an expired list (410). */
  readonly continue?: string
}

/**
 * A failure that a client is to see. Made by the factories below only; anything else that reaches the error handler is
 * a bug and answered 500.
 *
 * @see apimachinery pkg/api/errors/errors.go
 */
export class ApiError extends Error {
  readonly code: number
  readonly reason: StatusReason
  readonly details: StatusDetails | undefined
  readonly continueToken: string | undefined

  constructor(fields: ApiErrorFields, options?: { readonly cause?: unknown }) {
    super(fields.message, options)
    this.name = 'ApiError'
    this.code = fields.code
    this.reason = fields.reason
    this.details = fields.details
    this.continueToken = fields.continue
  }

  toStatus(): Status {
    const details = this.details && withoutEmpty(this.details)
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken ? { continue: this.continueToken } : {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(details ? { details } : {}),
      code: this.code,
    }
  }
}

function withoutEmpty(details: StatusDetails): StatusDetails {
  const kept = Object.entries(details).filter(([, v]) => v !== undefined && v !== '' && v !== 0)
  return Object.fromEntries(kept.filter(([, v]) => !Array.isArray(v) || v.length > 0))
}

function detailsOf({ group, resource }: GroupResource, name = ''): StatusDetails {
  return { name, group, kind: resource }
}

export function notFound(resource: GroupResource, name: string): ApiError {
  const message = `${qualifiedResource(resource)} ${goQuote(name)} not found`
  return new ApiError({ code: 404, reason: 'NotFound', message, details: detailsOf(resource, name) })
}

/** The path names nothing that is served: the words of upstream's generic 404 of a resource path. */
export function resourceNotServed(): ApiError {
  const message = 'the server could not find the requested resource'
  return new ApiError({ code: 404, reason: 'NotFound', message, details: {} })
}

export function alreadyExists(resource: GroupResource, name: string): ApiError {
  const message = `${qualifiedResource(resource)} ${goQuote(name)} already exists`
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: detailsOf(resource, name) })
}

export function generateNameConflict(resource: GroupResource, name: string, retryAfterSeconds: number): ApiError {
  const message = `${qualifiedResource(resource)} ${goQuote(name)} already exists, the server was not able to generate a unique name for the object`
  const details = { ...detailsOf(resource, name), retryAfterSeconds }
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details })
}

export function unauthorized(message = 'Unauthorized'): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message })
}

/** `resource.resource` may be '' (a path that is no resource); `name` may be ''. */
export function forbidden(resource: GroupResource, name: string, why: string): ApiError {
  const target = qualifiedResource(resource)
  const message =
    target === ''
      ? `forbidden: ${why}`
      : name === ''
        ? `${target} is forbidden: ${why}`
        : `${target} ${goQuote(name)} is forbidden: ${why}`
  return new ApiError({ code: 403, reason: 'Forbidden', message, details: detailsOf(resource, name) })
}

export function conflict(resource: GroupResource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedResource(resource)} ${goQuote(name)}: ${why}`
  return new ApiError({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) })
}

/** A server-side apply that would take fields from other managers. */
export function applyConflict(causes: readonly StatusCause[], message: string): ApiError {
  return new ApiError({ code: 409, reason: 'Conflict', message, details: { causes } })
}

/** 410 Expired: the resourceVersion or continue token is too old; `continueToken` goes on from newer data. */
export function resourceExpired(message: string, continueToken?: string): ApiError {
  return new ApiError({ code: 410, reason: 'Expired', message, ...(continueToken ? { continue: continueToken } : {}) })
}

export function invalid(kind: GroupKind, name: string, errors: readonly FieldError[]): ApiError {
  const head = `${qualifiedKind(kind)} ${goQuote(name)} is invalid`
  const causes = errors.map((e) => ({ reason: e.type, message: fieldErrorBody(e), field: e.field }))
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: errors.length > 0 ? `${head}: ${aggregateMessage(errors.map(fieldErrorMessage))}` : head,
    details: { name, group: kind.group, kind: kind.kind, causes },
  })
}

/** One message of several, as upstream's errors.Aggregate prints it: each once, in brackets where there are two. */
export function aggregateMessage(messages: readonly string[]): string {
  const distinct = [...new Set(messages)]
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`
}

export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message })
}

/** 429 with a body that says why: eviction that a disruption budget forbids. */
export function tooManyRequests(message: string, retryAfterSeconds: number, causes?: readonly StatusCause[]): ApiError {
  const details = { ...(causes ? { causes } : {}), retryAfterSeconds }
  return new ApiError({ code: 429, reason: 'TooManyRequests', message, details })
}

export function serviceUnavailable(message: string): ApiError {
  return new ApiError({ code: 503, reason: 'ServiceUnavailable', message })
}

export function methodNotSupported(resource: GroupResource, action: string): ApiError {
  const message = `${action} is not supported on resources of kind ${goQuote(qualifiedResource(resource))}`
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message, details: detailsOf(resource) })
}

export function serverTimeout(resource: GroupResource, operation: string, retryAfterSeconds: number): ApiError {
  const message = `The ${operation} operation against ${qualifiedResource(resource)} could not be completed at this time, please try again.`
  const details = { ...detailsOf(resource, operation), retryAfterSeconds }
  return new ApiError({ code: 500, reason: 'ServerTimeout', message, details })
}

/** 500 with a message that the client may see. `message` must not carry secrets or paths of the machine. */
export function internalError(message: string, options?: { readonly cause?: unknown }): ApiError {
  return new ApiError(
    {
      code: 500,
      reason: 'InternalError',
      message: `Internal error occurred: ${message}`,
      details: { causes: [{ message }] },
    },
    options,
  )
}

export function timeoutError(message: string, retryAfterSeconds = 0, causes?: readonly StatusCause[]): ApiError {
  const details = { ...(causes ? { causes } : {}), retryAfterSeconds }
  return new ApiError({ code: 504, reason: 'Timeout', message: `Timeout: ${message}`, details })
}

/** `details`: go-restful's own refusals carry empty ones. */
export function notAcceptable(message: string, details?: StatusDetails): ApiError {
  return new ApiError({ code: 406, reason: 'NotAcceptable', message, ...(details ? { details } : {}) })
}

export function unsupportedMediaType(message: string, details?: StatusDetails): ApiError {
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message, ...(details ? { details } : {}) })
}

/** The path is served, but not for this method: the words of upstream's generic 405. */
export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource'
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message, details: {} })
}

/** A failure that upstream answers with 500 and a bare message, as it has no Status of its own. */
export function unknownError(message: string): ApiError {
  return new ApiError({ code: 500, reason: '', message })
}

export function requestEntityTooLarge(message: string): ApiError {
  const text = `Request entity too large: ${message}`
  return new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message: text })
}

/** The {@link ApiError} that `error` is or was caused by. */
export function asApiError(error: unknown): ApiError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof ApiError) return e
  }
  return undefined
}

const hasReason = (error: unknown, reason: StatusReason): boolean => asApiError(error)?.reason === reason

export const isNotFound = (error: unknown): boolean => hasReason(error, 'NotFound')
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists')
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict')
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid')
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden')
export const isExpired = (error: unknown): boolean => hasReason(error, 'Expired') || hasReason(error, 'Gone')
