import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import WebSocket from 'ws'
import { systemClock } from '../../src/apimachinery/clock.ts'
import type { Pod } from '../../src/apimachinery/types/core-v1.ts'
import { type NodesProcess, runNodes } from '../../src/cluster/nodes-process.ts'
import { CertificateAuthority, type ClientSubject, type KeyPair } from '../../src/cluster/pki/certificate-authority.ts'
import { ClusterPki } from '../../src/cluster/pki/cluster-pki.ts'
import { openPkiDirectory } from '../../src/cluster/pki/pki-files.ts'
import { HttpClient } from '../../src/controllers/http/http-client.ts'
import { readKubeconfig } from '../../src/controllers/http/kubeconfig-access.ts'
import type { Typed } from '../../src/controllers/runtime/client.ts'
import { NODES, PODS, SERVICE_ACCOUNTS } from '../../src/controllers/runtime/resources.ts'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

/** Simulated nodes that run apart from the server, as `kubemu nodes` runs them. */
describe('nodes in another process', () => {
  let folder: string
  let server: TestServer
  let nodes: NodesProcess
  let client: HttpClient
  let authority: CertificateAuthority

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubemu-kubelets-'))
    server = await startTestServer({
      flags: [`--cert-dir=${folder}`],
      runtimeConfig: { 'metrics.k8s.io/v1beta1': true },
    })
    authority = await new ClusterPki(await openPkiDirectory(folder)).authority()
    const access = await readKubeconfig(server.adminKubeconfig)
    client = HttpClient.connect({ access, clock: systemClock, userAgent: 'test', impersonate: false })
    nodes = await runNodes(
      {
        kubeconfig: server.adminKubeconfig,
        count: 2,
        namePrefix: 'far-',
        bindAddress: '127.0.0.1',
        port: 0,
        advertiseAddress: undefined,
        clientCaFile: undefined,
        leaderElection: undefined,
      },
      pino({ level: 'silent' }),
    )
    const metadata = { name: 'default', namespace: 'default' }
    await client.create(SERVICE_ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
    await client.create(PODS, pod('web', 'far-0', ['sh', '-c', 'echo one; echo two; sleep infinity']))
    await running('web')
  })

  afterAll(async () => {
    await nodes?.stop()
    client?.close()
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const get = (path: string) => supertest(server.url).get(path).set('authorization', `Bearer ${ADMIN_TOKEN}`)
  const pods = '/api/v1/namespaces/default/pods'

  async function running(name: string): Promise<void> {
    await vi.waitFor(
      async () => {
        const { status } = await client.get(PODS, { namespace: 'default', name })
        if (status?.phase !== 'Running') throw new Error(`${name} is ${status?.phase}`)
      },
      { timeout: 20_000, interval: 50 },
    )
  }

  test('register with the address of their kubelets', async () => {
    const { status } = await client.get(NODES, { namespace: '', name: 'far-0' })
    expect(status?.addresses).toEqual([
      { type: 'InternalIP', address: '127.0.0.1' },
      { type: 'Hostname', address: '127.0.0.1' },
    ])
    expect(status?.daemonEndpoints?.kubeletEndpoint?.Port).toBe(nodes.endpoint.port)
  })

  test('logs come through the API server, with their options', async () => {
    const all = await get(`${pods}/web/log`)
    expect([all.status, all.headers['content-type'], all.text]).toEqual([200, 'text/plain', 'one\ntwo\n'])
    expect((await get(`${pods}/web/log?tailLines=1`)).text).toBe('two\n')
  })

  test('logs over a WebSocket, from a kubelet that knows nothing of it', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}${pods}/web/log?follow=true&tailLines=1`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    })
    const messages: string[] = []
    socket.on('message', (data: Buffer) => messages.push(data.toString()))
    await vi.waitFor(() => expect(messages).toEqual(['', 'two\n']), { timeout: 20_000 })
    socket.close()
    await new Promise((resolve) => socket.once('close', resolve))
  })

  test('what a kubelet refuses is told as a Status', async () => {
    const { status, body } = await get(`${pods}/web/log?previous=true`)
    expect([status, body.reason, body.message]).toEqual([
      400,
      'BadRequest',
      'previous terminated container "main" in pod "web" not found',
    ])
  })

  test('a request without an upgrade is refused as upstream refuses it', async () => {
    const { status, body } = await get(`${pods}/web/exec?command=ls&stdout=true`)
    expect([status, body.message]).toEqual([400, 'Upgrade request required'])
  })

  test('a kubelet that is not there: 500 with what the connection said', async () => {
    await client.create(NODES, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'gone' },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
      },
    })
    await client.create(PODS, pod('lost', 'gone', ['true']))
    const { status, body } = await get(`${pods}/lost/log`)
    expect([status, body.message]).toEqual([
      500,
      'Get "https://127.0.0.1:1/containerLogs/default/lost/main": dial tcp 127.0.0.1:1: connect: connection refused',
    ])
  })

  test('a node without an address: 500 that says so', async () => {
    await client.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'nowhere' } })
    await client.create(PODS, pod('adrift', 'nowhere', ['true']))
    const { status, body } = await get(`${pods}/adrift/log`)
    expect([status, body.message]).toEqual([500, 'no preferred addresses found; known addresses: []'])
  })

  describe('through the API server', () => {
    test('the kubelet of each node is told apart from the others at the same port', async () => {
      for (const node of ['far-0', 'far-1']) {
        const { body } = await get(`/api/v1/nodes/${node}/proxy/stats/summary`)
        expect(body.node.nodeName).toBe(node)
      }
      const { body } = await get('/api/v1/nodes/far-0/proxy/pods')
      expect(body.items.map((item: Pod) => item.metadata.name)).toEqual(['web'])
      expect((await get('/api/v1/nodes/far-1/proxy/pods').set('kubemu-node', 'far-0')).body.items).toEqual([])
      expect((await get(`/api/v1/nodes/far-0:${nodes.endpoint.port}/proxy/healthz`)).text).toBe('ok')
    })

    test('pods and services are reached through their kubelets', async () => {
      expect((await get(`${pods}/web:80/proxy/a?b=c`)).text).toContain(
        'Pod: default/web\nNode: far-0\nRequest: GET /a?b=c',
      )
      const create = (path: string, object: object) =>
        supertest(server.url).post(path).set('authorization', `Bearer ${ADMIN_TOKEN}`).send(object)
      const { status: found } = await client.get(PODS, { namespace: 'default', name: 'web' })
      await create('/api/v1/namespaces/default/services', {
        metadata: { name: 'web' },
        spec: { ports: [{ port: 80 }] },
      })
      await create('/api/v1/namespaces/default/endpoints', {
        metadata: { name: 'web' },
        subsets: [
          {
            addresses: [{ ip: found?.podIP, targetRef: { kind: 'Pod', namespace: 'default', name: 'web' } }],
            ports: [{ port: 8080 }],
          },
        ],
      })
      expect((await get('/api/v1/namespaces/default/services/web:80/proxy/')).text).toContain('Request: GET /')
      const posted = await supertest(server.url)
        .post('/api/v1/namespaces/default/services/web/proxy/form')
        .set('authorization', `Bearer ${ADMIN_TOKEN}`)
        .send('x'.repeat(200_000))
      expect(posted.text).toContain('Request: POST /form')
    })

    test('nobody listens: what the kubelet says of it', async () => {
      await client.create(PODS, { ...pod('narrow', 'far-1', ['sleep', 'infinity']), spec: NARROW } as Typed<Pod>)
      await running('narrow')
      const { status, body } = await get(`${pods}/narrow:81/proxy/`)
      expect([status, body.message]).toEqual([503, expect.stringMatching(/connection refused$/)])
      expect((await get(`${pods}/narrow/proxy/`)).status).toBe(200)
    })

    test('what nodes and pods use is measured as a metrics server does', async () => {
      const metrics = '/apis/metrics.k8s.io/v1beta1'
      const list = await get(`${metrics}/nodes`)
      expect(list.body.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(
        expect.arrayContaining(['far-0', 'far-1']),
      )
      const { body } = await get(`${metrics}/namespaces/default/pods/web`)
      expect(body).toMatchObject({ containers: [{ name: 'main', usage: { cpu: '1m', memory: '16Mi' } }] })
      expect((await get(`${metrics}/nodes/far-0`)).body.usage).toEqual({ cpu: '51m', memory: '528Mi' })
    })

    test('a node that is the API server itself: a request does not go round for ever', async () => {
      const { port } = new URL(server.tlsUrl)
      await client.create(NODES, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'self' },
        status: {
          addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
          daemonEndpoints: { kubeletEndpoint: { Port: Number(port) } },
        },
      })
      const round = '/api/v1/nodes/self/proxy'
      expect((await get(`${round.repeat(3)}/version`)).body.major).toBe('1')
      const { status, body } = await get(`${round.repeat(200)}/version`)
      expect([status, body.message]).toEqual([508, 'the request has been through 16 proxies already'])
    })

    test('nodes whose kubelets are away are left out', async () => {
      await client.create(NODES, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: 'away' },
        status: {
          addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
          daemonEndpoints: { kubeletEndpoint: { Port: 1 } },
        },
      })
      const { status, body } = await get('/apis/metrics.k8s.io/v1beta1/nodes/away')
      expect([status, body.message]).toEqual([404, 'nodes.metrics.k8s.io "away" not found'])
      const proxied = await get('/api/v1/nodes/away/proxy/pods')
      expect([proxied.status, proxied.body.message]).toEqual([
        503,
        'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused',
      ])
      const local = await get('/api/v1/nodes/away:2/proxy/')
      expect([local.status, local.body.message]).toEqual([400, 'address not allowed'])
    })
  })

  describe("the kubelets' own API", () => {
    const logs = '/containerLogs/default/web/main'
    const ask = (path: string, credentials?: KeyPair) => answerOf(nodes.endpoint.port, path, credentials)
    const certificateFor = (subject: ClientSubject): Promise<KeyPair> => authority.issueClient(subject)

    test('knows bearer tokens, and what its paths are called in rules', async () => {
      const bearer = (path: string, token: string) => answerOf(nodes.endpoint.port, path, undefined, token)
      expect(await bearer('/pods', 'no such token')).toEqual([401, 'Unauthorized'])
      const subresources = {
        '/pods': '[pods proxy]',
        '/runningpods/': '[pods proxy]',
        '/configz': '[configz proxy]',
        '/healthz/ping': '[healthz proxy]',
        '/metrics': '[metrics]',
        '/metrics/resource': '[metrics]',
        '/stats/summary': '[stats]',
        '/logs/': '[log]',
        '/containerLogs/default/web/main': '[proxy]',
      }
      for (const [path, names] of Object.entries(subresources)) {
        expect(await bearer(path, 'jane-token-0002')).toEqual([
          403,
          `Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=${names})`,
        ])
      }
      const rules = [
        { apiGroups: [''], resources: ['nodes/pods', 'nodes/metrics'], resourceNames: ['far-0'], verbs: ['get'] },
      ]
      const role = await supertest(server.url)
        .post('/apis/rbac.authorization.k8s.io/v1/clusterroles')
        .set('authorization', `Bearer ${ADMIN_TOKEN}`)
        .send({ metadata: { name: 'monitor' }, rules })
      expect(role.status).toBe(201)
      const binding = await supertest(server.url)
        .post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings')
        .set('authorization', `Bearer ${ADMIN_TOKEN}`)
        .send({
          metadata: { name: 'monitor' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'monitor' },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
        })
      expect(binding.status).toBe(201)
      const named = (path: string) => answerOf(nodes.endpoint.port, path, undefined, 'jane-token-0002', 'far-0')
      expect((await named('/pods'))[0]).toBe(200)
      expect((await named('/metrics/resource'))[0]).toBe(200)
      expect((await named('/configz'))[0]).toBe(403)
      expect((await bearer('/pods', 'jane-token-0002'))[0]).toBe(403)
    })

    test('tells everybody that it is there', async () => {
      expect(await ask('/healthz')).toEqual([200, 'ok'])
    })

    test('asks for a certificate of the cluster', async () => {
      expect(await ask(logs)).toEqual([401, 'Unauthorized'])
      const other = await CertificateAuthority.create('other')
      const forged = await other.issueClient({ user: 'kubernetes-admin', groups: ['system:masters'] })
      expect(await ask(logs, forged)).toEqual([401, 'Unauthorized'])
    })

    test('asks the API server who may use it', async () => {
      expect(await ask(logs, await certificateFor({ user: 'jane' }))).toEqual([
        403,
        'Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[proxy])',
      ])
      const admin = await certificateFor({ user: 'ann', groups: ['system:masters'] })
      expect(await ask(logs, admin)).toEqual([200, expect.stringMatching(/^one\ntwo\n/)])
    })

    test('knows only what there is', async () => {
      const admin = await certificateFor({ user: 'ann', groups: ['system:masters'] })
      expect(await ask('/containerLogs/default/none/main', admin)).toEqual([404, 'pod "none" does not exist'])
      expect(await ask('/containerLogs/default/web/none', admin)).toEqual([
        404,
        'container "none" not found in pod "web"',
      ])
      expect(await ask('/exec/default/none/main?command=ls', admin)).toEqual([404, 'pod does not exist'])
      expect(await ask('/nothing', admin)).toEqual([404, '404 page not found\n'])
      expect(await ask('/exec/default/web/main?command=ls', admin)).toEqual([400, 'Upgrade request required'])
    })
  })
})

const NARROW = {
  nodeName: 'far-1',
  containers: [{ name: 'main', image: 'web', ports: [{ containerPort: 80 }] }],
}

function pod(name: string, nodeName: string, command: readonly string[]): Typed<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName, containers: [{ name: 'main', image: 'busybox', command: [...command] }] },
  } as Typed<Pod>
}

/** Status and text of an answer. */
function answerOf(
  port: number,
  path: string,
  credentials?: KeyPair,
  token?: string,
  node?: string,
): Promise<[number | undefined, string]> {
  const { certificate, privateKey } = credentials ?? {}
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(node === undefined ? {} : { 'kubemu-node': node }),
  }
  return new Promise((resolve, reject) => {
    const tls = { rejectUnauthorized: false, cert: certificate, key: privateKey }
    const asked = request({ host: '127.0.0.1', port, path, agent: false, headers, ...tls }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve([response.statusCode, text]))
    })
    asked.on('error', reject)
    asked.end()
  })
}
