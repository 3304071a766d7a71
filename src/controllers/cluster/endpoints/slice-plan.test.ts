import { describe, expect, it } from 'vitest'
import type { Endpoint, EndpointSlice } from '../../../apimachinery/types/discovery-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import { planSlices } from './slice-plan.ts'

const PORTS = [{ name: 'http', port: 80, protocol: 'TCP' }]

function endpoints(from: number, to: number, ready = true): Endpoint[] {
  const list: Endpoint[] = []
  for (let i = from; i < to; i++) {
    list.push({ addresses: [`10.0.${i >> 8}.${i & 255}`], conditions: { ready }, targetRef: { uid: `${i}` } })
  }
  return list
}

function slice(name: string, own: Endpoint[], ports = PORTS): Typed<EndpointSlice> {
  const meta = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name } }
  return { ...meta, addressType: 'IPv4', endpoints: own, ports }
}

describe('planSlices', () => {
  it('no endpoints, no slices → an empty slice', () => {
    expect(planSlices([], [])).toEqual({ create: [{ ports: [], endpoints: [] }], update: [], remove: [] })
  })

  it('no endpoints, the empty slice is there → nothing', () => {
    expect(planSlices([], [slice('a', [], [])])).toEqual({ create: [], update: [], remove: [] })
  })

  it('first endpoints replace the empty slice', () => {
    const empty = slice('a', [], [])
    const plan = planSlices([{ ports: PORTS, endpoints: endpoints(0, 2) }], [empty])
    expect(plan.create).toEqual([{ ports: PORTS, endpoints: endpoints(0, 2) }])
    expect(plan.remove).toEqual([empty])
  })

  it('250 endpoints → three slices of at most 100', () => {
    const { create } = planSlices([{ ports: PORTS, endpoints: endpoints(0, 250) }], [])
    expect(create.map((s) => s.endpoints.length)).toEqual([100, 100, 50])
  })

  it('a change of condition only writes the slice that has the endpoint', () => {
    const [a, b] = [slice('a', endpoints(0, 100)), slice('b', endpoints(100, 150))]
    const next = [...endpoints(0, 100), ...endpoints(100, 101, false), ...endpoints(101, 150)]
    const plan = planSlices([{ ports: PORTS, endpoints: next }], [a, b])
    expect(plan.create).toEqual([])
    expect(plan.update.map((u) => u.slice)).toEqual([b])
    expect(plan.update[0]!.endpoints[0]!.conditions).toEqual({ ready: false })
  })

  it('new endpoints go into the slice that has room for all', () => {
    const [a, b] = [slice('a', endpoints(0, 100)), slice('b', endpoints(100, 150))]
    const plan = planSlices([{ ports: PORTS, endpoints: endpoints(0, 160) }], [a, b])
    expect(plan.update.map((u) => [u.slice, u.endpoints.length])).toEqual([[b, 60]])
    expect(plan.create).toEqual([])
  })

  it('nothing changed → nothing is written', () => {
    const plan = planSlices([{ ports: PORTS, endpoints: endpoints(0, 3) }], [slice('a', endpoints(0, 3))])
    expect(plan).toEqual({ create: [], update: [], remove: [] })
  })

  it('a slice that becomes empty is removed, unless new endpoints fill it', () => {
    const [a, b] = [slice('a', endpoints(0, 100)), slice('b', endpoints(100, 101))]
    expect(planSlices([{ ports: PORTS, endpoints: endpoints(0, 100) }], [a, b]).remove).toEqual([b])
    const moved = [...endpoints(0, 100), ...endpoints(200, 201)]
    expect(planSlices([{ ports: PORTS, endpoints: moved }], [a, b]).update.map((u) => u.slice)).toEqual([b])
  })
})
