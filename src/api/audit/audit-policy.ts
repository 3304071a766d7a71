import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { yaml } from '../../apimachinery/yaml.ts'
import type { AuthorizationAttributes } from '../../auth/authz/authorizer.ts'
import { nonResourceUrlCovers } from '../../auth/authz/rbac/policy-rule.ts'

export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse'
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'

const LEVELS: readonly AuditLevel[] = ['None', 'Metadata', 'Request', 'RequestResponse']
const STAGES: readonly AuditStage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic']

/** What is written about one request. */
export interface AuditConfig {
  readonly level: AuditLevel
  readonly omitStages: ReadonlySet<AuditStage>
  readonly omitManagedFields: boolean
}

interface GroupResources {
  readonly group: string
  readonly resources: readonly string[]
  readonly resourceNames: readonly string[]
}

interface AuditRule extends AuditConfig {
  readonly users: readonly string[]
  readonly userGroups: readonly string[]
  readonly verbs: readonly string[]
  readonly resources: readonly GroupResources[]
  readonly namespaces: readonly string[]
  readonly nonResourceURLs: readonly string[]
}

/** Says how much is written about a request: its first rule that matches (audit.k8s.io/v1 Policy). */
export class AuditPolicy {
  readonly #rules: readonly AuditRule[]
  readonly #fallback: AuditConfig

  /** `text`: YAML or JSON. Throws where it is no policy. */
  constructor(text: string) {
    const document: unknown = yaml().parse(text)
    if (!isJsonObject(document) || document['kind'] !== 'Policy' || document['apiVersion'] !== 'audit.k8s.io/v1') {
      throw new Error('the audit policy must be a Policy of audit.k8s.io/v1')
    }
    const omitStages = stagesOf(document['omitStages'])
    const omitManagedFields = document['omitManagedFields'] === true
    this.#fallback = { level: 'None', omitStages, omitManagedFields }
    const rules = objectsOf(document['rules'])
    if (rules.length === 0) throw new Error('loaded illegal policy with 0 rules')
    this.#rules = rules.map((rule, i) => ruleOf(rule, `rules[${i}]`, this.#fallback))
  }

  /** `attributes.user` is who was authenticated, not who is impersonated. */
  evaluate(attributes: AuthorizationAttributes): AuditConfig {
    return this.#rules.find((rule) => matches(rule, attributes)) ?? this.#fallback
  }
}

function ruleOf(rule: JsonObject, path: string, policy: AuditConfig): AuditRule {
  const level = rule['level'] as AuditLevel
  if (!LEVELS.includes(level)) throw new Error(`${path}.level: must be one of ${LEVELS.join(', ')}`)
  const resources = objectsOf(rule['resources']).map((r) => ({
    group: typeof r['group'] === 'string' ? r['group'] : '',
    resources: stringsOf(r['resources']),
    resourceNames: stringsOf(r['resourceNames']),
  }))
  const nonResourceURLs = stringsOf(rule['nonResourceURLs'])
  const namespaces = stringsOf(rule['namespaces'])
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    throw new Error(`${path}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`)
  }
  const omit = rule['omitManagedFields']
  return {
    level,
    omitStages: new Set([...policy.omitStages, ...stagesOf(rule['omitStages'])]),
    omitManagedFields: typeof omit === 'boolean' ? omit : policy.omitManagedFields,
    users: stringsOf(rule['users']),
    userGroups: stringsOf(rule['userGroups']),
    verbs: stringsOf(rule['verbs']),
    resources,
    namespaces,
    nonResourceURLs,
  }
}

function stagesOf(value: unknown): Set<AuditStage> {
  const stages = stringsOf(value) as AuditStage[]
  const unknown = stages.find((stage) => !STAGES.includes(stage))
  if (unknown) throw new Error(`omitStages: ${unknown} is not one of ${STAGES.join(', ')}`)
  return new Set(stages)
}

function matches(rule: AuditRule, attributes: AuthorizationAttributes): boolean {
  const { user, verb } = attributes
  const holds = (list: readonly string[], value: string): boolean => list.length === 0 || list.includes(value)
  if (!holds(rule.users, user.name) || !holds(rule.verbs, verb)) return false
  if (rule.userGroups.length > 0 && !user.groups.some((group) => rule.userGroups.includes(group))) return false
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return matchesResource(rule, attributes)
  if (rule.nonResourceURLs.length === 0) return true
  const { isResourceRequest, path } = attributes
  return !isResourceRequest && rule.nonResourceURLs.some((url) => url === '*' || nonResourceUrlCovers(url, path))
}

function matchesResource({ namespaces, resources }: AuditRule, attributes: AuthorizationAttributes): boolean {
  if (!attributes.isResourceRequest) return false
  if (namespaces.length > 0 && !namespaces.includes(attributes.namespace)) return false
  return resources.length === 0 || resources.some((entry) => matchesGroup(entry, attributes))
}

function matchesGroup(entry: GroupResources, attributes: AuthorizationAttributes): boolean {
  const { apiGroup, resource, subresource, name } = attributes
  if (entry.group !== apiGroup && entry.group !== '*') return false
  if (entry.resources.length === 0) return true
  if (entry.resourceNames.length > 0 && !entry.resourceNames.includes(name)) return false
  const combined = subresource === '' ? resource : `${resource}/${subresource}`
  return entry.resources.some(
    (wanted) =>
      wanted === '*' ||
      wanted === combined ||
      wanted === `${resource}/*` ||
      (subresource !== '' && wanted === `*/${subresource}`),
  )
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
