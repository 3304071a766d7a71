import { readFileSync } from 'node:fs'
import type { Clock } from '../apimachinery/clock.ts'
import { anonymousAuthenticator } from '../auth/authn/anonymous.ts'
import { AuthenticatedGroupAdder } from '../auth/authn/authenticated-group.ts'
import type { Authenticator } from '../auth/authn/authenticator.ts'
import { FailOnErrorAuthenticator } from '../auth/authn/fail-on-error.ts'
import { TokenFileAuthenticator } from '../auth/authn/token-file.ts'
import { UnionAuthenticator } from '../auth/authn/union.ts'
import { alwaysAllowAuthorizer, alwaysDenyAuthorizer, privilegedGroupAuthorizer } from '../auth/authz/always.ts'
import type { Authorizer } from '../auth/authz/authorizer.ts'
import { EscalationCheck, type RbacWrite } from '../auth/authz/rbac/escalation-check.ts'
import { RbacAuthorizer } from '../auth/authz/rbac/rbac-authorizer.ts'
import { UnionAuthorizer } from '../auth/authz/union.ts'
import type { Registry } from '../registry/generic/registry.ts'
import type { AnyResourceEntry } from '../registry/resource.ts'
import type { AuthOptions } from './auth-options.ts'
import { RbacSource } from './rbac-source.ts'

const GUARDED: ReadonlySet<string> = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'])

export interface AuthParts {
  readonly registry: Registry
  readonly clock: Clock
}

/** Authentication and authorization of one server, put together as its options say, in upstream's order. */
export class ClusterAuth {
  readonly #options: AuthOptions
  readonly #rbac = new RbacSource()
  #authorizer: Authorizer | undefined
  #authenticator: Authenticator | undefined

  constructor(options: AuthOptions) {
    this.#options = options
  }

  /** Who a client is. */
  authenticator(_parts: AuthParts): Authenticator {
    this.#authenticator ??= this.#createAuthenticator()
    return this.#authenticator
  }

  /** What a client may do. */
  authorizer(_parts: AuthParts): Authorizer {
    this.#authorizer ??= new UnionAuthorizer([
      privilegedGroupAuthorizer,
      ...this.#options.authorizationModes.map((mode) => this.#authorizerOf(mode)),
    ])
    return this.#authorizer
  }

  /** The entry of a resource, guarded against users who grant more than they have where it is one of RBAC's. */
  guarded(entry: AnyResourceEntry): AnyResourceEntry {
    const { group, resource } = entry
    if (group !== 'rbac.authorization.k8s.io' || !GUARDED.has(resource)) return entry
    const check = async (write: Omit<RbacWrite, 'resource'>): Promise<undefined> => {
      const escalations = new EscalationCheck(this.#authorizer!, this.#rbac.policy)
      await escalations.check({ ...write, resource: resource as RbacWrite['resource'] })
      return undefined
    }
    return {
      ...entry,
      hooks: {
        beginCreate: async (object, { user, namespace }) =>
          user && (await check({ user, namespace, object, old: undefined })),
        beginUpdate: async (object, old, { user, namespace }) =>
          user && (await check({ user, namespace, object, old })),
      },
    }
  }

  /** To be awaited before the first request: what decisions look at is loaded. */
  async start(registry: Registry): Promise<void> {
    await this.#rbac.start(registry)
  }

  #createAuthenticator(): Authenticator {
    const { tokenAuthFile, anonymousAuth } = this.#options
    const mechanisms: Authenticator[] = []
    if (tokenAuthFile) mechanisms.push(new TokenFileAuthenticator(readFileSync(tokenAuthFile, 'utf8')))
    const known = new AuthenticatedGroupAdder(new UnionAuthenticator(mechanisms))
    return anonymousAuth ? new FailOnErrorAuthenticator([known, anonymousAuthenticator]) : known
  }

  #authorizerOf(mode: string): Authorizer {
    switch (mode) {
      case 'AlwaysAllow':
        return alwaysAllowAuthorizer
      case 'AlwaysDeny':
        return alwaysDenyAuthorizer
      case 'RBAC':
        return new RbacAuthorizer(this.#rbac.policy)
      default:
        return { name: mode, authorize: () => ({ decision: 'no-opinion', reason: '' }) }
    }
  }
}
