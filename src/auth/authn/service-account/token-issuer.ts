import { CompactSign } from 'jose'
import { goJson } from '../../../apimachinery/go-quote.ts'
import { LEGACY_ISSUER, type ServiceAccountClaims } from './service-account-claims.ts'
import { serviceAccountUserName } from './service-account-user.ts'
import type { ServiceAccountKeys } from './signing-keys.ts'

/** Signs tokens of service accounts. */
export class TokenIssuer {
  readonly #issuer: string
  readonly #keys: () => Promise<ServiceAccountKeys>

  constructor(issuer: string, keys: () => Promise<ServiceAccountKeys>) {
    this.#issuer = issuer
    this.#keys = keys
  }

  /** Throws where this server has no key to sign with. */
  async issue(claims: ServiceAccountClaims): Promise<string> {
    return await this.#sign({ iss: this.#issuer, ...claims })
  }

  /** A token that never expires, to lie in a secret. */
  async issueLegacy(account: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly secretName: string
  }): Promise<string> {
    const { namespace, name, uid, secretName } = account
    return await this.#sign({
      iss: LEGACY_ISSUER,
      'kubernetes.io/serviceaccount/namespace': namespace,
      'kubernetes.io/serviceaccount/secret.name': secretName,
      'kubernetes.io/serviceaccount/service-account.name': name,
      'kubernetes.io/serviceaccount/service-account.uid': uid,
      sub: serviceAccountUserName(namespace, name),
    })
  }

  async #sign(payload: object): Promise<string> {
    const { signing } = await this.#keys()
    if (!signing) throw new Error('no key to sign tokens of service accounts with')
    return await new CompactSign(Buffer.from(goJson(payload)))
      .setProtectedHeader({ alg: signing.algorithm, kid: signing.id })
      .sign(signing.privateKey)
  }
}
