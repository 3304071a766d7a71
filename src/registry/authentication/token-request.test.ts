import { expect, test } from 'vitest'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import type { TokenRequest } from '../../apimachinery/types/authentication-v1.ts'
import { setTokenRequestDefaults, validateTokenRequest } from './token-request.ts'
import { checkTokenReview } from './token-review.ts'

function errorsOf(expirationSeconds?: number): string[] {
  const request = { metadata: {}, spec: { audiences: [], expirationSeconds } } as unknown as TokenRequest
  setTokenRequestDefaults(request)
  return validateTokenRequest(request).map(fieldErrorMessage)
}

// Words of kubernetes pkg/apis/authentication/validation/validation.go.
test('how long a token lives', () => {
  const at = 'spec.expirationSeconds: Invalid value'
  expect(errorsOf()).toEqual([])
  expect(errorsOf(600)).toEqual([])
  expect(errorsOf(599)).toEqual([`${at}: 599: may not specify a duration less than 10 minutes`])
  expect(errorsOf(2 ** 32)).toEqual([])
  expect(errorsOf(2 ** 32 + 1)).toEqual([`${at}: 4294967297: may not specify a duration larger than 2^32 seconds`])
})

test('a review needs a token', () => {
  const review = (token: string) => ({ kind: '', apiVersion: '', metadata: {}, spec: { token } }) as never
  expect(() => checkTokenReview(review(''))).toThrow('token is required for TokenReview in authentication')
  expect(() => checkTokenReview(review('t'))).not.toThrow()
})
