import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { TokenRequest } from '../../apimachinery/types/authentication-v1.ts'

const DEFAULT_EXPIRATION_SECONDS = 60 * 60
const MIN_EXPIRATION_SECONDS = 10 * 60
const MAX_EXPIRATION_SECONDS = 2 ** 32

export function setTokenRequestDefaults(request: TokenRequest): void {
  const spec = request.spec ?? { audiences: [] }
  request.spec = spec
  spec.expirationSeconds ??= DEFAULT_EXPIRATION_SECONDS
}

/** @see kubernetes pkg/apis/authentication/validation/validation.go ValidateTokenRequest */
export function validateTokenRequest(request: TokenRequest): FieldError[] {
  const seconds = request.spec?.expirationSeconds ?? 0
  const path = FieldPath.of('spec', 'expirationSeconds')
  if (seconds < MIN_EXPIRATION_SECONDS) {
    return [invalid(path, seconds, 'may not specify a duration less than 10 minutes')]
  }
  if (seconds > MAX_EXPIRATION_SECONDS) {
    return [invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')]
  }
  return []
}
