import type { AnyResourceEntry } from '../resource.ts'
import { clusterRoles } from './cluster-role.ts'
import { clusterRoleBindings } from './cluster-role-binding.ts'
import { roles } from './role.ts'
import { roleBindings } from './role-binding.ts'

/** rbac.authorization.k8s.io. Who may grant which rule (escalation) is for authorization to judge. */
export const rbacEntries: readonly AnyResourceEntry[] = [clusterRoleBindings, clusterRoles, roleBindings, roles]
