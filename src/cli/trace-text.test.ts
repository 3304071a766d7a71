import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { TraceNode, TraceRecordView, WriteView } from '../api/trace/trace-record.ts'
import { duration, TraceText } from './trace-text.ts'

const write = (kind: string, name: string, revision: number, fields: Partial<WriteView> = {}): WriteView => ({
  action: 'created',
  group: '',
  resource: `${kind.toLowerCase()}s`,
  kind,
  namespace: 'default',
  name,
  uid: `uid-${name}`,
  revision,
  ...fields,
})

const record = (id: number, fields: Partial<TraceRecordView>): TraceRecordView => ({
  id,
  auditID: `audit-${id}`,
  traceID: 'cafe',
  time: '2026-01-02T03:04:05.678000Z',
  durationMs: 4.25,
  user: { name: 'jane', groups: ['dev'] },
  userAgent: 'kubectl/v1.35.2 (linux/amd64)',
  verb: 'create',
  group: '',
  version: 'v1',
  resource: 'pods',
  namespace: 'default',
  code: 201,
  writes: [],
  steps: [],
  ...fields,
})

const node = (
  view: TraceRecordView,
  offsetMs: number,
  children: TraceNode[] = [],
  fields: Partial<TraceNode> = {},
) => ({
  record: view,
  offsetMs,
  children,
  ...fields,
})

const plain = new TraceText({ color: false, verbose: false })

const status = (id: number, revision: number, to: string): TraceRecordView =>
  record(id, {
    verb: 'update',
    subresource: 'status',
    user: { name: 'system:node:n1', groups: [] },
    cause: { revisions: [11], trigger: 'timer' },
    code: 200,
    writes: [
      write('Pod', 'web-1', revision, {
        action: 'updated',
        changes: [
          { path: 'status.conditions[Ready].lastTransitionTime', op: 'replace', from: 'a', to: 'b' },
          { path: 'status.conditions[Ready].message', op: 'replace', from: 'so', to: 'not so' },
          { path: 'status.conditions[Ready].status', op: 'replace', from: 'False', to: 'True' },
          { path: 'status.phase', op: 'replace', from: 'Pending', to },
          { path: 'status.conditions[Initialized]', op: 'add', to: { type: 'Initialized', status: 'True' } },
        ],
      }),
    ],
  })

test('a tree: what began, step by step, then a line for each write', () => {
  const root = record(1, {
    authenticatedBy: 'x509',
    authorization: {
      by: 'RBAC',
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "edit" to User "jane"',
    },
    resource: 'deployments',
    writes: [write('Deployment', 'web', 10)],
    steps: [
      { name: 'authentication', durationMs: 0.42 },
      { name: 'authorization', durationMs: 0.05 },
      { name: 'mutatingAdmission', durationMs: 2 },
      { name: 'store', durationMs: 1.5 },
    ],
    admission: [
      {
        plugin: 'MutatingAdmissionWebhook',
        phase: 'mutating',
        webhook: 'w.example.com',
        configuration: 'hooks',
        durationMs: 1.9,
        changes: [{ path: 'metadata.labels.team', op: 'add', to: 'a' }],
      },
    ],
  })
  const pod = record(2, {
    user: { name: 'system:serviceaccount:kube-system:replicaset-controller', groups: [] },
    cause: { revisions: [10] },
    writes: [write('Pod', 'web-1', 11)],
  })
  const binding = record(3, {
    user: { name: 'system:kube-scheduler', groups: [] },
    subresource: 'binding',
    cause: { revisions: [11] },
    writes: [
      write('Pod', 'web-1', 12, { action: 'updated', changes: [{ path: 'spec.nodeName', op: 'add', to: 'n1' }] }),
    ],
  })
  const tree = node(root, 0, [
    node(pod, 3.5, [node(binding, 8), node(status(4, 13, 'Running'), 5012)], { alsoCaused: [3], omitted: 7 }),
  ])
  expect(plain.tree(tree)).toBe(
    `
03:04:05.678Z  jane created deployment/web in default  @10
│  201 in 4.3 ms · kubectl/v1.35.2 · audit audit-1 · trace cafe
│  authentication         420 µs  x509: jane (dev)
│  authorization           50 µs  RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "edit" to User "jane"
│  mutating admission     2.0 ms
│    MutatingAdmissionWebhook: w.example.com of hooks  1.9 ms
│      +metadata.labels.team=a
│  store                  1.5 ms  @10
└─ +3.5 ms  replicaset-controller created pod/web-1  @11
   ├─ +8.0 ms  kube-scheduler bound pod/web-1  +nodeName=n1  @12
   ├─ +5.01 s (timer)  kubelet of n1 updated status of pod/web-1  phase Pending → Running, Ready False → True, Initialized True, 1 more  @13
   ├─ ↪ @12
   └─ … 7 more below
`.slice(1),
  )
})

