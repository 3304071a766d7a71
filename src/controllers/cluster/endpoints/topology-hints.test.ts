import { describe, expect, test } from 'vitest'
import type { Node } from '../../../apimachinery/types/core-v1.ts'
import type { Endpoint } from '../../../apimachinery/types/discovery-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { changesTopology, cpuShares, TopologyHints } from './topology-hints.ts'

function node(zone: string | undefined, cpu = '1000m', more: { ready?: boolean; role?: string } = {}): Typed<Node> {
  const { ready = true, role } = more
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: 'n',
      labels: {
        ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}),
        ...(role ? { [`node-role.kubernetes.io/${role}`]: '' } : {}),
      },
    },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

let made = 0
const endpoint = (zone: string | undefined, ready = true): Endpoint => ({
  addresses: [`10.0.0.${++made}`],
  conditions: { ready },
  ...(zone ? { zone } : {}),
})
const many = (zone: string, count: number): Endpoint[] => Array.from({ length: count }, () => endpoint(zone))

const zonesOf = (endpoints: readonly Endpoint[]) => endpoints.map((e) => e.hints?.forZones?.map((z) => z.name).join())

/** What one call says, of one slice that is made. */
function hinted(endpoints: readonly Endpoint[], shares: ReadonlyMap<string, number> | undefined) {
  const { changed, events } = new TopologyHints().hint(
    'ns/svc',
    'IPv4',
    { changed: [{ slice: 's', endpoints }], unchanged: [] },
    shares,
  )
  return { zones: zonesOf(changed[0]!.endpoints), messages: events.map((e) => `${e.type} ${e.reason}: ${e.message}`) }
}

const EVEN = cpuShares([node('a'), node('b')])

describe('cpuShares', () => {
  test('are those of ready nodes, control planes apart', () => {
    const nodes = [
      node('a', '2'),
      node('b', '500m'),
      node('b', '1500m'),
      node('c', '4', { ready: false }),
      node('d', '4', { role: 'control-plane' }),
      node('e', '4', { role: 'master' }),
    ]
    expect([...cpuShares(nodes)!]).toEqual([
      ['a', 0.5],
      ['b', 0.5],
    ])
  })

  test.each([
    ['a node without a zone', [node('a'), node('b'), node(undefined)]],
    ['a node without CPU', [node('a'), node('b', '0')]],
    ['one zone', [node('a'), node('a')]],
    ['no nodes', []],
  ])('are not known with %s', (_what, nodes) => {
    expect(cpuShares(nodes)).toBeUndefined()
  })

  test('change with nodes that come, become ready or move', () => {
    expect(changesTopology(node('a'), undefined)).toBe(true)
    expect(changesTopology(node('a'), node('a', '1', { ready: false }))).toBe(true)
    expect(changesTopology(node('a'), node('b'))).toBe(true)
    expect(changesTopology(node('a', '2'), node('a', '1'))).toBe(false)
  })
})

// Cases of topologycache_test.go.
describe('hints', () => {
  test('are the own zone where the endpoints are spread as the CPU is', () => {
    expect(hinted([endpoint('a'), endpoint('b')], EVEN)).toEqual({
      zones: ['a', 'b'],
      messages: ['Normal TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4'],
    })
  })

  test('move as few endpoints as are needed to zones that have too few', () => {
    const { zones } = hinted([...many('a', 4), ...many('b', 2)], EVEN)
    expect(zones).toEqual(['b', 'a', 'a', 'a', 'b', 'b'])
    const shares = cpuShares([node('a'), node('b'), node('c')])
    expect(hinted([...many('a', 3), ...many('b', 3)], shares).zones.filter((z) => z === 'c')).toHaveLength(2)
  })

  test('are not given to endpoints that are not ready, which do not count either', () => {
    const { zones } = hinted([endpoint('a'), endpoint('b'), endpoint('a', false)], EVEN)
    expect(zones).toEqual(['a', 'b', undefined])
  })

  test.each([
    [
      'nodes say too little',
      [endpoint('a'), endpoint('b')],
      undefined,
      'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
    ],
    [
      'there are fewer endpoints than zones',
      [endpoint('a')],
      EVEN,
      'Insufficient number of endpoints (1 endpoints, 2 zones)',
    ],
    [
      'a zone would be overloaded',
      many('a', 3),
      cpuShares([node('a', '1000m'), node('b', '1000m')]),
      'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 2 zones)',
    ],
    [
      'an endpoint has no zone',
      [endpoint('a'), endpoint(undefined)],
      EVEN,
      'One or more endpoints do not have a zone specified',
    ],
  ])('are taken away where %s', (_why, endpoints, shares, message) => {
    const old = endpoints.map((e) => ({ ...e, hints: { forZones: [{ name: 'a' }] } }))
    expect(hinted(old, shares)).toEqual({
      zones: endpoints.map(() => undefined),
      messages: [`Warning TopologyAwareHintsDisabled: ${message}, addressType: IPv4`],
    })
  })

  test('of slices that need no change stay, unless they are too many for a zone', () => {
    const hints = new TopologyHints()
    const with_ = (zone: string, forZone: string): Endpoint => ({
      ...endpoint(zone),
      hints: { forZones: [{ name: forZone }] },
    })
    const kept = { slice: 'kept', endpoints: [with_('a', 'a'), with_('a', 'b')] }
    const added = { slice: 'new', endpoints: [endpoint('b')] }
    const first = hints.hint(
      'ns/svc',
      'IPv4',
      { changed: [added], unchanged: [kept] },
      cpuShares([node('a', '2'), node('b')]),
    )
    expect(first.changed.map((s) => s.slice)).toEqual(['new'])
    const tooMany = { slice: 'old', endpoints: [with_('a', 'b'), with_('a', 'b'), with_('a', 'b')] }
    const second = hints.hint(
      'ns/svc',
      'IPv4',
      { changed: [], unchanged: [tooMany] },
      cpuShares([node('a', '2'), node('b')]),
    )
    expect(second.changed.map((s) => zonesOf(s.endpoints))).toEqual(
      [['a', 'a', 'a']].map(() => expect.arrayContaining(['a', 'b'])),
    )
    expect(second.events).toEqual([])
  })

  test('services whose zones have too few endpoints are found when nodes change', () => {
    const hints = new TopologyHints()
    const slices = { changed: [{ slice: 's', endpoints: [endpoint('a'), endpoint('b')] }], unchanged: [] }
    hints.hint('ns/svc', 'IPv4', slices, EVEN)
    expect(hints.overloaded(EVEN)).toEqual([])
    expect(hints.overloaded(cpuShares([node('a'), node('b'), node('c')]))).toEqual(['ns/svc'])
    expect(hints.overloaded(undefined)).toEqual(['ns/svc'])
    expect([hints.forget('ns/svc', 'IPv4'), hints.forget('ns/svc', 'IPv4')]).toEqual([true, false])
    expect(hints.overloaded(undefined)).toEqual([])
  })
})
