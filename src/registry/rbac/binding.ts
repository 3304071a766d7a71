import type { FieldError } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { ClusterRoleBinding, RoleBinding, Subject } from '../../apimachinery/types/rbac-v1.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import type { Strategy, TableDefinition } from '../resource.ts'
import { age, ageColumn, column, nameColumn } from '../table-cells.ts'
import {
  RBAC_GROUP,
  validateRbacName,
  validateRoleRef,
  validateRoleRefUnchanged,
  validateSubject,
} from './rbac-validation.ts'

/** RoleBinding and ClusterRoleBinding have the same fields and mostly the same rules. */
type AnyBinding = RoleBinding | ClusterRoleBinding

/** @see kubernetes pkg/apis/rbac/v1/defaults.go */
export function setBindingDefaults(binding: AnyBinding): void {
  const roleRef = binding.roleRef
  if (roleRef && !roleRef.apiGroup) roleRef.apiGroup = RBAC_GROUP
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = RBAC_GROUP
  }
}

interface BindingRules {
  readonly isNamespaced: boolean
  /** Kinds that roleRef may name. */
  readonly roleKinds: readonly string[]
}

export function bindingStrategy<T extends AnyBinding>({ isNamespaced, roleKinds }: BindingRules): Strategy<T> {
  const validate = (binding: T): FieldError[] => {
    const errors = validateObjectMeta(binding.metadata, isNamespaced, validateRbacName, FieldPath.of('metadata'))
    errors.push(...validateRoleRef(binding.roleRef, roleKinds))
    const path = FieldPath.of('subjects')
    binding.subjects?.forEach((subject, i) => {
      errors.push(...validateSubject(subject, isNamespaced, path.index(i)))
    })
    return errors
  }
  return {
    validate,
    validateUpdate: (binding, old) => [
      ...validate(binding),
      ...validateObjectMetaUpdate(binding.metadata, old.metadata, FieldPath.of('metadata')),
      ...validateRoleRefUnchanged(binding.roleRef, old.roleRef),
    ],
  }
}

export const bindingTable: TableDefinition<AnyBinding> = {
  columns: [
    nameColumn,
    column('Role'),
    ageColumn,
    column('Users', 'string', 1),
    column('Groups', 'string', 1),
    column('ServiceAccounts', 'string', 1),
  ],
  cells: (binding, now) => [
    binding.metadata.name ?? '',
    `${binding.roleRef?.kind ?? ''}/${binding.roleRef?.name ?? ''}`,
    age(binding, now),
    subjectNames(binding, 'User'),
    subjectNames(binding, 'Group'),
    subjectNames(binding, 'ServiceAccount'),
  ],
}

/** @see kubernetes pkg/apis/rbac/helpers.go SubjectsStrings */
function subjectNames(binding: AnyBinding, kind: string): string {
  const named = (subject: Subject): string =>
    kind === 'ServiceAccount' ? `${subject.namespace ?? ''}/${subject.name}` : subject.name
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(named)
    .join(', ')
}
