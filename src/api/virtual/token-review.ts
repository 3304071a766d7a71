import { aggregateMessage, badRequest, internalError } from '../../apimachinery/api-error.ts'
import type { TokenReview, TokenReviewStatus } from '../../apimachinery/types/authentication-v1.ts'
import { withAuthenticatedGroup } from '../../auth/authn/authenticated-group.ts'
import { AuthenticationError } from '../../auth/authn/authenticator.ts'
import { authenticateBearer, INVALID_TOKEN } from '../../auth/authn/bearer-token.ts'
import { intersection, type TokenAuthenticator } from '../../auth/authn/token-authenticator.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import { reviewedUser } from './self-subject-review.ts'

/**
 * Tells whom a bearer token stands for. Tokens only: neither certificates nor anonymous count here.
 *
 * @see kubernetes pkg/registry/authentication/tokenreview/storage.go
 */
export function tokenReview(tokens: TokenAuthenticator, ownAudiences: readonly string[]): VirtualHandlers {
  return {
    async create(_call, { body, validate }) {
      const { token, audiences } = (body as unknown as TokenReview).spec
      if (!token) throw badRequest('token is required for TokenReview in authentication')
      await validate()
      return { ...body, status: await statusOf(tokens, token, audiences?.length ? audiences : ownAudiences) }
    },
  }
}

async function statusOf(
  tokens: TokenAuthenticator,
  token: string,
  audiences: readonly string[],
): Promise<TokenReviewStatus> {
  try {
    const answer = await authenticateBearer(tokens, token, audiences)
    const { user, audiences: held = [] } = answer
    if (audiences.length > 0 && intersection(held, audiences).length === 0) {
      throw internalError('error validating audiences')
    }
    return {
      authenticated: true,
      user: reviewedUser(withAuthenticatedGroup(user)),
      ...(held.length > 0 ? { audiences: [...held] } : {}),
    }
  } catch (error) {
    if (error instanceof AuthenticationError) return { user: {}, error: aggregateMessage(messagesOf(error)) }
    throw error
  }
}

/** Upstream asks the tokens of its own loopback client, too, which never know the token. */
function messagesOf({ message, cause }: AuthenticationError): string[] {
  const failures: readonly unknown[] = cause instanceof AggregateError ? cause.errors : []
  const messages = failures.flatMap((failure) => (failure instanceof Error ? [failure.message] : []))
  return [INVALID_TOKEN, ...(messages.length > 0 ? messages : [message])]
}