describe('a line says', () => {
  const head = (fields: Partial<TraceRecordView>): string => plain.tree(node(record(1, fields), 0)).split('\n')[0]!

  test('why a request failed', () => {
    const fields = { verb: 'patch', subresource: 'scale', name: 'web', resource: 'deployments', code: 403 }
    expect(head({ ...fields, reason: 'Forbidden', message: 'no' })).toBe(
      '03:04:05.678Z  jane patch scale of deployments/web in default  ✗ 403 Forbidden: no',
    )
  })

  test('that nobody knows who it was', () => {
    expect(head({ user: { name: '', groups: [] }, code: 401, reason: 'Unauthorized' })).toContain('nobody create pods')
  })

  test('that an object is to go, is gone, or stayed as it was', () => {
    const mark = { path: 'metadata.deletionTimestamp', op: 'add' as const, to: '2026' }
    const marked = write('Pod', 'a', 5, { action: 'updated', changes: [mark] })
    expect(head({ verb: 'delete', writes: [marked] })).toContain('jane marked for deletion pod/a')
    const gone = write('Pod', 'a', 6, { action: 'deleted' })
    expect(head({ verb: 'delete', writes: [marked, gone] })).toContain('jane deleted pod/a in default  @5 @6')
    expect(head({ writes: [write('Pod', 'a', 7, { action: 'unchanged' })] })).toContain('jane left as it is pod/a')
  })

  test('that many objects went at once', () => {
    const writes = ['a', 'b', 'c'].map((name, i) => write('Pod', name, i + 1, { action: 'deleted' }))
    expect(head({ verb: 'deletecollection', writes, moreWrites: 97 })).toContain(
      'deleted pod/a and 99 more in default  @1…',
    )
  })

  test('what an Event says', () => {
    expect(head({ writes: [write('Event', 'e', 5, { note: 'Scheduled: assigned' })] })).toContain('Scheduled: assigned')
  })

  test('nothing of values that are hidden', () => {
    const changes = [{ path: 'data.password', op: 'replace' as const }]
    expect(head({ writes: [write('Secret', 's', 5, { action: 'updated', changes })] })).toContain('  data.password  @5')
  })
})

test('every write has its steps with -v, and all of its changes', () => {
  const text = new TraceText({ color: false, verbose: true }).tree(
    node(record(1, { writes: [write('Pod', 'web-1', 11)] }), 0, [node(status(2, 12, 'Running'), 5)]),
  )
  expect(text).toContain('      status.conditions[Ready].message so → not so')
})

test('lines are cut at the width of the terminal, colours not counted', () => {
  const text = new TraceText({ color: true, verbose: false, width: 40 })
  const lines = stripVTControlCharacters(text.tree(node(status(1, 12, 'Running'), 0))).split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBe(40)
  expect(lines[0]).toMatch(/…$/)
})

test('what comes later names what led to it', () => {
  const root = record(1, { writes: [write('Deployment', 'web', 10)] })
  expect(plain.line(status(2, 13, 'Running'), { root, parent: root, depth: 2 })).toMatch(
    /^ {6}\+0 µs \(timer\) {2}kubelet of n1 updated status of pod\/web-1 .* @13 {2}← @10\n$/,
  )
  expect(plain.line(root, undefined)).toMatch(/^\n03:04:05\.678Z {2}jane created deployment\/web in default/)
})

test.each([
  [0, '0 µs'],
  [0.85, '850 µs'],
  [3.24, '3.2 ms'],
  [850, '850 ms'],
  [4512, '4.51 s'],
  [125_000, '2m5s'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})
