import { formatTime } from '../../../apimachinery/clock.ts'
import { equalJson } from '../../../apimachinery/clone.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Node, Pod, Service } from '../../../apimachinery/types/core-v1.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../apimachinery/types/discovery-v1.ts'
import type { ObjectKey, Typed } from '../../runtime/client.ts'
import type { CacheReader, Controller, ReconcileContext } from '../../runtime/controller.ts'
import { keyOf, keyText, parseKey } from '../../runtime/object-key.ts'
import { controllerReference } from '../../runtime/owner.ts'
import { ENDPOINT_SLICES, NODES, PODS, SERVICES } from '../../runtime/resources.ts'
import { isRefusedByNamespace } from '../refused-by-namespace.ts'
import {
  HEADLESS_LABEL,
  hasManagedEndpoints,
  isHeadless,
  podsOf,
  servicesOfPod,
  TRIGGER_TIME_ANNOTATION,
} from './service-pods.ts'
import { type AddressType, addressTypesOf, desiredEndpoints } from './slice-endpoints.ts'
import { MANAGED_BY_LABEL, removeSlice, SERVICE_LABEL } from './slice-objects.ts'
import { planSlices, type SlicePlan, unchangedSlices, withHintsOf } from './slice-plan.ts'
import { changesTopology, cpuShares, hintsTurnedOff, TopologyHints, wantsTopologyHints } from './topology-hints.ts'
import { TriggerTimes } from './trigger-times.ts'

const MANAGER = 'endpointslice-controller.k8s.io'
const SERVICE_INDEX = 'managed-slices-of-service'

/**
 * Keeps the EndpointSlices of services with a selector.
 *
 * @see pkg/controller/endpointslice/endpointslice_controller.go
 */
export function endpointSliceController(): Controller<Typed<Service>> {
  const triggerTimes = new TriggerTimes()
  const hints = new TopologyHints()
  return {
    name: 'endpointslice-controller',
    queueName: 'endpoint_slice',
    serviceAccount: 'endpointslice-controller',
    eventSource: 'endpoint-slice-controller',
    for: SERVICES,
    watches: [
      { resource: PODS, enqueue: (pod, old, cache) => servicesOfPod(pod as never, old as never, cache) },
      { resource: ENDPOINT_SLICES, enqueue: (slice, old) => [...serviceOf(slice), ...(old ? serviceOf(old) : [])] },
      {
        resource: NODES,
        enqueue: (node, old, cache) => [
          ...(old ? [] : servicesOnNode(node, cache)),
          ...overloadedServices(node as Typed<Node>, old as Typed<Node> | undefined, hints, cache),
        ],
      },
    ],
    indexes: [{ resource: ENDPOINT_SLICES, name: SERVICE_INDEX, values: indexValues }],
    async reconcile(key, context) {
      const service = context.cache.get(SERVICES, key)
      if (!service) {
        triggerTimes.forget(key)
        hints.forget(keyText(key))
        return
      }
      if (!hasManagedEndpoints(service)) return
      const pods = podsOf(service, context.cache)
      try {
        await reconcileSlices(context, service, pods, { triggerTime: triggerTimes.of(service, pods), hints })
      } catch (error) {
        if (isRefusedByNamespace(error)) return
        const message = `Error updating Endpoint Slices for Service ${key.namespace}/${key.name}: ${error instanceof Error ? error.message : error}`
        context.events.record(service, 'Warning', 'FailedToUpdateEndpointSlices', message)
        throw error
      }
    },
  }
}

function isManaged({ metadata }: KubeObject): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGER
}

function serviceOf(slice: KubeObject): readonly ObjectKey[] {
  const name = slice.metadata.labels?.[SERVICE_LABEL]
  return isManaged(slice) && name ? [{ namespace: slice.metadata.namespace ?? '', name }] : []
}

function indexValues(slice: KubeObject): readonly string[] {
  return serviceOf(slice).map(({ namespace, name }) => `${namespace}/${name}`)
}

/** Services whose pods waited for their node to be known. */
function servicesOnNode({ metadata }: KubeObject, cache: CacheReader): readonly ObjectKey[] {
  const pods = cache.list(PODS).filter((p) => p.spec?.nodeName === metadata.name)
  return pods.flatMap((p) => servicesOfPod(p, undefined, cache))
}

/** Services that a change of a node leaves with too few endpoints for a zone. */
function overloadedServices(
  node: Typed<Node>,
  old: Typed<Node> | undefined,
  hints: TopologyHints,
  cache: CacheReader,
): readonly ObjectKey[] {
  return changesTopology(node, old) ? hints.overloaded(cpuShares(cache.list(NODES))).map(parseKey) : []
}

interface SliceState {
  readonly triggerTime: number | undefined
  readonly hints: TopologyHints
}

