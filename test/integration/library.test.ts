import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isNotFound } from '../../src/apimachinery/api-error.ts'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import type { Cluster } from '../../src/cluster/library-api.ts'
import { WaitTimeoutError } from '../../src/cluster/wait-timeout-error.ts'

const deployment = (name: string, replicas = 2): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  selector:
    matchLabels: { app: ${name} }
  template:
    metadata:
      labels: { app: ${name} }
    spec:
      containers:
        - name: web
          image: nginx:1.27
`

const configMap = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { key: 'value' },
})

describe('createCluster', () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await createCluster({ nodes: 2 })
  })

  afterEach(async () => {
    await cluster.reset()
  })

  afterAll(async () => {
    await cluster.stop()
  })

  const configMaps = () => cluster.client.resource('v1', 'ConfigMap')

  test('is ready when it resolves: nodes are Ready, and a pod can be created at once', async () => {
    const nodes = await cluster.client.resource('v1', 'Node').list()
    expect(nodes.map((node) => node.metadata.name)).toEqual(['node-0', 'node-1'])
    for (const node of nodes) {
      expect(node.status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('True')
    }
    const pods = cluster.client.resource('v1', 'Pod')
    const pod = await pods.create({
      metadata: { name: 'solo' },
      spec: { containers: [{ name: 'c', image: 'busybox' }] },
    })
    expect(pod.spec?.serviceAccountName).toBe('default')
    const running = await cluster.waitFor(pod, (p) => p.status?.phase === 'Running')
    expect(running.spec?.nodeName).toMatch(/^node-[01]$/)
  })

  test('apply: a Deployment runs; a second apply changes what differs', async () => {
    const [applied] = await cluster.apply(deployment('web'))
    const web = await cluster.waitFor(
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
      'Available',
    )
    expect(web.metadata.uid).toBe(applied?.metadata.uid)
    expect(web.status?.readyReplicas).toBe(2)
    expect(web.metadata.managedFields?.[0]).toMatchObject({ manager: 'kubemu', operation: 'Apply' })
    await cluster.apply(deployment('web', 1))
    const pods = await cluster.waitFor(
      { apiVersion: 'v1', kind: 'Pod', labelSelector: 'app=web' },
      (all) => all.length === 1,
    )
    expect(pods[0]?.metadata.ownerReferences?.[0]?.kind).toBe('ReplicaSet')
  })

  test('apply: namespaces come first, lists stand for their items, answers keep the order', async () => {
    const objects = await cluster.apply(`
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: a, namespace: shop } }
---
# nothing here
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
--- # the last one
apiVersion: v1
kind: ServiceAccount
metadata:
  generateName: robot-
