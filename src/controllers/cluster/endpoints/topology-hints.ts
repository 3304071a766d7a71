import { parseQuantity } from '../../../apimachinery/quantity.ts'
import type { Node, Service } from '../../../apimachinery/types/core-v1.ts'
import type { Endpoint } from '../../../apimachinery/types/discovery-v1.ts'
import type { Typed } from '../../runtime/client.ts'

export const ZONE_LABEL = 'topology.kubernetes.io/zone'
const MODE_ANNOTATION = 'service.kubernetes.io/topology-mode'
const DEPRECATED_MODE_ANNOTATION = 'service.kubernetes.io/topology-aware-hints'
const EXCLUDED_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master']
/** How much more than its share an endpoint may have to bear. */
const OVERLOAD = 0.2

/** Endpoints of one slice that are to be written, or that stay as they are. */
interface HintedSlice<S> {
  readonly slice: S
  readonly endpoints: readonly Endpoint[]
}

/** Slices of one service and address type as they are about to be written. */
interface SlicesToHint<S> {
  readonly changed: readonly HintedSlice<S>[]
  readonly unchanged: readonly HintedSlice<S>[]
}

interface HintEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: 'TopologyAwareHintsEnabled' | 'TopologyAwareHintsDisabled'
  readonly message: string
}

interface Hinting<S> {
  /** Slices to write, those that were unchanged before included where their hints have to change. */
  readonly changed: readonly HintedSlice<S>[]
  readonly events: readonly HintEvent[]
}

interface Allocation {
  readonly minimum: number
  readonly maximum: number
  readonly desired: number
}

type Counts = Map<string, number>

/** Whether a service asks for hints by the zones' shares of the CPU. */
export function wantsTopologyHints({ metadata }: Typed<Service>): boolean {
  const mode = metadata.annotations?.[MODE_ANNOTATION] ?? metadata.annotations?.[DEPRECATED_MODE_ANNOTATION]
  return mode === 'Auto' || mode === 'auto'
}

/** Whether a change of a node can change the shares. */
export function changesTopology(node: Typed<Node>, old: Typed<Node> | undefined): boolean {
  if (!old) return true
  return isReady(node) !== isReady(old) || node.metadata.labels?.[ZONE_LABEL] !== old.metadata.labels?.[ZONE_LABEL]
}

/** Each zone's share of the CPU of all nodes; undefined where a node does not say enough, or there is one zone. */
export function cpuShares(nodes: readonly Typed<Node>[]): ReadonlyMap<string, number> | undefined {
  const byZone: Counts = new Map()
  let total = 0
  for (const node of nodes) {
    const { labels = {} } = node.metadata
    if (EXCLUDED_LABELS.some((label) => labels[label] !== undefined) || !isReady(node)) continue
    const zone = labels[ZONE_LABEL]
    const cpu = node.status?.allocatable?.['cpu']
    const milli = cpu === undefined ? 0 : parseQuantity(cpu).milliValue()
    if (!zone || milli === 0) return undefined
    total += milli
    byZone.set(zone, (byZone.get(zone) ?? 0) + milli)
  }
  if (total === 0 || byZone.size < 2) return undefined
  return new Map([...byZone].sort(([a], [b]) => (a < b ? -1 : 1)).map(([zone, milli]) => [zone, milli / total]))
}

/**
 * Hints that spread traffic over zones by their share of the CPU, and what has been given so far.
 *
 * @see k8s.io/endpointslice topologycache
 */
export class TopologyHints {
  /** Service → address type → zone → endpoints that are for it. */
  readonly #given = new Map<string, Map<string, ReadonlyMap<string, number>>>()
  readonly #populated = new Set<string>()

