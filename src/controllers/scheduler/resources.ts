import type { CSIDriver, CSIStorageCapacity } from '../../apimachinery/types/storage-v1.ts'
import type { ResourceRef, Typed } from '../runtime/client.ts'

const GROUP = { group: 'storage.k8s.io', version: 'v1' }

export const CSI_DRIVERS: ResourceRef<Typed<CSIDriver>> = {
  ...GROUP,
  resource: 'csidrivers',
  kind: 'CSIDriver',
  namespaced: false,
}
export const CSI_STORAGE_CAPACITIES: ResourceRef<Typed<CSIStorageCapacity>> = {
  ...GROUP,
  resource: 'csistoragecapacities',
  kind: 'CSIStorageCapacity',
  namespaced: true,
}
