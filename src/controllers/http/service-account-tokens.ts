import { isAlreadyExists, isNotFound } from '../../apimachinery/api-error.ts'
import { type Clock, parseTime } from '../../apimachinery/clock.ts'
import type { TokenRequest } from '../../apimachinery/types/authentication-v1.ts'
import type { Client, ObjectKey } from '../runtime/client.ts'
import type { Logger } from '../runtime/logger.ts'
import { NAMESPACES, SERVICE_ACCOUNTS } from '../runtime/resources.ts'

interface ServiceAccountTokensOptions {
  /** May create service accounts, and tokens for them: `system:kube-controller-manager`. */
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  /** Of the service accounts. */
  readonly namespace: string
}

const LIFETIME_SECONDS = 3600
/** Clocks may differ: a token is believed to live for so long at least. */
const MIN_LIFETIME_MS = 600_000
/** A token is replaced when so much of its life is left. */
const LEEWAY = 0.2
const ATTEMPTS = 4
const FIRST_RETRY_MS = 500

interface Token {
  readonly value: string
  readonly receivedAt: number
  readonly renewAt: number
}

/**
 * Tokens for service accounts, asked for when first wanted and again before they expire. Accounts that are missing are
 * created.
 *
 * @see controller-manager pkg/clientbuilder/client_builder_dynamic.go; client-go transport/token_source.go
 */
export class ServiceAccountTokens {
  readonly #options: ServiceAccountTokensOptions
  readonly #tokens = new Map<string, Token>()
  readonly #underWay = new Map<string, Promise<string>>()

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options
  }

  /** Name of the account that a user is; undefined: it is none of these. */
  accountOf(userName: string): string | undefined {
    const prefix = `system:serviceaccount:${this.#options.namespace}:`
    return userName.startsWith(prefix) ? userName.slice(prefix.length) : undefined
  }

  /** Errors: the API server gives none, tried several times over. */
  async token(account: string): Promise<string> {
    const known = this.#tokens.get(account)
    if (known && this.#options.clock.now() < known.renewAt) return known.value
    let asking = this.#underWay.get(account)
    if (!asking) {
      asking = this.#renewed(account, known).finally(() => this.#underWay.delete(account))
      this.#underWay.set(account, asking)
    }
    return await asking
  }

  /** The API server did not know the token with which a request began: the next one gets another. */
  refused(account: string, beganAt: number): void {
    const known = this.#tokens.get(account)
    if (known && known.receivedAt < beganAt) this.#tokens.delete(account)
  }

  async #renewed(account: string, known: Token | undefined): Promise<string> {
    try {
      const token = await this.#asked(account)
      this.#tokens.set(account, token)
      return token.value
    } catch (error) {
      if (!known) throw error
      this.#options.logger.warn({ err: error, account }, 'could not renew the token of a service account')
      return known.value
    }
  }

  async #asked(account: string): Promise<Token> {
    const { clock, logger, namespace } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#request({ namespace, name: account })
      } catch (error) {
        if (attempt === ATTEMPTS) {
          const { message } = error as Error
          throw new Error(`failed to get token for ${namespace}/${account}: ${message}`, { cause: error })
        }
        logger.info({ err: error, account }, 'no token for a service account yet')
        await new Promise<void>((resolve) => {
          clock.setTimer(resolve, FIRST_RETRY_MS * 2 ** (attempt - 1))
        })
      }
    }
  }

  async #request(key: ObjectKey): Promise<Token> {
    const { client, clock } = this.#options
    await this.#ensureAccount(key)
    const answer = await client.createSubresource(SERVICE_ACCOUNTS, key, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { expirationSeconds: LIFETIME_SECONDS },
    })
    const { status } = answer as unknown as TokenRequest
    if (!status?.token) throw new Error('the answer has no token')
    const now = clock.now()
    const lifetimeMs = Math.max((parseTime(status.expirationTimestamp ?? '') || 0) - now, MIN_LIFETIME_MS)
    return { value: status.token, receivedAt: now, renewAt: now + lifetimeMs * (1 - LEEWAY) }
  }

  async #ensureAccount(key: ObjectKey): Promise<void> {
    const { client } = this.#options
    if (await exists(client.get(SERVICE_ACCOUNTS, key))) return
    await this.#ensureNamespace(key.namespace)
    try {
      await client.create(SERVICE_ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { ...key } })
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  }

  /** Whoever may not do this finds out by what comes next. */
  async #ensureNamespace(name: string): Promise<void> {
    const { client, logger } = this.#options
    try {
      if (await exists(client.get(NAMESPACES, { namespace: '', name }))) return
      await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    } catch (error) {
      if (!isAlreadyExists(error)) logger.info({ err: error, namespace: name }, 'could not create the namespace')
    }
  }
}

async function exists(object: Promise<unknown>): Promise<boolean> {
  try {
    await object
    return true
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}
