import type { ResourceCatalog } from '../../api/resource-catalog.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import { ensureInitialObject } from './ensure.ts'

const GROUP = 'apiregistration.k8s.io'

/** An APIService for each group version that this server serves itself (autoregister_controller.go). */
export async function ensureApiServices(registry: Registry, catalog: ResourceCatalog): Promise<void> {
  const versions = catalog.groups.flatMap(({ name, versions, apiServicePriority }) =>
    versions.flatMap((version) => {
      const priority = apiServicePriority[version]
      return priority ? [{ group: name, version, priority }] : []
    }),
  )
  await Promise.all(
    versions.map(({ group, version, priority: [groupPriorityMinimum, versionPriority] }) =>
      ensureInitialObject(registry, GROUP, 'apiservices', {
        kind: 'APIService',
        apiVersion: `${GROUP}/v1`,
        metadata: {
          name: `${version}.${group}`,
          labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
        },
        spec: { ...(group === '' ? {} : { group }), version, groupPriorityMinimum, versionPriority },
      }),
    ),
  )
}
