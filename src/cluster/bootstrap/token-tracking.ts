import { cloneJson } from '../../apimachinery/clone.ts'
import type { ConfigMap } from '../../apimachinery/types/core-v1.ts'
import type { Registry } from '../../registry/generic/registry.ts'
import { ensureObject, systemContext } from './ensure.ts'

const NAMESPACE = 'kube-system'
const NAME = 'kube-apiserver-legacy-service-account-token-tracking'

/**
 * Says since which day it is noted when tokens of service accounts that lie in Secrets are used.
 *
 * @see kubernetes pkg/controlplane/controller/legacytokentracking
 */
export async function ensureTokenTracking(registry: Registry, now: number): Promise<void> {
  const since = new Date(now).toISOString().slice(0, 10)
  const metadata = { name: NAME, namespace: NAMESPACE }
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { since } }
  if (await ensureObject(registry, '', 'configmaps', object)) return
  await registry.backing('', 'configmaps')!.store.update(systemContext(NAMESPACE), NAME, {
    updatedObject: (existing) => {
      const { data } = existing as unknown as ConfigMap
      const isGood = /^\d{4}-\d{2}-\d{2}$/.test(data?.['since'] ?? '') && !Number.isNaN(Date.parse(data!['since']!))
      return isGood ? cloneJson(existing!) : { ...cloneJson(existing!), data: { ...data, since } }
    },
  })
}
