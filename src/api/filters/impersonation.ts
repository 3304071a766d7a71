import type { ApiError } from '../../apimachinery/api-error.ts'
import { aggregateMessage, badRequest } from '../../apimachinery/api-error.ts'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import { isDNS1123Subdomain, isDomainPrefixedPath } from '../../apimachinery/validation/names.ts'
import { headersWithPrefix, headerValues } from '../../auth/authn/header-values.ts'
import {
  parseServiceAccountUserName,
  serviceAccountGroups,
} from '../../auth/authn/service-account/service-account-user.ts'
import type { AuthorizationAttributes, Authorizer } from '../../auth/authz/authorizer.ts'
import { BoundedCache } from '../../auth/bounded-cache.ts'
import type { Call } from '../call.ts'
import { attributesOf, forbiddenError } from './authorization.ts'

const USER = 'impersonate-user'
const UID = 'impersonate-uid'
const GROUP = 'impersonate-group'
const EXTRA_PREFIX = 'impersonate-extra-'

const AUTHENTICATION_GROUP = 'authentication.k8s.io'
const NODE_PREFIX = 'system:node:'
const NODE_NAME_KEY = 'authentication.kubernetes.io/node-name'
const ASSOCIATED_KEYS = 'authentication.kubernetes.io/associated-node-keys'

/** From so many values on, one question for all of them comes first. */
const MANY = 4
/** Users of whom the mode that worked last is remembered. */
const MAX_REMEMBERED = 10_240

/** Who a request wants to be taken for, as its headers say it. */
interface Wanted {
  readonly name: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** A way in which one user may stand for another. */
interface Mode {
  /** Empty: the old way, with the verb `impersonate` alone. */
  readonly name: '' | 'associated-node' | 'arbitrary-node' | 'serviceaccount' | 'user-info'
  applies(wanted: Wanted, requestor: UserInfo): boolean
}

/** In the order in which they are tried: those that grant least come first. */
const MODES: readonly Mode[] = [
  {
    name: 'associated-node',
    applies: (wanted, requestor) =>
      onlyName(wanted) &&
      nodeNameOf(wanted.name) !== undefined &&
      parseServiceAccountUserName(requestor.name) !== undefined &&
      requestor.extra[NODE_NAME_KEY]?.length === 1 &&
      requestor.extra[NODE_NAME_KEY][0] === nodeNameOf(wanted.name),
  },
  { name: 'arbitrary-node', applies: (wanted) => onlyName(wanted) && nodeNameOf(wanted.name) !== undefined },
  {
    name: 'serviceaccount',
    applies: (wanted) => onlyName(wanted) && parseServiceAccountUserName(wanted.name) !== undefined,
  },
  {
    name: 'user-info',
    applies: ({ name }) => nodeNameOf(name) === undefined && parseServiceAccountUserName(name) === undefined,
  },
  { name: '', applies: () => true },
]

/**
 * Lets users act as others, as far as they may: constrained to some requests (`impersonate-on:<mode>:<verb>` and
 * `impersonate:<mode>`), or without bounds (`impersonate`).
 *
 * @see https://kep.k8s.io/5284 and apiserver pkg/endpoints/filters/impersonation
 */
export class Impersonation {
  /** Index of the mode that worked last, by the requestor's name: the others need not be asked then. */
  readonly #lastMode = new BoundedCache<number>(MAX_REMEMBERED)

  /** Who the request counts as; undefined where it asks for nobody else. Errors: 400, 403. */
  readonly impersonate = (call: Call, authorizer: Authorizer): Promise<UserInfo> | undefined => {
    const wanted = wantedUser(call)
    return wanted && this.#authorized(call, wanted, authorizer)
  }

  async #authorized(call: Call, wanted: Wanted, authorizer: Authorizer): Promise<UserInfo> {
    const attributes = attributesOf(call)
    const requestor = attributes.user
    const last = this.#lastMode.get(requestor.name)
    const all = [...MODES.keys()]
    const order = last === undefined ? all : [last, ...all.filter((i) => i !== last)]
    let refusal: ApiError | undefined
    for (const index of order) {
      const mode = MODES[index]!
      if (!mode.applies(wanted, requestor)) continue
      const check = new ModeCheck(mode, attributes, authorizer)
      const refused = await check.refusalOf(wanted)
      if (!refused) {
        this.#lastMode.set(requestor.name, index)
        call.impersonation = { user: requestor, constraint: mode.name === '' ? '' : `impersonate:${mode.name}` }
        return actualUser(wanted, mode)
      }
      refusal ??= refused
    }
    throw refusal!
  }
}

