import type { RoleBinding } from '../../apimachinery/types/rbac-v1.ts'
import { defineResource } from '../resource.ts'
import { bindingStrategy, bindingTable, setBindingDefaults } from './binding.ts'
import { RBAC_GROUP } from './rbac-validation.ts'

export const roleBindings = defineResource<RoleBinding>({
  group: RBAC_GROUP,
  resource: 'rolebindings',
  hubVersion: 'v1',
  defaults: setBindingDefaults,
  strategy: bindingStrategy({ isNamespaced: true, roleKinds: ['Role', 'ClusterRole'] }),
  table: bindingTable,
})
