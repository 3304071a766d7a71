import type { Clock } from '../../apimachinery/clock.ts'
import type { Secret } from '../../apimachinery/types/core-v1.ts'
import type { ObjectReader } from '../object-reader.ts'
import type { Authenticated } from './authenticator.ts'
import { sameSecret } from './timing-safe.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

const NAMESPACE = 'kube-system'
const SECRET_TYPE = 'bootstrap.kubernetes.io/token'
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const BOOTSTRAPPERS = 'system:bootstrappers'
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/**
 * Tokens with which machines join: `id.secret`, kept in a Secret of kube-system.
 *
 * @see kubernetes plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go
 */
export class BootstrapTokenAuthenticator implements TokenAuthenticator {
  readonly name = 'bootstrap-token'
  readonly #objects: ObjectReader
  readonly #clock: Clock

  constructor(objects: ObjectReader, clock: Clock) {
    this.#objects = objects
    this.#clock = clock
  }

  async authenticateToken(token: string): Promise<Authenticated | undefined> {
    const [, id, secretPart] = TOKEN.exec(token) ?? []
    if (!id || !secretPart) return undefined
    const secret = (await this.#objects.read('secrets', NAMESPACE, `bootstrap-token-${id}`)) as unknown as
      | Secret
      | undefined
    if (!secret || secret.metadata.deletionTimestamp || secret.type !== SECRET_TYPE) return undefined
    const data = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8')
    if (!sameSecret(data('token-secret'), secretPart) || data('token-id') !== id) return undefined
    if (this.#hasExpired(data('expiration'))) return undefined
    if (data('usage-bootstrap-authentication') !== 'true') return undefined
    const groups = groupsOf(data('auth-extra-groups'))
    return groups && { user: { name: `system:bootstrap:${id}`, uid: '', groups, extra: {} } }
  }

  /** A time that can't be read counts as past. */
  #hasExpired(expiration: string): boolean {
    if (expiration === '') return false
    const at = /^\d{4}-\d{2}-\d{2}T/.test(expiration) ? Date.parse(expiration) : Number.NaN
    return Number.isNaN(at) || at <= this.#clock.now()
  }
}

/** Sorted; undefined where one of the extra groups is none that such tokens may be in. */
function groupsOf(extra: string): string[] | undefined {
  const groups = extra === '' ? [] : extra.split(',')
  if (!groups.every((group) => EXTRA_GROUP.test(group))) return undefined
  return [...new Set([BOOTSTRAPPERS, ...groups])].sort()
}