async function reconcileSlices(
  context: ReconcileContext,
  service: Typed<Service>,
  pods: readonly Typed<Pod>[],
  state: SliceState,
): Promise<void> {
  const { cache } = context
  const { namespace, name } = keyOf(service)
  const all = cache.byIndex(ENDPOINT_SLICES, SERVICE_INDEX, `${namespace}/${name}`)
  const slices = all.filter((s) => !s.metadata.deletionTimestamp)
  const types = addressTypesOf(service)
  const errors: string[] = []
  for (const addressType of types) {
    const { groups, errors: skipped } = desiredEndpoints(service, pods, addressType, cache)
    errors.push(...skipped)
    const existing = slices.filter((s) => s.addressType === addressType)
    await writeSlices(context, service, { addressType, groups, existing, ...state })
  }
  for (const slice of slices) {
    if (types.includes(slice.addressType as AddressType)) continue
    state.hints.forget(`${namespace}/${name}`, slice.addressType)
    await removeSlice(context.client, slice)
  }
  if (errors.length > 0) throw new Error(errors.join(', '))
}

interface SliceWork extends SliceState {
  readonly addressType: AddressType
  readonly groups: Parameters<typeof planSlices>[0]
  readonly existing: readonly Typed<EndpointSlice>[]
}

/** What to write, and Events about hints once it is written. */
function planned({ cache }: ReconcileContext, service: Typed<Service>, work: SliceWork) {
  const { addressType, groups, existing, hints } = work
  const key = keyText(keyOf(service))
  if (!wantsTopologyHints(service)) {
    const events = hints.forget(key, addressType) ? [hintsTurnedOff(addressType)] : []
    return { plan: planSlices(groups, existing), events }
  }
  const plan = planSlices(withHintsOf(groups, existing), existing)
  const unchanged = unchangedSlices(plan, existing).map((slice) => ({ slice, endpoints: slice.endpoints ?? [] }))
  const drafts = plan.create.map((slice) => ({ slice, endpoints: slice.endpoints }))
  const slices = { changed: [...drafts, ...plan.update], unchanged }
  const { changed, events } = hints.hint<(typeof slices.changed)[number]['slice']>(
    key,
    addressType,
    slices,
    cpuShares(cache.list(NODES)),
  )
  const isNew = (slice: object): boolean => drafts.some((draft) => draft.slice === slice)
  return {
    plan: {
      create: changed.filter(({ slice }) => isNew(slice)).map(({ slice, endpoints }) => ({ ...slice, endpoints })),
      update: changed.filter(({ slice }) => !isNew(slice)),
      remove: plan.remove,
    } as SlicePlan,
    events,
  }
}

async function writeSlices(context: ReconcileContext, service: Typed<Service>, work: SliceWork): Promise<void> {
  const { client } = context
  const { addressType, existing, triggerTime } = work
  const { plan, events } = planned(context, service, work)
  const labels = labelsOf(service)
  for (const { ports, endpoints } of plan.create) {
    await client.create(ENDPOINT_SLICES, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        generateName: `${service.metadata.name}-`,
        namespace: service.metadata.namespace!,
        labels,
        ...annotated({}, triggerTime),
        ownerReferences: [controllerReference(service, SERVICES)],
      },
      addressType,
      ...sliceContent(ports, endpoints),
    })
  }
  const updates = new Map(plan.update.map(({ slice, endpoints }) => [slice, endpoints]))
  for (const slice of existing) {
    if (plan.remove.includes(slice)) continue
    const endpoints = updates.get(slice)
    if (!endpoints && equalJson(slice.metadata.labels, labels)) continue
    const metadata = { ...slice.metadata, labels, ...annotated(slice.metadata.annotations ?? {}, triggerTime) }
    await client.update(ENDPOINT_SLICES, { ...slice, metadata, ...(endpoints ? { endpoints: [...endpoints] } : {}) })
  }
  for (const slice of plan.remove) await removeSlice(context.client, slice)
  for (const { type, reason, message } of events) context.events.record(service, type, reason, message)
}

type SliceContent = Pick<EndpointSlice, 'endpoints' | 'ports'>

/** Empty lists are left out, as in what upstream sends (protobuf knows none), so that nobody owns them. */
function sliceContent(ports: readonly EndpointPort[], endpoints: readonly Endpoint[]): SliceContent {
  return {
    ...(endpoints.length > 0 ? { endpoints: [...endpoints] } : {}),
    ...(ports.length > 0 ? { ports: [...ports] } : {}),
  } as SliceContent
}

function annotated(
  { [TRIGGER_TIME_ANNOTATION]: _time, ...kept }: Readonly<Record<string, string>>,
  triggerTime: number | undefined,
): { readonly annotations: Record<string, string> } {
  if (triggerTime === undefined) return { annotations: kept }
  return { annotations: { ...kept, [TRIGGER_TIME_ANNOTATION]: formatTime(triggerTime) } }
}

function labelsOf(service: Typed<Service>): Record<string, string> {
  const { [HEADLESS_LABEL]: _headless, ...labels } = service.metadata.labels ?? {}
  return {
    ...labels,
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
    [SERVICE_LABEL]: service.metadata.name!,
    [MANAGED_BY_LABEL]: MANAGER,
  }
}
