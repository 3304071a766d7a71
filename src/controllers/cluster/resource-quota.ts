import { isNotFound } from '../../apimachinery/api-error.ts'
import type { Clock } from '../../apimachinery/clock.ts'
import { equalJson } from '../../apimachinery/clone.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { parseQuantity, type Quantity } from '../../apimachinery/quantity.ts'
import type { Pod, ResourceQuota } from '../../apimachinery/types/core-v1.ts'
import type { Client, ObjectKey, ResourceRef, Typed } from '../runtime/client.ts'
import type { CacheReader, Controller, WatchSource } from '../runtime/controller.ts'
import { keyOf } from '../runtime/object-key.ts'
import {
  CONFIG_MAPS,
  CRON_JOBS,
  DAEMON_SETS,
  DEPLOYMENTS,
  JOBS,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  RESOURCE_QUOTAS,
  SECRETS,
  SERVICES,
  STATEFUL_SETS,
} from '../runtime/resources.ts'
import { isPodTerminal } from '../workloads/pod-state.ts'

/** What a recount reads. */
interface QuotaReader {
  get(group: string, resource: string, namespace: string, name: string): Promise<KubeObject | undefined>
  list(group: string, resource: string, namespace: string): Promise<readonly KubeObject[]>
  serves(group: string, resource: string): boolean
}

/** Counts what a namespace uses of what a quota limits; admission has it. */
export type QuotaUsage = (
  reader: QuotaReader,
  namespace: string,
  quota: ResourceQuota,
  clock: Clock,
) => Promise<ReadonlyMap<string, Quantity>>

/** Everything is counted anew so often: upstream's resource-quota-sync-period. */
const RESYNC_MS = 300_000

/** Resources whose going, or change, frees what a quota limits. */
const WATCHED = [
  SERVICES,
  PERSISTENT_VOLUME_CLAIMS,
  CONFIG_MAPS,
  SECRETS,
  REPLICATION_CONTROLLERS,
  DEPLOYMENTS,
  REPLICA_SETS,
  STATEFUL_SETS,
  DAEMON_SETS,
  JOBS,
  CRON_JOBS,
] as readonly ResourceRef[]

/**
 * Keeps the status of quotas: limits as the spec has them, usage counted anew whenever something goes.
 *
 * @see pkg/controller/resourcequota/resource_quota_controller.go
 */
export function resourceQuotaController(usage: QuotaUsage): Controller<Typed<ResourceQuota>> {
  return {
    name: 'resourcequota-controller',
    queueName: 'resourcequota_primary',
    serviceAccount: 'resourcequota-controller',
    for: RESOURCE_QUOTAS,
    resyncMs: RESYNC_MS,
    watches: [...WATCHED.map(freedBy), { resource: PODS, enqueue: (pod, old, cache) => freedByPod(pod, old, cache) }],
    async reconcile(key, { cache, client, clock, watch }) {
      const quota = cache.get(RESOURCE_QUOTAS, key)
      if (!quota) return
      const resources = await client.resources()
      for (const resource of countedOnly(quota, resources)) watch(freedBy(resource))
      const counted = await usage(readerOf(client, resources), key.namespace, quota, clock)
      const status = quotaStatus(quota, counted)
      if (!sameStatus(quota.status, status)) {
        await client.updateSubresource(RESOURCE_QUOTAS, 'status', { ...quota, status })
      }
    },
  }
}

/** The status after a recount. What could not be counted stays as it was. */
function quotaStatus(
  { spec, status }: ResourceQuota,
  counted: ReadonlyMap<string, Quantity>,
): { readonly hard: Record<string, string>; readonly used: Record<string, string> } {
  const hard = { ...spec?.hard }
  const used: Record<string, string> = {}
  for (const name of Object.keys(hard)) {
    const amount = counted.get(name)?.toString() ?? status?.used?.[name]
    if (amount !== undefined) used[name] = amount
  }
  return { hard, used }
}

function sameStatus(current: ResourceQuota['status'], next: ReturnType<typeof quotaStatus>): boolean {
  if (!current?.hard || !current.used) return false
  return equalJson(current.hard, next.hard) && sameAmounts(current.used, next.used)
}

function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every((name) => b[name] !== undefined && parseQuantity(a[name]!).equals(parseQuantity(b[name])))
}

function freedBy(resource: ResourceRef): WatchSource {
  // Services change their type, and claims grow.
  const countsUpdates = resource.resource === 'services' || resource.resource === 'persistentvolumeclaims'
  return {
    resource,
    enqueue: (object, old, cache) =>
      isGone(resource, object, cache) || (countsUpdates && old) ? quotasOf(object, cache) : [],
  }
}

function freedByPod(pod: KubeObject, old: KubeObject | undefined, cache: CacheReader): readonly ObjectKey[] {
  const hasEnded = old !== undefined && !isPodTerminal(old as Typed<Pod>) && isPodTerminal(pod as Typed<Pod>)
  return hasEnded || isGone(PODS as ResourceRef, pod, cache) ? quotasOf(pod, cache) : []
}

function isGone(resource: ResourceRef, object: KubeObject, cache: CacheReader): boolean {
  return cache.get(resource, keyOf(object)) === undefined
}

function quotasOf({ metadata }: KubeObject, cache: CacheReader): readonly ObjectKey[] {
  return cache.list(RESOURCE_QUOTAS, metadata.namespace).map(keyOf)
}

/** Resources, custom ones too, whose objects a quota counts (`count/widgets.example.com`). */
function countedOnly({ spec }: ResourceQuota, resources: readonly ResourceRef[]): readonly ResourceRef[] {
  const counted = new Set(Object.keys(spec?.hard ?? {}).map((name) => name.replace(/^count\//, '')))
  return resources.filter((r) => r.namespaced && counted.has(r.group === '' ? r.resource : `${r.resource}.${r.group}`))
}

function readerOf(client: Client, served: readonly ResourceRef[]): QuotaReader {
  const resources = new Map(served.map((r) => [`${r.group}/${r.resource}`, r]))
  return {
    serves: (group, resource) => resources.has(`${group}/${resource}`),
    get: async (group, resource, namespace, name) => {
      const found = resources.get(`${group}/${resource}`)
      return found ? await client.get(found, { namespace, name }).catch(undefinedIfNotFound) : undefined
    },
    list: async (group, resource, namespace) => {
      const found = resources.get(`${group}/${resource}`)
      return found ? (await client.list(found, namespace === '' ? {} : { namespace })).items : []
    },
  }
}

function undefinedIfNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
  return undefined
}
