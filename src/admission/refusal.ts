import { ApiError, aggregateMessage, forbidden, isForbidden } from '../apimachinery/api-error.ts'
import type { AdmissionAttributes } from './admission.ts'

/** The name that a refusal speaks of: a created object may have none yet. */
function nameOf({ name, object }: AdmissionAttributes): string {
  return name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown'
}

/**
 * 403 for a request that a plugin does not let through. A cause that is a 403 already stays as it is.
 *
 * @see apiserver pkg/admission/errors.go NewForbidden
 */
export function refused(attributes: AdmissionAttributes, why: string | ApiError): ApiError {
  if (why instanceof ApiError && isForbidden(why)) return why
  const text = typeof why === 'string' ? why : why.message
  return forbidden(attributes.resource, nameOf(attributes), text)
}

/** {@link refused} for several reasons at once; undefined where there is none. */
export function refusedForAll(attributes: AdmissionAttributes, reasons: readonly string[]): ApiError | undefined {
  return reasons.length === 0 ? undefined : refused(attributes, aggregateMessage(reasons))
}
