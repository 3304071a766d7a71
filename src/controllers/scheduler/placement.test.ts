import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { Node, Pod, PodSpec } from '../../apimachinery/types/core-v1.ts'
import type { PodDisruptionBudget } from '../../apimachinery/types/policy-v1.ts'
import { ClusterState } from './cluster-state.ts'
import { fitMessage } from './fit-failure.ts'
import { Nominations } from './nominations.ts'
import { feasibleNodesToFind, Placer } from './placement.ts'
import type { Cycle, ObjectReader } from './plugin.ts'
import { defaultPlugins } from './plugins/default-plugins.ts'
import { VolumeBinder } from './plugins/volume-binder.ts'
import { podInfo } from './pod-info.ts'
import { preempt } from './preemption.ts'

const NO_OBJECTS: ObjectReader = { get: () => undefined, list: () => [] }

let uids = 0

interface NodeOptions {
  readonly cpu?: string
  readonly labels?: Record<string, string>
  readonly taints?: NonNullable<Node['spec']>['taints']
  readonly unschedulable?: boolean
}

function node(name: string, { cpu = '4', labels = {}, ...spec }: NodeOptions = {}): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec,
    status: { allocatable: { cpu, memory: '16Gi', pods: '10' } },
  }
}

function pod(spec: Partial<PodSpec> & { cpu?: string } = {}, labels: Record<string, string> = {}): Pod {
  const { cpu, ...rest } = spec
  const uid = `uid-${++uids}`
  return {
    metadata: { name: uid, namespace: 'default', uid, labels },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: cpu ? { cpu } : {} } }], ...rest },
  }
}

function world(nodes: readonly Node[], running: readonly Pod[] = [], budgets: readonly PodDisruptionBudget[] = []) {
  const cluster = new ClusterState()
  for (const n of nodes) cluster.setNode(n)
  for (const p of running) cluster.setPod(p)
  const nominations = new Nominations()
  const binder = new VolumeBinder(NO_OBJECTS, new ManualClock())
  const placer = new Placer(defaultPlugins(binder), nominations)
  return {
    nominations,
    place(incoming: Pod): { node?: string; message?: string; victims?: readonly string[] } {
      const cycle: Cycle = { pod: incoming, info: podInfo(incoming), cluster, objects: NO_OBJECTS }
      const placement = placer.place(cycle)
      if ('node' in placement) return { node: placement.node.name }
      const outcome = preempt(cycle, placement.failure, { budgets, nominations, nowMs: 0 })
      if ('message' in outcome) return { message: fitMessage(placement.failure, outcome.message) }
      return { node: outcome.candidate.node, victims: outcome.candidate.victims.map((v) => v.pod.metadata.name ?? '') }
    },
  }
}

const on = (p: Pod, nodeName: string): Pod => ({ ...p, spec: { ...p.spec!, nodeName } })
const NOT_HELPFUL = (count: number) =>
  `no new claims to deallocate, preemption: 0/${count} nodes are available: ${count} Preemption is not helpful for scheduling.`

describe('messages of pods that fit nowhere, as upstream words them', () => {
  test('each reason is counted, sorted as texts', () => {
    const { place } = world([
      node('a', { cpu: '1' }),
      node('b', { unschedulable: true }),
      node('c', { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
      node('d', { taints: [{ key: 'k', effect: 'NoExecute' }] }),
    ])
    expect(place(pod({ cpu: '2' })).message).toBe(
      `0/4 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable, 2 node(s) had untolerated taint(s). ${NOT_HELPFUL(4)}`,
    )
  })

  test('a full node could be freed, but has nobody of lower priority', () => {
    const { place } = world([node('a', { cpu: '1' })], [on(pod({ cpu: '1' }), 'a')])
    expect(place(pod({ cpu: '1' })).message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    )
  })

  test('node selector and affinity', () => {
    const { place } = world([node('a'), node('b')])
    expect(place(pod({ nodeSelector: { disk: 'ssd' } })).message).toBe(
      `0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. ${NOT_HELPFUL(2)}`,
    )
  })

  test('a claim that is missing is named before any node', () => {
    const { place } = world([node('a')])
    const claim = { name: 'v', persistentVolumeClaim: { claimName: 'data' } }
    expect(place(pod({ volumes: [claim] })).message).toBe(
      '0/1 nodes are available: persistentvolumeclaim "data" not found. not found',
    )
  })

  test('a pod that must not preempt says so', () => {
    const { place } = world([node('a', { cpu: '1' })], [on(pod({ cpu: '1' }), 'a')])
    expect(place(pod({ cpu: '1', priority: 10, preemptionPolicy: 'Never' })).message).toBe(
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    )
  })

  test('host ports, pod anti-affinity and spread', () => {
    const port = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] }
    expect(world([node('a')], [on(pod(port), 'a')]).place(pod(port)).message).toContain(
      "1 node(s) didn't have free ports for the requested pod ports",
    )
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } }
    const apart = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
    const { place } = world([node('a')], [on(pod(apart, { app: 'x' }), 'a')])
    expect(place(pod(apart, { app: 'x' })).message).toContain("1 node(s) didn't match pod anti-affinity rules")
    expect(place(pod({}, { app: 'x' })).message).toContain("1 node(s) didn't satisfy existing pods anti-affinity rules")
  })
})

