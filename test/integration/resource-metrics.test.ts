import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeProtobuf } from '../../src/apimachinery/protobuf/decode.ts'
import type { Pod } from '../../src/apimachinery/types/core-v1.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningCluster, startCluster } from '../../src/cluster/cluster.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import { PODS } from '../../src/controllers/runtime/resources.ts'

const FLAGS = [
  '--memory',
  '--bind-address=127.0.0.1',
  '--insecure-port=0',
  '--authorization-mode=AlwaysAllow',
  '--disable-admission-plugins=ServiceAccount',
]
const METRICS = '/apis/metrics.k8s.io/v1beta1'

let cluster: RunningCluster

beforeAll(async () => {
  cluster = await startCluster({ server: apiserverOptions(FLAGS), nodes: { count: 2 } }, pino({ level: 'silent' }))
  await create('asks', {}, { requests: { cpu: '500m', memory: '256Mi' } })
  await create('idle', {}, {})
  await create('told', { 'kubemu.dev/cpu-usage': '1500m', 'kubemu.dev/memory-usage': '100Mi' }, {})
  await create('bounded', { 'kubemu.dev/memory-usage': '1Gi' }, { limits: { memory: '64Mi' } })
  await create('ended', { 'kubemu.dev/run-for': '0' }, {}, 'Never')
  await untilPhase('asks', 'Running')
  await untilPhase('idle', 'Running')
  await untilPhase('told', 'Running')
  await untilPhase('bounded', 'Running')
  await untilPhase('ended', 'Succeeded')
})

afterAll(async () => {
  await cluster?.close()
})

async function create(name: string, annotations: object, resources: object, restartPolicy = 'Always'): Promise<void> {
  await cluster.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { who: name }, annotations },
    spec: { restartPolicy, containers: [{ name: 'main', image: 'busybox', resources }] },
  } as Typed<Pod>)
}

async function untilPhase(name: string, phase: string): Promise<void> {
  const { items, resourceVersion } = await cluster.client.list(PODS, { namespace: 'default' })
  await new Promise<void>((resolve) => {
    const check = (pod: Typed<Pod>): void => {
      if (pod.metadata.name === name && pod.status?.phase === phase) resolve()
    }
    items.forEach(check)
    cluster.client.watch(
      PODS,
      { namespace: 'default', resourceVersion },
      { event: (e) => 'object' in e && check(e.object), end: () => {} },
    )
  })
}

interface Metrics {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  readonly window: string
  readonly usage: Readonly<Record<string, string>>
  readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[]
}

async function get(path: string, accept = 'application/json'): Promise<Response> {
  return await fetch(cluster.url + path, { headers: { accept } })
}

async function list(path: string): Promise<{ readonly kind: string; readonly items: readonly Metrics[] }> {
  return (await (await get(METRICS + path)).json()) as { kind: string; items: Metrics[] }
}

describe('metrics.k8s.io', () => {
  test('pods that run use a part of their requests, or what their annotations say, within their limits', async () => {
    const { kind, items } = await list('/namespaces/default/pods')
    expect(kind).toBe('PodMetricsList')
    const usage = Object.fromEntries(items.map(({ metadata, containers }) => [metadata.name, containers]))
    expect(usage).toEqual({
      asks: [{ name: 'main', usage: { cpu: '50m', memory: '128Mi' } }],
      bounded: [{ name: 'main', usage: { cpu: '1m', memory: '64Mi' } }],
      idle: [{ name: 'main', usage: { cpu: '1m', memory: '16Mi' } }],
      told: [{ name: 'main', usage: { cpu: '1500m', memory: '100Mi' } }],
    })
    expect(items[0]).toMatchObject({ window: '15s', metadata: { labels: { who: 'asks' } } })
  })

  test('nodes use what their containers use, and their own part', async () => {
    const { items } = await list('/nodes')
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['node-0', 'node-1'])
    const cores = items.map(({ usage }) => Number.parseInt(usage['cpu'] ?? '', 10)).reduce((a, b) => a + b)
    expect(cores).toBe(50 + 1 + 1 + 1500 + 2 * 50)
  })

  test('lists are selected from by labels and names', async () => {
    const names = async (query: string): Promise<string[]> =>
      (await list(`/pods?${query}`)).items.map(({ metadata }) => metadata.name)
    expect(await names('labelSelector=who%20in%20(idle,told)')).toEqual(['idle', 'told'])
    expect(await names('fieldSelector=metadata.name%3Dasks')).toEqual(['asks'])
    const refused = await get(`${METRICS}/pods?fieldSelector=spec.nodeName%3Dx`)
    expect(refused.status).toBe(400)
  })

  test('a pod that does not run, or is none, has no metrics', async () => {
    const ended = await get(`${METRICS}/namespaces/default/pods/ended`)
    expect(await ended.json()).toMatchObject({ code: 404, message: 'pods.metrics.k8s.io "default/ended" not found' })
    const none = await get(`${METRICS}/namespaces/default/pods/none`)
    expect(await none.json()).toMatchObject({ code: 404, message: 'pods "none" not found' })
  })

  test('it can be neither watched nor written', async () => {
    expect((await get(`${METRICS}/pods?watch=true`)).status).toBe(405)
    expect((await fetch(`${cluster.url}${METRICS}/nodes/node-0`, { method: 'DELETE' })).status).toBe(405)
  })

  test('a table has a column for each resource', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const table = (await (await get(`${METRICS}/namespaces/default/pods/told`, accept)).json()) as {
      columnDefinitions: { name: string }[]
      rows: { cells: unknown[] }[]
    }
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'cpu', 'memory', 'Window'])
    expect(table.rows.map(({ cells }) => cells)).toEqual([['told', '1500m', '100Mi', '15s']])
  })

  test('protobuf says the same as JSON', async () => {
    const path = `${METRICS}/namespaces/default/pods/told`
    const bytes = Buffer.from(await (await get(path, 'application/vnd.kubernetes.protobuf')).arrayBuffer())
    const { window, containers } = (await (await get(path)).json()) as Metrics
    expect(decodeProtobuf(bytes).object).toMatchObject({ kind: 'PodMetrics', window, containers })
  })

  test('is discovered, and those who may view may read it', async () => {
    expect(await (await get(METRICS)).json()).toMatchObject({
      resources: [
        { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
        { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
      ],
    })
    const role = await get('/apis/rbac.authorization.k8s.io/v1/clusterroles/view')
    expect(JSON.stringify(await role.json())).toContain('"apiGroups":["metrics.k8s.io"]')
  })
})

test('without simulated nodes there is nothing to measure, and no such group', async () => {
  const alone = await startCluster({ server: apiserverOptions(FLAGS) }, pino({ level: 'silent' }))
  try {
    expect((await fetch(alone.url + METRICS)).status).toBe(404)
    const role = await fetch(
      `${alone.url}/apis/rbac.authorization.k8s.io/v1/clusterroles/system:aggregated-metrics-reader`,
    )
    expect(role.status).toBe(404)
  } finally {
    await alone.close()
  }
})
