import { duplicate, type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import type { NamedRuleWithOperations, RuleWithOperations } from '../../apimachinery/types/admissionregistration-v1.ts'
import { invalidEach, isPathSegmentName } from '../../apimachinery/validation/names.ts'

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
const SCOPES = ['*', 'Cluster', 'Namespaced']

export function setRuleDefaults(rules: readonly RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*'
}

/** @see kubernetes pkg/apis/admissionregistration/validation/validation.go validateRuleWithOperations */
export function validateRuleWithOperations(rule: RuleWithOperations, path: FieldPath): FieldError[] {
  const operations = rule.operations ?? []
  const operationsPath = path.child('operations')
  const errors = requireOneAndLoneWildcard(operations, 'operations', operationsPath)
  operations.forEach((operation, i) => {
    if (!OPERATIONS.includes(operation)) errors.push(notSupported(operationsPath.index(i), operation, OPERATIONS))
  })
  return errors.concat(validateRule(rule, path))
}

function validateRule(rule: RuleWithOperations, path: FieldPath): FieldError[] {
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule
  const versionsPath = path.child('apiVersions')
  const errors = [
    ...requireOneAndLoneWildcard(apiGroups, 'API groups', path.child('apiGroups')),
    ...requireOneAndLoneWildcard(apiVersions, 'API versions', versionsPath),
  ]
  apiVersions.forEach((version, i) => {
    if (version === '') errors.push(required(versionsPath.index(i), ''))
  })
  errors.push(...validateResources(resources, path.child('resources')))
  if (scope !== undefined && !SCOPES.includes(scope)) errors.push(notSupported(path.child('scope'), scope, SCOPES))
  return errors
}

function requireOneAndLoneWildcard(values: readonly string[], what: string, path: FieldPath): FieldError[] {
  if (values.length === 0) return [required(path, '')]
  if (values.length === 1 || !values.includes('*')) return []
  return [invalid(path, values, `if '*' is present, must not specify other ${what}`)]
}

/** Resources with or without subresource, either of which may be `*`. */
function validateResources(resources: readonly string[], path: FieldPath): FieldError[] {
  if (resources.length === 0) return [required(path, '')]
  const errors: FieldError[] = []
  const withAnySubresource = new Set<string>()
  const ofAnyResource = new Set<string>()
  // Only the last resource without a subresource counts here, as upstream has it.
  let hasResourceWithoutSubresource = false
  resources.forEach((text, i) => {
    if (text === '') {
      errors.push(required(path.index(i), ''))
      return
    }
    const slash = text.indexOf('/')
    if (slash < 0) {
      hasResourceWithoutSubresource = text !== '*'
      return
    }
    const resource = text.slice(0, slash)
    const subresource = text.slice(slash + 1)
    const refuse = (wildcard: string): void => {
      errors.push(invalid(path.index(i), text, `if '${wildcard}' is present, must not specify ${text}`))
    }
    if (withAnySubresource.has(resource)) refuse(`${resource}/*`)
    if (ofAnyResource.has(subresource)) refuse(`*/${subresource}`)
    if (subresource === '*') withAnySubresource.add(resource)
    if (resource === '*') ofAnyResource.add(subresource)
  })
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
  }
  if (resources.includes('*') && hasResourceWithoutSubresource) {
    const detail = "if '*' is present, must not specify other resources without subresources"
    errors.push(invalid(path, resources, detail))
  }
  return errors
}

/** A rule of a policy, which may name objects besides. */
export function validateNamedRule(rule: NamedRuleWithOperations, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set<string>()
  rule.resourceNames?.forEach((name, i) => {
    const at = path.child('resourceNames').index(i)
    errors.push(...invalidEach(at, name, isPathSegmentName(name)))
    if (names.has(name)) errors.push(duplicate(at, name))
    names.add(name)
  })
  return errors.concat(validateRuleWithOperations(rule, path))
}