describe('placement', () => {
  test('the least used node wins', () => {
    const { place } = world([node('a'), node('b')], [on(pod({ cpu: '2' }), 'a')])
    expect(place(pod({ cpu: '1' })).node).toBe('b')
  })

  test('pods with hard spread constraints go to the emptier zone, and nowhere where there is none', () => {
    const zone = (z: string) => ({ labels: { zone: z } })
    const spread = {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'x' } },
        },
      ],
    }
    const one = on(pod(spread, { app: 'x' }), 'a')
    expect(world([node('a', zone('1')), node('b', zone('2'))], [one]).place(pod(spread, { app: 'x' })).node).toBe('b')
    const full = world([node('a', zone('1')), node('b', { ...zone('2'), cpu: '100m' })], [one])
    expect(full.place(pod({ ...spread, cpu: '1' }, { app: 'x' })).message).toContain(
      "1 node(s) didn't match pod topology spread constraints",
    )
  })

  test('the first pod of a group that wants to be together may go anywhere, the second follows it', () => {
    const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'x' } } }
    const together = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }
    expect(world([node('a'), node('b')]).place(pod(together, { app: 'x' })).node).toBeDefined()
    const { place } = world([node('a'), node('b')], [on(pod({ cpu: '3' }, { app: 'x' }), 'b')])
    expect(place(pod(together, { app: 'x' })).node).toBe('b')
    expect(world([node('a')]).place(pod(together, { app: 'y' })).message).toContain(
      "1 node(s) didn't match pod affinity rules",
    )
  })

  test('preferred node affinity and soft taints sway the choice', () => {
    const preference = {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] } },
          ],
        },
      },
    }
    expect(world([node('a'), node('b', { labels: { disk: 'ssd' } })]).place(pod(preference)).node).toBe('b')
    const soft = [{ key: 'k', effect: 'PreferNoSchedule' }]
    expect(world([node('a', { taints: soft }), node('b')]).place(pod()).node).toBe('b')
  })

  // schedule_one_test.go TestNumFeasibleNodesToFind
  test.each([
    [10, 10],
    [50, 50],
    [1000, 420],
    [6000, 300],
  ])('of %i nodes, %i that fit are enough', (nodes, enough) => {
    expect(feasibleNodesToFind(nodes)).toBe(enough)
  })
})

describe('preemption', () => {
  test('the least important pods go, and no more than needed', () => {
    const low = on(pod({ cpu: '2', priority: 1 }), 'a')
    const lower = on(pod({ cpu: '2', priority: 0 }), 'a')
    const { place } = world([node('a')], [low, lower])
    expect(place(pod({ cpu: '2', priority: 100 }))).toEqual({ node: 'a', victims: [lower.metadata.name] })
  })

  test('a node whose victims break no disruption budget is preferred', () => {
    const guarded = on(pod({ cpu: '4', priority: 0 }, { app: 'guarded' }), 'a')
    const free = on(pod({ cpu: '4', priority: 1 }, { app: 'free' }), 'b')
    const budget: PodDisruptionBudget = {
      metadata: { name: 'b', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'guarded' } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    }
    const { place } = world([node('a'), node('b')], [guarded, free], [budget])
    expect(place(pod({ cpu: '1', priority: 100 }))).toEqual({ node: 'b', victims: [free.metadata.name] })
  })

  test('room that was promised to a pod is not given to one of lower priority', () => {
    const { place, nominations } = world([node('a', { cpu: '1' })])
    nominations.set(podInfo(pod({ cpu: '1', priority: 5 })), 'a')
    expect(place(pod({ cpu: '1' })).message).toContain('1 Insufficient cpu')
    expect(place(pod({ cpu: '1', priority: 6 })).node).toBe('a')
  })
})
