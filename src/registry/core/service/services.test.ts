import { expect, test } from 'vitest'
import { ApiError } from '../../../apimachinery/api-error.ts'
import { systemClock } from '../../../apimachinery/clock.ts'
import { cloneJson } from '../../../apimachinery/clone.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { Service, ServiceSpec } from '../../../apimachinery/types/core-v1.ts'
import type { IPAddress, ServiceCIDR } from '../../../apimachinery/types/networking-v1.ts'
import type { RegistryConfig, StrategyContext } from '../../resource.ts'
import type { IpAddressRegistry } from './cluster-ip-allocator.ts'
import { ServiceRepair } from './service-repair.ts'
import { createServices } from './services.ts'
import { inMemoryPortRecord } from './stored-port-record.ts'

const NOW = Date.parse('2026-01-01T00:10:00Z')

interface ClusterOptions {
  readonly ranges?: readonly string[]
  readonly serviceCidrs?: readonly ServiceCIDR[]
}

/** Services on tables in memory, written as the generic registry writes: hooks, preparation, validation. */
function cluster({ ranges = ['10.0.0.0/24'], serviceCidrs = [] }: ClusterOptions = {}) {
  const config: RegistryConfig = {
    allowPrivileged: false,
    serviceClusterIpRanges: ranges,
    serviceNodePortRange: { first: 30_000, last: 32_767 },
    eventTtlSeconds: 3600,
    featureGates: {},
  }
  const held = new Map<string, IPAddress>()
  const addresses: IpAddressRegistry = {
    loaded: async () => {},
    has: (name) => held.has(name),
    create: async (address) => {
      const name = address.metadata.name!
      if (held.has(name)) return false
      held.set(name, { ...address, metadata: { ...address.metadata, creationTimestamp: '2026-01-01T00:00:00Z' } })
      return true
    },
    delete: async (name) => void held.delete(name),
  }
  const deletedEndpoints: string[] = []
  const { entry, allocators } = createServices({
    config,
    addresses,
    serviceCidrs: async () => serviceCidrs,
    portRecord: inMemoryPortRecord(),
    deleteEndpoints: async (namespace, name) => void deletedEndpoints.push(`${namespace}/${name}`),
    random: () => 0,
  })
  const context: StrategyContext = {
    clock: systemClock,
    config,
    namespace: 'n',
    user: undefined,
    newUid: () => 'u',
    warn: () => {},
  }
  const object = (name: string, spec: ServiceSpec): KubeObject => {
    const service = { kind: 'Service', apiVersion: 'v1', metadata: { name, namespace: 'n' }, spec: cloneJson(spec) }
    entry.defaults!(service)
    return service
  }
  const settle = async (
    service: KubeObject,
    finish: ((ok: boolean) => unknown) | undefined,
    errors: readonly { field: string; detail: string }[],
  ): Promise<ServiceSpec> => {
    await finish?.(errors.length === 0)
    if (errors.length > 0) throw new Error(errors.map(({ field, detail }) => `${field}: ${detail}`).join('; '))
    entry.strategy.canonicalize?.(service)
    return (service as unknown as Service).spec!
  }
  return {
    held,
    deletedEndpoints,
    ports: () => allocators.ports.taken(),
    repair: (services: readonly Service[]) =>
      new ServiceRepair({
        allocators,
        addresses,
        listServices: async () => services,
        listAddresses: async () => [...held.values()],
        now: () => NOW,
      }),
    async create(name: string, spec: ServiceSpec, { dryRun = false } = {}): Promise<ServiceSpec> {
      const service = object(name, spec)
      const finish = await entry.hooks!.beginCreate!(service, context, dryRun)
      entry.strategy.prepareForCreate!(service, context)
      return await settle(service, finish, entry.strategy.validate(service, context))
    },
    async update(name: string, spec: ServiceSpec, before: ServiceSpec, { dryRun = false } = {}): Promise<ServiceSpec> {
      const service = object(name, spec)
      service.metadata.resourceVersion = '1'
      const old = object(name, before)
      old.metadata.resourceVersion = '1'
      const frozen = JSON.stringify(old)
      const finish = await entry.hooks!.beginUpdate!(service, old, context, dryRun)
      entry.strategy.prepareForUpdate!(service, old, context)
      const errors = entry.strategy.validateUpdate(service, old, context)
      expect(JSON.stringify(old)).toBe(frozen)
      return await settle(service, finish, errors)
    },
    async remove(name: string, spec: ServiceSpec): Promise<void> {
      await entry.hooks!.afterDelete!(object(name, spec), context)
    },
  }
}

