import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  KubeConfig as Config,
  CoreV1Api as CoreClient,
  CoreV1Event,
  V1ConfigMap,
  V1ConfigMapList,
} from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clientNode } from '../suites/client-node.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

const {
  ApiException,
  AppsV1Api,
  AutoscalingV2Api,
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  NetworkingV1Api,
  PatchStrategy,
  PolicyV1Api,
  RbacAuthorizationV1Api,
  SchedulingV1Api,
  setHeaderOptions,
  StorageV1Api,
  Watch,
} = clientNode

const namespace = 'default'

let server: TestServer
let config: Config
let core: CoreClient

beforeAll(async () => {
  server = await startTestServer()
  config = clientOf(server)
  core = config.makeApiClient(CoreV1Api)
})

afterAll(async () => {
  await server.stop()
})

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
const selector = { matchLabels: { a: 'b' } }

describe('client-node: typed clients', () => {
  test('core/v1: create, read, replace, list, delete', async () => {
    const created = await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: 'one' }, data: { a: '1' } },
    })
    expect(created.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/)
    expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date)
    created.data = { a: '2' }
    const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'one', body: created })
    expect(replaced.data).toEqual({ a: '2' })
    const list = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=one' })
    expect(list.items.map((item) => item.metadata?.name)).toEqual(['one'])
    expect(await core.deleteNamespacedConfigMap({ namespace, name: 'one' })).toMatchObject({ status: 'Success' })
  })

  test('core/v1: a stale resourceVersion → ApiException 409 with the Status', async () => {
    const body = { metadata: { name: 'stale' } }
    const first = await core.createNamespacedConfigMap({ namespace, body })
    await core.replaceNamespacedConfigMap({ namespace, name: 'stale', body: { ...first, data: { a: '1' } } })
    const failure = await core
      .replaceNamespacedConfigMap({ namespace, name: 'stale', body: first })
      .catch((e: unknown) => e)
    expect(failure).toBeInstanceOf(ApiException)
    const { code, body: status } = failure as { code: number; body: string }
    expect(code).toBe(409)
    expect(JSON.parse(status)).toMatchObject({
      kind: 'Status',
      reason: 'Conflict',
      details: { name: 'stale', kind: 'configmaps' },
    })
  })

  test('core/v1: pages of a list over one snapshot', async () => {
    const names = Array.from({ length: 5 }, (_, i) => `page-${i}`)
    for (const name of names) await core.createNamespacedSecret({ namespace, body: { metadata: { name } } })
    const first = await core.listNamespacedSecret({ namespace, limit: 2 })
    await core.createNamespacedSecret({ namespace, body: { metadata: { name: 'page-later' } } })
    expect(first.metadata?.remainingItemCount).toBe(3)
    const rest = await core.listNamespacedSecret({ namespace, limit: 9, _continue: first.metadata?._continue })
    expect([...first.items, ...rest.items].map((item) => item.metadata?.name)).toEqual(names)
  })

  test('apps/v1: a deployment and its scale', async () => {
    const apps = config.makeApiClient(AppsV1Api)
    await apps.createNamespacedDeployment({
      namespace,
      body: { metadata: { name: 'd' }, spec: { selector, template } },
    })
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'd' })
    expect(scale.status).toMatchObject({ replicas: 0, selector: 'a=b' })
    await apps.replaceNamespacedDeploymentScale({ namespace, name: 'd', body: { ...scale, spec: { replicas: 4 } } })
    expect((await apps.readNamespacedDeployment({ namespace, name: 'd' })).spec?.replicas).toBe(4)
  })

  test('batch/v1: a job is defaulted', async () => {
    const batch = config.makeApiClient(BatchV1Api)
    const spec = { template: { spec: { ...template.spec, restartPolicy: 'Never' } } }
    const job = await batch.createNamespacedJob({ namespace, body: { metadata: { name: 'j' }, spec } })
    expect(job.spec).toMatchObject({ backoffLimit: 6, completions: 1, parallelism: 1 })
  })

  test('autoscaling/v2: what v2 wrote, v1 reads', async () => {
    const v2 = config.makeApiClient(AutoscalingV2Api)
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }
    const target = { type: 'Utilization', averageUtilization: 60 }
    const metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }]
    const body = { metadata: { name: 'h' }, spec: { maxReplicas: 3, scaleTargetRef, metrics } }
    await v2.createNamespacedHorizontalPodAutoscaler({ namespace, body })
    const objects = KubernetesObjectApi.makeApiClient(config)
    const view = await objects.read({
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'h', namespace },
    })
    expect(view).toMatchObject({ spec: { targetCPUUtilizationPercentage: 60 } })
  })

  test('networking.k8s.io/v1: a policy that says nothing isolates', async () => {
    const networking = config.makeApiClient(NetworkingV1Api)
    const policy = await networking.createNamespacedNetworkPolicy({
      namespace,
      body: { metadata: { name: 'n' }, spec: { podSelector: {} } },
    })
    expect(policy.spec?.policyTypes).toEqual(['Ingress'])
  })

  test('policy/v1: a budget; eviction without one', async () => {
    const policy = config.makeApiClient(PolicyV1Api)
    await policy.createNamespacedPodDisruptionBudget({
      namespace,
      body: { metadata: { name: 'p' }, spec: { minAvailable: 1, selector } },
    })
    expect((await policy.listNamespacedPodDisruptionBudget({ namespace })).items).toHaveLength(1)
  })

  test('rbac.authorization.k8s.io/v1: bootstrap roles and one of ours', async () => {
    const rbac = config.makeApiClient(RbacAuthorizationV1Api)
    expect((await rbac.readClusterRole({ name: 'cluster-admin' })).rules).toHaveLength(2)
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
    await rbac.createNamespacedRole({ namespace, body: { metadata: { name: 'r' }, rules } })
    expect((await rbac.readNamespacedRole({ namespace, name: 'r' })).rules).toMatchObject(rules)
  })

  test('storage.k8s.io/v1, scheduling.k8s.io/v1: cluster scoped', async () => {
    const storage = config.makeApiClient(StorageV1Api)
    const created = await storage.createStorageClass({ body: { metadata: { name: 's' }, provisioner: 'x.io/y' } })
    expect(created).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' })
    const scheduling = config.makeApiClient(SchedulingV1Api)
    const classes = await scheduling.listPriorityClass()
    expect(classes.items.map((item) => item.metadata?.name)).toEqual([
      'system-cluster-critical',
      'system-node-critical',
    ])
  })

  test('coordination.k8s.io/v1: microseconds of a lease stay', async () => {
    const coordination = config.makeApiClient(CoordinationV1Api)
    const renewTime = '2026-01-02T03:04:05.678901Z'
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', namespace } }
    await KubernetesObjectApi.makeApiClient(config).create({
      ...lease,
      spec: { renewTime, holderIdentity: 'me' },
    } as object)
    const read = await coordination.readNamespacedLease({ namespace, name: 'l' })
    expect(read.spec?.holderIdentity).toBe('me')
    expect(JSON.stringify(read.spec?.renewTime)).toContain('03:04:05.678')
  })

  test('discovery.k8s.io/v1: a slice', async () => {
    const discovery = config.makeApiClient(DiscoveryV1Api)
    const endpoints = [{ addresses: ['10.1.2.3'] }]
    await discovery.createNamespacedEndpointSlice({
      namespace,
      body: { metadata: { name: 'e' }, addressType: 'IPv4', endpoints },
    })
    expect((await discovery.readNamespacedEndpointSlice({ namespace, name: 'e' })).endpoints?.[0]?.addresses).toEqual([
      '10.1.2.3',
    ])
  })

  test('events: written as core/v1, listed by the object that they are about', async () => {
    const involvedObject = { apiVersion: 'v1', kind: 'ConfigMap', name: 'stale', namespace }
    const body: CoreV1Event = { metadata: { name: 'ev' }, involvedObject, reason: 'R', message: 'm', type: 'Normal' }
    await core.createNamespacedEvent({ namespace, body })
    const fieldSelector = 'involvedObject.name=stale,reason=R'
    expect((await core.listNamespacedEvent({ namespace, fieldSelector })).items).toHaveLength(1)
  })
})

