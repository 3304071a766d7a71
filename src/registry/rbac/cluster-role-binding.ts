import type { ClusterRoleBinding } from '../../apimachinery/types/rbac-v1.ts'
import { defineResource } from '../resource.ts'
import { bindingStrategy, bindingTable, setBindingDefaults } from './binding.ts'
import { RBAC_GROUP } from './rbac-validation.ts'

export const clusterRoleBindings = defineResource<ClusterRoleBinding>({
  group: RBAC_GROUP,
  resource: 'clusterrolebindings',
  hubVersion: 'v1',
  defaults: setBindingDefaults,
  strategy: bindingStrategy({ isNamespaced: false, roleKinds: ['ClusterRole'] }),
  table: bindingTable,
})
