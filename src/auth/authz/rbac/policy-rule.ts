import type { PolicyRule } from '../../../apimachinery/types/rbac-v1.ts'
import type { AuthorizationAttributes } from '../authorizer.ts'

/** True where the rule lets the request through (kubernetes pkg/apis/rbac/v1/evaluation_helpers.go). */
export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!holds(rule.verbs, attributes.verb)) return false
  if (!attributes.isResourceRequest) return nonResourceUrlMatches(rule.nonResourceURLs, attributes.path)
  return (
    holds(rule.apiGroups, attributes.apiGroup) &&
    resourceMatches(rule.resources, attributes.resource, attributes.subresource) &&
    resourceNameMatches(rule.resourceNames, attributes.name)
  )
}

function holds(list: readonly string[] | undefined, wanted: string): boolean {
  if (list === undefined) return false
  for (const item of list) if (item === '*' || item === wanted) return true
  return false
}

/** `pods`, `pods/log`, `*`, and `*` followed by `/scale` for that subresource of everything. */
function resourceMatches(list: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (list === undefined) return false
  const combined = subresource === '' ? resource : `${resource}/${subresource}`
  for (const item of list) {
    if (item === '*' || item === combined) return true
    if (subresource !== '' && item.length === subresource.length + 2 && item === `*/${subresource}`) return true
  }
  return false
}

function resourceNameMatches(list: readonly string[] | undefined, name: string): boolean {
  return list === undefined || list.length === 0 || list.includes(name)
}

function nonResourceUrlMatches(list: readonly string[] | undefined, path: string): boolean {
  return list?.some((url) => url === '*' || nonResourceUrlCovers(url, path)) ?? false
}

/** True where a rule for `url` (which may end in `*`) also speaks of `path`. */
export function nonResourceUrlCovers(url: string, path: string): boolean {
  return url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, '')))
}
