import type { AnyResourceEntry } from '../resource.ts'
import { bindings } from './binding.ts'
import { componentStatuses } from './component-status.ts'
import { configMaps } from './config-map.ts'
import { endpoints } from './endpoints.ts'
import { events } from './event.ts'
import { limitRanges } from './limit-range.ts'
import { namespaces } from './namespace.ts'
import { nodes } from './node.ts'
import { persistentVolumes } from './persistent-volume.ts'
import { persistentVolumeClaims } from './persistent-volume-claim.ts'
import { podTemplates } from './pod/pod-templates.ts'
import { pods } from './pod/pods.ts'
import { replicationControllers } from './replication-controller.ts'
import { resourceQuotas } from './resource-quota.ts'
import { secrets } from './secret.ts'
import { services } from './service/services.ts'
import { serviceAccounts } from './service-account.ts'

/**
 * The core group. `services` stands here without allocation: a cluster puts the entry of `createServices` in its
 * place, which needs what only a running server has.
 */
export const coreEntries: readonly AnyResourceEntry[] = [
  bindings,
  componentStatuses,
  configMaps,
  endpoints,
  events,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podTemplates,
  pods,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
]
