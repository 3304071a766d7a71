import { timingSafeEqual } from 'node:crypto'
import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
} from './authenticator.ts'
import { parseCsv } from './csv.ts'
import { digestOf } from './timing-safe.ts'

/** Compared with where the user is unknown, so that an answer takes as long as for one who is known. */
const NOBODY = digestOf('')

/**
 * HTTP basic from a file in kube-apiserver's old format, `password,user,uid,"group1,group2"` (`--basic-auth-file`, gone
 * upstream since 1.19).
 */
export class BasicAuthenticator implements Authenticator {
  readonly name = 'basic'
  readonly #users = new Map<string, { readonly digest: Buffer; readonly answer: Authenticated }>()

  /** Throws where a line has fewer than three columns. */
  constructor(text: string) {
    for (const [line, record] of parseCsv(text).entries()) {
      if (record.length < 3) {
        throw new Error(
          `password file line ${line + 1}: at least three columns are needed (password, user name, user uid), found ${record.length}`,
        )
      }
      const [password = '', name = '', uid = '', groups = ''] = record
      if (password === '' || name === '') throw new Error(`password file line ${line + 1}: user or password is empty`)
      const user = { name, uid, groups: groups === '' ? [] : groups.split(','), extra: {} }
      this.#users.set(name, { digest: digestOf(password), answer: { user, isLasting: true } })
    }
  }

  authenticate({ headers }: AuthenticationRequest): Authenticated | undefined {
    const [scheme, encoded = ''] = headers.authorization?.trim().split(/ +/) ?? []
    if (scheme?.toLowerCase() !== 'basic') return undefined
    const text = Buffer.from(encoded, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    if (colon < 0) throw new AuthenticationError('no user name in the basic credential')
    const known = this.#users.get(text.slice(0, colon))
    const isRight = timingSafeEqual(known?.digest ?? NOBODY, digestOf(text.slice(colon + 1)))
    if (known && isRight) return known.answer
    throw new AuthenticationError('unknown user or wrong password')
  }
}
