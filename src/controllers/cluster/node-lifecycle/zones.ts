import type { Node } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { conditionOf } from '../conditions.ts'

/** Nodes per second whose pods are evicted: upstream's node-eviction-rate. */
const RATE_PER_SECOND = 0.1
/** The same in a zone of which much is lost, where it is large. */
const SECONDARY_RATE_PER_SECOND = 0.01
const LARGE_ZONE = 50
const UNHEALTHY_SHARE = 0.55

const REGION_LABEL = 'topology.kubernetes.io/region'
const ZONE_LABEL = 'topology.kubernetes.io/zone'
const EXCLUDED_LABEL = 'node.kubernetes.io/exclude-disruption'

export function zoneOf({ metadata }: Typed<Node>): string {
  const { [REGION_LABEL]: region = '', [ZONE_LABEL]: zone = '' } = metadata.labels ?? {}
  return `${region}\0${zone}`
}

type ZoneState = 'normal' | 'partial' | 'full'

export interface Zone {
  readonly state: ZoneState
  readonly size: number
}

function isReady({ status }: Typed<Node>): boolean {
  return conditionOf(status?.conditions, 'Ready')?.status === 'True'
}

/** The state of every zone: full disruption where no node is ready, partial where most are not. */
export function zonesOf(nodes: readonly Typed<Node>[]): ReadonlyMap<string, Zone> {
  const counts = new Map<string, { ready: number; lost: number }>()
  for (const node of nodes) {
    if (node.metadata.labels?.[EXCLUDED_LABEL] !== undefined) continue
    const zone = zoneOf(node)
    const count = counts.get(zone) ?? { ready: 0, lost: 0 }
    counts.set(zone, count)
    if (isReady(node)) count.ready++
    else count.lost++
  }
  return new Map(
    [...counts].map(([zone, { ready, lost }]) => {
      const isPartial = lost > 2 && lost / (ready + lost) >= UNHEALTHY_SHARE
      const state: ZoneState = ready === 0 && lost > 0 ? 'full' : isPartial ? 'partial' : 'normal'
      return [zone, { state, size: ready + lost }] as const
    }),
  )
}

/** True where no node anywhere is ready: more likely the control plane is cut off than that all are lost. */
export function isEverythingLost(zones: ReadonlyMap<string, Zone>): boolean {
  return zones.size > 0 && [...zones.values()].every((z) => z.state === 'full')
}

function ratePerSecond({ state, size }: Zone): number {
  if (state !== 'partial') return RATE_PER_SECOND
  return size > LARGE_ZONE ? SECONDARY_RATE_PER_SECOND : 0
}

/** Lets one node of a zone after the other have its pods evicted. */
export class EvictionLimiter {
  readonly #next = new Map<string, number>()

  /** Milliseconds until a node may be tainted: 0 takes the turn; undefined: not while things are as they are. */
  turn(zone: string, { state, size }: Zone, now: number): number | undefined {
    const rate = ratePerSecond({ state, size })
    if (rate === 0) return undefined
    const next = this.#next.get(zone) ?? now
    if (next > now) return next - now
    this.#next.set(zone, now + 1000 / rate)
    return 0
  }
}