  /** Services of which a zone has too few endpoints for its share. */
  overloaded(shares: ReadonlyMap<string, number> | undefined): readonly string[] {
    return [...this.#given]
      .filter(([, types]) => [...types.values()].some((zones) => isOverloaded(zones, shares)))
      .map(([key]) => key)
  }

  /** Takes the service out of account; true where it had hints. */
  forget(serviceKey: string, addressType?: string): boolean {
    const types = this.#given.get(serviceKey)
    if (addressType !== undefined) types?.delete(addressType)
    if (addressType === undefined || types?.size === 0) this.#given.delete(serviceKey)
    return this.#populated.delete(serviceKey)
  }

  /** Gives hints to a service's ready endpoints, or takes them all away where that cannot be done fairly. */
  hint<S>(
    serviceKey: string,
    addressType: string,
    { changed, unchanged }: SlicesToHint<S>,
    shares: ReadonlyMap<string, number> | undefined,
  ): Hinting<S> {
    const disabled = (message: string): Hinting<S> => {
      this.forget(serviceKey, addressType)
      const event = {
        type: 'Warning',
        reason: 'TopologyAwareHintsDisabled',
        message: withType(message, addressType),
      } as const
      return { changed: withoutHints(changed, unchanged), events: [event] }
    }
    const ready = [...changed, ...unchanged].flatMap((s) => s.endpoints).filter(isEndpointReady)
    const allocations = allocationsOf(shares, ready.length)
    if (typeof allocations === 'string') return disabled(allocations)
    const allocated: Counts = new Map()
    const toHint = [...changed]
    for (const slice of unchanged) {
      const zones = validHints(slice.endpoints, allocated, allocations)
      if (!zones) toHint.push(slice)
      else for (const [zone, count] of zones) allocated.set(zone, (allocated.get(zone) ?? 0) + count)
    }
    const endpoints = toHint.flatMap((s) => s.endpoints).filter(isEndpointReady)
    if (endpoints.some((e) => !e.zone)) return disabled('One or more endpoints do not have a zone specified')
    const hints = new Map(endpoints.map((e) => [e, e.zone!]))
    for (const zone of hints.values()) allocated.set(zone, (allocated.get(zone) ?? 0) + 1)
    redistribute(hints, allocations, allocated)
    if (allocated.size === 0) return disabled('No hints allocated for zones')
    const isNew = !this.#populated.has(serviceKey)
    this.#remember(serviceKey, addressType, allocated)
    const message = withType('Topology Aware Hints has been enabled', addressType)
    return {
      changed: toHint.map(({ slice, endpoints: own }) => ({
        slice,
        endpoints: own.map((e) => hinted(e, hints.get(e))),
      })),
      events: isNew ? [{ type: 'Normal', reason: 'TopologyAwareHintsEnabled', message }] : [],
    }
  }

  #remember(serviceKey: string, addressType: string, zones: ReadonlyMap<string, number>): void {
    const types = this.#given.get(serviceKey) ?? new Map<string, ReadonlyMap<string, number>>()
    this.#given.set(serviceKey, types.set(addressType, zones))
    this.#populated.add(serviceKey)
  }
}

/** What is said when a service no longer asks for hints that it has. */
export function hintsTurnedOff(addressType: string): HintEvent {
  const message = withType('Topology Aware Hints has been disabled', addressType)
  return { type: 'Warning', reason: 'TopologyAwareHintsDisabled', message }
}

const withType = (message: string, addressType: string): string => `${message}, addressType: ${addressType}`

function isReady({ status }: Typed<Node>): boolean {
  return status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True'
}

const isEndpointReady = ({ conditions }: Endpoint): boolean => conditions?.ready === true

function hinted({ hints: _hints, ...endpoint }: Endpoint, zone: string | undefined): Endpoint {
  return zone === undefined ? endpoint : { ...endpoint, hints: { forZones: [{ name: zone }] } }
}

function withoutHints<S>(
  changed: readonly HintedSlice<S>[],
  unchanged: readonly HintedSlice<S>[],
): readonly HintedSlice<S>[] {
  const withHints = unchanged.filter(({ endpoints }) => endpoints.some((e) => e.hints !== undefined))
  return [...changed, ...withHints].map(({ slice, endpoints }) => ({
    slice,
    endpoints: endpoints.map((e) => hinted(e, undefined)),
  }))
}

