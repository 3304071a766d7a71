import { isNotFound } from '../../../apimachinery/api-error.ts'
import { formatTime } from '../../../apimachinery/clock.ts'
import { equalJson } from '../../../apimachinery/clone.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { EndpointSubset, Endpoints, Service } from '../../../apimachinery/types/core-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf } from '../../runtime/object-key.ts'
import { ENDPOINTS, PODS, SERVICES } from '../../runtime/resources.ts'
import { isRefusedByNamespace } from '../refused-by-namespace.ts'
import { subsetsOf, truncated } from './endpoint-subsets.ts'
import {
  HEADLESS_LABEL,
  hasManagedEndpoints,
  isHeadless,
  podsOf,
  servicesOfPod,
  TRIGGER_TIME_ANNOTATION,
} from './service-pods.ts'
import { TriggerTimes } from './trigger-times.ts'

const NAME = 'endpoint-controller'
const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by'
const OVER_CAPACITY_ANNOTATION = 'endpoints.kubernetes.io/over-capacity'

/**
 * Keeps the Endpoints of services with a selector.
 *
 * @see pkg/controller/endpoint/endpoints_controller.go
 */
export function endpointsController(): Controller<Typed<Service>> {
  const triggerTimes = new TriggerTimes()
  return {
    name: 'endpoints-controller',
    queueName: 'endpoint',
    serviceAccount: 'endpoint-controller',
    eventSource: NAME,
    for: SERVICES,
    watches: [
      { resource: PODS, enqueue: (pod, old, cache) => servicesOfPod(pod as never, old as never, cache) },
      { resource: ENDPOINTS, enqueue: (endpoints, old, cache) => (old ? [] : ownOrGone(endpoints, cache)) },
    ],
    async reconcile(key, context) {
      const { cache, client } = context
      const service = cache.get(SERVICES, key)
      if (!service) {
        triggerTimes.forget(key)
        // Whoever made them: upstream removes those of a service without a selector as well.
        if (cache.get(ENDPOINTS, key)) await client.delete(ENDPOINTS, key).catch(ignoreNotFound)
        return
      }
      if (!hasManagedEndpoints(service)) return
      const pods = podsOf(service, cache)
      await write(context, service, subsetsOf(service, pods), triggerTimes.of(service, pods))
    },
  }
}

/**
 * Endpoints that somebody removed, and those made here, whose service may have gone while nobody watched. Others may
 * have been made before their service.
 */
function ownOrGone(endpoints: KubeObject, cache: CacheReader): readonly ObjectKey[] {
  const key = keyOf(endpoints)
  const isOwn = endpoints.metadata.labels?.[MANAGED_BY_LABEL] === NAME
  return isOwn || !cache.get(ENDPOINTS, key) ? [key] : []
}

async function write(
  { cache, client, events }: ReconcileContext,
  service: Typed<Service>,
  all: readonly EndpointSubset[],
  triggerTime: number | undefined,
): Promise<void> {
  const key = keyOf(service)
  const current = cache.get(ENDPOINTS, key)
  const { subsets, isTruncated } = truncated(all)
  const labels = labelsOf(service)
  const isOverCapacity = current?.metadata.annotations?.[OVER_CAPACITY_ANNOTATION] !== undefined
  if (
    current &&
    semanticEqual(withoutVersions(current.subsets), subsets) &&
    equalJson(withoutHeadless(current.metadata.labels), withoutHeadless(labels)) &&
    isOverCapacity === isTruncated
  ) {
    return
  }
  const {
    [TRIGGER_TIME_ANNOTATION]: _time,
    [OVER_CAPACITY_ANNOTATION]: _over,
    ...kept
  } = current?.metadata.annotations ?? {}
  const annotations = {
    ...kept,
    ...(triggerTime === undefined ? {} : { [TRIGGER_TIME_ANNOTATION]: formatTime(triggerTime) }),
    ...(isTruncated ? { [OVER_CAPACITY_ANNOTATION]: 'truncated' } : {}),
  }
  const metadata = { ...(current?.metadata ?? key), labels, annotations }
  const next: Typed<Endpoints> = { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets: [...subsets] }
  try {
    await (current ? client.update(ENDPOINTS, next) : client.create(ENDPOINTS, next))
  } catch (error) {
    if (!current && isRefusedByNamespace(error)) return
    const [reason, verb] = current
      ? ['FailedToUpdateEndpoint', 'update endpoint']
      : ['FailedToCreateEndpoint', 'create endpoint for service']
    events.record(next, 'Warning', reason, `Failed to ${verb} ${key.namespace}/${key.name}: ${messageOf(error)}`)
    throw error
  }
}

function labelsOf(service: Typed<Service>): Record<string, string> {
  const { [HEADLESS_LABEL]: _own, ...labels } = service.metadata.labels ?? {}
  return { ...labels, ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}), [MANAGED_BY_LABEL]: NAME }
}

function withoutHeadless(labels: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const { [HEADLESS_LABEL]: _headless, ...rest } = labels ?? {}
  return rest
}

/** A pod's version is no reason to write. */
function withoutVersions(subsets: readonly EndpointSubset[] | undefined): unknown {
  return JSON.parse(
    JSON.stringify(subsets ?? [], (name, value: unknown) => (name === 'resourceVersion' ? undefined : value)),
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error
}
