import type {
  FlowSchema,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from '../../apimachinery/types/flowcontrol-v1.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { RequestInfo } from '../request-info.ts'

/** What a flow schema looks at of a request. */
interface RequestDigest {
  readonly user: UserInfo
  readonly info: RequestInfo
}

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:'

/**
 * True where one of the schema's rules is about the request.
 *
 * @see apiserver pkg/util/flowcontrol/rule.go
 */
export function matchesFlowSchema(schema: FlowSchema, digest: RequestDigest): boolean {
  return schema.spec?.rules?.some((rule) => matchesRule(rule, digest)) ?? false
}

/** What tells the flows of one schema from each other: each waits in a queue of its own. */
export function flowDistinguisher(schema: FlowSchema, { user, info }: RequestDigest): string {
  switch (schema.spec?.distinguisherMethod?.type) {
    case 'ByUser':
      return user.name
    case 'ByNamespace':
      return info.namespace
    default:
      return ''
  }
}

function matchesRule(rule: PolicyRulesWithSubjects, { user, info }: RequestDigest): boolean {
  if (!rule.subjects.some((subject) => matchesSubject(subject, user))) return false
  return info.isResourceRequest
    ? (rule.resourceRules?.some((r) => matchesResourceRule(r, info)) ?? false)
    : (rule.nonResourceRules?.some((r) => matchesNonResourceRule(r, info)) ?? false)
}

function matchesSubject(subject: Subject, user: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.user?.name === '*' || subject.user?.name === user.name
    case 'Group':
      return subject.group?.name === '*' || user.groups.includes(subject.group?.name ?? '')
    case 'ServiceAccount': {
      const { namespace = '', name = '' } = subject.serviceAccount ?? {}
      const prefix = `${SERVICE_ACCOUNT_PREFIX}${namespace}:`
      return name === '*' ? user.name.startsWith(prefix) : user.name === prefix + name
    }
    default:
      return false
  }
}

function matchesResourceRule(rule: ResourcePolicyRule, info: RequestInfo): boolean {
  if (!contains(rule.verbs, info.verb)) return false
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`
  if (!contains(rule.resources, resource) || !contains(rule.apiGroups, info.apiGroup)) return false
  return info.namespace === '' ? rule.clusterScope === true : contains(rule.namespaces ?? [], info.namespace)
}

function matchesNonResourceRule(rule: NonResourcePolicyRule, info: RequestInfo): boolean {
  if (!contains(rule.verbs, info.verb)) return false
  return rule.nonResourceURLs.some((url) => url === '*' || url === info.path || info.path.startsWith(folderOf(url)))
}

/** `/things`, `/things/` and `/things/*` take in what is below `/things/`. */
function folderOf(url: string): string {
  const prefix = url.endsWith('*') ? url.slice(0, -1) : url
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}

/** A lone star stands for all. */
const contains = (list: readonly string[], value: string): boolean =>
  (list.length === 1 && list[0] === '*') || list.includes(value)