`)
    expect(objects.map((o) => `${o.kind} ${o.metadata.namespace ?? ''}`)).toEqual([
      'ConfigMap shop',
      'Namespace ',
      'ServiceAccount default',
    ])
    expect(objects[2]?.metadata.name).toMatch(/^robot-\w+$/)
  })

  test.each<[string, unknown, RegExp]>([
    ['no YAML', 'a: [1', /^document 1: yaml: /],
    ['a duplicate key', 'apiVersion: v1\nkind: ConfigMap\nkind: Secret', /key "kind" already set in map/],
    ['no kind', 'apiVersion: v1', /^document 1: kind not set$/],
    ['no name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}', /ConfigMap without metadata.name/],
    ['a scalar', ['apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}', '42'], /^document 2 is no object$/],
    [
      'an unknown kind behind a good one',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\napiVersion: v1\nkind: Confusion\nmetadata: {name: x}',
      /no matches for kind "Confusion" in version "v1"/,
    ],
  ])('apply: %s is refused, and nothing is written', async (_, manifests, message) => {
    const before = await configMaps().list({ namespace: 'default' })
    await expect(cluster.apply([manifests].flat() as string[])).rejects.toThrow(message)
    expect(await configMaps().list({ namespace: 'default' })).toEqual(before)
  })

  test('apply: a failure names the object and has the API error behind it', async () => {
    const bad = { ...configMap('Not-A-Name') }
    const failure = await cluster.apply([configMap('fine'), bad]).catch((error: Error) => error)
    expect(failure).toBeInstanceOf(Error)
    expect((failure as Error).message).toMatch(/^could not apply ConfigMap default\/Not-A-Name: .*is invalid/)
    expect((failure as Error).cause).toMatchObject({ code: 422, reason: 'Invalid' })
    expect(await configMaps().find('fine')).toBeDefined()
  })

  test('waitFor: the error shows what the object was like', async () => {
    await cluster.apply(configMap('slow'))
    const failure = await cluster
      .waitFor(configMap('slow'), (object) => object.data.key === 'other', { timeout: 20 })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(WaitTimeoutError)
    expect((failure as Error).message).toContain('waited 20 ms in vain for ConfigMap default/slow to be as wanted')
    expect((failure as Error).message).toContain('"key": "value"')
    await expect(cluster.waitFor(configMap('none'), 'exists', { timeout: 20 })).rejects.toThrow(
      'waited 20 ms in vain for ConfigMap default/none to exist; it does not exist',
    )
  })

  test('waitFor: a predicate that throws rejects with what it threw', async () => {
    await cluster.apply(configMap('there'))
    await expect(
      cluster.waitFor(configMap('there'), () => {
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
  })

  test('waitFor: an object that is deleted', async () => {
    await cluster.apply(configMap('short'))
    const gone = cluster.waitFor(configMap('short'), 'deleted')
    await configMaps().delete('short')
    expect((await gone).data).toEqual({ key: 'value' })
  })

  test('client: kinds by name, with upstream errors', async () => {
    const created = await configMaps().create({ metadata: { name: 'mine' }, data: { a: '1' } })
    expect(created).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default' } })
    const patched = await configMaps().patch('mine', { data: { b: '2' } })
    expect(patched.data).toEqual({ a: '1', b: '2' })
    await expect(configMaps().update({ ...created, data: { c: '3' } })).rejects.toMatchObject({ code: 409 })
    await configMaps().delete('mine')
    await expect(configMaps().get('mine')).rejects.toSatisfy(isNotFound)
    expect(() => cluster.client.resource('v1', 'Nothing')).toThrow('no matches for kind "Nothing" in version "v1"')
  })

  test('tokens: users have the rights that RBAC gives them', async () => {
    const get = (token: string) =>
      cluster.app.inject({
        url: '/api/v1/namespaces/default/configmaps',
        headers: { authorization: `Bearer ${token}` },
      })
    expect((await get(cluster.token)).statusCode).toBe(200)
    const jane = cluster.tokenFor('jane', ['dev'])
    expect((await get(jane)).statusCode).toBe(403)
    await cluster.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: dev, namespace: default }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: dev }]
`)
    expect((await get(jane)).statusCode).toBe(200)
    expect(cluster.tokenFor('jane', ['dev'])).toBe(jane)
  })

  test('writeKubeconfig: an entry for tools, readable by its owner only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kubemu-library-'))
    try {
      const file = join(folder, 'config')
      await cluster.writeKubeconfig(file)
      expect(await readFile(file, 'utf8')).toBe(cluster.kubeconfig)
      expect(cluster.kubeconfig).toContain(`server: ${cluster.url}`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('reset: back to the state in which it was ready; watches see it as events', async () => {
    const before = await configMaps().list()
    const seen: string[] = []
    const stop = configMaps().watch({ namespace: 'default' }, ({ type, object }) => {
      seen.push(`${type} ${object.metadata.name}`)
    })
    await cluster.waitFor({ apiVersion: 'v1', kind: 'ConfigMap' }, () => seen.length > 0)
    seen.length = 0
    const root = await configMaps().get('kube-root-ca.crt')
    await configMaps().create({ metadata: { name: 'extra' } })
    await configMaps().patch('kube-root-ca.crt', { metadata: { labels: { touched: 'yes' } } })
    await cluster.reset()
    await cluster.settled()
    stop()
    expect(seen).toEqual(['ADDED extra', 'MODIFIED kube-root-ca.crt', 'DELETED extra', 'MODIFIED kube-root-ca.crt'])
    const names = (all: typeof before) => all.map((o) => `${o.metadata.namespace}/${o.metadata.name} ${o.metadata.uid}`)
    expect(names(await configMaps().list())).toEqual(names(before))
    const after = await configMaps().get('kube-root-ca.crt')
    expect(after.metadata.labels).toBeUndefined()
    expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(Number(root.metadata.resourceVersion))
  })

  test('reset: metrics go on under the same names, each told once', async () => {
    await cluster.reset()
    const headers = { authorization: `Bearer ${cluster.token}` }
    const { body } = await cluster.app.inject({ url: '/metrics', headers })
    const names = body.split('\n').filter((line) => line.startsWith('# TYPE '))
    expect(names).toContain('# TYPE workqueue_depth gauge')
    expect(new Set(names).size).toBe(names.length)
  })

  test('baseline: what reset leads back to from then on', async () => {
    const fork = await cluster.fork({ listen: false })
    try {
      await fork.apply(configMap('part-of-it'))
      await fork.baseline()
      await fork.client.resource('v1', 'ConfigMap').delete('part-of-it')
      await fork.reset()
      expect(await fork.client.resource('v1', 'ConfigMap').find('part-of-it')).toBeDefined()
    } finally {
      await fork.stop()
    }
  })

  test('reset in the middle of a rollout: nothing of it is written afterwards', async () => {
    for (let round = 0; round < 5; round++) {
      await cluster.apply([deployment('busy', 20), deployment('busy-too', 20)])
      // Stops at another moment each time, whatever is under way then.
      for (let turn = 0; turn < round * 3; turn++) await new Promise((resolve) => setImmediate(resolve))
      await cluster.reset()
      await cluster.settled()
      for (const [version, kind] of [
        ['v1', 'Pod'],
        ['apps/v1', 'ReplicaSet'],
        ['apps/v1', 'Deployment'],
      ] as const) {
        expect(await cluster.client.resource(version, kind).list()).toEqual([])
      }
      const events = await cluster.client.resource('v1', 'Event').list({ namespace: 'default' })
      expect(events.filter((e) => String(e['involvedObject']).includes('busy'))).toEqual([])
    }
    await cluster.apply(deployment('busy', 3))
    const busy = await cluster.waitFor(
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'busy' } },
      'Available',
    )
    expect(busy.status?.availableReplicas).toBe(3)
  })

  test('restore: pods that were running run on; those of later are gone', async () => {
    await cluster.apply(deployment('kept', 2))
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'kept' } } as const
    await cluster.waitFor(ref, 'Available')
    await cluster.settled()
    const pods = () => cluster.client.resource('v1', 'Pod').list({ namespace: 'default' })
    const uids = async (): Promise<string[]> => (await pods()).map((p) => p.metadata.uid ?? '').toSorted()
    const kept = await uids()
    const snapshot = await cluster.snapshot()
    await cluster.apply(deployment('kept', 5))
    await cluster.client.resource('v1', 'Pod').delete((await pods())[0]?.metadata.name ?? '')
    await cluster.waitFor({ apiVersion: 'v1', kind: 'Pod', namespace: 'default' }, (all) => all.length >= 5)
    await cluster.restore(snapshot)
    await cluster.settled()
    expect(await uids()).toEqual(kept)
    await cluster.apply(deployment('kept', 3))
    const all = await cluster.waitFor(
      { apiVersion: 'v1', kind: 'Pod', namespace: 'default' },
      (now) => now.length === 3 && now.every((p) => p.status?.phase === 'Running'),
    )
    expect(all.map((p) => p.metadata.uid)).toEqual(expect.arrayContaining(kept))
    await expect(cluster.restore(Buffer.from('no snapshot'))).rejects.toMatchObject({ code: 'Corrupt' })
    expect(await uids()).toEqual(expect.arrayContaining(kept))
  })

  test('restore: addresses of services are free again, and those that are taken stay taken', async () => {
    const service = (name: string) => ({
      metadata: { name },
      spec: { type: 'NodePort', ports: [{ port: 80, nodePort: name === 'one' ? 30080 : 30081 }] },
    })
    const services = cluster.client.resource('v1', 'Service')
    await services.create(service('one'))
    const snapshot = await cluster.snapshot()
    await services.create(service('two'))
    await cluster.restore(snapshot)
    const two = await services.create(service('two'))
    expect(two.spec?.ports?.[0]?.nodePort).toBe(30081)
    await expect(services.create({ ...service('one'), metadata: { name: 'three' } })).rejects.toMatchObject({
      code: 422,
    })
  })

  test('fork: the same state, on another port, and from then on its own', async () => {
    await cluster.apply(deployment('origin', 1))
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'origin' } } as const
    await cluster.waitFor(ref, 'Available')
    const fork = await cluster.fork()
    try {
      expect(fork.url).not.toBe(cluster.url)
      expect(fork.token).toBe(cluster.token)
      await fork.waitFor(ref, 'Available')
      await fork.client.resource('apps/v1', 'Deployment').delete('origin')
      await fork.waitFor({ apiVersion: 'v1', kind: 'Pod', namespace: 'default' }, (pods) => pods.length === 0)
      expect((await cluster.client.resource('v1', 'Pod').list({ namespace: 'default' })).length).toBe(1)
      await cluster.apply(configMap('origin-only'))
      expect(await fork.client.resource('v1', 'ConfigMap').find('origin-only')).toBeUndefined()
    } finally {
      await fork.stop()
    }
    expect((await cluster.client.resource('v1', 'Pod').list({ namespace: 'default' })).length).toBe(1)
  })
})

