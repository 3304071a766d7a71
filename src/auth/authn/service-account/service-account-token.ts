import type { Clock } from '../../../apimachinery/clock.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import { isJsonObject, type JsonObject, type KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ObjectReader } from '../../object-reader.ts'
import { type Authenticated, AuthenticationError } from '../authenticator.ts'
import { intersection, type TokenAuthenticator } from '../token-authenticator.ts'
import type { JwtVerifier } from './jwt-verifier.ts'
import { credentialIdOf } from './service-account-claims.ts'
import { userOfServiceAccount } from './service-account-user.ts'

/** How far clocks may differ, in seconds. */
const LEEWAY_SECONDS = 60

const INVALIDATED = 'service account token has been invalidated'

interface ServiceAccountTokenOptions {
  /** Issuers whose tokens are taken; the first one signs new ones. */
  readonly issuers: readonly string[]
  /** Audiences of this API server: those of a token that names none. */
  readonly audiences: readonly string[]
  readonly verifier: JwtVerifier
  readonly objects: ObjectReader
  readonly clock: Clock
}

/**
 * Tokens of service accounts as TokenRequest issues them: for some audiences and some time, and only as long as the
 * service account, and the pod, secret or node they are bound to, exist. All but the signature is checked each time.
 *
 * @see kubernetes pkg/serviceaccount/jwt.go and claims.go
 */
export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  readonly name = 'service-account'
  readonly #options: ServiceAccountTokenOptions

  constructor(options: ServiceAccountTokenOptions) {
    this.#options = options
  }

  async authenticateToken(token: string, wanted: readonly string[]): Promise<Authenticated | undefined> {
    const { issuers, verifier, audiences } = this.#options
    const issuer = verifier.issuerOf(token)
    if (issuer === undefined || !issuers.includes(issuer)) return undefined
    const claims = await verifier.verify(token)
    const own = audiencesOf(claims)
    const held = own.length > 0 ? own : audiences
    const shared = intersection(held, wanted)
    if (shared.length === 0 && audiences.length > 0) {
      throw new AuthenticationError(
        `token audiences ${quoted(held)} is invalid for the target audiences ${quoted(wanted)}`,
      )
    }
    const now = Math.floor(this.#options.clock.now() / 1000)
    checkTimes(claims, now)
    const bound = boundClaims(claims)
    await this.#checkObjects(bound, now)
    return {
      user: userOf(claims, bound),
      audiences: shared,
      auditAnnotations: annotationsOf(claims, own, now),
    }
  }

  async #checkObjects({ namespace, account, secret, pod, node }: BoundClaims, now: number): Promise<void> {
    const { objects } = this.#options
    const found = await objects.read('serviceaccounts', namespace, account.name)
    if (!found) throw new AuthenticationError(`serviceaccounts ${goQuote(account.name)} not found`)
    if (found.metadata.uid !== account.uid) {
      throw new AuthenticationError(`service account UID (${found.metadata.uid}) does not match claim (${account.uid})`)
    }
    if (isLongDeleted(found, now)) {
      throw new AuthenticationError(`service account ${namespace}/${account.name} has been deleted`)
    }
    if (secret) checkBinding('secret', secret, await objects.read('secrets', namespace, secret.name), now)
    if (pod) checkBinding('pod', pod, await objects.read('pods', namespace, pod.name), now)
    // The node of a token that is bound to a pod is only told, not checked.
    else if (node) checkBinding('node', node, await objects.read('nodes', '', node.name), now)
  }
}

interface Reference {
  readonly name: string
  readonly uid: string
}

interface BoundClaims {
  readonly namespace: string
  readonly account: Reference
  readonly secret: Reference | undefined
  readonly pod: Reference | undefined
  readonly node: Reference | undefined
}

function boundClaims(claims: JsonObject): BoundClaims {
  const own = isJsonObject(claims['kubernetes.io']) ? claims['kubernetes.io'] : {}
  const { namespace, serviceaccount, secret, pod, node } = own as Readonly<Record<string, unknown>>
  return {
    namespace: typeof namespace === 'string' ? namespace : '',
    account: referenceOf(serviceaccount) ?? { name: '', uid: '' },
    secret: referenceOf(secret),
    pod: referenceOf(pod),
    node: referenceOf(node),
  }
}

function referenceOf(value: unknown): Reference | undefined {
  if (!isJsonObject(value)) return undefined
  const { name, uid } = value
  return { name: typeof name === 'string' ? name : '', uid: typeof uid === 'string' ? uid : '' }
}

function audiencesOf({ aud }: JsonObject): readonly string[] {
  if (typeof aud === 'string') return aud === '' ? [] : [aud]
  return Array.isArray(aud) ? aud.filter((a): a is string => typeof a === 'string') : []
}

/** `exp`, `nbf` and `iat` (RFC 7519, 4.1), with what clocks may differ. */
function checkTimes({ exp, nbf, iat }: JsonObject, nowSeconds: number): void {
  if (typeof nbf === 'number' && nowSeconds + LEEWAY_SECONDS < nbf) {
    throw new AuthenticationError('service account token is not valid yet')
  }
  if (typeof exp === 'number' && nowSeconds - LEEWAY_SECONDS > exp) {
    throw new AuthenticationError('service account token has expired')
  }
  if (typeof iat === 'number' && nowSeconds + LEEWAY_SECONDS < iat) {
    throw new AuthenticationError('service account token is issued in the future')
  }
}

function checkBinding(kind: string, { uid }: Reference, object: KubeObject | undefined, now: number): void {
  if (!object) throw new AuthenticationError(INVALIDATED)
  if (object.metadata.uid !== uid) {
    throw new AuthenticationError(
      `${kind} UID (${object.metadata.uid}) does not match service account ${kind} ref claim (${uid})`,
    )
  }
  if (isLongDeleted(object, now)) throw new AuthenticationError(INVALIDATED)
}

/** Marked for deletion for longer than clocks may differ. */
function isLongDeleted({ metadata }: KubeObject, nowSeconds: number): boolean {
  const { deletionTimestamp } = metadata
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < (nowSeconds - LEEWAY_SECONDS) * 1000
}

function userOf(claims: JsonObject, { namespace, account, pod, node }: BoundClaims): Authenticated['user'] {
  const jti = claims['jti']
  return userOfServiceAccount({
    namespace,
    name: account.name,
    uid: account.uid,
    ...(pod ? { pod } : {}),
    ...(node ? { node } : {}),
    ...(typeof jti === 'string' && jti !== '' ? { credentialId: credentialIdOf(jti) } : {}),
  })
}

function annotationsOf(claims: JsonObject, audiences: readonly string[], now: number): Record<string, string> {
  const annotations: Record<string, string> = {}
  if (audiences.length === 0) annotations['authentication.k8s.io/legacy-token'] = String(claims['sub'] ?? '')
  const own = claims['kubernetes.io']
  const warnAfter = isJsonObject(own) ? own['warnafter'] : undefined
  if (typeof warnAfter === 'number' && warnAfter !== 0 && now > warnAfter) {
    annotations['authentication.k8s.io/stale-token'] =
      `subject: ${claims['sub']}, seconds after warning threshold: ${now - warnAfter}`
  }
  return annotations
}

const quoted = (list: readonly string[]): string => `[${list.map(goQuote).join(' ')}]`