describe('client-node: patches', () => {
  const name = 'patched'

  beforeAll(async () => {
    const apps = config.makeApiClient(AppsV1Api)
    await apps.createNamespacedDeployment({ namespace, body: { metadata: { name }, spec: { selector, template } } })
  })

  const patch = async (strategy: string, body: object): Promise<string[]> => {
    const apps = config.makeApiClient(AppsV1Api)
    const options = setHeaderOptions('Content-Type', strategy)
    const query = strategy === PatchStrategy.ServerSideApply ? { fieldManager: 'test', force: true } : {}
    const patched = await apps.patchNamespacedDeployment({ namespace, name, body, ...query }, options)
    return patched.spec?.template.spec?.containers.map((container) => `${container.name}:${container.image}`) ?? []
  }
  const containers = (...list: object[]): object => ({ spec: { template: { spec: { containers: list } } } })

  test('strategic merge: by name', async () => {
    expect(
      await patch(PatchStrategy.StrategicMergePatch, containers({ name: 'c', image: '2' }, { name: 'd', image: '1' })),
    ).toEqual(['c:2', 'd:1'])
  })

  test('merge: the list as given', async () => {
    expect(await patch(PatchStrategy.MergePatch, containers({ name: 'e', image: '1' }))).toEqual(['e:1'])
  })

  test('JSON patch: operations in order', async () => {
    const path = '/spec/template/spec/containers'
    const operations = [
      { op: 'add', path: `${path}/-`, value: { name: 'f', image: '1' } },
      { op: 'replace', path: `${path}/0/image`, value: '3' },
    ]
    expect(await patch(PatchStrategy.JsonPatch, operations)).toEqual(['e:3', 'f:1'])
  })

  test('apply: fields of a manager of its own', async () => {
    const body = { apiVersion: 'apps/v1', kind: 'Deployment', ...containers({ name: 'f', image: '9' }) }
    expect(await patch(PatchStrategy.ServerSideApply, body)).toEqual(['e:3', 'f:9'])
  })
})