const HTTP = { ports: [{ port: 80 }] }

async function messageOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'no error',
    (error: unknown) => (error instanceof ApiError ? `${error.code} ${error.message}` : String(error)),
  )
}

test('a new service gets an address, whose IPAddress names it', async () => {
  const { create, held } = cluster()
  const spec = await create('a', HTTP)
  expect(spec).toMatchObject({
    clusterIP: '10.0.0.17',
    clusterIPs: ['10.0.0.17'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
  })
  expect(spec.ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }])
  expect(held.get('10.0.0.17')).toMatchObject({
    metadata: {
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace: 'n', name: 'a' } },
  })
})

test('services that come together get different addresses and ports', async () => {
  const { create } = cluster()
  const specs = await Promise.all(Array.from({ length: 20 }, (_, i) => create(`s${i}`, { ...HTTP, type: 'NodePort' })))
  expect(new Set(specs.map(({ clusterIP }) => clusterIP)).size).toBe(20)
  expect(new Set(specs.map(({ ports }) => ports![0]!.nodePort)).size).toBe(20)
})

test.each([
  ['10.0.0.17', 'provided IP is already allocated'],
  ['10.0.0.0', 'the provided network does not match the current range'],
  ['192.168.1.1', 'the provided network does not match the current range'],
])('address %s asked for by name: %s', async (clusterIP, why) => {
  const { create } = cluster()
  await create('a', HTTP)
  expect(await messageOf(create('b', { ...HTTP, clusterIP }))).toBe(
    `422 Service "b" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: failed to allocate IP ${clusterIP}: ${why}`,
  )
})

test('a full range is an internal error', async () => {
  const { create } = cluster({ ranges: ['10.0.0.0/30'] })
  await create('a', HTTP)
  await create('b', HTTP)
  expect(await messageOf(create('c', HTTP))).toBe(
    '500 Internal error occurred: failed to allocate a serviceIP for Service "c": range is full',
  )
})

test('what a failed create took goes back', async () => {
  const { create, held, ports } = cluster()
  await messageOf(create('a', { ports: [{ port: 0 }], type: 'NodePort' }))
  await messageOf(create('b', { ports: [{ port: 80, nodePort: 80 }], type: 'NodePort' }))
  expect([...held.keys()]).toEqual([])
  expect(await ports()).toEqual([])
})

test('a dry run takes nothing and shows placeholders', async () => {
  const { create, held, ports } = cluster()
  const spec = await create('a', { ...HTTP, type: 'NodePort' }, { dryRun: true })
  expect(spec.clusterIP).toBe('10.0.0.0')
  expect(spec.ports![0]!.nodePort).toBe(32_769)
  expect([...held.keys()]).toEqual([])
  expect(await ports()).toEqual([])
})