/** How many endpoints each zone gets, or why that cannot be said. */
function allocationsOf(
  shares: ReadonlyMap<string, number> | undefined,
  endpoints: number,
): ReadonlyMap<string, Allocation> | string {
  if (!shares) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'
  const counts = `(${endpoints} endpoints, ${shares.size} zones)`
  if (shares.size > endpoints) return `Insufficient number of endpoints ${counts}`
  const zones = [...shares].map(([zone, share]) => {
    const exact = share * endpoints
    const minimum = Math.ceil(exact * (1 / (1 + OVERLOAD)))
    return { zone, minimum, desired: Math.max(exact, minimum) }
  })
  const left = endpoints - zones.reduce((sum, { minimum }) => sum + minimum, 0)
  if (left < 0) {
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${counts}`
  }
  return new Map(zones.map(({ zone, minimum, desired }) => [zone, { minimum, desired, maximum: minimum + left }]))
}

/** Hints of a slice by zone; undefined where they cannot stay. */
function validHints(
  endpoints: readonly Endpoint[],
  allocated: Counts,
  allocations: ReadonlyMap<string, Allocation>,
): Counts | undefined {
  const zones: Counts = new Map()
  for (const endpoint of endpoints.filter(isEndpointReady)) {
    const names = endpoint.hints?.forZones ?? []
    if (names.length === 0) return undefined
    for (const { name } of names) {
      if (!allocations.has(name)) return undefined
      zones.set(name, (zones.get(name) ?? 0) + 1)
    }
  }
  for (const [zone, count] of zones) {
    if (count + (allocated.get(zone) ?? 0) > allocations.get(zone)!.maximum) return undefined
  }
  return zones
}

/** Gives endpoints of zones that have more than they want to zones that have less. */
function redistribute(
  hints: Map<Endpoint, string>,
  allocations: ReadonlyMap<string, Allocation>,
  allocated: Counts,
): void {
  const { giving, receiving } = exchange(allocations, allocated)
  for (const endpoint of hints.keys()) {
    const from = endpoint.zone!
    if ((giving.get(from) ?? 0) === 0) continue
    const to = [...receiving].find(([, count]) => count > 0)?.[0]
    if (to === undefined) return
    hints.set(endpoint, to)
    giving.set(from, giving.get(from)! - 1)
    receiving.set(to, receiving.get(to)! - 1)
    allocated.set(from, allocated.get(from)! - 1)
    allocated.set(to, (allocated.get(to) ?? 0) + 1)
  }
}

/** How many endpoints each zone gives to others, and gets from them. */
function exchange(
  allocations: ReadonlyMap<string, Allocation>,
  allocated: Counts,
): { readonly giving: Counts; readonly receiving: Counts } {
  const tooMany: Counts = new Map()
  const tooFew: Counts = new Map()
  for (const [zone, { desired }] of allocations) {
    const surplus = (allocated.get(zone) ?? 0) - desired
    if (surplus > 0) tooMany.set(zone, surplus)
    else if (surplus < 0) tooFew.set(zone, -surplus)
  }
  const giving: Counts = new Map()
  const receiving: Counts = new Map()
  for (;;) {
    const [from, toGive] = greatest(tooMany)
    const [to, toGet] = greatest(tooFew)
    const isWorthIt = toGive >= 0.5 && toGet >= 0.5 && (toGive >= 1 || toGet >= 1)
    if (from === undefined || to === undefined || !isWorthIt) return { giving, receiving }
    giving.set(from, (giving.get(from) ?? 0) + 1)
    tooMany.set(from, toGive - 1)
    receiving.set(to, (receiving.get(to) ?? 0) + 1)
    tooFew.set(to, toGet - 1)
  }
}

function greatest(counts: Counts): readonly [zone: string | undefined, count: number] {
  let most: readonly [string | undefined, number] = [undefined, 0]
  for (const [zone, count] of counts) if (count > most[1]) most = [zone, count]
  return most
}

function isOverloaded(zones: ReadonlyMap<string, number>, shares: ReadonlyMap<string, number> | undefined): boolean {
  if (zones.size === 0) return false
  if (!shares) return true
  const total = [...zones.values()].reduce((a, b) => a + b, 0)
  return [...shares].some(([zone, share]) => {
    const count = zones.get(zone)
    return count === undefined || count < Math.ceil(total * share * (1 / (1 + OVERLOAD)))
  })
}
