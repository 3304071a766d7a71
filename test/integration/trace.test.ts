import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TraceEvent } from '../../src/api/trace/trace-path.ts'
import type { Trace, TraceNode, TraceRecordView } from '../../src/api/trace/trace-record.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningCluster, startCluster } from '../../src/cluster/cluster.ts'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import { DEPLOYMENTS, PODS } from '../../src/controllers/runtime/resources.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { patchAnswer, WebhookServer } from './webhook-server.ts'

const ADMIN = 'admin-token'
const JANE = 'jane-token'
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
/** Longest that a test waits for a state, in real time. */
const TIMEOUT_MS = 20_000

let folder: string
let cluster: RunningCluster
let url: string
let hooks: WebhookServer
const traceparents: (string | undefined)[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-trace-'))
  const tokens = join(folder, 'tokens.csv')
  await writeFile(tokens, `${ADMIN},admin,1,"system:masters"\n${JANE},jane,2,dev\n`)
  const flags = ['--memory', '--bind-address=127.0.0.1', '--secure-port=0', '--authorization-mode=Node,RBAC']
  const server = apiserverOptions([...flags, `--token-auth-file=${tokens}`])
  cluster = await startCluster({ server, nodes: { count: 1 } }, pino({ level: 'silent' }))
  url = `http://127.0.0.1:${await cluster.server.plane.listenPlain('127.0.0.1', 0)}`
  hooks = await WebhookServer.start(await servingCertificate('hooks.default.svc'))
  hooks.on('/label', (_review, _response, request) => {
    traceparents.push(request.headers['traceparent'] as string | undefined)
    return patchAnswer({ op: 'add', path: '/data/added', value: 'by-webhook' })
  })
})

afterAll(async () => {
  await cluster?.close()
  await hooks?.close()
  await rm(folder, { recursive: true, force: true })
})

interface Asked {
  readonly token?: string
  readonly body?: object
  readonly headers?: Record<string, string>
}

async function ask(method: string, path: string, { token = ADMIN, body, headers }: Asked = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

const traceOf = async (query: string): Promise<Trace> =>
  (await ask('GET', `/debug/kubemu/trace?${query}`)).body as unknown as Trace

const deployment = (name: string, replicas = 2) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
  },
})

function nodes(node: TraceNode): TraceNode[] {
  return [node, ...node.children.flatMap(nodes)]
}

const wrote = ({ record }: TraceNode, kind: string): boolean => record.writes[0]?.kind === kind

