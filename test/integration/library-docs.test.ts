import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../src/apimachinery/manual-clock.ts'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import type { Cluster, CreateClusterOptions, ForkOptions } from '../../src/cluster/library-api.ts'

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../docs/library.md'), 'utf8')
/** The heading that each TypeScript block stands under, and the block. */
const SNIPPETS = DOCUMENT.split(/^## /m).flatMap((section) => {
  const [heading = ''] = section.split('\n')
  return [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => [heading, code!] as const)
})

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: nginx }] }
`
const CRDS = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prepared' } }

const started: Cluster[] = []

async function start(options?: CreateClusterOptions): Promise<Cluster> {
  const cluster = await createCluster(options)
  started.push(cluster)
  const fork = cluster.fork.bind(cluster)
  cluster.fork = async (forkOptions?: ForkOptions) => {
    const other = await fork(forkOptions)
    started.push(other)
    return other
  }
  return cluster
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((cluster) => cluster.stop()))
})

type Body = (fixtures: { readonly cluster: Cluster }) => Promise<void>

/** Does what `kubemu/vitest` does, at once: tests cannot be declared inside a test. */
function clusterTestOf(bodies: Promise<void>[]) {
  return (options: CreateClusterOptions, prepare?: (cluster: Cluster) => Promise<unknown>) =>
    (_name: string, body: Body) => {
      const run = async (): Promise<void> => {
        const cluster = await start(options)
        await prepare?.(cluster)
        await body({ cluster })
      }
      bodies.push(run())
    }
}

describe('docs/library.md', () => {
  test('has snippets', () => {
    expect(SNIPPETS.map(([section]) => section)).toEqual([
      ...[
        '# kubemu as a library',
        'Objects',
        'Between tests',
        'Between tests',
        'Snapshots and forks',
        'Time',
        'Faults',
      ],
    ])
  })

  test.each(SNIPPETS)('%s: runs as it is printed', async (_, code) => {
    const cluster = await start({ nodes: 1, listen: false })
    const bare = { metadata: { name: 'web-0' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    await cluster.client.resource('v1', 'Pod').create(bare)
    const bodies: Promise<void>[] = []
    const given = {
      ...{ cluster, createCluster: start, ManualClock, clusterTest: clusterTestOf(bodies) },
      ...{ readFile: async () => DEPLOYMENT, deployment: DEPLOYMENT, crds: CRDS },
    }
    const body = code.replace(/^import .*$/gm, '')
    const run = new Function(
      'given',
      `const { ${Object.keys(given).join(', ')} } = given\nreturn (async () => {${body}})()`,
    )
    await run(given)
    await Promise.all(bodies)
  })

  test('options: each does what the table says', async () => {
    const lines: string[] = []
    const cluster = await start({
      nodes: { count: 2, namePrefix: 'worker-', capacity: { cpu: '3' }, labels: { tier: 'gold' }, zones: ['a', 'b'] },
      clock: new ManualClock(Date.UTC(2030, 0, 1)),
      ...{ port: 0, host: '127.0.0.1', tls: false, anonymousAuth: false, authorizationModes: ['RBAC'], seed: 7 },
      admissionPlugins: { disable: ['ServiceAccount'] },
      runtimeConfig: { 'admissionregistration.k8s.io/v1beta1': true },
      serviceClusterIpRanges: ['10.7.0.0/24'],
      logger: pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) }),
    })
    expect(cluster.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(cluster.ca).toBeUndefined()
    const nodes = await cluster.client.resource('v1', 'Node').list()
    expect(nodes.map((n) => [n.metadata.name, n.metadata.labels?.['topology.kubernetes.io/zone']])).toEqual([
      ['worker-0', 'a'],
      ['worker-1', 'b'],
    ])
    expect(nodes[0]?.metadata).toMatchObject({ creationTimestamp: '2030-01-01T00:00:00Z', labels: { tier: 'gold' } })
    expect(nodes[0]?.status?.capacity?.['cpu']).toBe('3')
    const get = (path: string, headers = {}) => cluster.app.inject({ url: path, headers })
    expect((await get('/api')).statusCode).toBe(401)
    const jane = { authorization: `Bearer ${cluster.tokenFor('jane')}` }
    expect((await get('/api/v1/pods', jane)).statusCode).toBe(403)
    expect((await get('/apis/admissionregistration.k8s.io/v1beta1', jane)).statusCode).toBe(200)
    const pod = { metadata: { name: 'bare' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    const bare = await cluster.client.resource('v1', 'Pod').create(pod)
    expect(bare.spec?.serviceAccountName).toBeUndefined()
    const service = await cluster.client.resource('v1', 'Service').get('kubernetes')
    expect(service.spec?.clusterIP).toMatch(/^10\.7\.0\./)
    expect(lines.length).toBeGreaterThan(0)
  })

  test('a clock of its own tells the ages in Tables', async () => {
    const cluster = await start({ clock: 'manual', nodes: 0, controllers: false, listen: false })
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'old' } })
    await cluster.clock.advance(3 * 86_400_000)
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const authorization = `Bearer ${cluster.token}`
    for (const name of ['configmaps', 'configmaps/old']) {
      const url = `/api/v1/namespaces/default/${name}`
      const { rows } = (await cluster.app.inject({ url, headers: { accept, authorization } })).json()
      expect(rows.find((row: { cells: unknown[] }) => row.cells[0] === 'old').cells).toEqual(['old', 0, '3d'])
    }
  })
})

describe('waitFor refuses what it would not look at', () => {
  test.each<[string, object, unknown, string]>([
    [
      'a name at the top',
      { apiVersion: 'v1', kind: 'Pod', name: 'web' },
      () => true,
      'waitFor: an object is named in its metadata: { metadata: { name } }',
    ],
    [
      'a metadata without a name',
      { apiVersion: 'v1', kind: 'Pod', metadata: {} },
      'Ready',
      'the Pod has no metadata.name',
    ],
    ['a member that there is not', { apiVersion: 'v1', kind: 'Pod', labels: {} }, () => true, 'not chosen by labels'],
    ['a condition of all', { apiVersion: 'v1', kind: 'Pod' }, 'Ready', 'judged by a function'],
  ])('%s', async (_, ref, condition, message) => {
    const cluster = await start({ nodes: 0, controllers: false, listen: false })
    const waiting = cluster.waitFor(ref as never, condition as never)
    await expect(waiting).rejects.toThrow(TypeError)
    await expect(waiting).rejects.toThrow(message)
  })
})
