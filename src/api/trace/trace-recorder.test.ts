import type { FastifyReply, FastifyRequest } from 'fastify'
import { beforeEach, describe, expect, test } from 'vitest'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { StoredChange } from '../../registry/generic/request-context.ts'
import { Call } from '../call.ts'
import { QueryParameters } from '../query-parameters.ts'
import { requestInfo } from '../request-info.ts'
import { TraceRecorder } from './trace-recorder.ts'

let recorder: TraceRecorder
let revision: number
beforeEach(() => {
  recorder = new TraceRecorder({ clock: new ManualClock() })
  revision = 100
})

const UUID = '8e0a4a6c-1f0e-4b6f-9f0a-0123456789ab'
const PODS = '/api/v1/namespaces/default/pods'

function callOf(method: string, url: string, headers: Record<string, string> = {}, user = 'jane'): Call {
  const [path = '', text = ''] = url.split('?')
  const query = QueryParameters.parse(text)
  const call = new Call({
    request: { headers } as unknown as FastifyRequest,
    reply: undefined as unknown as FastifyReply,
    query,
    info: requestInfo(method, path, query)!,
    auditId: UUID,
    startedAt: performance.now(),
  })
  call.user = { name: user, uid: '', groups: ['dev'], extra: {} }
  return call
}

function change(object: object, fields: Partial<StoredChange> = {}, resource = 'pods'): StoredChange {
  const identity = { group: '', resource, kind: resource === 'pods' ? 'Pod' : 'Secret' } as StoredChange['identity']
  return { action: 'created', identity, object: object as KubeObject, revision: ++revision, ...fields }
}

const pod = (name: string, fields: object = {}) => ({
  metadata: { name, namespace: 'default', uid: `u-${name}` },
  ...fields,
})

/** A request that creates a pod, and is over. */
function created(name: string, headers: Record<string, string> = {}, into = recorder): number {
  const trace = into.begin(callOf('POST', PODS, headers))!
  trace.wrote(change(pod(name)))
  trace.end(201)
  return revision
}

const names = (from = recorder) => from.records().map((r) => r.writes[0]?.name)

describe('what is recorded', () => {
  test.each([
    ['GET', `${PODS}/a`],
    ['GET', PODS],
    ['GET', `${PODS}?watch=true`],
    ['POST', `${PODS}?dryRun=All`],
    ['POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews'],
    ['PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-0'],
    ['POST', '/debug/other'],
  ])('not %s %s', (method, url) => {
    expect(recorder.begin(callOf(method, url))).toBeUndefined()
  })

  test('a request that writes, from its first write on; one that does neither write nor fail leaves nothing', () => {
    const trace = recorder.begin(callOf('POST', PODS))!
    expect(recorder.size).toBe(0)
    trace.wrote(change(pod('a')))
    expect(recorder.records()[0]?.view()).toMatchObject({ verb: 'create', user: { name: 'jane', groups: ['dev'] } })
    expect(recorder.records()[0]?.view().code).toBeUndefined()
    trace.end(201)
    expect(recorder.records()[0]?.view()).toMatchObject({
      code: 201,
      auditID: UUID,
      traceID: UUID.replaceAll('-', ''),
      writes: [{ action: 'created', kind: 'Pod', name: 'a', namespace: 'default', uid: 'u-a', revision: 101 }],
    })
    recorder.begin(callOf('POST', '/api/v1/namespaces/default/serviceaccounts/a/token'))!.end(201)
    expect(recorder.size).toBe(1)
  })

  test('a request that fails, with what the client was told', () => {
    const trace = recorder.begin(callOf('DELETE', `${PODS}/a`))!
    trace.authorized('RBAC', '')
    trace.failed('Forbidden', 'pods "a" is forbidden')
    trace.end(403)
    expect(recorder.records()[0]?.view()).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'pods "a" is forbidden',
      authorization: { by: 'RBAC' },
      name: 'a',
      writes: [],
    })
  })

  test('not what a kubelet says of its own node, but what others say of it', () => {
    const url = '/api/v1/nodes/node-0/status'
    for (const user of ['system:node:node-0', 'system:node:node-1']) {
      const trace = recorder.begin(callOf('PUT', url, {}, user))!
      trace.wrote(change({ metadata: { name: 'node-0' } }))
      trace.end(200)
    }
    expect(recorder.records().map((r) => r.view().user.name)).toEqual(['system:node:node-1'])
  })

  test('a write that is done when the request was over for its client', () => {
    const trace = recorder.begin(callOf('POST', PODS))!
    trace.failed('Timeout', 'too slow')
    trace.end(504)
    trace.wrote(change(pod('late')))
    expect(recorder.writer(revision)?.view()).toMatchObject({ code: 504, writes: [{ name: 'late' }] })
  })

  test('changes of a Secret by their paths alone, whether a client or a plugin made them', () => {
    const trace = recorder.begin(callOf('PUT', '/api/v1/namespaces/default/secrets/s'))!
    const object = { metadata: { name: 's' }, data: { a: 'bmV3' } } as unknown as KubeObject
    trace.admitting(object)
    ;(object as unknown as { data: Record<string, string> }).data['b'] = 'cGx1Z2lu'
    trace.ran({ plugin: 'P', phase: 'mutating', object, durationMs: 0, refused: false })
    const old = { metadata: { name: 's' }, data: { a: 'b2xk' } } as unknown as KubeObject
    trace.wrote(change(object, { action: 'updated', old }, 'secrets'))
    trace.end(200)
    const { writes, admission } = recorder.records()[0]!.view()
    expect(writes[0]?.changes).toEqual([
      { path: 'data.a', op: 'replace' },
      { path: 'data.b', op: 'add' },
    ])
    expect(admission).toMatchObject([{ plugin: 'P', changes: [{ path: 'data.b', op: 'add' }] }])
    expect(JSON.stringify(recorder.records()[0]!.view())).not.toMatch(/bmV3|b2xk|cGx1Z2lu/)
  })
})

