import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
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
    server = await startTestServer({ flags: [`--cert-dir=${folder}`] })
    authority = await new ClusterPki(await openPkiDirectory(folder)).authority()
    const access = await readKubeconfig(server.adminKubeconfig)
    client = HttpClient.connect({ access, clock: systemClock, userAgent: 'test', impersonate: false })
    nodes = await runNodes(
      {
        kubeconfig: server.adminKubeconfig,
        count: 1,
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

  describe("the kubelets' own API", () => {
    const logs = '/containerLogs/default/web/main'
    const ask = (path: string, credentials?: KeyPair) => answerOf(nodes.endpoint.port, path, credentials)
    const certificateFor = (subject: ClientSubject): Promise<KeyPair> => authority.issueClient(subject)

    test('tells everybody that it is there', async () => {
      expect(await ask('/healthz')).toEqual([200, 'ok'])
    })

    test('asks for a certificate of the cluster', async () => {
      expect(await ask(logs)).toEqual([401, 'Unauthorized\n'])
      const other = await CertificateAuthority.create('other')
      const forged = await other.issueClient({ user: 'kubernetes-admin', groups: ['system:masters'] })
      expect(await ask(logs, forged)).toEqual([401, 'Unauthorized\n'])
    })

    test('asks the API server who may use it', async () => {
      expect(await ask(logs, await certificateFor({ user: 'jane' }))).toEqual([
        403,
        'Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[proxy])\n',
      ])
      const admin = await certificateFor({ user: 'ann', groups: ['system:masters'] })
      expect(await ask(logs, admin)).toEqual([200, 'one\ntwo\n'])
    })

    test('knows only what there is', async () => {
      const admin = await certificateFor({ user: 'ann', groups: ['system:masters'] })
      expect(await ask('/containerLogs/default/none/main', admin)).toEqual([404, 'pod does not exist\n'])
      expect(await ask('/containerLogs/default/web/none', admin)).toEqual([
        400,
        'container none not found in pod web\n',
      ])
      expect(await ask('/nothing', admin)).toEqual([404, '404 page not found\n'])
      expect(await ask('/exec/default/web/main?command=ls', admin)).toEqual([400, 'Upgrade request required\n'])
    })
  })
})

function pod(name: string, nodeName: string, command: readonly string[]): Typed<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName, containers: [{ name: 'main', image: 'busybox', command: [...command] }] },
  } as Typed<Pod>
}

/** Status and text of an answer. */
function answerOf(port: number, path: string, credentials?: KeyPair): Promise<[number | undefined, string]> {
  const { certificate, privateKey } = credentials ?? {}
  return new Promise((resolve, reject) => {
    const tls = { rejectUnauthorized: false, cert: certificate, key: privateKey }
    const asked = request({ host: '127.0.0.1', port, path, agent: false, ...tls }, (response) => {
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