describe('several clusters in one process', () => {
  test('know nothing of each other, nor of the tokens of the other', async () => {
    const [one, two] = await Promise.all([createCluster({ nodes: 0 }), createCluster({ nodes: 0 })])
    try {
      await one.apply(configMap('only-one'))
      expect(await two.client.resource('v1', 'ConfigMap').find('only-one')).toBeUndefined()
      const headers = { authorization: `Bearer ${one.token}` }
      expect((await two.app.inject({ url: '/api/v1/pods', headers })).statusCode).toBe(401)
      expect((await one.app.inject({ url: '/api/v1/pods', headers })).statusCode).toBe(200)
    } finally {
      await Promise.all([one.stop(), two.stop()])
    }
  })
})

describe('without a port', () => {
  test('supertest and inject reach it; a kubeconfig would lead nowhere', async () => {
    await using cluster = await createCluster({ listen: false, nodes: 0 })
    expect(cluster.url).toBe('')
    expect(() => cluster.kubeconfig).toThrow('does not listen')
    const created = await request(cluster.app.server)
      .post('/api/v1/namespaces/default/configmaps')
      .set('Authorization', `Bearer ${cluster.token}`)
      .send(configMap('by-supertest'))
    expect(created.status).toBe(201)
    const refused = await request(cluster.app.server).get('/api/v1/namespaces/default/configmaps/by-supertest')
    expect(refused.status).toBe(403)
    expect(refused.body).toMatchObject({ kind: 'Status', reason: 'Forbidden' })
    expect((await cluster.client.resource('v1', 'ConfigMap').get('by-supertest')).data).toEqual({ key: 'value' })
  })

  test('without controllers objects stay as they are written', async () => {
    await using cluster = await createCluster({ listen: false, nodes: 0, controllers: false })
    await cluster.apply(deployment('still'))
    await cluster.settled()
    const still = await cluster.client.resource('apps/v1', 'Deployment').get('still')
    expect(still.status ?? {}).toEqual({})
  })
})

