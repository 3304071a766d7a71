import { timingSafeEqual } from 'node:crypto'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Authenticated } from './authenticator.ts'
import { parseCsv } from './csv.ts'
import { digestOf } from './timing-safe.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

/**
 * Static tokens from a CSV file: `token,user,uid,"group1,group2"` (`--token-auth-file`).
 *
 * @see apiserver pkg/authentication/token/tokenfile/tokenfile.go
 */
export class TokenFileAuthenticator implements TokenAuthenticator {
  readonly name = 'token-file'
  /** By digest, so that how long a look-up takes says nothing about the tokens. */
  readonly #users = new Map<string, { readonly digest: Buffer; readonly answer: Authenticated }>()
  /** Tokens that were good before: they need no digest. Guesses never get here, nor past the hashes of the map. */
  readonly #seen = new Map<string, Authenticated>()

  /** Throws where a line has fewer than three columns or no token. */
  constructor(text: string) {
    for (const [line, record] of parseCsv(text).entries()) {
      if (record.length < 3) {
        throw new Error(
          `token file line ${line + 1}: a token needs at least three columns (token, user name, user uid), found ${record.length}`,
        )
      }
      const [token = '', name = '', uid = '', groups = ''] = record
      if (token === '') throw new Error(`token file line ${line + 1}: the token is empty`)
      this.add(token, { name, uid, groups: groups === '' ? [] : groups.split(','), extra: {} })
    }
  }

  /** Knows one more token from now on. */
  add(token: string, user: UserInfo): void {
    const digest = digestOf(token)
    this.#users.set(digest.toString('hex'), { digest, answer: { user, isLasting: true } })
    this.#seen.delete(token)
  }

  authenticateToken(token: string): Authenticated | undefined {
    const seen = this.#seen.get(token)
    if (seen) return seen
    const digest = digestOf(token)
    const known = this.#users.get(digest.toString('hex'))
    if (!known || !timingSafeEqual(known.digest, digest)) return undefined
    this.#seen.set(token, known.answer)
    return known.answer
  }
}
