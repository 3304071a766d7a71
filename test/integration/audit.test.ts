import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../src/api/audit/audit-event.ts'
import { AuditPolicy } from '../../src/api/audit/audit-policy.ts'
import { Auditor } from '../../src/api/audit/auditor.ts'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { encodeProtobuf } from '../../src/apimachinery/protobuf/encode.ts'
import { ADMIN, AuthServer, JANE } from '../suites/auth-server.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { AdmissionServer } from './admission-server.ts'
import { patchAnswer, WebhookServer } from './webhook-server.ts'

const POLICY = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: RequestResponse
  resources: [{group: "", resources: [configmaps]}, {group: autoscaling}]
  omitStages: [RequestReceived]
- level: Request
  resources: [{group: apps}]
  omitStages: [RequestReceived]
- level: Metadata
`
const MAPS = '/api/v1/namespaces/dev/configmaps'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

// biome-ignore lint/suspicious/noExplicitAny: tests look wherever they like
type Event = any

let server: AuthServer
let webhooks: WebhookServer

beforeAll(async () => {
  webhooks = await WebhookServer.start(await servingCertificate())
  server = await AuthServer.start(
    [
      '--authorization-mode=RBAC',
      '--audit-policy-file={folder}/audit.yaml',
      '--audit-log-path={folder}/audit.log',
      '--audit-log-mode=blocking-strict',
    ],
    { 'audit.yaml': POLICY },
  )
  await server.admin('POST', '/api/v1/namespaces', { metadata: { name: 'dev' } })
})

afterAll(async () => {
  agent.destroy()
  await server.stop()
  await webhooks.close()
})

async function eventsOf(auditID: string): Promise<Event[]> {
  const lines = (await readFile(join(server.folder, 'audit.log'), 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Event).filter((event) => event.auditID === auditID)
}

async function completed(auditID: string): Promise<Event> {
  await expect.poll(async () => (await eventsOf(auditID)).at(-1)?.stage, { timeout: 15_000 }).toBe('ResponseComplete')
  return (await eventsOf(auditID)).at(-1)
}

let requests = 0
/** One request as the administrator; resolves with its last event. */
async function audited(ask: Omit<Parameters<AuthServer['ask']>[0], 'token'>): Promise<Event> {
  const id = `request-${requests++}`
  const given = Array.isArray(ask.headers) ? ask.headers : Object.entries(ask.headers ?? {}).flat()
  await server.ask({ ...ask, headers: [...given, 'audit-id', id], token: ADMIN })
  return await completed(id)
}

describe('what events say of objects', () => {
  test('objectRef has the name, uid and resourceVersion that the request’s object has', async () => {
    const created = await audited({ method: 'POST', path: MAPS, body: { metadata: { name: 'a' }, data: { x: '1' } } })
    expect(created.objectRef).toEqual({ resource: 'configmaps', namespace: 'dev', name: 'a', apiVersion: 'v1' })
    const { uid, resourceVersion } = created.responseObject.metadata
    const body = { metadata: { name: 'a', uid, resourceVersion }, data: { x: '2' } }
    const updated = await audited({ method: 'PUT', path: `${MAPS}/a`, body })
    expect(updated.objectRef).toEqual({
      resource: 'configmaps',
      namespace: 'dev',
      name: 'a',
      uid,
      apiVersion: 'v1',
      resourceVersion,
    })
    expect(updated.responseStatus).toEqual({ metadata: {}, code: 200 })
  })

  test('requests are written with their defaults, in the version in which they came', async () => {
    const spec = {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    }
    const path = '/apis/apps/v1/namespaces/dev/deployments'
    const event = await audited({ method: 'POST', path, body: { metadata: { name: 'd' }, spec } })
    expect(event.requestObject.spec.progressDeadlineSeconds).toBe(600)
    expect(event.requestObject.metadata).toEqual({ name: 'd' })
    expect(event).not.toHaveProperty('responseObject')
    const scaler = {
      metadata: { name: 'h' },
      spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' } },
    }
    const old = await audited({
      method: 'POST',
      path: '/apis/autoscaling/v1/namespaces/dev/horizontalpodautoscalers',
      body: scaler,
    })
    expect(old.requestObject).toMatchObject({ apiVersion: 'autoscaling/v1', spec: { maxReplicas: 3 } })
    expect(old.responseObject.apiVersion).toBe('autoscaling/v1')
  })

  test('a patch is written as it came, delete options as an object, a deletion’s Status in the status', async () => {
    const patch = { data: { y: '3' } }
    const headers = { 'content-type': 'application/merge-patch+json' }
    const patched = await audited({ method: 'PATCH', path: `${MAPS}/a`, headers, body: patch })
    expect(patched.requestObject).toEqual(patch)
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' }
    const deleted = await audited({ method: 'DELETE', path: `${MAPS}/a`, body })
    expect(deleted.requestObject).toMatchObject({ kind: 'DeleteOptions', propagationPolicy: 'Background' })
    expect(deleted.responseStatus).toMatchObject({ status: 'Success', details: { name: 'a', kind: 'configmaps' } })
  })

  test('bodies in protobuf and YAML are written as JSON', async () => {
    const map = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'binary', namespace: 'dev' },
      data: { p: 'q' },
    }
    const encoded = encodeProtobuf(map)
    const id = 'protobuf-1'
    const answer = await postBytes(encoded, { 'content-type': PROTOBUF, accept: PROTOBUF, 'audit-id': id })
    expect(answer).toBe(201)
    const event = await completed(id)
    expect(event.requestObject).toEqual(map)
    expect(event.responseObject).toMatchObject({ kind: 'ConfigMap', data: { p: 'q' } })
    const read = await audited({ path: `${MAPS}/binary`, headers: { accept: 'application/yaml' } })
    expect(read.responseObject).toMatchObject({ kind: 'ConfigMap', data: { p: 'q' } })
  })

  test('a long list is written whole, without managedFields, and the client gets it', async () => {
    const headers = { 'content-type': 'application/json' }
    for (let i = 0; i < 300; i++) await postBytes(Buffer.from(`{"metadata":{"name":"m-${i}"}}`), headers)
    const event = await audited({ path: `${MAPS}?limit=280`, headers: { 'accept-encoding': 'gzip' } })
    expect(event.responseObject.items).toHaveLength(280)
    expect(event.responseObject.items[0].metadata).not.toHaveProperty('managedFields')
    expect((await server.ask({ path: MAPS, token: ADMIN })).body?.['items']).toHaveLength(301)
  })
})

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** POSTs a config map on a connection that is kept; resolves with the status. */
async function postBytes(body: Uint8Array, headers: Record<string, string>): Promise<number> {
  const { hostname, port } = new URL(server.url)
  return await new Promise((resolve, reject) => {
    const asked = request(
      {
        hostname,
        port,
        path: MAPS,
        method: 'POST',
        ca: server.ca,
        agent,
        headers: { ...headers, authorization: `Bearer ${ADMIN}`, 'content-length': body.length },
      },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

describe('stages', () => {
  test('a watch says when it starts and when it ends, and where a slow request spent its time', async () => {
    const id = 'watch-1'
    const path = '/api/v1/namespaces/dev/secrets?watch=1&timeoutSeconds=1'
    await server.ask({ path, headers: { 'audit-id': id }, token: ADMIN })
    const last = await completed(id)
    expect((await eventsOf(id)).map((event) => event.stage)).toEqual([
      'RequestReceived',
      'ResponseStarted',
      'ResponseComplete',
    ])
    expect(last.responseStatus).toEqual({ metadata: {}, code: 200 })
    expect(last.annotations['apiserver.latency.k8s.io/total']).toMatch(/^1(\.\d+)?s$/)
    expect(last.annotations['apiserver.latency.k8s.io/authentication']).toMatch(/^[\d.]+(µs|ms)$/)
    expect(last.annotations['apiserver.latency.k8s.io/authorization']).toMatch(/^[\d.]+(µs|ms)$/)
    const quick = await audited({ path: '/version' })
    expect(Object.keys(quick.annotations)).not.toContain('apiserver.latency.k8s.io/total')
  })

  test('a client that leaves before its body is whole is written all the same', async () => {
    const { hostname, port } = new URL(server.url)
    const socket = connectTls({ host: hostname, port: Number(port), ca: server.ca })
    await new Promise<void>((resolve) => socket.once('secureConnect', resolve))
    socket.on('error', () => {})
    const head = ['POST /api/v1/namespaces/dev/secrets HTTP/1.1', 'Host: x', `Authorization: Bearer ${ADMIN}`]
    socket.write(
      [...head, 'Audit-ID: gone-1', 'Content-Type: application/json', 'Content-Length: 100', '', '{"a'].join('\r\n'),
    )
    await expect.poll(async () => (await eventsOf('gone-1')).length, { timeout: 15_000 }).toBe(1)
    socket.destroy()
    const event = await completed('gone-1')
    expect(event.verb).toBe('create')
  })

  test('a refused credential is one event, with the answer’s Status', async () => {
    await server.ask({ path: '/api', headers: { 'audit-id': 'refused-1' }, token: 'nobodys' })
    await expect.poll(() => eventsOf('refused-1'), { timeout: 15_000 }).toHaveLength(1)
    const [event] = await eventsOf('refused-1')
    expect(event).toMatchObject({
      stage: 'ResponseStarted',
      user: {},
      responseStatus: { status: 'Failure', message: 'Unauthorized', reason: 'Unauthorized', code: 401 },
    })
  })

  test('a bug of the server’s is a panic', async () => {
    const events: AuditEvent[] = []
    const auditor = new Auditor({
      policy: new AuditPolicy(POLICY),
      sinks: [{ write: (event) => void events.push(event), close: async () => {} }],
      clock: systemClock,
      isLongRunning: () => false,
    })
    const admit = async ({ name }: { readonly name: string }): Promise<void> => {
      if (name === 'bug') throw new TypeError('no such thing')
    }
    const plane = await AdmissionServer.start(() => [{ name: 'Bug', handles: () => true, admit }], auditor)
    try {
      const answer = await plane.create('/api/v1/namespaces/default/configmaps', { metadata: { name: 'bug' } })
      expect(answer.status).toBe(500)
      expect(events.at(-1)).toMatchObject({
        stage: 'Panic',
        responseStatus: {
          status: 'Failure',
          reason: 'InternalError',
          code: 500,
          message: "APIServer panic'd: no such thing",
        },
      })
    } finally {
      await plane.plane.close()
    }
  })
})

test('what admission did is told at the level at which it may be: the patch with the objects only', async () => {
  webhooks.on('/mutate', async () => {
    await new Promise((resolve) => setTimeout(resolve, 600))
    return patchAnswer({ op: 'add', path: '/metadata/labels', value: { seen: 'yes' } })
  })
  const rule = (group: string, resource: string): object => ({
    apiGroups: [group],
    apiVersions: ['*'],
    operations: ['CREATE'],
    resources: [resource],
  })
  await server.admin('POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    metadata: { name: 'hooks' },
    webhooks: [
      {
        name: 'mutate.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: { url: webhooks.url('/mutate'), caBundle: webhooks.certificate.caBundle },
        rules: [rule('', 'configmaps'), rule('', 'secrets')],
        objectSelector: { matchLabels: { hook: 'yes' } },
      },
    ],
  })
  const body = { metadata: { name: 'hooked', labels: { hook: 'yes' } } }
  const full = await audited({ method: 'POST', path: MAPS, body })
  expect(JSON.parse(full.annotations['mutation.webhook.admission.k8s.io/round_0_index_0'])).toEqual({
    configuration: 'hooks',
    webhook: 'mutate.example.com',
    mutated: true,
  })
  expect(full.annotations['patch.webhook.admission.k8s.io/round_0_index_0']).toContain('"patchType":"JSONPatch"')
  expect(full.annotations['apiserver.latency.k8s.io/mutating-webhook']).toMatch(/^[\d.]+(ms|s)$/)
  expect(full.annotations['apiserver.latency.k8s.io/etcd']).toMatch(/^[\d.]+(µs|ms)$/)
  const metadata = await audited({ method: 'POST', path: '/api/v1/namespaces/dev/secrets', body })
  expect(metadata.annotations).toHaveProperty(['mutation.webhook.admission.k8s.io/round_0_index_0'])
  expect(metadata.annotations).not.toHaveProperty(['patch.webhook.admission.k8s.io/round_0_index_0'])
  await server.admin('DELETE', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/hooks')
})

test('in strict mode nothing is done that could not be written', async () => {
  const strict = await AuthServer.start(
    [
      '--authorization-mode=AlwaysAllow',
      '--audit-policy-file={folder}/audit.yaml',
      '--audit-log-path={folder}',
      '--audit-log-mode=blocking-strict',
    ],
    { 'audit.yaml': POLICY.replaceAll('omitStages: [RequestReceived]', 'omitStages: []') },
  )
  try {
    const { status, body } = await strict.ask({
      method: 'POST',
      path: '/api/v1/namespaces/default/configmaps',
      body: { metadata: { name: 'never' } },
      token: JANE,
    })
    expect(status).toBe(500)
    expect(body?.['message']).toBe('Internal error occurred: failed to store audit event')
  } finally {
    await strict.stop()
  }
})