/** Reads a trace again and again until it is as wanted. */
async function until(read: () => Trace | Promise<Trace>, isReached: (trace: Trace) => boolean): Promise<Trace> {
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const trace = await read()
    if (isReached(trace)) return trace
    if (Date.now() > deadline) throw new Error(`waited in vain: ${JSON.stringify(trace, undefined, 1)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const hasRunning = ({ record }: TraceNode): boolean =>
  record.writes.some((w) => w.changes?.some((c) => c.path === 'status.phase' && c.to === 'Running'))
const isAvailable = ({ record }: TraceNode): boolean =>
  record.writes.some((w) => w.changes?.some((c) => c.path === 'status.conditions[Available].status' && c.to === 'True'))

describe('a Deployment', () => {
  let trace: Trace
  let all: TraceNode[]
  const revisionOf = ({ record }: TraceNode): number => record.writes[0]!.revision
  const causesOf = ({ record }: TraceNode): readonly number[] => record.cause!.revisions

  beforeAll(async () => {
    await ask('POST', '/apis/apps/v1/namespaces/default/deployments', {
      body: deployment('web'),
      headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, 'user-agent': 'tester/1' },
    })
    trace = await until(
      () => cluster.trace({ kind: 'Deployment', name: 'web' }),
      ({ roots }) => nodes(roots[0]!).filter(hasRunning).length === 2 && nodes(roots[0]!).some(isAvailable),
    )
    all = nodes(trace.roots[0]!)
  })

  test('begins with the request: who, why it was allowed, what it took', () => {
    expect(trace.roots).toHaveLength(1)
    const { record } = trace.roots[0]!
    expect(record).toMatchObject({
      user: { name: 'admin', groups: ['system:masters', 'system:authenticated'] },
      userAgent: 'tester/1',
      authenticatedBy: 'token-file',
      authorization: { by: 'SystemMasters' },
      verb: 'create',
      resource: 'deployments',
      code: 201,
      traceID: TRACE,
      parentSpanID: '00f067aa0ba902b7',
      writes: [{ action: 'created', kind: 'Deployment', name: 'web' }],
    })
    expect(record.cause).toBeUndefined()
    const steps = record.steps.map((s) => s.name)
    for (const step of ['authentication', 'authorization', 'decode', 'validation', 'store'])
      expect(steps).toContain(step)
    expect(record.durationMs).toBeGreaterThan(0)
  })

  test('leads to the ReplicaSet, its pods, their bindings and their status, each by what woke its writer', () => {
    const [root] = all
    const replicaSet = all.find((n) => wrote(n, 'ReplicaSet') && n.record.verb === 'create')!
    expect(replicaSet.record.user.name).toBe('system:serviceaccount:kube-system:deployment-controller')
    expect(causesOf(replicaSet)).toContain(revisionOf(root!))
    const pods = all.filter((n) => wrote(n, 'Pod') && n.record.verb === 'create' && !n.record.subresource)
    expect(pods).toHaveLength(2)
    for (const pod of pods) {
      expect(causesOf(pod)).toContain(revisionOf(replicaSet))
      const binding = all.find((n) => n.record.subresource === 'binding' && causesOf(n).includes(revisionOf(pod)))!
      expect(binding.record).toMatchObject({ user: { name: 'system:kube-scheduler' } })
      expect(binding.record.writes[0]?.changes).toContainEqual({ path: 'spec.nodeName', op: 'add', to: 'node-0' })
      const running = all.find((n) => hasRunning(n) && causesOf(n).includes(revisionOf(binding)))!
      expect(running.record).toMatchObject({ user: { name: 'system:node:node-0' }, subresource: 'status' })
    }
    const available = all.find(isAvailable)!
    const writers = new Map(all.map((n) => [revisionOf(n), n]))
    expect(causesOf(available).some((revision) => wrote(writers.get(revision)!, 'ReplicaSet'))).toBe(true)
  })

  test('has no record twice, nor one before its cause, and one trace ID', () => {
    expect(new Set(all.map((n) => n.record.id)).size).toBe(all.length)
    for (const node of all)
      for (const child of node.children) expect(revisionOf(child)).toBeGreaterThan(revisionOf(node))
    expect(new Set(all.map((n) => n.record.traceID))).toEqual(new Set([TRACE]))
  })

  test('has its Events where they are asked for', async () => {
    expect(all.some((n) => wrote(n, 'Event'))).toBe(false)
    const withEvents = await until(
      () => traceOf('resource=deploy&name=web&events=true'),
      ({ roots }) =>
        roots[0]!.children.some((n) => n.record.writes[0]?.note?.startsWith('ScalingReplicaSet: Scaled up')),
    )
    expect(nodes(withEvents.roots[0]!).some((n) => n.record.writes[0]?.note?.startsWith('Scheduled: '))).toBe(true)
  })

  test('is where one of its pods came from: the way to it alone', async () => {
    const { items } = await cluster.client.list(PODS, { namespace: 'default', labelSelector: 'app=web' })
    const name = items[0]!.metadata.name!
    const { roots } = await traceOf(`resource=pods&name=${name}`)
    expect(roots.map((r) => r.record.writes[0]?.kind)).toEqual(['Deployment'])
    const created = roots.flatMap(nodes).filter((n) => n.record.verb === 'create' && wrote(n, 'Pod'))
    expect(new Set(created.map((n) => n.record.writes[0]?.name))).toEqual(new Set([name]))
  })

  test('is shown by uid, audit ID and revision as well', async () => {
    const { record } = trace.roots[0]!
    const [write] = record.writes
    for (const query of [`uid=${write!.uid}`, `auditID=${record.auditID}`, `revision=${write!.revision}`]) {
      expect((await traceOf(query)).roots[0]?.record.id).toBe(record.id)
    }
  })

  test('that is deleted takes all with it, by the garbage collector', async () => {
    await ask('POST', '/apis/apps/v1/namespaces/default/deployments', { body: deployment('short', 1) })
    await until(
      () => traceOf('resource=deployments.apps&name=short'),
      ({ roots }) => nodes(roots[0]!).some(hasRunning),
    )
    await ask('DELETE', '/apis/apps/v1/namespaces/default/deployments/short')
    const deleted = ({ record }: TraceNode): boolean => record.writes.some((w) => w.action === 'deleted')
    const { roots } = await until(
      () => traceOf('resource=deployments&name=short'),
      (found) => nodes(found.roots[0]!).filter(deleted).length === 3,
    )
    expect(roots[0]!.record).toMatchObject({ verb: 'delete', user: { name: 'admin' } })
    const replicaSet = nodes(roots[0]!).find((n) => deleted(n) && wrote(n, 'ReplicaSet'))!
    expect(replicaSet.record.user.name).toBe('system:serviceaccount:kube-system:generic-garbage-collector')
    expect(replicaSet.record.cause?.revisions).toContain(roots[0]!.record.writes.at(-1)!.revision)
  })
})

describe('requests that fail', () => {
  test('403 and 409 stand behind the last that worked', async () => {
    await cluster.client.create(DEPLOYMENTS, deployment('refused', 0))
    const path = '/apis/apps/v1/namespaces/default/deployments/refused'
    expect((await ask('DELETE', path, { token: JANE })).status).toBe(403)
    const stale = { ...deployment('refused', 0), metadata: { name: 'refused', resourceVersion: '1' } }
    expect((await ask('PUT', path, { body: stale })).status).toBe(409)
    const { roots } = await traceOf('resource=deployment&name=refused')
    expect(roots.map((r) => [r.record.verb, r.record.code, r.record.reason])).toEqual([
      ['create', 201, undefined],
      ['delete', 403, 'Forbidden'],
      ['update', 409, 'Conflict'],
    ])
    expect(roots[1]!.record).toMatchObject({
      user: { name: 'jane' },
      message: expect.stringContaining('User "jane" cannot delete resource "deployments" in API group "apps"'),
    })
  })

  test('impersonation shows both', async () => {
    const body = { metadata: { name: 'as-jane' } }
    await ask('POST', '/api/v1/namespaces/default/configmaps', { body, headers: { 'impersonate-user': 'jane' } })
    const { roots } = await traceOf('all=true&since=5m')
    const failed = roots.map((r) => r.record).find((r) => r.impersonatedBy !== undefined)
    expect(failed).toMatchObject({ impersonatedBy: 'admin', user: { name: 'jane' }, code: 403, resource: 'configmaps' })
  })
})

test('a mutating webhook: what it changed, and the trace that it was called in', async () => {
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
  const webhook = {
    name: 'label.example.com',
    clientConfig: { url: hooks.url('/label'), caBundle: hooks.certificate.caBundle },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  }
  await ask('POST', path, { body: { metadata: { name: 'label' }, webhooks: [webhook] } })
  const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }
  const created = await ask('POST', '/api/v1/namespaces/default/configmaps', {
    body: { metadata: { name: 'hooked' }, data: { a: 'b' } },
    headers,
  })
  await ask('DELETE', `${path}/label`)
  expect(created.body['data']).toEqual({ a: 'b', added: 'by-webhook' })
  const { roots } = await traceOf('resource=cm&name=hooked')
  const changed = roots[0]!.record.admission!.filter(({ changes }) => changes !== undefined)
  expect(changed).toEqual([
    {
      plugin: 'MutatingAdmissionWebhook',
      phase: 'mutating',
      webhook: 'label.example.com',
      configuration: 'label',
      durationMs: expect.any(Number),
      changes: [{ path: 'data.added', op: 'add', to: 'by-webhook' }],
    },
  ])
  expect(traceparents.at(-1)).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
  expect(created.headers.get('traceresponse')).toBe(traceparents.at(-1))
})

test('an admission plugin: what it changed of a pod', async () => {
  const body = { metadata: { name: 'plain' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } }
  expect((await ask('POST', '/api/v1/namespaces/default/pods', { body })).status).toBe(201)
  const { roots } = await traceOf('resource=pod&name=plain')
  const { admission = [] } = roots[0]!.record
  const changed = new Map(admission.map(({ plugin, changes = [] }) => [plugin, changes.map((c) => c.path)]))
  expect(changed.get('ServiceAccount')).toContain('spec.serviceAccountName')
  expect(changed.get('Priority')).toContain('spec.priority')
  expect(changed.get('DefaultTolerationSeconds')).toEqual(['spec.tolerations'])
})

describe('over HTTP', () => {
  test.each([
    ['color=red', 400, 'unknown parameter "color"'],
    ['name=web', 400, 'resource and name must be given together'],
    ['resource=pods', 400, 'resource and name must be given together'],
    ['uid=a&revision=1', 400, 'only one of resource, uid, auditID and revision may be given'],
    ['revision=x', 400, 'revision must be a number, not "x"'],
    ['revision=-1', 400, 'revision must be a number, not "-1"'],
    ['since=yesterday', 400, 'since must be a duration like 5m, not "yesterday"'],
    ['resource=nothings&name=x', 404, 'the server doesn\'t have a resource type "nothings"'],
    ['resource=deployments.batch&name=x', 404, 'the server doesn\'t have a resource type "deployments.batch"'],
  ])('?%s → %i', async (query, code, message) => {
    for (const follow of ['', '&follow=true']) {
      const { status, body } = await ask('GET', `/debug/kubemu/trace?${query}${follow}`)
      expect(status).toBe(code)
      expect(body).toMatchObject({ kind: 'Status', status: 'Failure', message, code })
    }
  })

  test('an object that nobody wrote → 404 that says since when it would be known', async () => {
    const { status, body } = await ask('GET', '/debug/kubemu/trace?resource=pods&name=none&namespace=x')
    expect(status).toBe(404)
    expect(body['message']).toMatch(/^no write of pods "none" in the namespace "x" has been recorded since 20\d\d-/)
  })

  test('only those may read it who may read the path', async () => {
    const { status, body } = await ask('GET', '/debug/kubemu/trace', { token: JANE })
    expect(status).toBe(403)
    expect(body['message']).toBe('forbidden: User "jane" cannot get path "/debug/kubemu/trace"')
    expect((await ask('POST', '/debug/kubemu/trace', { body: {} })).status).toBe(405)
  })

  test('without an object: the last requests of clients, a cause that is none left out', async () => {
    for (let i = 0; i < 12; i++) {
      const headers = { 'kubemu-cause': i === 11 ? 'nonsense' : '' }
      const body = { metadata: { name: `many-${i}` } }
      await ask('POST', '/api/v1/namespaces/default/configmaps', { body, headers })
    }
    const { roots } = await traceOf('')
    expect(roots.map((r) => r.record.writes[0]?.name)).toEqual(Array.from({ length: 10 }, (_, i) => `many-${i + 2}`))
  })
})

describe('followed', () => {
  /** Lines of a stream until one is as wanted. */
  async function follow(query: string, work: () => Promise<unknown>, isLast: (event: TraceEvent) => boolean) {
    const leave = new AbortController()
    const timer = setTimeout(() => leave.abort(new Error('waited in vain')), TIMEOUT_MS)
    const response = await fetch(`${url}/debug/kubemu/trace?follow=true&${query}`, {
      headers: { authorization: `Bearer ${ADMIN}` },
      signal: leave.signal,
    })
    expect(response.status).toBe(200)
    await work()
    const events: TraceEvent[] = []
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of response.body!) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) events.push(JSON.parse(line) as TraceEvent)
      if (events.some(isLast)) break
    }
    clearTimeout(timer)
    return events
  }

  const recordOf = (event: TraceEvent): TraceRecordView | undefined =>
    event.type === 'RECORD' ? event.record : undefined

  test('an object that comes later: each record behind its cause', async () => {
    const events = await follow(
      'resource=deployment&name=live',
      () => ask('POST', '/apis/apps/v1/namespaces/default/deployments', { body: deployment('live', 1) }),
      (event) => recordOf(event)?.writes.some((w) => w.changes?.some((c) => c.to === 'Running')) ?? false,
    )
    expect(events[0]).toMatchObject({ type: 'TRACE', trace: { roots: [] } })
    const records = events.slice(1) as Extract<TraceEvent, { type: 'RECORD' }>[]
    expect(records[0]).toMatchObject({ record: { verb: 'create', code: 201, user: { name: 'admin' } } })
    expect(records[0]!.parent).toBeUndefined()
    const seen = new Set([records[0]!.record.id])
    for (const { record, parent } of records.slice(1)) {
      expect(seen).toContain(parent)
      seen.add(record.id)
    }
    expect(records.map((r) => r.record.resource)).toContain('replicasets')
  })

  test('a stream ends with the server, and a client that leaves is forgotten', async () => {
    const own = await startCluster(
      { server: apiserverOptions(['--memory', '--bind-address=127.0.0.1', '--insecure-port=0']), controllers: false },
      pino({ level: 'silent' }),
    )
    const leave = new AbortController()
    const gone = await fetch(`${own.url}/debug/kubemu/trace?follow=true`, { signal: leave.signal })
    const stays = await fetch(`${own.url}/debug/kubemu/trace?follow=true`)
    leave.abort()
    await expect(gone.text()).rejects.toThrow()
    await own.close()
    expect(JSON.parse((await stays.text()).trim())).toMatchObject({ type: 'TRACE' })
  })
})

test('createCluster: the trace of a program, times as its clock has them', async () => {
  await using own = await createCluster({ clock: 'manual', listen: false })
  await own.apply({
    ...deployment('web', 1),
    spec: {
      ...deployment('web', 1).spec,
      template: {
        metadata: { labels: { app: 'web' }, annotations: { 'kubemu.dev/start-delay': '1h' } },
        spec: { containers: [{ name: 'c', image: 'nginx' }] },
      },
    },
  })
  await own.settled()
  await own.clock.advance(2 * 3_600_000)
  await own.settled()
  const { roots } = own.trace({ kind: 'Deployment', name: 'web' })
  expect(roots.map((r) => [r.record.verb, r.record.user.name])).toEqual([['patch', 'kubernetes-admin']])
  const running = nodes(roots[0]!).find(hasRunning)!
  expect(running.record.cause?.trigger).toBe('timer')
  expect(running.offsetMs).toBeGreaterThanOrEqual(3_600_000)
  expect(() => own.trace({ kind: 'Deployment', name: 'other' })).toThrow(
    /no write of Deployment "other" has been recorded/,
  )
})
