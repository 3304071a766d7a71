import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import { defineResource } from '../../resource.ts'
import { setPodDefaults } from './pod-defaults.ts'
import { podEphemeralContainersStrategy, podResizeStrategy, podStatusStrategy, podStrategy } from './pod-strategy.ts'
import { podTable } from './pod-table.ts'

/** Pods, and the subresources that take a pod. */
export const pods = defineResource<Pod>({
  group: '',
  resource: 'pods',
  hubVersion: 'v1',
  defaults: setPodDefaults,
  strategy: podStrategy,
  subresourceStrategies: {
    status: podStatusStrategy,
    ephemeralcontainers: podEphemeralContainersStrategy,
    resize: podResizeStrategy,
  },
  selectableFields({ spec, status }) {
    const nodeName = spec?.nodeName ?? ''
    return {
      'spec.nodeName': nodeName,
      'spec.host': nodeName,
      'spec.restartPolicy': spec?.restartPolicy ?? '',
      'spec.schedulerName': spec?.schedulerName ?? '',
      'spec.serviceAccountName': spec?.serviceAccountName ?? '',
      'spec.hostNetwork': String(spec?.hostNetwork ?? false),
      'status.phase': status?.phase ?? '',
      'status.podIP': status?.podIPs?.[0]?.ip ?? '',
      // Accepted, but never set.
      'status.podIPs': '',
      'status.nominatedNodeName': status?.nominatedNodeName ?? '',
    }
  },
  table: podTable,
  deletion: { returnsObject: true },
})