describe('a snapshot', () => {
  test('starts another cluster, in memory or in a folder that is found again', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kubemu-library-'))
    try {
      let snapshot: Buffer
      {
        await using first = await createCluster({ nodes: 1, listen: false })
        await first.apply(configMap('carried'))
        snapshot = await first.snapshot()
      }
      {
        await using second = await createCluster({ nodes: 1, listen: false, dataDir, snapshot })
        expect((await second.client.resource('v1', 'ConfigMap').get('carried')).data).toEqual({ key: 'value' })
        await second.client.resource('v1', 'ConfigMap').patch('carried', { data: { key: 'changed' } })
      }
      {
        await using third = await createCluster({ nodes: 1, listen: false, dataDir })
        expect((await third.client.resource('v1', 'ConfigMap').get('carried')).data).toEqual({ key: 'changed' })
        await third.client.resource('v1', 'ConfigMap').delete('carried')
        await third.reset()
        expect((await third.client.resource('v1', 'ConfigMap').get('carried')).data).toEqual({ key: 'changed' })
      }
      await expect(createCluster({ snapshot: Buffer.from('x') })).rejects.toMatchObject({ code: 'Corrupt' })
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

describe('a manual clock', () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await createCluster({ nodes: 1, clock: 'manual', listen: false })
  })

  afterEach(async () => {
    await cluster.reset()
  })

  afterAll(async () => {
    await cluster.stop()
  })

  test('a CronJob runs its jobs as the time goes', async () => {
    await cluster.apply(`
apiVersion: batch/v1
kind: CronJob
metadata: { name: tick }
spec:
  schedule: "*/10 * * * *"
  successfulJobsHistoryLimit: 10
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{ name: c, image: busybox, command: [sh, -c, exit 0] }]
`)
    const began = cluster.clock.now()
    await cluster.clock.advance(60 * 60_000)
    expect(cluster.clock.now()).toBe(began + 60 * 60_000)
    const jobs = await cluster.client.resource('batch/v1', 'Job').list({ namespace: 'default' })
    expect(jobs.length).toBe(6)
    expect(jobs.filter((j) => j.status?.succeeded === 1).length).toBeGreaterThanOrEqual(5)
    const times = jobs.map((j) => Date.parse(j.metadata.creationTimestamp ?? '')).toSorted((a, b) => a - b)
    for (const time of times) expect(time % 600_000).toBeLessThan(60_000)
    const [node] = await cluster.client.resource('v1', 'Node').list()
    expect(node?.status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('True')
  })

  test('stands still until it is moved; waitFor moves it', async () => {
    await cluster.apply(`
apiVersion: batch/v1
kind: Job
metadata: { name: long }
spec:
  activeDeadlineSeconds: 900
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: c, image: busybox, command: [sh, -c, sleep 3600] }]
`)
    await cluster.settled()
    const began = cluster.clock.now()
    const failed = await cluster.waitFor(
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'long' } },
      'Failed',
      { timeout: 1_000_000 },
    )
    expect(failed.status?.conditions?.find((c) => c.type === 'Failed')?.reason).toBe('DeadlineExceeded')
    expect(cluster.clock.now() - began).toBeGreaterThanOrEqual(899_000)
    expect(cluster.clock.now() - began).toBeLessThan(1_000_000)
  })

  test('tokens run out by it', async () => {
    const token = await cluster.client.createSubresource(
      { group: '', version: 'v1', resource: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
      { namespace: 'default', name: 'default' },
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: { expirationSeconds: 600, audiences: [] },
      },
    )
    const bearer = (token['status'] as { token: string }).token
    const review = async (): Promise<number> =>
      (await cluster.app.inject({ url: '/apis', headers: { authorization: `Bearer ${bearer}` } })).statusCode
    expect(await review()).toBe(200)
    await cluster.clock.advance(700_000)
    expect(await review()).toBe(401)
  })

  test('moves forward only, and only where it is manual', async () => {
    await expect(cluster.clock.advance(-1)).rejects.toThrow('a clock moves forward')
    await using machine = await createCluster({ nodes: 0, listen: false, controllers: false })
    await expect(machine.clock.advance(1)).rejects.toThrow("create it with clock: 'manual'")
  })
})
