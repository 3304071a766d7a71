import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type { PolicyRule, RoleRef, Subject } from '../../apimachinery/types/rbac-v1.ts'
import { isPathSegmentName } from '../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../apimachinery/validation/object-meta.ts'

export const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Names of roles and bindings: whatever fits into a path segment. */
export function validateRbacName(name: string): string[] {
  return isPathSegmentName(name)
}

/** @see kubernetes pkg/apis/rbac/validation/validation.go ValidatePolicyRule */
export function validatePolicyRule(rule: PolicyRule, isNamespaced: boolean, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  if (!rule.verbs?.length) errors.push(required(path.child('verbs'), 'verbs must contain at least one value'))
  if (rule.nonResourceURLs?.length) {
    const urlsPath = path.child('nonResourceURLs')
    if (isNamespaced) {
      errors.push(invalid(urlsPath, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'))
    }
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
      const detail = 'rules cannot apply to both regular resources and non-resource URLs'
      errors.push(invalid(urlsPath, rule.nonResourceURLs, detail))
    }
    return errors
  }
  if (!rule.apiGroups?.length) {
    errors.push(required(path.child('apiGroups'), 'resource rules must supply at least one api group'))
  }
  if (!rule.resources?.length) {
    errors.push(required(path.child('resources'), 'resource rules must supply at least one resource'))
  }
  return errors
}

/** `kinds`: what a binding may refer to. */
export function validateRoleRef(roleRef: RoleRef | undefined, kinds: readonly string[]): FieldError[] {
  const path = FieldPath.of('roleRef')
  const errors: FieldError[] = []
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {}
  if (apiGroup !== RBAC_GROUP) errors.push(notSupported(path.child('apiGroup'), apiGroup, [RBAC_GROUP]))
  if (!kinds.includes(kind)) errors.push(notSupported(path.child('kind'), kind, kinds))
  if (name === '') errors.push(required(path.child('name'), ''))
  else for (const message of validateRbacName(name)) errors.push(invalid(path.child('name'), name, message))
  return errors
}

/** @see kubernetes pkg/apis/rbac/validation/validation.go ValidateRoleBindingSubject */
export function validateSubject(subject: Subject, isNamespaced: boolean, path: FieldPath): FieldError[] {
  const errors: FieldError[] = []
  const { kind = '', name = '', namespace = '', apiGroup = '' } = subject
  if (name === '') errors.push(required(path.child('name'), ''))
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') {
        for (const message of nameIsDNSSubdomain(name, false)) errors.push(invalid(path.child('name'), name, message))
      }
      if (apiGroup !== '') errors.push(notSupported(path.child('apiGroup'), apiGroup, ['']))
      if (!isNamespaced && namespace === '') errors.push(required(path.child('namespace'), ''))
      break
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) errors.push(notSupported(path.child('apiGroup'), apiGroup, [RBAC_GROUP]))
      break
    default:
      errors.push(notSupported(path.child('kind'), kind, ['ServiceAccount', 'User', 'Group']))
  }
  return errors
}

const goRoleRef = goStruct(['APIGroup', 'apiGroup', goString], ['Kind', 'kind', goString], ['Name', 'name', goString])

export function validateRoleRefUnchanged(roleRef: RoleRef | undefined, old: RoleRef | undefined): FieldError[] {
  const same =
    (roleRef?.apiGroup ?? '') === (old?.apiGroup ?? '') && roleRef?.kind === old?.kind && roleRef?.name === old?.name
  if (same) return []
  return [invalid(FieldPath.of('roleRef'), goStructValue(goRoleRef, roleRef), 'cannot change roleRef')]
}
