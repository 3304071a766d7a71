import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import request from 'supertest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningServer, startServer } from '../../src/cluster/server.ts'

const TOKENS = [
  'admin-token,admin,u1,"system:masters"',
  'jane-token,jane,u2',
  'node-token,system:node:n1,u3,"system:nodes"',
]

let folder = ''

async function start(...flags: readonly string[]): Promise<RunningServer> {
  const fixed = ['--memory', '--insecure-port', '0', '--token-auth-file', join(folder, 'tokens.csv')]
  const modes = ['--authorization-mode', 'Node,RBAC', '--service-cluster-ip-range', '10.0.0.0/24']
  return await startServer(apiserverOptions([...fixed, ...modes, ...flags]), pino({ level: 'silent' }))
}

const post = (server: RunningServer, path: string, body: object, user = 'admin') =>
  request(server.url).post(path).set('authorization', `Bearer ${user}-token`).send(body)

const podOf = (spec: object = {}, metadata: object = { name: 'p' }) => ({
  metadata,
  spec: { containers: [{ name: 'c', image: 'nginx:1.27', imagePullPolicy: 'IfNotPresent' }], ...spec },
})

async function makeNamespace(server: RunningServer, name: string, metadata: object = {}): Promise<void> {
  await post(server, '/api/v1/namespaces', { metadata: { name, ...metadata } }).expect(201)
  await post(server, `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } }).expect(201)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-admission-'))
  await writeFile(join(folder, 'tokens.csv'), TOKENS.join('\n'))
})
afterAll(async () => await rm(folder, { recursive: true }))

describe('the default plugins', () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await start()
    await makeNamespace(server, 'a')
  })
  afterAll(async () => await server.close())

  test('a pod gets its account, its tolerations and its priority', async () => {
    const { body } = await post(server, '/api/v1/namespaces/a/pods', podOf()).expect(201)
    expect(body.spec).toMatchObject({ serviceAccountName: 'default', priority: 0 })
    expect(body.spec.tolerations.map((t: { key: string }) => t.key)).toEqual([
      'node.kubernetes.io/not-ready',
      'node.kubernetes.io/unreachable',
    ])
    expect(body.spec.volumes[0].projected.sources).toHaveLength(3)
    expect(body.spec.containers[0].volumeMounts[0].name).toBe(body.spec.volumes[0].name)
  })

  test('a namespace that is created with a level of pod security holds its pods to it', async () => {
    await makeNamespace(server, 'strict', { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } })
    const { body } = await post(server, '/api/v1/namespaces/strict/pods', podOf()).expect(403)
    expect(body.message).toMatch(/^pods "p" is forbidden: violates PodSecurity "restricted:latest": /)
    const deployment = {
      metadata: { name: 'd' },
      spec: { selector: { matchLabels: { a: 'b' } }, template: podOf({}, { labels: { a: 'b' } }) },
    }
    const made = await post(server, '/apis/apps/v1/namespaces/strict/deployments', deployment).expect(201)
    expect(made.headers['warning']).toMatch(/would violate PodSecurity/)
  })

  test('refusals of pods that generate their names speak of the name', async () => {
    const { body } = await post(server, '/api/v1/namespaces/strict/pods', podOf({}, { generateName: 'g-' })).expect(403)
    expect(body.message).toMatch(/^pods "g-[a-z0-9]{5}" is forbidden: violates PodSecurity/)
  })

  test('a write that is refused leaves nothing behind', async () => {
    const { body } = await request(server.url)
      .get('/api/v1/namespaces/strict/pods')
      .set('authorization', 'Bearer admin-token')
    expect(body.items).toEqual([])
  })
})

describe('plugins that are switched on', () => {
  const ENABLED = [
    'NamespaceAutoProvision',
    'AlwaysPullImages',
    'PodNodeSelector',
    'PodTolerationRestriction',
    'ExtendedResourceToleration',
    'LimitPodHardAntiAffinityTopology',
    'DenyServiceExternalIPs',
    'OwnerReferencesPermissionEnforcement',
    'NodeRestriction',
  ]
  let server: RunningServer
  beforeAll(async () => {
    const configuration = {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [
        {
          name: 'PodNodeSelector',
          configuration: { podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: 'env=test' } },
        },
        {
          name: 'PodSecurity',
          configuration: {
            apiVersion: 'pod-security.admission.config.k8s.io/v1',
            kind: 'PodSecurityConfiguration',
            defaults: { enforce: 'baseline' },
            exemptions: { namespaces: ['free'] },
          },
        },
      ],
    }
    const file = join(folder, 'admission.yaml')
    await writeFile(file, JSON.stringify(configuration))
    const seconds = ['--default-not-ready-toleration-seconds', '5']
    const plugins = ['--enable-admission-plugins', ENABLED.join(','), '--disable-admission-plugins', 'Priority']
    server = await start('--admission-control-config-file', file, ...seconds, ...plugins)
    await makeNamespace(server, 'a')
    await makeNamespace(server, 'free')
  })
  afterAll(async () => await server.close())

  test('each does its part on one pod', async () => {
    const resources = { limits: { 'example.com/gpu': '1', cpu: '1' } }
    const containers = [{ name: 'c', image: 'nginx:1.27', imagePullPolicy: 'IfNotPresent', resources }]
    const { body } = await post(server, '/api/v1/namespaces/a/pods', podOf({ containers })).expect(201)
    expect(body.spec.containers[0].imagePullPolicy).toBe('Always')
    expect(body.spec.nodeSelector).toEqual({ env: 'test' })
    expect(body.spec.priority).toBeUndefined()
    expect(body.spec.tolerations).toMatchObject([
      { key: 'node.kubernetes.io/not-ready', tolerationSeconds: 5 },
      { key: 'node.kubernetes.io/unreachable', tolerationSeconds: 300 },
      { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
      { key: 'example.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ])
  })

  test('the first object of a namespace makes it', async () => {
    await post(server, '/api/v1/namespaces/fresh/configmaps', { metadata: { name: 'a' } }).expect(201)
    const answer = await request(server.url)
      .get('/api/v1/namespaces/fresh')
      .set('authorization', 'Bearer admin-token')
      .expect(200)
    expect(answer.body.status.phase).toBe('Active')
  })

  test('the configuration of pod security holds, but not where it says so', async () => {
    const { body } = await post(server, '/api/v1/namespaces/a/pods', podOf({ hostPID: true }, { name: 'h' })).expect(
      403,
    )
    expect(body.message).toBe(
      'pods "h" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    )
    await post(server, '/api/v1/namespaces/free/pods', podOf({ hostPID: true }, { name: 'h' })).expect(201)
  })

  test('external addresses and hard anti-affinity over zones are refused', async () => {
    const service = { metadata: { name: 's' }, spec: { ports: [{ port: 80 }], externalIPs: ['1.2.3.4'] } }
    const refused = await post(server, '/api/v1/namespaces/a/services', service).expect(403)
    expect(refused.body.message).toBe('services "s" is forbidden: Use of external IPs is denied by admission control')
    const term = { topologyKey: 'zone', labelSelector: {} }
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }
    const { body } = await post(server, '/api/v1/namespaces/a/pods', podOf({ affinity }, { name: 'z' })).expect(403)
    expect(body.message).toMatch(/has TopologyKey zone but only key kubernetes.io\/hostname is allowed$/)
  })

  test('a node writes its own objects only', async () => {
    const { body } = await post(server, '/api/v1/nodes', { metadata: { name: 'n2' } }, 'node').expect(403)
    expect(body.message).toBe('nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"')
    const own = await post(server, '/api/v1/nodes', { metadata: { name: 'n1' } }, 'node').expect(201)
    expect(own.body.spec.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
  })

  test('who may not touch the finalizers of an owner can not block its deletion', async () => {
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }]
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/a'
    await post(server, `${rbac}/roles`, { metadata: { name: 'maker' }, rules }).expect(201)
    const binding = {
      metadata: { name: 'maker' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'maker' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
    }
    await post(server, `${rbac}/rolebindings`, binding).expect(201)
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', blockOwnerDeletion: true }
    const owned = { metadata: { name: 'owned', ownerReferences: [owner] } }
    const { body } = await post(server, '/api/v1/namespaces/a/configmaps', owned, 'jane').expect(403)
    expect(body.message).toMatch(/^configmaps "owned" is forbidden: cannot set blockOwnerDeletion if an ownerReference/)
    await post(server, '/api/v1/namespaces/a/configmaps', owned).expect(201)
  })
})

test('AlwaysDeny refuses every write', async () => {
  const server = await start('--enable-admission-plugins', 'AlwaysDeny')
  try {
    const { body } = await post(server, '/api/v1/namespaces/default/configmaps', { metadata: { name: 'a' } }).expect(
      403,
    )
    expect(body.message).toBe('configmaps "a" is forbidden: admission control is denying all modifications')
  } finally {
    await server.close()
  }
})

test('a server with unknown plugins does not start', async () => {
  await expect(start('--enable-admission-plugins', 'Nope')).rejects.toThrow(
    'enable-admission-plugins plugin "Nope" is unknown',
  )
})

describe('connections', () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await start('--enable-admission-plugins', 'AlwaysDeny')
  })
  afterAll(async () => await server.close())

  const ask = (path: string) =>
    request(server.url).get(`/api/v1/namespaces/default/${path}`).set('authorization', 'Bearer admin-token')

  test.each(['pods/p/exec?command=ls', 'pods/p/attach', 'pods/p/portforward?ports=80', 'pods/p/proxy/index.html'])(
    'admission may refuse %s',
    async (path) => {
      const { body } = await ask(path).expect(403)
      expect(body).toMatchObject({ kind: 'Status', reason: 'Forbidden', details: { name: 'p', kind: 'pods' } })
      expect(body.message).toContain('admission control is denying all modifications')
    },
  )

  test('logs are read, which admission has no say in', async () => {
    const { body } = await ask('pods/p/log').expect(404)
    expect(body.message).toBe('pods "p" not found')
  })
})
