import type { FieldError } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { Role } from '../../apimachinery/types/rbac-v1.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { defineResource } from '../resource.ts'
import { RBAC_GROUP, validatePolicyRule, validateRbacName } from './rbac-validation.ts'

function validateRole(role: Role): FieldError[] {
  const errors = validateObjectMeta(role.metadata, true, validateRbacName, FieldPath.of('metadata'))
  const path = FieldPath.of('rules')
  role.rules?.forEach((rule, i) => {
    errors.push(...validatePolicyRule(rule, true, path.index(i)))
  })
  return errors
}

export const roles = defineResource<Role>({
  group: RBAC_GROUP,
  resource: 'roles',
  hubVersion: 'v1',
  strategy: {
    validate: validateRole,
    validateUpdate: (role, old) => [
      ...validateRole(role),
      ...validateObjectMetaUpdate(role.metadata, old.metadata, FieldPath.of('metadata')),
    ],
  },
})
