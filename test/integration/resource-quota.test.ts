import { afterEach, describe, expect, test } from 'vitest'
import type { AdmissionAttributes, AdmissionPlugin } from '../../src/admission/admission.ts'
import { resourceListOf } from '../../src/admission/plugins/resource-quota/amounts.ts'
import type { ResourceQuotaConfiguration } from '../../src/admission/plugins/resource-quota/configuration.ts'
import { quotaUsage } from '../../src/admission/plugins/resource-quota/quota-usage.ts'
import { resourceQuotaPlugin } from '../../src/admission/plugins/resource-quota/resource-quota.ts'
import { systemClock } from '../../src/apimachinery/clock.ts'
import type { ResourceQuota } from '../../src/apimachinery/types/core-v1.ts'
import { AdmissionReader } from '../../src/cluster/admission-reader.ts'
import { quotaStatusWriter } from '../../src/cluster/quota-status-writer.ts'
import { AdmissionServer, type Answer } from './admission-server.ts'

let server: AdmissionServer

afterEach(() => server.close())

const BASE = '/api/v1/namespaces/default'
const MERGE = 'application/merge-patch+json'

async function start(configuration?: ResourceQuotaConfiguration, ...more: readonly AdmissionPlugin[]): Promise<void> {
  server = await AdmissionServer.start((reader, { registry, clock }) => {
    const quotaStatus = quotaStatusWriter(registry, clock)
    return [resourceQuotaPlugin({ reader, clock, quotaStatus, configuration }), ...more]
  })
}

/** A quota whose status has been counted once: nothing used yet. */
async function quota(name: string, hard: Record<string, string>, spec: object = {}): Promise<void> {
  await server.create(`${BASE}/resourcequotas`, { metadata: { name }, spec: { hard, ...spec } })
  const used = Object.fromEntries(Object.keys(hard).map((resource) => [resource, '0']))
  const answer = await server.ask('PATCH', `${BASE}/resourcequotas/${name}/status`, { status: { hard, used } }, MERGE)
  expect(answer.status).toBe(200)
}

const used = async (name: string): Promise<Record<string, string>> =>
  (await server.get(`${BASE}/resourcequotas/${name}`)).body.status.used

