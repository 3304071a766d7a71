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

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const reasons: string[] = []
    const errors: string[] = []
    for (const authorizer of this.#authorizers) {
      const answer = authorizer.authorize(attributes)
      const decision = answer instanceof Promise ? await answer : answer
      if (decision.decision !== 'no-opinion') return { ...decision, by: authorizer.name }
      if (decision.reason !== '') reasons.push(decision.reason)
      if (decision.error !== undefined) errors.push(decision.error)
    }
    return {
      decision: 'no-opinion',
      reason: reasons.join('\n'),
      ...(errors.length > 0 ? { error: errors.join(', ') } : {}),
    }
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