test('headless and ExternalName services take no address', async () => {
  const { create, held } = cluster()
  expect(await create('a', { ...HTTP, clusterIP: 'None', selector: { a: 'b' } })).toMatchObject({
    clusterIPs: ['None'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  })
  expect(await create('b', { ...HTTP, clusterIP: 'None' })).toMatchObject({
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'RequireDualStack',
  })
  const external = await create('c', {
    type: 'ExternalName',
    externalName: 'x.example.',
    internalTrafficPolicy: 'Local',
  })
  expect(external).toEqual({ type: 'ExternalName', externalName: 'x.example.', sessionAffinity: 'None' })
  expect([...held.keys()]).toEqual([])
})

test('ports of one number share a port of the nodes', async () => {
  const { create, ports } = cluster()
  const wanted = [
    { name: 'a', port: 53, protocol: 'TCP' },
    { name: 'b', port: 53, protocol: 'UDP' },
    { name: 'c', port: 54, nodePort: 30_005 },
  ]
  const spec = await create('a', { type: 'NodePort', ports: wanted })
  const [a, b, c] = spec.ports!.map(({ nodePort }) => nodePort)
  expect(a).toBe(b)
  expect(c).toBe(30_005)
  expect(await ports()).toEqual([a, 30_005].sort())
})

test('a local load balancer gets a port for health checks, which stays its own', async () => {
  const { create, update, ports } = cluster()
  const before = await create('a', { ...HTTP, type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
  expect(before.healthCheckNodePort).toBeGreaterThan(30_000)
  const again = await update('a', { ...HTTP, type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, before)
  expect(again).toEqual(before)
  const shared = await update('a', { ...before, externalTrafficPolicy: 'Cluster' }, before)
  expect(shared.healthCheckNodePort).toBeUndefined()
  expect(await ports()).toEqual([before.ports![0]!.nodePort])
})

test('a load balancer without node ports takes none', async () => {
  const { create, ports } = cluster()
  const spec = await create('a', { ...HTTP, type: 'LoadBalancer', allocateLoadBalancerNodePorts: false })
  expect(spec.ports![0]!.nodePort).toBeUndefined()
  expect(await ports()).toEqual([])
})

test('the manifest of a create can be sent again', async () => {
  const { create, update } = cluster()
  const before = await create('a', { ...HTTP, type: 'NodePort' })
  expect(await update('a', { ...HTTP, type: 'NodePort' }, before)).toEqual(before)
})

test('a change to ExternalName gives address and ports back, a change from it takes an address', async () => {
  const { create, update, held, ports } = cluster()
  const before = await create('a', { ...HTTP, type: 'NodePort' })
  const external = await update('a', { ...before, type: 'ExternalName', externalName: 'x.y' }, before)
  expect(external).toEqual({
    type: 'ExternalName',
    externalName: 'x.y',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
  })
  expect([...held.keys()]).toEqual([])
  expect(await ports()).toEqual([])
  const back = await update('a', { ...HTTP, type: 'ClusterIP' }, external)
  expect(back.clusterIP).toBe('10.0.0.17')
})

test('the first address never changes', async () => {
  const { create, update, held } = cluster()
  const before = await create('a', HTTP)
  const change = { ...before, clusterIP: '10.0.0.99', clusterIPs: ['10.0.0.99'] }
  expect(await messageOf(update('a', change, before))).toContain('spec.clusterIPs[0]: may not change once set')
  expect([...held.keys()]).toEqual(['10.0.0.17'])
})

test('a node port that moves is swapped on success only', async () => {
  const { create, update, ports } = cluster()
  await create('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_002 }] })
  const before = await create('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] })
  expect(await messageOf(update('a', { ...before, ports: [{ port: 80, nodePort: 30_002 }] }, before))).toBe(
    '422 Service "a" is invalid: spec.ports[0].nodePort: Invalid value: 30002: provided port is already allocated',
  )
  await update('a', { ...before, ports: [{ port: 80, nodePort: 30_003 }] }, before)
  expect(await ports()).toEqual([30_002, 30_003])
})

test('a service of two families takes an address of each and gives the second back', async () => {
  const { create, update, held } = cluster({ ranges: ['10.0.0.0/24', 'fd00::/112'] })
  const before = await create('a', { ...HTTP, ipFamilyPolicy: 'PreferDualStack' })
  expect(before).toMatchObject({ ipFamilies: ['IPv4', 'IPv6'], clusterIPs: ['10.0.0.17', 'fd00::101'] })
  const single = await update('a', { ...before, ipFamilyPolicy: 'SingleStack' }, before)
  expect(single).toMatchObject({ ipFamilies: ['IPv4'], clusterIPs: ['10.0.0.17'] })
  expect([...held.keys()]).toEqual(['10.0.0.17'])
  const both = await update('a', { ...single, ipFamilyPolicy: 'RequireDualStack' }, single)
  expect(both.clusterIPs).toEqual(['10.0.0.17', 'fd00::101'])
})

test('a cluster of one family refuses two', async () => {
  const { create } = cluster()
  expect(await messageOf(create('a', { ...HTTP, ipFamilyPolicy: 'RequireDualStack' }))).toContain(
    'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  )
  expect(await create('b', { ...HTTP, ipFamilyPolicy: 'PreferDualStack' })).toMatchObject({ ipFamilies: ['IPv4'] })
})

test('a second address goes only with a change to SingleStack', async () => {
  const { create, update } = cluster({ ranges: ['10.0.0.0/24', 'fd00::/112'] })
  const before = await create('a', { ...HTTP, ipFamilyPolicy: 'RequireDualStack' })
  const change = { ...before, clusterIPs: before.clusterIPs!.slice(0, 1), ipFamilies: ['IPv4'] }
  expect(await messageOf(update('a', change, before))).toContain(
    "must be 'SingleStack' to release the secondary cluster IP",
  )
})

test('addresses come from the ServiceCIDRs that are ready', async () => {
  const cidr = (name: string, range: string, status?: string): ServiceCIDR => ({
    metadata: { name },
    spec: { cidrs: [range] },
    status: { conditions: status ? [{ type: 'Ready', status, reason: '', message: '', lastTransitionTime: '' }] : [] },
  })
  const serviceCidrs = [cidr('kubernetes', '10.0.0.0/24', 'False'), cidr('more', '10.9.0.0/24')]
  const { create } = cluster({ serviceCidrs })
  expect((await create('a', HTTP)).clusterIP).toBe('10.9.0.17')
  expect(await messageOf(create('b', { ...HTTP, clusterIP: '10.0.0.5' }))).toContain('does not match the current range')
})

test('a deleted service gives everything back, and its endpoints go', async () => {
  const { create, remove, held, ports, deletedEndpoints } = cluster()
  const spec = await create('a', { ...HTTP, type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
  await remove('a', spec)
  expect([...held.keys()]).toEqual([])
  expect(await ports()).toEqual([])
  expect(deletedEndpoints).toEqual(['n/a'])
})

test('repair takes what services have and gives back what none has', async () => {
  const { create, held, ports, repair } = cluster()
  const lost = await create('lost', { ...HTTP, type: 'NodePort' })
  const kept = await create('kept', { ...HTTP, type: 'NodePort' })
  held.delete(kept.clusterIP!)
  const stored: Service = { metadata: { name: 'kept', namespace: 'n' }, spec: kept }
  const rounds = repair([stored])
  await rounds.run()
  expect([...held.keys()]).toEqual([kept.clusterIP])
  expect(await ports()).toContain(lost.ports![0]!.nodePort)
  await rounds.run()
  await rounds.run()
  expect(await ports()).toEqual([kept.ports![0]!.nodePort])
})

test('repair leaves addresses of others and fresh ones alone', async () => {
  const { held, repair } = cluster()
  const address = (name: string, labels: Record<string, string>, creationTimestamp: string): IPAddress => ({
    metadata: { name, labels, creationTimestamp },
    spec: { parentRef: { group: '', resource: 'services', namespace: 'n', name: 'gone' } },
  })
  const ours = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' }
  held.set('10.0.0.5', address('10.0.0.5', {}, '2026-01-01T00:00:00Z'))
  held.set('10.0.0.6', address('10.0.0.6', ours, '2026-01-01T00:09:30Z'))
  held.set('10.0.0.7', address('10.0.0.7', ours, '2026-01-01T00:08:00Z'))
  await repair([]).run()
  expect([...held.keys()]).toEqual(['10.0.0.5', '10.0.0.6'])
})
