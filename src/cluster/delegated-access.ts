import type { IncomingHttpHeaders } from 'node:http'
import { internalError, unauthorized } from '../apimachinery/api-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { TokenReview } from '../apimachinery/types/authentication-v1.ts'
import type { SubjectAccessReview } from '../apimachinery/types/authorization-v1.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import type { Client, ResourceRef, Typed } from '../controllers/runtime/client.ts'

const TOKEN_REVIEWS: ResourceRef<Typed<TokenReview>> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  resource: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
}
const ACCESS_REVIEWS: ResourceRef<Typed<SubjectAccessReview>> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  resource: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

type Asked = Pick<SubjectAccessReview['spec'], 'resourceAttributes' | 'nonResourceAttributes'>

/**
 * Who somebody is and what they may do at the port of a component, by asking the API server. Errors: 500, where that does
 * not answer, whatever its reasons.
 *
 * @see apiserver pkg/server/options authentication.go, authorization.go (delegating)
 */
export class DelegatedAccess {
  readonly #client: Client

  /** `client` may create TokenReviews and SubjectAccessReviews. */
  constructor(client: Client) {
    this.#client = client
  }

  /** Whose bearer token a request has; undefined: it has none. Errors: 401 for a token that the API server does not know. */
  async userOfToken({ authorization = '' }: IncomingHttpHeaders): Promise<UserInfo | undefined> {
    const token = /^Bearer\s+(\S+)$/i.exec(authorization)?.[1]
    if (token === undefined) return undefined
    const user = await this.userOf(token)
    if (!user) throw unauthorized()
    return user
  }

  /** Whose token it is; undefined: the API server does not know it. */
  async userOf(token: string): Promise<UserInfo | undefined> {
    const { status } = await this.#ask(TOKEN_REVIEWS, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token },
    })
    if (!status?.authenticated) return undefined
    const { username = '', uid = '', groups = [], extra = {} } = status.user ?? {}
    return { name: username, uid, groups, extra }
  }

  async isAllowed({ name, uid, groups, extra }: UserInfo, asked: Asked): Promise<boolean> {
    const { status } = await this.#ask(ACCESS_REVIEWS, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: {
        user: name,
        ...(uid ? { uid } : {}),
        groups: [...groups],
        extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
        ...asked,
      },
    })
    return status?.allowed ?? false
  }

  async #ask<T extends KubeObject>(resource: ResourceRef<T>, review: T): Promise<T> {
    try {
      return await this.#client.create(resource, review)
    } catch (error) {
      throw internalError(`the API server could not be asked: ${(error as Error).message}`)
    }
  }
}
