import { equalJson } from '../../../apimachinery/clone.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Endpoints, Service } from '../../../apimachinery/types/core-v1.ts'
import type { EndpointSlice } from '../../../apimachinery/types/discovery-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf, keyText } from '../../runtime/object-key.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { ENDPOINT_SLICES, ENDPOINTS, SERVICES } from '../../runtime/resources.ts'
import { isRefusedByNamespace } from '../refused-by-namespace.ts'
import { MAX_PER_SUBSET, type MirroredSlice, mirrorOf, showsEndpoints } from './mirrored-endpoints.ts'
import { TRIGGER_TIME_ANNOTATION } from './service-pods.ts'
import { MANAGED_BY_LABEL, removeSlice, SERVICE_LABEL } from './slice-objects.ts'
import { portsKey } from './slice-plan.ts'

const MANAGER = 'endpointslicemirroring-controller.k8s.io'
const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror'
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader'
const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'
const MIRROR_INDEX = 'mirrored-slices-of-endpoints'

type Slice = Typed<EndpointSlice>

/**
 * Keeps EndpointSlices of Endpoints that somebody wrote by hand, for services without a selector.
 *
 * @see kubernetes pkg/controller/endpointslicemirroring
 */
export const endpointSliceMirroringController: Controller<Typed<Endpoints>> = {
  name: 'endpointslice-mirroring-controller',
  queueName: 'endpoint_slice_mirroring',
  serviceAccount: 'endpointslicemirroring-controller',
  eventSource: 'endpoint-slice-mirroring-controller',
  for: ENDPOINTS,
  isRelevant: (endpoints, old) => mayMirror(endpoints) || (old !== undefined && mayMirror(old)),
  watches: [
    { resource: SERVICES, enqueue: (service, old, cache) => ofService(service as never, old as never, cache) },
    { resource: ENDPOINT_SLICES, enqueue: (slice, old) => [...mirrored(slice), ...(old ? mirrored(old) : [])] },
  ],
  indexes: [{ resource: ENDPOINT_SLICES, name: MIRROR_INDEX, values: (slice) => mirrored(slice).map(keyText) }],
  async reconcile(key, context) {
    const { cache } = context
    const endpoints = cache.get(ENDPOINTS, key)
    const service = cache.get(SERVICES, key)
    const existing = cache.byIndex(ENDPOINT_SLICES, MIRROR_INDEX, keyText(key))
    if (endpoints && service && !service.spec?.selector && mayMirror(endpoints)) {
      await mirror(endpoints, existing, context)
    } else {
      for (const slice of existing) await removeSlice(context.client, slice)
    }
  },
}

/** A service that comes, goes, or begins or ends to have a selector. */
function ofService(service: Typed<Service>, old: Typed<Service> | undefined, cache: CacheReader): readonly ObjectKey[] {
  const key = keyOf(service)
  const isManual = !service.spec?.selector
  if (!old || !cache.get(SERVICES, key)) return isManual ? [key] : []
  return isManual !== !old.spec?.selector ? [key] : []
}

function mayMirror({ metadata }: KubeObject): boolean {
  return metadata.labels?.[SKIP_LABEL] !== 'true' && metadata.annotations?.[LEADER_ANNOTATION] === undefined
}

function mirrored({ metadata }: KubeObject): readonly ObjectKey[] {
  const name = metadata.labels?.[SERVICE_LABEL]
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGER && name ? [{ namespace: metadata.namespace ?? '', name }] : []
}

async function mirror(
  endpoints: Typed<Endpoints>,
  existing: readonly Slice[],
  context: ReconcileContext,
): Promise<void> {
  const { client } = context
  const { slices, invalid, skipped } = mirrorOf(endpoints.subsets ?? [])
  reportSkipped(endpoints, invalid, skipped, context)
  const spare = new Set(existing)
  const missing: MirroredSlice[] = []
  for (const wanted of slices) {
    const shown = existing.find(
      (s) => s.addressType === wanted.addressType && portsKey(s.ports) === portsKey(wanted.ports),
    )
    if (!shown) {
      missing.push(wanted)
      continue
    }
    spare.delete(shown)
    if (!isUpToDate(shown, endpoints, wanted)) await client.update(ENDPOINT_SLICES, sliceOf(endpoints, wanted, shown))
  }
  for (const wanted of missing) {
    // One that would be deleted is used again.
    const reused = [...spare].find((s) => s.addressType === wanted.addressType)
    if (reused) {
      spare.delete(reused)
      await client.update(ENDPOINT_SLICES, sliceOf(endpoints, wanted, reused))
    } else if (!endpoints.metadata.deletionTimestamp) {
      await client.create(ENDPOINT_SLICES, sliceOf(endpoints, wanted)).catch((error: unknown) => {
        if (!isRefusedByNamespace(error)) throw error
      })
    }
  }
  for (const slice of spare) await removeSlice(client, slice)
}

function reportSkipped(
  endpoints: Typed<Endpoints>,
  invalid: number,
  skipped: number,
  { events }: ReconcileContext,
): void {
  if (invalid > 0) {
    const message = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`
    events.record(endpoints, 'Warning', 'InvalidIPAddress', message)
  }
  if (skipped > invalid) {
    const message = `A max of ${MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`
    events.record(endpoints, 'Warning', 'TooManyAddressesToMirror', message)
  }
}

function isUpToDate(slice: Slice, endpoints: Typed<Endpoints>, { endpoints: wanted }: MirroredSlice): boolean {
  const { [MANAGED_BY_LABEL]: _manager, [SERVICE_LABEL]: _service, ...labels } = slice.metadata.labels ?? {}
  return (
    showsEndpoints(slice, wanted) &&
    equalJson(labels, endpoints.metadata.labels ?? {}) &&
    equalJson(slice.metadata.annotations ?? {}, annotationsOf(endpoints)) &&
    (slice.metadata.ownerReferences ?? []).every((r) => r.kind !== 'Endpoints' || r.uid === endpoints.metadata.uid)
  )
}

function annotationsOf({ metadata }: Typed<Endpoints>): Record<string, string> {
  const { [TRIGGER_TIME_ANNOTATION]: _time, [LAST_APPLIED_ANNOTATION]: _applied, ...kept } = metadata.annotations ?? {}
  return kept
}

/** The slice that mirrors Endpoints, in the place of another or as a new one. */
function sliceOf(
  endpoints: Typed<Endpoints>,
  { addressType, ports, endpoints: shown }: MirroredSlice,
  place?: Slice,
): Slice {
  const { name, namespace } = endpoints.metadata
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...(place ? { name: place.metadata.name! } : { generateName: `${name}-` }),
      namespace: namespace!,
      labels: { ...endpoints.metadata.labels, [SERVICE_LABEL]: name!, [MANAGED_BY_LABEL]: MANAGER },
      annotations: annotationsOf(endpoints),
      ownerReferences: [controllerReference(endpoints, ENDPOINTS)],
    },
    addressType,
    endpoints: [...shown],
    ports: [...ports],
  }
}
