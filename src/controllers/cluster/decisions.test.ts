import { describe, expect, it } from 'vitest'
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Toleration,
} from '../../apimachinery/types/core-v1.ts'
import type { Typed } from '../runtime/client.ts'
import { requestEndsAt } from './certificates/cleaner-controller.ts'
import { refusalOf } from './certificates/signer-rules.ts'
import { durationMs } from './certificates/signing-controller.ts'
import { budgetStatus, disruptedPods, healthyPods } from './disruption/disruption-status.ts'
import { lostAt, observedHealth } from './node-lifecycle/node-health.ts'
import { taintsFor } from './node-lifecycle/node-taints.ts'
import { EvictionLimiter, isEverythingLost, zonesOf } from './node-lifecycle/zones.ts'
import { byEvictionAndAge } from './pod-gc.ts'
import { toleratedSeconds } from './taint-eviction.ts'
import { expiryOf } from './ttl-after-finished.ts'
import { bestMatch } from './volumes/volume-facts.ts'

const T0 = Date.UTC(2026, 0, 1)
const at = (ms: number): string => new Date(T0 + ms).toISOString().replace('.000Z', 'Z')

function node(ready: string | undefined, more: Partial<Typed<Node>> = {}): Typed<Node> {
  const conditions = ready ? [{ type: 'Ready', status: ready, lastHeartbeatTime: at(0) }] : []
  const metadata = { name: 'n', creationTimestamp: at(0) }
  return { apiVersion: 'v1', kind: 'Node', metadata, status: { conditions }, ...more }
}

function pod(name: string, more: Partial<Typed<Pod>> = {}): Typed<Pod> {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, creationTimestamp: at(0) }, ...more }
}

const READY = { conditions: [{ type: 'Ready', status: 'True' }] }

describe('tolerated seconds', () => {
  const taint = { key: 'k', effect: 'NoExecute' }
  const forever: Toleration = { key: 'k', operator: 'Exists' }
  it.each<[string, Toleration[], number | 'forever']>([
    ['none', [], 0],
    ['of another key', [{ key: 'other', operator: 'Exists' }], 0],
    ['without a time', [forever], 'forever'],
    ['with a time', [{ ...forever, tolerationSeconds: 7 }], 7],
    ['with a time that is over', [{ ...forever, tolerationSeconds: -1 }], 0],
    ['the first that matches counts', [forever, { ...forever, tolerationSeconds: 7 }], 'forever'],
  ])('%s', (_name, tolerations, expected) => {
    expect(toleratedSeconds([taint], tolerations)).toBe(expected)
  })

  it('the shortest of several taints counts', () => {
    const other = { key: 'other', effect: 'NoExecute' }
    const tolerations = [
      { ...forever, tolerationSeconds: 7 },
      { key: 'other', operator: 'Exists', tolerationSeconds: 3 },
    ]
    expect(toleratedSeconds([taint, other], tolerations)).toBe(3)
  })
})

describe('taints of a node', () => {
  const keys = (n: Typed<Node>, execution: 'by-condition' | 'none' | 'unchanged' = 'by-condition') =>
    taintsFor(n, execution, at(0)).map((t) => `${t.key}:${t.effect}`)

  it('follow its conditions and keep those of others', () => {
    const mine = { key: 'mine', effect: 'NoSchedule' }
    const stale = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }
    expect(keys(node('Unknown', { spec: { taints: [mine, stale] } }))).toEqual([
      'mine:NoSchedule',
      'node.kubernetes.io/unreachable:NoSchedule',
      'node.kubernetes.io/unreachable:NoExecute',
    ])
    expect(keys(node('True', { spec: { taints: [mine, stale] } }), 'none')).toEqual(['mine:NoSchedule'])
    expect(keys(node('False'), 'unchanged')).toEqual(['node.kubernetes.io/not-ready:NoSchedule'])
  })

  it('nothing to change → the list itself', () => {
    const taints = [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }]
    expect(taintsFor(node('True', { spec: { unschedulable: true, taints } }), 'none', at(0))).toBe(taints)
  })
})

