import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer, UserRules } from './authorizer.ts'
import { nonResourceUrlCovers } from './rbac/policy-rule.ts'

/** One line of a policy file (abac.authorization.kubernetes.io/v1beta1 PolicySpec). `*` stands for everything. */
interface AbacPolicy {
  readonly user: string
  readonly group: string
  readonly readonly: boolean
  readonly apiGroup: string
  readonly resource: string
  readonly namespace: string
  readonly nonResourcePath: string
}

const API_VERSION = 'abac.authorization.kubernetes.io/v1beta1'
const READ_ONLY_VERBS: ReadonlySet<string> = new Set(['get', 'list', 'watch'])
const ALL_AUTHENTICATED = 'system:authenticated'

/**
 * Decides by a file with one policy a line (`--authorization-policy-file`).
 *
 * @see kubernetes pkg/auth/authorizer/abac/abac.go
 */
export class AbacAuthorizer implements Authorizer {
  readonly name = 'ABAC'
  readonly #policies: readonly AbacPolicy[]

  /** Throws where a line is no policy; empty lines and those that begin with `#` are left out. */
  constructor(text: string) {
    this.#policies = text
      .split('\n')
      .map((line, i) => ({ line: line.trim(), number: i + 1 }))
      .filter(({ line }) => line !== '' && !line.startsWith('#'))
      .map(({ line, number }) => parsePolicy(line, number))
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    if (this.#policies.some((policy) => matches(policy, attributes))) return { decision: 'allow', reason: '' }
    return { decision: 'no-opinion', reason: 'No policy matched.' }
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    const own = this.#policies.filter(
      (p) => subjectMatches(p, user) && (p.namespace === '*' || p.namespace === namespace),
    )
    const verbsOf = (p: AbacPolicy): string[] => (p.readonly ? [...READ_ONLY_VERBS] : ['*'])
    return {
      resourceRules: own
        .filter((p) => p.resource !== '')
        .map((p) => ({ verbs: verbsOf(p), apiGroups: [p.apiGroup], resources: [p.resource] })),
      nonResourceRules: own
        .filter((p) => p.nonResourcePath !== '')
        .map((p) => ({ verbs: verbsOf(p), nonResourceURLs: [p.nonResourcePath] })),
      incomplete: false,
    }
  }
}

function parsePolicy(line: string, number: number): AbacPolicy {
  const fail = (why: string): never => {
    throw new Error(`policy file line ${number}: ${why}`)
  }
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Error(`policy file line ${number}: not JSON`, { cause: error })
  }
  if (!isJsonObject(value)) return fail('not an object')
  if (value['kind'] === undefined && value['apiVersion'] === undefined) return unversioned(value, fail)
  if (value['kind'] !== 'Policy' || value['apiVersion'] !== API_VERSION) return fail(`not a Policy of ${API_VERSION}`)
  const spec = value['spec'] ?? {}
  return isJsonObject(spec) ? policyOf(spec, fail) : fail('spec is not an object')
}

function policyOf(spec: JsonObject, fail: (why: string) => never): AbacPolicy {
  const text = (field: string): string => {
    const given = spec[field] ?? ''
    return typeof given === 'string' ? given : fail(`${field} is not a string`)
  }
  const readonly = spec['readonly'] ?? false
  return {
    user: text('user'),
    group: text('group'),
    readonly: typeof readonly === 'boolean' ? readonly : fail('readonly is not a boolean'),
    apiGroup: text('apiGroup'),
    resource: text('resource'),
    namespace: text('namespace'),
    nonResourcePath: text('nonResourcePath'),
  }
}

/** The first form of the file: what is left out stands for everything (pkg/apis/abac/v0). */
function unversioned(value: JsonObject, fail: (why: string) => never): AbacPolicy {
  const given = policyOf(value, fail)
  const isForAll = (given.user === '' && given.group === '') || given.user === '*' || given.group === '*'
  return {
    ...given,
    user: isForAll ? '' : given.user,
    group: isForAll ? ALL_AUTHENTICATED : given.group,
    apiGroup: '*',
    namespace: given.namespace || '*',
    resource: given.resource || '*',
    nonResourcePath: given.namespace === '' && given.resource === '' ? '*' : '',
  }
}

function matches(policy: AbacPolicy, attributes: AuthorizationAttributes): boolean {
  if (!subjectMatches(policy, attributes.user)) return false
  if (policy.readonly && !READ_ONLY_VERBS.has(attributes.verb)) return false
  if (!attributes.isResourceRequest) {
    const { nonResourcePath } = policy
    return nonResourcePath !== '' && (nonResourcePath === '*' || nonResourceUrlCovers(nonResourcePath, attributes.path))
  }
  const is = (own: string, asked: string): boolean => own === '*' || own === asked
  return (
    is(policy.namespace, attributes.namespace) &&
    is(policy.resource, attributes.resource) &&
    is(policy.apiGroup, attributes.apiGroup)
  )
}

/** User and group have both to match where both are given; one of them has to be. */
function subjectMatches({ user, group }: AbacPolicy, { name, groups }: UserInfo): boolean {
  if (user === '' && group === '') return false
  if (user !== '' && user !== '*' && user !== name) return false
  return group === '' || group === '*' || groups.includes(group)
}
