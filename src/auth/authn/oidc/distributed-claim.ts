import { isJsonObject, type JsonObject } from '../../../apimachinery/kube-object.ts'
import { BoundedCache } from '../../bounded-cache.ts'
import { AuthenticationError } from '../authenticator.ts'
import { IssuerVerifier, type IssuerVerifierOptions, oidcIssuerOf } from './issuer-verifier.ts'

/** Issuers of claims whose keys are remembered. */
const MAX_ISSUERS = 64

/**
 * A claim that a token only says where to find: another endpoint answers with a token that has it.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims and apiserver
 * plugin/pkg/authenticator/token/oidc/oidc.go claimResolver
 */
export class DistributedClaim {
  readonly #name: string
  readonly #options: Omit<IssuerVerifierOptions, 'issuerUrl'>
  readonly #verifiers = new BoundedCache<IssuerVerifier>(MAX_ISSUERS)

  constructor(name: string, options: Omit<IssuerVerifierOptions, 'issuerUrl'>) {
    this.#name = name
    this.#options = options
  }

  /** Claims of a verified token, with this one among them where it is to be had. Throws {@link AuthenticationError}. */
  async expand(claims: JsonObject): Promise<JsonObject> {
    const source = this.#sourceOf(claims)
    if (!source) return claims
    let token: string
    try {
      token = await this.#options.fetchText(source.endpoint, source.accessToken)
    } catch (error) {
      throw new AuthenticationError(`while getting distributed claim "${this.#name}"`, { cause: error })
    }
    const issuer = oidcIssuerOf(token.trim())
    if (issuer === undefined) throw new AuthenticationError(`the claim "${this.#name}" is in no token`)
    const found = (await this.#verifier(issuer).verify(token.trim()))[this.#name]
    if (found === undefined) {
      throw new AuthenticationError(`jwt returned by distributed claim endpoint did not contain claim: ${this.#name}`)
    }
    return { ...claims, [this.#name]: found }
  }

  /** Where the claim is; undefined where the token has it itself, or knows nothing of it. */
  #sourceOf(claims: JsonObject): { readonly endpoint: string; readonly accessToken: string } | undefined {
    const { _claim_names: names, _claim_sources: sources } = claims
    if (claims[this.#name] !== undefined || names === undefined) return undefined
    if (!isJsonObject(names)) throw new AuthenticationError('error parsing distributed claim names')
    if (!isJsonObject(sources)) throw new AuthenticationError('no claim sources')
    const name = names[this.#name]
    if (name === undefined) return undefined
    const source = typeof name === 'string' && Object.hasOwn(sources, name) ? sources[name] : undefined
    if (!isJsonObject(source)) {
      throw new AuthenticationError(`id token _claim_names contained a source ${name} missing in _claims_sources`)
    }
    const { endpoint, access_token: accessToken } = source
    // Without an endpoint it may be an aggregated claim, which is not supported.
    if (typeof endpoint !== 'string' || endpoint === '') return undefined
    return { endpoint, accessToken: typeof accessToken === 'string' ? accessToken : '' }
  }

  #verifier(issuerUrl: string): IssuerVerifier {
    const known = this.#verifiers.get(issuerUrl)
    if (known) return known
    const verifier = new IssuerVerifier({ ...this.#options, issuerUrl })
    this.#verifiers.set(issuerUrl, verifier)
    return verifier
  }
}
