import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { KubernetesEndpoints, type KubernetesEndpointsOptions } from '../../src/cluster/kubernetes-endpoints.ts'
import { ENDPOINT_SLICES, ENDPOINTS } from '../../src/controllers/runtime/resources.ts'
import { TestPlane } from '../suites/control-plane.ts'

const KEY = { namespace: 'default', name: 'kubernetes' }

let clock: ManualClock
let cluster: TestPlane
let warnings: unknown[]

beforeEach(async () => {
  clock = new ManualClock()
  cluster = await TestPlane.start({ clock, bootstrap: true })
  warnings = []
})

afterEach(() => cluster.close())

function start(address: string, options: Partial<KubernetesEndpointsOptions> = {}): Promise<KubernetesEndpoints> {
  const { registry, store } = cluster.plane
  return KubernetesEndpoints.start({
    registry,
    store,
    keyPrefix: '/registry',
    sharedStore: true,
    type: 'lease',
    serverCount: 1,
    address,
    port: 6443,
    clock,
    logger: { warn: (fields) => void warnings.push(fields) },
    ...options,
  })
}

async function addresses(): Promise<{ readonly endpoints: unknown; readonly slice: unknown }> {
  const endpoints = await cluster.client.get(ENDPOINTS, KEY)
  const slice = await cluster.client.get(ENDPOINT_SLICES, KEY)
  return {
    endpoints: endpoints.subsets?.[0]?.addresses?.map(({ ip }) => ip),
    slice: slice.endpoints?.map((endpoint) => endpoint.addresses[0]),
  }
}

const both = (...ips: string[]) => ({ endpoints: ips, slice: ips })

describe('the endpoints of the kubernetes service', () => {
  test('are written as upstream has them', async () => {
    const server = await start('192.0.2.7')
    expect(await cluster.client.get(ENDPOINTS, KEY)).toMatchObject({
      metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip: '192.0.2.7' }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] }],
    })
    expect(await cluster.client.get(ENDPOINT_SLICES, KEY)).toMatchObject({
      metadata: { labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.7'], conditions: { ready: true } }],
      ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
    })
    await server.stop()
    expect(warnings).toEqual([])
  })

  test('are those of all servers on a store; one that stops takes its own away, the last one leaves it', async () => {
    const second = await start('192.0.2.8')
    const first = await start('192.0.2.7')
    expect(await addresses()).toEqual(both('192.0.2.7', '192.0.2.8'))
    await second.stop()
    expect(await addresses()).toEqual(both('192.0.2.7'))
    await first.stop()
    expect(await addresses()).toEqual(both('192.0.2.7'))
    const { kvs } = await cluster.plane.store.range('/registry/masterleases/')
    expect(kvs).toEqual([])
  })

  test('are looked after: what is deleted comes back, and nothing is written while all is well', async () => {
    const server = await start('192.0.2.7', { sharedStore: false })
    const before = await cluster.plane.store.currentRevision()
    clock.advance(60_000)
    await server.stop()
    expect(await cluster.plane.store.currentRevision()).toBe(before)
    const again = await start('192.0.2.7', { sharedStore: false })
    await cluster.client.delete(ENDPOINT_SLICES, KEY)
    clock.advance(10_000)
    await vi.waitFor(async () => expect(await addresses()).toEqual(both('192.0.2.7')))
    await again.stop()
  })

  test('without leases, as many are kept as there are servers', async () => {
    const options = { type: 'master-count', serverCount: 2 } as const
    for (const address of ['192.0.2.7', '192.0.2.8', '192.0.2.9']) await (await start(address, options)).stop()
    expect(await addresses()).toEqual(both('192.0.2.8', '192.0.2.9'))
  })

  test('are left alone where that is asked for, and refused where they lead to the machine itself', async () => {
    await (await start('192.0.2.7', { type: 'none' })).stop()
    await expect(addresses()).rejects.toMatchObject({ code: 404 })
    await (await start('127.0.0.1')).stop()
    expect(JSON.stringify(warnings)).toContain('may not be in the loopback range')
  })
})