/** What impersonation headers ask for. They go away: nothing behind may see that somebody is impersonated. */
function wantedUser(call: Call): Wanted | undefined {
  const { headers, raw } = call.request
  let names: string[] | undefined
  for (const name in headers) {
    if (!name.startsWith('impersonate-')) continue
    names ??= []
    names.push(name)
  }
  if (!names) return undefined
  const { rawHeaders } = raw
  const wanted = {
    name: headerValues(rawHeaders, USER)[0] ?? '',
    uid: headerValues(rawHeaders, UID)[0] ?? '',
    groups: headerValues(rawHeaders, GROUP),
    extra: headersWithPrefix(rawHeaders, EXTRA_PREFIX),
  }
  const { name, uid, groups, extra } = wanted
  if (name === '') {
    if (uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return undefined
    throw badRequest(`requested ${goUser(wanted)} without impersonating a user name`)
  }
  for (const header of names)
    if (header === USER || header === UID || header === GROUP || header.startsWith(EXTRA_PREFIX)) delete headers[header]
  return wanted
}

/** One mode's questions to the authorizer. */
class ModeCheck {
  readonly #mode: Mode
  readonly #attributes: AuthorizationAttributes
  readonly #authorizer: Authorizer
  readonly #isConstrained: boolean

  constructor(mode: Mode, attributes: AuthorizationAttributes, authorizer: Authorizer) {
    this.#mode = mode
    this.#authorizer = authorizer
    this.#isConstrained = mode.name !== ''
    const { user } = attributes
    // Which node it is has been checked; what is left of the requestor is the same on every node.
    const associated = { ...user, extra: { [ASSOCIATED_KEYS]: Object.keys(user.extra).sort() } }
    this.#attributes = mode.name === 'associated-node' ? { ...attributes, user: associated } : attributes
  }

  /** Undefined where the mode lets the requestor be whom it wants. */
  async refusalOf(wanted: Wanted): Promise<ApiError | undefined> {
    return (
      (await this.#refusalOfRequest()) ??
      (await this.#refusalOfName(wanted)) ??
      (wanted.uid === '' ? undefined : await this.#ask({ resource: 'uids', name: wanted.uid })) ??
      (await this.#refusalOfGroups(wanted.groups)) ??
      (await this.#refusalOfExtra(wanted.extra))
    )
  }

  async #refusalOfRequest(): Promise<ApiError | undefined> {
    if (!this.#isConstrained) return undefined
    const { verb } = this.#attributes
    return await this.#decide({ ...this.#attributes, verb: `impersonate-on:${this.#mode.name}:${verb}` })
  }

  async #refusalOfName({ name }: Wanted): Promise<ApiError | undefined> {
    const account = parseServiceAccountUserName(name)
    if (account) return await this.#ask({ resource: 'serviceaccounts', ...account })
    const node = this.#isConstrained ? nodeNameOf(name) : undefined
    if (node === undefined) return await this.#ask({ resource: 'users', name })
    return await this.#ask({ resource: 'nodes', name: this.#mode.name === 'associated-node' ? '*' : node })
  }

  async #refusalOfGroups(groups: readonly string[]): Promise<ApiError | undefined> {
    if (groups.length === 0) return undefined
    if (this.#isConstrained) {
      if (groups.includes('')) {
        return this.#refuse({ resource: 'groups', name: '' }, 'impersonating the empty string group is not allowed')
      }
      if (groups.includes('system:masters')) {
        const why = 'impersonating the system:masters group is not allowed'
        return this.#refuse({ resource: 'groups', name: 'system:masters' }, why)
      }
      if (groups.length >= MANY && !(await this.#ask({ resource: 'groups', name: '*' }))) return undefined
    }
    for (const name of groups) {
      const refusal = await this.#ask({ resource: 'groups', name })
      if (refusal) return refusal
    }
    return undefined
  }

  async #refusalOfExtra(extra: Wanted['extra']): Promise<ApiError | undefined> {
    const pairs = Object.entries(extra).flatMap(([key, values]) => values.map((value) => [key, value] as const))
    if (Object.keys(extra).length === 0) return undefined
    if (this.#isConstrained) {
      const why = extraProblem(extra)
      if (why !== undefined) return this.#refuse({ resource: 'userextras', name: '' }, why)
      const all = { resource: 'userextras', subresource: '*', name: '*' }
      if (pairs.length >= MANY && !(await this.#ask(all))) return undefined
    }
    for (const [subresource, name] of pairs) {
      const refusal = await this.#ask({ resource: 'userextras', subresource, name })
      if (refusal) return refusal
    }
    return undefined
  }

  async #ask(asked: Asked): Promise<ApiError | undefined> {
    return await this.#decide(this.#attributesOf(asked))
  }

  #refuse(asked: Asked, why: string): ApiError {
    return forbiddenError(this.#attributesOf(asked), why)
  }

  #attributesOf({ resource, name, namespace = '', subresource = '' }: Asked): AuthorizationAttributes {
    // Upstream's old way speaks of users, groups and service accounts in the core group.
    const isOfCore = resource === 'users' || resource === 'groups' || resource === 'serviceaccounts'
    const isCore = !this.#isConstrained && isOfCore
    return {
      user: this.#attributes.user,
      verb: this.#isConstrained ? `impersonate:${this.#mode.name}` : 'impersonate',
      isResourceRequest: true,
      path: '',
      apiGroup: isCore ? '' : AUTHENTICATION_GROUP,
      apiVersion: 'v1',
      namespace,
      resource,
      subresource,
      name,
      fieldSelector: '',
      labelSelector: '',
    }
  }

  async #decide(attributes: AuthorizationAttributes): Promise<ApiError | undefined> {
    const { decision, reason, error } = await this.#authorizer.authorize(attributes)
    if (decision === 'allow') return undefined
    return forbiddenError(attributes, [error, reason].filter((text) => text !== undefined && text !== '').join(': '))
  }
}

interface Asked {
  readonly resource: string
  readonly name: string
  readonly namespace?: string
  readonly subresource?: string
}

/** The user with the groups that follow from who it is. */
function actualUser({ name, uid, groups: wanted, extra }: Wanted, mode: Mode): UserInfo {
  let groups = wanted
  const account = parseServiceAccountUserName(name)
  if (mode.name !== '' && nodeNameOf(name) !== undefined) groups = ['system:nodes']
  if (account && wanted.length === 0) groups = serviceAccountGroups(account.namespace)
  if (name === 'system:anonymous') groups = withGroup(groups, 'system:unauthenticated')
  else if (!groups.includes('system:unauthenticated')) groups = withGroup(groups, 'system:authenticated')
  return { name, uid, groups, extra }
}

const withGroup = (groups: readonly string[], group: string): readonly string[] =>
  groups.includes(group) ? groups : [...groups, group]

function onlyName({ uid, groups, extra }: Wanted): boolean {
  return uid === '' && groups.length === 0 && Object.keys(extra).length === 0
}

/** The node of a node's user name; undefined where it is none. */
function nodeNameOf(userName: string): string | undefined {
  if (!userName.startsWith(NODE_PREFIX)) return undefined
  const name = userName.slice(NODE_PREFIX.length)
  return isDNS1123Subdomain(name).length === 0 ? name : undefined
}

function extraProblem(extra: Wanted['extra']): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed'
    const errors = isDomainPrefixedPath(FieldPath.of('extra', 'key'), key)
    if (errors.length > 0) {
      return `impersonating an invalid key in extra is not allowed: ${aggregateMessage(errors.map(fieldErrorMessage))}`
    }
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${goQuote(key)}`
    if (values.length === 0) return 'impersonating empty values in extra is not allowed'
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed'
  }
  return undefined
}

/** The user as Go's `%#v` prints it: part of upstream's message. */
function goUser({ name, uid, groups, extra }: Wanted): string {
  const list = (values: readonly string[]): string => `[]string{${values.map(goQuote).join(', ')}}`
  const shownGroups = groups.length === 0 ? '[]string(nil)' : list(groups)
  const keys = Object.keys(extra).sort()
  const pairs = keys.map((key) => `${goQuote(key)}:${list(extra[key]!)}`)
  const shownExtra = keys.length === 0 ? 'map[string][]string(nil)' : `map[string][]string{${pairs.join(', ')}}`
  return `&user.DefaultInfo{Name:${goQuote(name)}, UID:${goQuote(uid)}, Groups:${shownGroups}, Extra:${shownExtra}}`
}
