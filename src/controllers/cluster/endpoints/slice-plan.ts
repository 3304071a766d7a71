import { semanticEqual } from '../../../apimachinery/semantic-equal.ts'
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../apimachinery/types/discovery-v1.ts'
import type { Typed } from '../../runtime/client.ts'

/** Most endpoints of one slice: upstream's max-endpoints-per-slice. */
const MAX_PER_SLICE = 100

/** Endpoints that have the same ports. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

interface NewSlice {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

/** What has to be written for slices to show the endpoints that there should be. */
export interface SlicePlan {
  readonly create: readonly NewSlice[]
  /** Slices with the endpoints that they are to have. */
  readonly update: readonly { readonly slice: Typed<EndpointSlice>; readonly endpoints: readonly Endpoint[] }[]
  readonly remove: readonly Typed<EndpointSlice>[]
}

/** Tells port sets apart. */
export function portsKey(ports: readonly EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map(({ name = '', port, protocol = 'TCP', appProtocol }) => JSON.stringify([name, port, protocol, appProtocol]))
    .sort()
    .join()
}

/**
 * Plans the slices of one address type such that few are written: endpoints stay where they are, new ones go into slices
 * that are written anyway, then into one that has room for all, then into new ones.
 *
 * @see k8s.io/endpointslice reconciler.go
 */
export function planSlices(groups: readonly PortGroup[], existing: readonly Typed<EndpointSlice>[]): SlicePlan {
  const create: NewSlice[] = []
  const update: { slice: Typed<EndpointSlice>; endpoints: readonly Endpoint[] }[] = []
  const remove: Typed<EndpointSlice>[] = []
  const byPorts = new Map<string, Typed<EndpointSlice>[]>()
  for (const slice of existing) {
    const key = portsKey(slice.ports)
    const list = byPorts.get(key)
    if (list) list.push(slice)
    else byPorts.set(key, [slice])
  }
  for (const group of groups) {
    const key = portsKey(group.ports)
    const plan = planGroup(group, byPorts.get(key) ?? [])
    byPorts.delete(key)
    create.push(...plan.create)
    update.push(...plan.update)
    remove.push(...plan.remove)
  }
  for (const unwanted of byPorts.values()) remove.push(...unwanted)
  return withPlaceholder({ create, update, remove }, existing)
}

function planGroup({ ports, endpoints }: PortGroup, existing: readonly Typed<EndpointSlice>[]): SlicePlan {
  const wanted = new Map(endpoints.map((e) => [identityOf(e), e]))
  const kept = existing.map((slice) => {
    const own: Endpoint[] = []
    let isChanged = false
    for (const endpoint of slice.endpoints ?? []) {
      const identity = identityOf(endpoint)
      const next = wanted.get(identity)
      wanted.delete(identity)
      if (next) own.push(next)
      if (!next || !semanticEqual(next, endpoint)) isChanged = true
    }
    return { slice, own, isChanged }
  })
  let left = [...wanted.values()]
  const fill = (place: (typeof kept)[number]): void => {
    const room = MAX_PER_SLICE - place.own.length
    if (room <= 0 || left.length === 0) return
    place.own.push(...left.slice(0, room))
    left = left.slice(room)
    place.isChanged = true
  }
  // The fullest first, so that the others may become empty.
  const changed = kept.filter((k) => k.isChanged && k.own.length > 0).sort((a, b) => b.own.length - a.own.length)
  for (const place of changed) fill(place)
  // One that would be empty is filled rather than removed and made anew.
  for (const place of kept.filter((k) => k.isChanged && k.own.length === 0)) fill(place)
  const rest = left.length % MAX_PER_SLICE
  const fitting = kept
    .filter((k) => !k.isChanged && rest > 0 && k.own.length + rest <= MAX_PER_SLICE)
    .sort((a, b) => b.own.length - a.own.length)[0]
  const create: NewSlice[] = []
  while (left.length >= MAX_PER_SLICE) create.push({ ports, endpoints: left.splice(0, MAX_PER_SLICE) })
  if (fitting) fill(fitting)
  else if (left.length > 0) create.push({ ports, endpoints: left })
  return {
    create,
    update: kept.filter((k) => k.isChanged && k.own.length > 0).map(({ slice, own }) => ({ slice, endpoints: own })),
    remove: kept.filter((k) => k.own.length === 0).map((k) => k.slice),
  }
}

/** A service without endpoints has one slice that is empty. */
function withPlaceholder(plan: SlicePlan, existing: readonly Typed<EndpointSlice>[]): SlicePlan {
  if (plan.create.length > 0 || plan.remove.length < existing.length) return plan
  const placeholder = plan.remove.find((s) => !s.endpoints?.length && !s.ports?.length)
  if (placeholder) return { ...plan, remove: plan.remove.filter((s) => s !== placeholder) }
  return { ...plan, create: [{ ports: [], endpoints: [] }] }
}

/** Slices that a plan leaves as they are. */
export function unchangedSlices(
  plan: SlicePlan,
  existing: readonly Typed<EndpointSlice>[],
): readonly Typed<EndpointSlice>[] {
  const touched = new Set([...plan.update.map(({ slice }) => slice), ...plan.remove])
  return existing.filter((slice) => !touched.has(slice))
}

/** Endpoints with the hints that they have in slices: whoever plans with them sees no change in hints. */
export function withHintsOf(groups: readonly PortGroup[], existing: readonly Typed<EndpointSlice>[]): PortGroup[] {
  const known = new Map(existing.flatMap((s) => s.endpoints ?? []).map((e) => [identityOf(e), e.hints]))
  return groups.map(({ ports, endpoints }) => ({
    ports,
    endpoints: endpoints.map((endpoint) => {
      const hints = known.get(identityOf(endpoint))
      return hints === undefined ? endpoint : { ...endpoint, hints }
    }),
  }))
}

/** What stays the same of an endpoint while its conditions change. */
function identityOf({ addresses, hostname = '', nodeName = '', targetRef }: Endpoint): string {
  return `${addresses.join()} ${hostname} ${nodeName} ${targetRef?.namespace}/${targetRef?.name} ${targetRef?.uid}`
}
