import { updateRuleOf } from '../../openapi/data.ts'
import type { QuotaStatusWriter } from '../admission/plugins/resource-quota/quota-accessor.ts'
import type { Clock } from '../apimachinery/clock.ts'
import { FieldManager } from '../apimachinery/field-manager/field-manager.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import type { Registry } from '../registry/generic/registry.ts'
import { systemContext } from './bootstrap/ensure.ts'

/** Writes quotas' status into the registry, in the name of the API server. */
export function quotaStatusWriter(registry: Registry, clock: Clock): QuotaStatusWriter {
  const { store, entry, node } = registry.backing('', 'resourcequotas')!
  const fields = new FieldManager({
    node,
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    subresource: 'status',
    resetFields: updateRuleOf('', 'resourcequotas')?.resetFields?.['status'] ?? [],
    clock,
    complete: (object) => object as KubeObject,
  })
  const strategy = entry.subresourceStrategies!['status']!
  return {
    async updateQuotaStatus(quota) {
      const { name = '', namespace = '', resourceVersion } = quota.metadata
      const { stored } = await store.update(systemContext(namespace), name, {
        strategy,
        updatedObject: (existing) => {
          const updated = fields.update(existing, { ...quota, metadata: { ...quota.metadata } }, 'kube-apiserver')
          // Whatever the quota has become meanwhile: only the one that was looked at may be written.
          updated.metadata.resourceVersion = resourceVersion
          return updated
        },
      })
      return stored.object
    },
  }
}
