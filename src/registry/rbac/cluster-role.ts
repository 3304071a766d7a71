import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ClusterRole } from '../../apimachinery/types/rbac-v1.ts'
import { validateLabelSelector } from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource } from '../resource.ts'
import { RBAC_GROUP, validatePolicyRule, validateRbacName } from './rbac-validation.ts'

function validateClusterRole(role: ClusterRole, allowInvalidLabelValueInSelector: boolean): FieldError[] {
  const errors = validateObjectMeta(role.metadata, false, validateRbacName, FieldPath.of('metadata'))
  const path = FieldPath.of('rules')
  role.rules?.forEach((rule, i) => {
    errors.push(...validatePolicyRule(rule, false, path.index(i)))
  })
  if (role.aggregationRule) errors.push(...validateAggregation(role, allowInvalidLabelValueInSelector))
  return errors
}

function validateAggregation(role: ClusterRole, allowInvalidLabelValueInSelector: boolean): FieldError[] {
  const errors: FieldError[] = []
  const path = FieldPath.of('aggregationRule', 'clusterRoleSelectors')
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? []
  if (selectors.length === 0) {
    errors.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'))
  }
  selectors.forEach((selector, i) => {
    errors.push(...validateLabelSelector(selector, { allowInvalidLabelValueInSelector }, path.index(i)))
    // What the strict rules refuse cannot be made into a selector either; upstream prints the nil that came of it.
    if (validateLabelSelector(selector, {}, path).length > 0) {
      errors.push(invalid(path.index(i), undefined, 'invalid label selector.'))
    }
  })
  return errors
}

/** A stored role may keep the bad label values that older servers let in. */
function hasInvalidSelector(role: ClusterRole): boolean {
  const path = FieldPath.of('aggregationRule')
  return (role.aggregationRule?.clusterRoleSelectors ?? []).some(
    (selector) => validateLabelSelector(selector, {}, path).length > 0,
  )
}

export const clusterRoles = defineResource<ClusterRole>({
  group: RBAC_GROUP,
  resource: 'clusterroles',
  hubVersion: 'v1',
  strategy: {
    validate: (role) => validateClusterRole(role, false),
    validateUpdate: (role, old) => [
      ...validateClusterRole(role, hasInvalidSelector(old)),
      ...validateObjectMetaUpdate(role.metadata, old.metadata, FieldPath.of('metadata')),
    ],
  },
})
