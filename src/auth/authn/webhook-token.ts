import type { Clock } from '../../apimachinery/clock.ts'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import { ExpiringCache } from '../webhook/expiring-cache.ts'
import type { Reviewer } from '../webhook/reviewer.ts'
import { type Authenticated, AuthenticationError } from './authenticator.ts'
import { digestOf } from './timing-safe.ts'
import { intersection, type TokenAuthenticator } from './token-authenticator.ts'

interface WebhookTokenOptions {
  readonly reviewer: Reviewer
  readonly version: 'v1' | 'v1beta1'
  /** Audiences that an answer without any is good for. */
  readonly audiences: readonly string[]
  /** How long an answer counts, in milliseconds; 0: not beyond the request. */
  readonly cacheTtlMs: number
  readonly clock: Clock
}

/** As upstream's token cache, shared out: 32 stripes of 128 entries. */
const MAX_CACHED = 4096

/**
 * Asks a webhook whose token it is (TokenReview).
 *
 * @see apiserver plugin/pkg/authenticator/token/webhook/webhook.go
 */
export class WebhookTokenAuthenticator implements TokenAuthenticator {
  readonly name = 'webhook'
  readonly #options: WebhookTokenOptions
  readonly #cache: ExpiringCache<{ readonly answer: Authenticated | undefined }>
  /** Questions under way: clients that come at once with the same token wait for one answer. */
  readonly #pending = new Map<string, Promise<Authenticated | undefined>>()

  constructor(options: WebhookTokenOptions) {
    this.#options = options
    this.#cache = new ExpiringCache(MAX_CACHED, options.clock)
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const key = digestOf(JSON.stringify([token, audiences])).toString('base64')
    const known = this.#cache.get(key)
    if (known) return known.answer
    let asked = this.#pending.get(key)
    if (!asked) {
      asked = this.#ask(token, audiences).finally(() => this.#pending.delete(key))
      this.#pending.set(key, asked)
    }
    const answer = await asked
    this.#cache.set(key, { answer }, this.#options.cacheTtlMs)
    return answer
  }

  async #ask(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const { reviewer, version } = this.#options
    const status = await reviewer
      .review({
        kind: 'TokenReview',
        apiVersion: `authentication.k8s.io/${version}`,
        metadata: { creationTimestamp: null },
        spec: { token, audiences },
        status: { user: {} },
      })
      .catch((error: unknown) => {
        throw new AuthenticationError('the token review webhook failed', { cause: error })
      })
    const held = stringsOf(status['audiences'])
    const shared = intersection(held.length > 0 ? held : this.#options.audiences, audiences)
    if (audiences.length > 0 && shared.length === 0) return undefined
    if (status['authenticated'] !== true) {
      const why = status['error']
      if (typeof why === 'string' && why !== '') throw new AuthenticationError(why)
      return undefined
    }
    return { user: userOf(status['user']), audiences: shared }
  }
}

function userOf(value: unknown): UserInfo {
  const user: JsonObject = isJsonObject(value) ? value : {}
  const text = (field: string): string => (typeof user[field] === 'string' ? user[field] : '')
  const extra = isJsonObject(user['extra']) ? user['extra'] : {}
  return {
    name: text('username'),
    uid: text('uid'),
    groups: stringsOf(user['groups']),
    extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, stringsOf(values)])),
  }
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