describe('zones', () => {
  const many = (ready: number, lost: number) => [
    ...Array.from({ length: ready }, () => node('True')),
    ...Array.from({ length: lost }, () => node('Unknown')),
  ]
  it.each([
    [3, 0, 'normal'],
    [1, 2, 'normal'],
    [2, 3, 'partial'],
    [3, 3, 'normal'],
    [0, 1, 'full'],
  ])('%i ready, %i lost → %s', (ready, lost, state) => {
    expect([...zonesOf(many(ready, lost)).values()][0]!.state).toBe(state)
  })

  it('everything is lost only where no zone has a ready node', () => {
    expect(isEverythingLost(zonesOf(many(0, 2)))).toBe(true)
    expect(isEverythingLost(zonesOf(many(1, 2)))).toBe(false)
    expect(isEverythingLost(zonesOf([]))).toBe(false)
  })

  it('one node in ten seconds; in a small zone of which most is lost none', () => {
    const limiter = new EvictionLimiter()
    expect(limiter.turn('z', { state: 'normal', size: 3 }, 0)).toBe(0)
    expect(limiter.turn('z', { state: 'normal', size: 3 }, 4000)).toBe(6000)
    expect(limiter.turn('z', { state: 'normal', size: 3 }, 10_000)).toBe(0)
    expect(limiter.turn('y', { state: 'partial', size: 50 }, 0)).toBeUndefined()
    expect(limiter.turn('y', { state: 'partial', size: 51 }, 0)).toBe(0)
  })
})

describe('health of a node', () => {
  it('one that never reported is lost a minute after it was created', () => {
    expect(lostAt(observedHealth(undefined, node(undefined), undefined, T0 + 5000))).toBe(T0 + 60_000)
  })

  it('a renewed lease is a sign of life', () => {
    const lease = (ms: number) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'n' },
      spec: { renewTime: at(ms) },
    })
    const first = observedHealth(undefined, node('True'), lease(0), T0)
    expect(lostAt(first)).toBe(T0 + 50_000)
    const silent = observedHealth(first, node('True'), lease(0), T0 + 40_000)
    expect(lostAt(silent)).toBe(T0 + 50_000)
    const renewed = observedHealth(silent, node('True'), lease(45_000), T0 + 49_000)
    expect(lostAt(renewed)).toBe(T0 + 95_000)
  })
})

describe('disruption budgets', () => {
  const budget = (disrupted?: Record<string, string>) => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b', generation: 2 },
    ...(disrupted ? { status: { disruptedPods: disrupted } } : {}),
  })

  it('pods that are about to go do not count as healthy, until two minutes have passed', () => {
    const pods = [pod('a', { status: READY }), pod('b', { status: READY })]
    const soon = disruptedPods(pods, budget({ a: at(0) }), T0 + 1000)
    expect(soon).toEqual({ times: { a: at(0) }, overdue: [], recheckAt: T0 + 120_000 })
    expect(healthyPods(pods, soon, T0 + 1000)).toBe(1)
    const overdue = disruptedPods(pods, budget({ a: at(0) }), T0 + 120_001)
    expect(overdue.overdue).toEqual([pods[0]])
    expect(healthyPods(pods, overdue, T0 + 120_001)).toBe(2)
  })

  it.each([
    [3, 2, 3, 1],
    [2, 2, 3, 0],
    [1, 2, 3, 0],
    [1, 0, 0, 0],
  ])('%i healthy, %i wanted, %i expected → %i may go', (currentHealthy, desiredHealthy, expectedPods, allowed) => {
    const status = budgetStatus(budget(), { currentHealthy, desiredHealthy, expectedPods }, {}, at(0))
    expect(status.disruptionsAllowed).toBe(allowed)
    expect(status.conditions).toEqual([
      {
        type: 'DisruptionAllowed',
        status: allowed > 0 ? 'True' : 'False',
        reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        lastTransitionTime: at(0),
        observedGeneration: 2,
      },
    ])
  })
})

