import type { FastifyReply, FastifyRequest } from 'fastify'
import { Call } from '../src/api/call.ts'
import { QueryParameters } from '../src/api/query-parameters.ts'
import { requestInfo } from '../src/api/request-info.ts'
import { RequestTrace } from '../src/api/trace/request-trace.ts'
import { TraceRecorder } from '../src/api/trace/trace-recorder.ts'
import { systemClock } from '../src/apimachinery/clock.ts'
import type { KubeObject } from '../src/apimachinery/kube-object.ts'
import { objectChanges } from '../src/apimachinery/object-changes.ts'
import type { StoredChange } from '../src/registry/generic/request-context.ts'
import { pod } from './api-objects.ts'
import { type Report, round, type Table } from './report.ts'

const PODS = '/api/v1/namespaces/default/pods'
const INFO = requestInfo('POST', PODS, QueryParameters.EMPTY)!
const USER = {
  name: 'system:serviceaccount:kube-system:replicaset-controller',
  uid: '',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  extra: {},
}
const IDENTITY = { group: '', resource: 'pods', kind: 'Pod' } as StoredChange['identity']
/** Admission plugins that look at the create of a pod and leave it as it is. */
const IDLE_PLUGINS = 10

function newCall(): Call {
  const call = new Call({
    request: { headers: { 'user-agent': 'kube-controller-manager/v1.36.2' } } as unknown as FastifyRequest,
    reply: undefined as unknown as FastifyReply,
    query: QueryParameters.EMPTY,
    info: INFO,
    auditId: '8e0a4a6c-1f0e-4b6f-9f0a-0123456789ab',
    startedAt: performance.now(),
  })
  call.user = USER
  return call
}

/** Microseconds of the processor's time that one call takes: the least of several rounds, as others share the machine. */
function microseconds(count: number, work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < 12; i++) {
    const before = process.cpuUsage()
    for (let j = 0; j < count; j++) work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / count)
  }
  return least
}

function recording(object: KubeObject): () => void {
  const recorder = new TraceRecorder({ clock: systemClock })
  let revision = 1
  return () => {
    const trace = recorder.begin(newCall(), { revisions: [revision] })!
    trace.mark('decode')
    trace.mark('fieldManager')
    trace.mark('mutatingAdmission')
    trace.mark('validation')
    trace.mark('validatingAdmission')
    trace.wrote({ action: 'created', identity: IDENTITY, object, revision: ++revision })
    trace.end(201)
  }
}

function watchedAdmission(object: KubeObject): () => void {
  const keeper = { keep() {}, wrote() {}, ended() {} }
  const fields = { id: 1, time: 0, cause: undefined, context: undefined, isDetailed: true }
  return () => {
    const trace = new RequestTrace(keeper, newCall(), fields)
    trace.admitting(object)
    for (let i = 0; i < IDLE_PLUGINS; i++) {
      trace.ran({ plugin: 'Idle', phase: 'mutating', object, durationMs: 0, refused: false })
    }
  }
}

export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const count = quick ? 2_000 : 20_000
  const object = JSON.parse(pod('web-1')) as KubeObject
  const running = structuredClone(object)
  Object.assign(running, {
    status: { phase: 'Running', podIP: '10.244.0.2', conditions: [{ type: 'Ready', status: 'True' }] },
  })
  const call = microseconds(count, newCall)
  const row = (name: string, us: number): string[] => [name, `${round(us)} µs`]
  const table: Table = {
    title: 'What recording a write costs',
    columns: ['', 'processor time'],
    rows: [
      row('a write, its steps and its cause', microseconds(count, recording(object)) - call),
      row(
        'what an update changed, unless in a rush',
        microseconds(count, () => objectChanges(object, running)),
      ),
      row(
        `${IDLE_PLUGINS} plugins that leave a pod as it is, unless in a rush`,
        microseconds(count / 10, watchedAdmission(object)) - call,
      ),
    ],
  }
  return { tables: [table], headlines: [['a write recorded, with its steps and its cause', table.rows[0]![1]!]] }
}
