import { randomUUID } from 'node:crypto'
import { badRequest, conflict, internalError, invalid as invalidObject } from '../../apimachinery/api-error.ts'
import { type Clock, formatTime } from '../../apimachinery/clock.ts'
import { type FieldError, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { parseApiVersion } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { BoundObjectReference, TokenRequest } from '../../apimachinery/types/authentication-v1.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { isPathSegmentName } from '../../apimachinery/validation/names.ts'
import { credentialIdOf, type ServiceAccountClaims } from '../../auth/authn/service-account/service-account-claims.ts'
import { serviceAccountUserName } from '../../auth/authn/service-account/service-account-user.ts'
import type { TokenIssuer } from '../../auth/authn/service-account/token-issuer.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import type { VirtualHandlers } from '../api-resource.ts'
import type { Call } from '../call.ts'

const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' }
const DEFAULT_SECONDS = 3600
const MIN_SECONDS = 600
const MAX_SECONDS = 2 ** 32
/** What the ServiceAccount admission plugin asks for: such tokens are made to live longer, with a warning after this. */
const WARN_ONLY_SECONDS = 3607
const EXTENDED_SECONDS = 365 * 24 * 3600

export interface TokenRequestOptions {
  readonly registry: Registry
  readonly issuer: TokenIssuer
  readonly clock: Clock
  /** Audiences of this API server: those of a token that asks for none. */
  readonly audiences: readonly string[]
  /** Longest life of a token (`--service-account-max-token-expiration`); undefined: no bound. */
  readonly maxSeconds: number | undefined
  /** `--service-account-extend-token-expiration` */
  readonly extendExpiration: boolean
}

/**
 * `serviceaccounts/token`: issues a token that is bound to an audience, a time and, where asked for, an object.
 *
 * @see kubernetes pkg/registry/core/serviceaccount/storage/token.go
 */
export function tokenRequest(options: TokenRequestOptions): VirtualHandlers {
  return {
    keepsSystemFields: true,
    defaults(body) {
      const request = body as unknown as TokenRequest
      request.spec = { ...request.spec, expirationSeconds: request.spec?.expirationSeconds ?? DEFAULT_SECONDS }
    },
    async create(call, { name, namespace, body, validate }) {
      const request = body as unknown as TokenRequest
      checkPlace(request, name, namespace)
      const account = await readObject(call, options.registry, 'serviceaccounts', namespace, name)
      const { uid = '' } = account.metadata
      if (request.metadata.uid && request.metadata.uid !== uid) {
        const why = `the UID in the token request (${request.metadata.uid}) does not match the UID of the service account (${uid})`
        throw conflict({ group: KIND.group, resource: KIND.kind }, name, why)
      }
      const now = options.clock.now()
      const metadata = { ...request.metadata, name, namespace, uid, creationTimestamp: formatTime(now) }
      const { expirationSeconds = DEFAULT_SECONDS, boundObjectRef = null } = request.spec ?? {}
      const audiences = request.spec?.audiences?.length ? request.spec.audiences : [...options.audiences]
      const errors = validateExpiration(expirationSeconds)
      if (errors.length > 0) throw invalidObject(KIND, '', errors)
      Object.assign(body, { metadata, spec: { ...request.spec, audiences } })
      await validate()
      const bound = boundObjectRef && (await boundObjects(call, options.registry, boundObjectRef, name, namespace))
      const seconds = shortened(call, expirationSeconds, options.maxSeconds)
      const spec = { audiences, expirationSeconds: seconds, boundObjectRef }
      const token = await issue(call, options, { name, namespace, uid, now, spec, bound: bound ?? {} })
      const expirationTimestamp = formatTime(now + seconds * 1000)
      const { kind, apiVersion } = body
      return { kind, apiVersion, metadata, spec, status: { token, expirationTimestamp } } as KubeObject
    },
  }
}

function checkPlace({ metadata }: TokenRequest, name: string, namespace: string): void {
  const path = FieldPath.of('metadata')
  const refuse = (field: 'name' | 'namespace', value: string): never => {
    const detail = `must match the service account ${field} if specified`
    throw invalidObject(KIND, name, [invalid(path.child(field), value, detail)])
  }
  if (metadata.name && metadata.name !== name) refuse('name', metadata.name)
  if (metadata.namespace && metadata.namespace !== namespace) refuse('namespace', metadata.namespace)
}

function validateExpiration(seconds: number): FieldError[] {
  const path = FieldPath.of('spec', 'expirationSeconds')
  if (seconds < MIN_SECONDS) return [invalid(path, seconds, 'may not specify a duration less than 10 minutes')]
  if (seconds > MAX_SECONDS) return [invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds')]
  return []
}

function shortened(call: Call, seconds: number, max: number | undefined): number {
  if (max === undefined || max <= 0 || seconds <= max) return seconds
  call.warn(`requested expiration of ${seconds} seconds shortened to ${max} seconds`)
  return max
}

async function readObject(
  call: Call,
  registry: Registry,
  resource: 'nodes' | 'pods' | 'secrets' | 'serviceaccounts',
  namespace: string,
  name: string,
): Promise<KubeObject> {
  return (await registry.backing('', resource)!.store.get(call.context({ namespace }), name)).object
}

type BoundClaims = Pick<ServiceAccountClaims['kubernetes.io'], 'pod' | 'secret' | 'node'>

/** The object that a token is to be bound to, as claims. Errors: 400, 404, 409. */
async function boundObjects(
  call: Call,
  registry: Registry,
  reference: BoundObjectReference,
  accountName: string,
  namespace: string,
): Promise<BoundClaims> {
  const { kind = '', apiVersion = '', name = '', uid } = reference
  const { group, version } = parseApiVersion(apiVersion) ?? { group: '', version: '' }
  const resource = group === '' ? RESOURCES[kind] : undefined
  if (!resource) {
    const shown = group === '' ? `/${version}` : `${group}/${version}`
    throw badRequest(`cannot bind token to object of type ${shown}, Kind=${kind}`)
  }
  checkObjectName(name)
  const object = await readObject(call, registry, resource, resource === 'nodes' ? '' : namespace, name)
  if (resource === 'pods') checkPodAccount(object as unknown as Pod, accountName)
  const own = object.metadata.uid ?? ''
  if (uid && uid !== own) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`
    throw conflict({ group, resource: kind }, name, why)
  }
  const claim = { name, uid: own }
  if (resource === 'secrets') return { secret: claim }
  if (resource === 'nodes') return { node: claim }
  return { pod: claim, ...nodeOf(registry, object as unknown as Pod) }
}

/** @see apiserver pkg/registry/generic/registry/store.go NamespaceKeyFunc */
function checkObjectName(name: string): void {
  if (name === '') throw badRequest('Name parameter required.')
  const problems = isPathSegmentName(name)
  if (problems.length > 0) throw badRequest(`Name parameter invalid: ${goQuote(name)}: ${problems.join(';')}`)
}

const RESOURCES: Readonly<Record<string, 'pods' | 'secrets' | 'nodes' | undefined>> = {
  Pod: 'pods',
  Secret: 'secrets',
  Node: 'nodes',
}

function checkPodAccount(pod: Pod, accountName: string): void {
  if (pod.spec?.serviceAccountName === accountName) return
  throw badRequest(
    `cannot bind token for serviceaccount ${JSON.stringify(accountName)} to pod running with different serviceaccount name.`,
  )
}

/** Where the pod runs: the name alone where there is no such node (any more). */
function nodeOf(registry: Registry, pod: Pod): Pick<BoundClaims, 'node'> {
  const name = pod.spec?.nodeName
  if (!name) return {}
  const { cache, identity } = registry.backing('', 'nodes')!
  const uid = cache.peek(`${identity.keyPrefix}${name}`)?.object.metadata.uid
  return { node: { name, ...(uid ? { uid } : {}) } }
}

interface Issue {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  /** Milliseconds. */
  readonly now: number
  readonly spec: { readonly audiences: readonly string[]; readonly expirationSeconds: number }
  readonly bound: BoundClaims
}

async function issue(call: Call, options: TokenRequestOptions, asked: Issue): Promise<string> {
  const { name, namespace, uid, spec, bound } = asked
  const now = Math.floor(asked.now / 1000)
  // Clients that were not made for tokens that expire get a year, and the audit log hears of them.
  const isExtended =
    options.extendExpiration &&
    bound.pod !== undefined &&
    spec.expirationSeconds === WARN_ONLY_SECONDS &&
    spec.audiences.every((a) => options.audiences.includes(a))
  const jti = randomUUID()
  const claims: ServiceAccountClaims = {
    aud: spec.audiences,
    exp: now + (isExtended ? EXTENDED_SECONDS : spec.expirationSeconds),
    iat: now,
    jti,
    nbf: now,
    sub: serviceAccountUserName(namespace, name),
    'kubernetes.io': {
      namespace,
      ...bound,
      serviceaccount: { name, uid },
      ...(isExtended ? { warnafter: now + spec.expirationSeconds } : {}),
    },
  }
  call.auditAnnotations.set('authentication.kubernetes.io/issued-credential-id', credentialIdOf(jti))
  try {
    return await options.issuer.issue(claims)
  } catch (error) {
    throw internalError('failed to generate token', { cause: error })
  }
}