const pod = (name: string, container: object = {}, spec: object = {}): Promise<Answer> =>
  server.create(`${BASE}/pods`, {
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec },
  })

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('ResourceQuota', () => {
  test('64 creates at once never overshoot, and use up what there is', async () => {
    await start()
    await quota('q', { pods: '10', 'requests.cpu': '1' })
    await quota('p', { pods: '40' })
    const answers = await Promise.all(range(64).map((i) => pod(`p${i}`, { resources: { requests: { cpu: '100m' } } })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    const refused = answers.filter(({ status }) => status === 403)
    expect(refused).toHaveLength(54)
    expect(refused[0]!.body.message).toMatch(
      /^pods "p\d+" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=100m, used: pods=10,requests.cpu=1, limited: pods=10,requests.cpu=1$/,
    )
    expect(await used('q')).toEqual({ pods: '10', 'requests.cpu': '1' })
    expect(await used('p')).toEqual({ pods: '10' })
    expect((await server.get(`${BASE}/pods`)).body.items).toHaveLength(10)
  })

  test('two servers on the same quota: what the other wrote in between counts', async () => {
    const others: AdmissionPlugin[] = []
    server = await AdmissionServer.start((reader, { registry, clock }) => {
      const quotaStatus = quotaStatusWriter(registry, clock)
      for (let i = 0; i < 2; i++) others.push(resourceQuotaPlugin({ reader, clock, quotaStatus }))
      return []
    })
    await quota('q', { configmaps: '5' })
    const outcomes = await Promise.allSettled(
      range(12).map(async (i) => await others[i % 2]!.validate!(createOf(`c${i}`))),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    expect(await used('q')).toEqual({ configmaps: '5' })
  })

  test('the server owns the usage that it writes', async () => {
    await start()
    await quota('q', { configmaps: '5' })
    await server.create(`${BASE}/configmaps`, { metadata: { name: 'a' } })
    const { managedFields } = (await server.get(`${BASE}/resourcequotas/q`)).body.metadata
    expect(managedFields).toContainEqual(
      expect.objectContaining({ manager: 'kube-apiserver', operation: 'Update', subresource: 'status' }),
    )
  })

  test('a resize is charged for what it adds', async () => {
    await start()
    await quota('q', { 'requests.cpu': '2' })
    expect((await pod('p', { resources: { requests: { cpu: '1' } } })).status).toBe(201)
    const resize = (cpu: string): Promise<Answer> =>
      server.ask(
        'PATCH',
        `${BASE}/pods/p/resize`,
        { spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] } },
        'application/strategic-merge-patch+json',
      )
    expect((await resize('1500m')).status).toBe(200)
    expect(await used('q')).toEqual({ 'requests.cpu': '1500m' })
    expect((await resize('3')).body.message).toBe(
      'pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=1500m, used: requests.cpu=1500m, limited: requests.cpu=2',
    )
  })

  test('limits on the scope of pods reaching into other namespaces', async () => {
    await start()
    await quota('q', { pods: '0' }, { scopes: ['CrossNamespacePodAffinity'] })
    const term = { topologyKey: 'zone', labelSelector: {}, namespaceSelector: {} }
    const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }
    expect((await pod('a', {}, { affinity })).body.message).toContain('exceeded quota: q, requested: pods=1')
    expect((await pod('b')).status).toBe(201)
  })

  test('claims of a volume attributes class', async () => {
    await start()
    const matchExpressions = [{ scopeName: 'VolumeAttributesClass', operator: 'In', values: ['gold'] }]
    await quota(
      'q',
      { persistentvolumeclaims: '1', 'requests.storage': '1Gi' },
      { scopeSelector: { matchExpressions } },
    )
    const claim = (name: string, volumeAttributesClassName: string): Promise<Answer> =>
      server.create(`${BASE}/persistentvolumeclaims`, {
        metadata: { name },
        spec: {
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
          volumeAttributesClassName,
        },
      })
    expect((await claim('a', 'gold')).status).toBe(201)
    expect((await claim('b', 'silver')).status).toBe(201)
    expect((await claim('c', 'gold')).body.message).toBe(
      'persistentvolumeclaims "c" is forbidden: exceeded quota: q, requested: persistentvolumeclaims=1,requests.storage=1Gi, used: persistentvolumeclaims=1,requests.storage=1Gi, limited: persistentvolumeclaims=1,requests.storage=1Gi',
    )
  })

  test('devices of a claim, by class; of alternatives the worst case', async () => {
    await start()
    await quota('q', { 'gpu.deviceclass.resource.k8s.io/devices': '5', 'count/resourceclaims.resource.k8s.io': '9' })
    const request = (allocationMode: string, count?: number): object => ({
      deviceClassName: 'gpu',
      allocationMode,
      ...(count ? { count } : {}),
    })
    const claim = (name: string, ...requests: readonly object[]): Promise<Answer> =>
      server.create('/apis/resource.k8s.io/v1/namespaces/default/resourceclaims', {
        metadata: { name },
        spec: { devices: { requests } },
      })
    const firstAvailable = [
      { name: 'x', ...request('ExactCount', 3) },
      { name: 'y', ...request('ExactCount', 2) },
    ]
    const first = await claim('a', { name: 'r', firstAvailable }, { name: 's', exactly: request('ExactCount', 1) })
    expect(first.status).toBe(201)
    expect(await used('q')).toEqual({
      'count/resourceclaims.resource.k8s.io': '1',
      'gpu.deviceclass.resource.k8s.io/devices': '4',
    })
    expect((await claim('b', { name: 'r', exactly: request('All') })).body.message).toContain(
      'requested: gpu.deviceclass.resource.k8s.io/devices=32, used: gpu.deviceclass.resource.k8s.io/devices=4',
    )
  })

  test('limitedResources: what no quota covers may not be used', async () => {
    const limited = { resource: 'pods', matchContains: ['requests.cpu'] }
    await start({ limitedResources: [limited] })
    const cpu = { resources: { requests: { cpu: '1' } } }
    expect((await pod('a', cpu)).body).toMatchObject({
      code: 403,
      message: 'pods "a" is forbidden: insufficient quota to consume: requests.cpu',
    })
    expect((await pod('b')).status).toBe(201)
    await quota('q', { 'requests.cpu': '1' })
    expect((await pod('a', cpu)).status).toBe(201)
  })

  test('limitedResources: scopes', async () => {
    const matchScopes = [{ scopeName: 'PriorityClass', operator: 'In', values: ['cluster-services'] }]
    await start({ limitedResources: [{ resource: 'pods', matchScopes }] })
    expect((await pod('a', {}, { priorityClassName: 'cluster-services' })).body).toMatchObject({
      code: 500,
      message: 'insufficient quota to match these scopes: [{PriorityClass In [cluster-services]}]',
    })
    expect((await pod('b')).status).toBe(201)
  })

  test('a quota that has not been counted yet lets nothing through', async () => {
    await start()
    await server.create(`${BASE}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard: { configmaps: '1' } } })
    const status = { hard: { configmaps: '1' } }
    await server.ask('PATCH', `${BASE}/resourcequotas/q/status`, { status }, MERGE)
    expect((await server.create(`${BASE}/configmaps`, { metadata: { name: 'a' } })).body.message).toBe(
      'configmaps "a" is forbidden: status unknown for quota: q, resources: configmaps',
    )
  })
})

test('quotaUsage: counts anew what there is', async () => {
  await start()
  const hard = { pods: '9', 'requests.memory': '9Gi', 'count/deployments.apps': '9', services: '9', 'count/odd.x': '1' }
  await pod('a', { resources: { requests: { memory: '1Gi' } } })
  await pod(
    'b',
    { resources: { requests: { memory: '512Mi' } } },
    { initContainers: [{ name: 'i', image: 'i', resources: { requests: { memory: '2Gi' } } }] },
  )
  await server.ask('PATCH', `${BASE}/pods/a/status`, { status: { phase: 'Succeeded' } }, MERGE)
  await server.create(`${BASE}/services`, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } })
  const { registry } = server.plane
  const reader = new AdmissionReader(registry)
  const usage = await quotaUsage(
    {
      get: (...args) => reader.get(...args),
      list: (...args) => reader.list(...args),
      serves: (group, resource) => registry.backing(group, resource) !== undefined,
    },
    'default',
    { metadata: {}, spec: { hard } } as ResourceQuota,
    systemClock,
  )
  expect(resourceListOf(usage)).toEqual({
    pods: '1',
    'requests.memory': '2Gi',
    'count/deployments.apps': '0',
    services: '1',
  })
})

function createOf(name: string): AdmissionAttributes {
  return {
    operation: 'CREATE',
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    subresource: '',
    namespace: 'default',
    name,
    object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } },
    oldObject: undefined,
    options: undefined,
    dryRun: false,
    user: undefined,
    addWarning: () => {},
    addAuditAnnotation: () => {},
    timeLeftMs: () => 34_000,
  }
}