function clientOf(server: TestServer): Config {
  const client = new KubeConfig()
  client.loadFromFile(server.adminKubeconfig)
  return client
}

/** The events of a watch that lasts a second. */
function watched(client: Config, path: string, query: Record<string, string | undefined>): Promise<string[]> {
  const seen: string[] = []
  const take = (type: string, object: V1ConfigMap & { code?: number; reason?: string }): void => {
    seen.push(type === 'ERROR' ? `ERROR ${object.code} ${object.reason}` : `${type} ${object.metadata?.name}`)
  }
  return new Promise((resolve, reject) => {
    const done = (error: unknown): void => (error ? reject(error) : resolve(seen))
    new Watch(client).watch(path, { ...query, timeoutSeconds: 1 }, take, done).catch(reject)
  })
}

/** Events of an informer or a watch, awaited one by one. */
class Recorder {
  readonly #seen: string[] = []
  #waiting: (() => void) | undefined

  add(entry: string): void {
    this.#seen.push(entry)
    this.#waiting?.()
  }

  /** Resolves when the entry is there, and forgets it and what came before. */
  async until(entry: string): Promise<void> {
    const deadline = Date.now() + 20_000
    for (;;) {
      const at = this.#seen.indexOf(entry)
      if (at >= 0) return void this.#seen.splice(0, at + 1)
      if (Date.now() > deadline) throw new Error(`no ${entry} among ${this.#seen.join(', ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000)
        this.#waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

describe('client-node: watches', () => {
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const labels = { watched: 'yes' }
  const create = (name: string): Promise<V1ConfigMap> =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels } } })
  const remove = (name: string): Promise<unknown> => core.deleteNamespacedConfigMap({ namespace, name })

  test('informer: sees what was, what comes, and goes on after its watch is dropped', async () => {
    await create('w1')
    const list = (): Promise<{ items: V1ConfigMap[] }> =>
      core.listNamespacedConfigMap({ namespace, labelSelector: 'watched=yes' })
    const informer = makeInformer<V1ConfigMap>(config, path, list as never, 'watched=yes')
    const events = new Recorder()
    for (const verb of ['add', 'update', 'delete'] as const) {
      informer.on(verb, (object) => events.add(`${verb} ${object.metadata?.name}`))
    }
    const restart = (): void => void informer.start()
    informer.on('error', restart)
    await informer.start()
    try {
      await events.until('add w1')
      await create('w2')
      await events.until('add w2')
      server.dropConnections()
      await create('w3')
      await events.until('add w3')
      await core.replaceNamespacedConfigMap({
        namespace,
        name: 'w3',
        body: { metadata: { name: 'w3', labels }, data: { a: '1' } },
      })
      await events.until('update w3')
      await remove('w2')
      await events.until('delete w2')
    } finally {
      informer.off('error', restart)
      await informer.stop()
    }
  })

  test('watch: resumes after the last event that was seen, nothing twice, nothing lost', async () => {
    const first = await create('r1')
    await create('r2')
    await create('r3')
    await remove('r2')
    const seen = await watched(config, path, {
      resourceVersion: first.metadata?.resourceVersion,
      labelSelector: 'watched=yes',
    })
    expect(seen).toEqual(['ADDED r2', 'ADDED r3', 'DELETED r2'])
  })
})

describe('client-node: after a restart, with the history before it compacted', () => {
  let folder: string
  let restarted: TestServer
  let client: Config

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubemu-restart-'))
    const first = await startTestServer({ dataDir: folder })
    await clientOf(first)
      .makeApiClient(CoreV1Api)
      .createNamespacedConfigMap({ namespace, body: { metadata: { name: 'kept' } } })
    await first.stop()
    restarted = await startTestServer({ dataDir: folder })
    client = clientOf(restarted)
    await restarted.compact()
  })

  afterAll(async () => {
    await restarted.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const path = `/api/v1/namespaces/${namespace}/configmaps`

  test('watch: from a compacted revision → one ERROR event, 410 Expired', async () => {
    expect(await watched(client, path, { resourceVersion: '1' })).toEqual(['ERROR 410 Expired'])
  })

  test('informer: lists anew after 410 Expired', async () => {
    let lists = 0
    const list = async (): Promise<V1ConfigMapList> => {
      const now = await client.makeApiClient(CoreV1Api).listNamespacedConfigMap({ namespace })
      // The first list is from before the restart.
      return ++lists === 1 ? { items: [], metadata: { resourceVersion: '1' } } : now
    }
    const informer = makeInformer<V1ConfigMap>(client, path, list as never)
    const events = new Recorder()
    informer.on('add', (object) => events.add(`add ${object.metadata?.name}`))
    await informer.start()
    try {
      await events.until('add kept')
      expect(lists).toBe(2)
    } finally {
      await informer.stop()
    }
  })
})