describe('admission', () => {
  test('a plugin has a line where it changed something, refused, called a webhook or took its time', () => {
    const trace = recorder.begin(callOf('POST', PODS))!
    const object = { ...pod('a'), spec: {} as Record<string, unknown> }
    const ran = (plugin: string, fields: object = {}) =>
      trace.ran({
        plugin,
        phase: 'mutating',
        object: object as unknown as KubeObject,
        durationMs: 0.1,
        refused: false,
        ...fields,
      })
    trace.admitting(object as unknown as KubeObject)
    ran('Idle')
    object.spec['priority'] = 0
    ran('Priority')
    ran('Hooks', { webhook: 'h', configuration: 'c' })
    ran('Slow', { durationMs: 100 })
    ran('Refusing', { refused: true })
    trace.failed('Forbidden', 'no')
    trace.end(403)
    expect(recorder.records()[0]?.view().admission).toEqual([
      {
        plugin: 'Priority',
        phase: 'mutating',
        durationMs: 0.1,
        changes: [{ path: 'spec.priority', op: 'add', to: 0 }],
      },
      { plugin: 'Hooks', phase: 'mutating', durationMs: 0.1, webhook: 'h', configuration: 'c' },
      { plugin: 'Slow', phase: 'mutating', durationMs: 100 },
      { plugin: 'Refusing', phase: 'mutating', durationMs: 0.1, refused: true },
    ])
  })

  test('in a rush changes are not looked at, and the record says so by having none', () => {
    for (let i = 0; i < 2000; i++) created(`p${i}`)
    const trace = recorder.begin(callOf('PUT', `${PODS}/a`))!
    expect(trace.isDetailed).toBe(false)
    trace.wrote(change(pod('a', { spec: 1 }), { action: 'updated', old: pod('a') as unknown as KubeObject }))
    trace.end(200)
    const view = recorder.writer(revision)!.view()
    expect(view.admission).toBeUndefined()
    expect(view.writes[0]?.changes).toBeUndefined()
  })
})

describe('trace context', () => {
  const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

  test("the client's trace goes on through what its write caused", () => {
    const root = created('a', { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` })
    created('b', { 'kubemu-cause': String(root) })
    const [first, second] = recorder.records().map((r) => r.view())
    expect(first).toMatchObject({ traceID: TRACE, parentSpanID: '00f067aa0ba902b7' })
    expect(second).toMatchObject({ traceID: TRACE, cause: { revisions: [root] } })
    expect(recorder.records()[1]!.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
  })

  test('an audit ID that is no UUID is no trace ID', () => {
    const call = callOf('POST', PODS)
    Object.assign(call, { auditId: 'mine' })
    const trace = recorder.begin(call)!
    trace.wrote(change(pod('a')))
    trace.end(201)
    expect(recorder.records()[0]!.view().traceID).toMatch(/^[0-9a-f]{32}$/)
    expect(recorder.records()[0]!.view().traceID).toBe(recorder.records()[0]!.view().traceID)
  })
})

describe('bounds', () => {
  test('the oldest records make room, and their revisions are forgotten', () => {
    const small = new TraceRecorder({ clock: new ManualClock(), maxRecords: 3 })
    const first = created('a', {}, small)
    for (const name of ['b', 'c', 'd', 'e']) created(name, {}, small)
    expect(names(small)).toEqual(['c', 'd', 'e'])
    expect(small.dropped).toBe(2)
    expect(small.writer(first)).toBeUndefined()
    expect(small.writer(revision)).toBeDefined()
  })

  test('bytes count as well as records', () => {
    const small = new TraceRecorder({ clock: new ManualClock(), maxBytes: 20_000 })
    for (let i = 0; i < 100; i++) created(`p${i}`, {}, small)
    expect(small.size).toBeGreaterThan(5)
    expect(small.size).toBeLessThan(30)
    expect(names(small).at(-1)).toBe('p99')
  })

  test('failures drive no writes out', () => {
    const small = new TraceRecorder({ clock: new ManualClock(), maxRecords: 10 })
    created('a', {}, small)
    for (let i = 0; i < 100; i++) {
      const trace = small.begin(callOf('POST', PODS))!
      trace.failed('Unauthorized', 'Unauthorized')
      trace.end(401)
    }
    expect(names(small)[0]).toBe('a')
    expect(small.size).toBe(2)
  })

  test('a request that deletes thousands describes a hundred and knows the revisions of all', () => {
    const trace = recorder.begin(callOf('DELETE', PODS))!
    for (let i = 0; i < 5000; i++) trace.wrote(change(pod(`p${i}`), { action: 'deleted' }))
    trace.end(200)
    expect(trace.view()).toMatchObject({ verb: 'deletecollection', writes: { length: 100 }, moreWrites: 4900 })
    expect(recorder.writer(revision)).toBe(trace)
  })

  test('listeners hear of each recorded request when it is over, until they leave', () => {
    const heard: string[] = []
    const leave = recorder.onRecord((trace) => heard.push(trace.writes[0]!.name))
    created('a')
    leave()
    created('b')
    expect(heard).toEqual(['a'])
  })
})
