import type { GroupVersionResource } from '../../apimachinery/group-version.ts'
import type { RuleWithOperations } from '../../apimachinery/types/admissionregistration-v1.ts'
import type { AdmissionAttributes } from '../admission.ts'

/** The part of a request that rules look at. */
export type RuleSubject = Pick<AdmissionAttributes, 'operation' | 'namespace' | 'subresource'> & {
  readonly resource: GroupVersionResource
}

/** @see apiserver pkg/admission/plugin/webhook/predicates/rules/rules.go */
export function matchesRule(
  rule: RuleWithOperations,
  { operation, resource, subresource, namespace }: RuleSubject,
): boolean {
  return (
    hasOrAll(rule.operations, operation) &&
    hasOrAll(rule.apiGroups, resource.group) &&
    hasOrAll(rule.apiVersions, resource.version) &&
    matchesScope(rule.scope ?? '*', resource, namespace) &&
    matchesResource(rule.resources ?? [], resource.resource, subresource)
  )
}

const hasOrAll = (items: readonly string[] = [], wanted: string): boolean =>
  items.includes('*') || items.includes(wanted)

function matchesScope(scope: string, { group, version, resource }: GroupVersionResource, namespace: string): boolean {
  if (scope === '*') return true
  // A request for a namespace carries the namespace's own name, but namespaces are cluster-scoped.
  const isClusterScoped = namespace === '' || (group === '' && version === 'v1' && resource === 'namespaces')
  return scope === 'Cluster' ? isClusterScoped : scope === 'Namespaced' && !isClusterScoped
}

function matchesResource(patterns: readonly string[], resource: string, subresource: string): boolean {
  return patterns.some((pattern) => {
    const slash = pattern.indexOf('/')
    const wanted = slash < 0 ? pattern : pattern.slice(0, slash)
    const wantedSub = slash < 0 ? '' : pattern.slice(slash + 1)
    return (wanted === '*' || wanted === resource) && (wantedSub === '*' || wantedSub === subresource)
  })
}

const CONFIGURATION_KINDS: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
])

/** Webhooks never see the objects that configure admission: a broken one could not be repaired. */
export function isAdmissionConfiguration({ kind }: Pick<AdmissionAttributes, 'kind'>): boolean {
  return kind.group === 'admissionregistration.k8s.io' && CONFIGURATION_KINDS.has(kind.kind)
}