describe('what is deleted when', () => {
  it('evicted pods go before others, old ones before young ones', () => {
    const evicted = pod('e', {
      status: { phase: 'Failed', reason: 'Evicted' },
      metadata: { name: 'e', creationTimestamp: at(9000) },
    })
    const young = pod('a', { metadata: { name: 'a', creationTimestamp: at(5000) } })
    const [old, older] = [pod('c'), pod('b')]
    expect([young, old, evicted, older].sort(byEvictionAndAge).map((p) => p.metadata.name)).toEqual([
      'e',
      'b',
      'c',
      'a',
    ])
  })

  it('Jobs only once they have finished', () => {
    const job = (conditions: { type: string; status: string; lastTransitionTime: string }[]) => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'j' },
      spec: { ttlSecondsAfterFinished: 10, template: {} },
      status: { conditions },
    })
    expect(expiryOf(job([]))).toBeUndefined()
    expect(expiryOf(job([{ type: 'Complete', status: 'True', lastTransitionTime: at(0) }]))).toBe(T0 + 10_000)
  })

  it('certificate requests: a day undecided, an hour decided', () => {
    const request = (status: object) => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'r', creationTimestamp: at(0) },
      spec: { request: '', signerName: 's' },
      status,
    })
    const decided = (type: string) => ({ conditions: [{ type, status: 'True', lastUpdateTime: at(1000) }] })
    expect(requestEndsAt(request({}))).toBe(T0 + 86_400_000)
    expect(requestEndsAt(request(decided('Denied')))).toBe(T0 + 3_601_000)
    expect(requestEndsAt(request(decided('Approved')))).toBe(T0 + 86_401_000)
    expect(requestEndsAt(request({ ...decided('Approved'), certificate: 'eA==' }))).toBe(T0 + 3_601_000)
  })
})

describe('certificates', () => {
  const asked = {
    commonName: 'system:node:n',
    organizations: ['system:nodes'],
    dnsNames: [] as string[],
    emailAddresses: [],
    ipAddresses: [],
    uris: [],
  }
  const client = 'kubernetes.io/kube-apiserver-client-kubelet'
  const serving = 'kubernetes.io/kubelet-serving'
  it.each([
    [client, asked, ['client auth', 'digital signature'], undefined],
    [client, asked, ['client auth'], 'usages did not match [client auth digital signature key encipherment]'],
    [client, { ...asked, organizations: [] }, [], 'subject organization is not system:nodes'],
    [client, { ...asked, dnsNames: ['d'] }, [], 'DNS subjectAltNames are not allowed'],
    [client, { ...asked, commonName: 'n' }, [], 'subject common name does not begin with system:node:'],
    [serving, asked, ['server auth', 'digital signature'], 'DNS or IP subjectAltName is required'],
    [serving, { ...asked, dnsNames: ['d'] }, ['server auth', 'digital signature'], undefined],
    [
      'kubernetes.io/kube-apiserver-client',
      asked,
      ['server auth'],
      'invalid usage for client certificate: server auth',
    ],
    [
      'kubernetes.io/kube-apiserver-client',
      asked,
      ['digital signature'],
      'missing required usage for client certificate: client auth',
    ],
  ])('%s %j %j → %s', (signer, request, usages, expected) => {
    expect(refusalOf(signer, request, usages)).toBe(expected)
  })

  it('live from ten minutes to a year', () => {
    const yearMs = 31_536_000_000
    const lives = [undefined, 60, 7200, 1e9].map((seconds) => durationMs(seconds, yearMs))
    expect(lives).toEqual([yearMs, 600_000, 7_200_000, yearMs])
  })
})

describe('volumes for claims', () => {
  const volume = (
    name: string,
    storage: string,
    spec: Partial<PersistentVolume['spec']> = {},
  ): Typed<PersistentVolume> => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage }, storageClassName: 'c', ...spec },
    status: { phase: 'Available' },
  })
  const claim: Typed<PersistentVolumeClaim> = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'default', uid: 'u' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, storageClassName: 'c' },
  }
  const best = (volumes: Typed<PersistentVolume>[], onlyReserved = false) =>
    bestMatch(claim, volumes, { onlyReserved })?.metadata.name

  it('the smallest that suits, one that is reserved for it before any other', () => {
    const [small, fit, large] = [volume('small', '1Gi'), volume('fit', '2Gi'), volume('large', '9Gi')]
    expect(best([small, large, fit])).toBe('fit')
    const reserved = volume('reserved', '9Gi', { claimRef: { namespace: 'default', name: 'data' } })
    expect(best([fit, reserved])).toBe('reserved')
    expect(best([fit], true)).toBeUndefined()
    expect(best([fit, reserved], true)).toBe('reserved')
  })

  it('not one of another class, mode, access mode, or claim', () => {
    expect(best([volume('v', '2Gi', { storageClassName: 'other' })])).toBeUndefined()
    expect(best([volume('v', '2Gi', { volumeMode: 'Block' })])).toBeUndefined()
    expect(best([volume('v', '2Gi', { accessModes: ['ReadOnlyMany'] })])).toBeUndefined()
    expect(best([volume('v', '2Gi', { claimRef: { namespace: 'default', name: 'data', uid: 'old' } })])).toBeUndefined()
  })
})
