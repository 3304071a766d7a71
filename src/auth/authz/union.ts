import { andThen, firstAnswer, type MaybePromise } from '../../apimachinery/maybe-promise.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, UserRules } from './authorizer.ts'

/**
 * Asks each authorizer in turn: the first that allows or denies decides; where none does, the reasons of all are given.
 *
 * @see apiserver pkg/authorization/union/union.go
 */
export class UnionAuthorizer implements Authorizer {
  readonly name = 'union'
  readonly #authorizers: readonly Authorizer[]

  constructor(authorizers: readonly Authorizer[]) {
    this.#authorizers = authorizers
  }

  authorize(attributes: AuthorizationAttributes): MaybePromise<AuthorizationDecision> {
    const reasons: string[] = []
    const errors: string[] = []
    const ask = (authorizer: Authorizer): MaybePromise<AuthorizationDecision | undefined> =>
      andThen(authorizer.authorize(attributes), ({ decision, reason, error }) => {
        if (decision !== 'no-opinion') {
          const by = authorizer.name
          return error === undefined ? { decision, reason, by } : { decision, reason, error, by }
        }
        if (reason !== '') reasons.push(reason)
        if (error !== undefined) errors.push(error)
        return undefined
      })
    const undecided = (): AuthorizationDecision => ({
      decision: 'no-opinion',
      reason: reasons.join('\n'),
      ...(errors.length > 0 ? { error: errors.join(', ') } : {}),
    })
    return andThen(firstAnswer(this.#authorizers, ask, rethrow), (decision) => decision ?? undecided())
  }

  async rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    const all: UserRules[] = []
    let incomplete = false
    for (const authorizer of this.#authorizers) {
      if (authorizer.rulesFor) all.push(await authorizer.rulesFor(user, namespace))
      else incomplete = true
    }
    const errors = all.flatMap((r) => (r.evaluationError === undefined ? [] : [r.evaluationError]))
    return {
      resourceRules: all.flatMap((r) => r.resourceRules),
      nonResourceRules: all.flatMap((r) => r.nonResourceRules),
      incomplete: incomplete || all.some((r) => r.incomplete),
      ...(errors.length > 0 ? { evaluationError: errors.join(', ') } : {}),
    }
  }
}

function rethrow(error: unknown): never {
  throw error
}
