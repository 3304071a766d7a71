import { badRequest } from '../../apimachinery/api-error.ts'
import type { TokenReview } from '../../apimachinery/types/authentication-v1.ts'

/**
 * Throws a `BadRequest` where there is no token to look at.
 *
 * @see kubernetes pkg/registry/authentication/tokenreview/storage.go
 */
export function checkTokenReview(review: TokenReview): void {
  if (!review.spec?.token) throw badRequest('token is required for TokenReview in authentication')
}
