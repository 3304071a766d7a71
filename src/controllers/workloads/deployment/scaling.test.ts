import { describe, expect, test } from 'vitest'
import type { Deployment, ReplicaSet } from '../../../apimachinery/types/apps-v1.ts'
import type { IntOrString } from '../../../apimachinery/types/intstr.ts'
import { MAX_REPLICAS } from './revisions.ts'
import { maxSurge, maxUnavailable, newReplicaSetSize, proportionalSizes, scaleDownOld } from './scaling.ts'

function deployment(replicas: number, surge: IntOrString, unavailable: IntOrString): Deployment {
  return {
    metadata: { name: 'd' },
    spec: {
      replicas,
      selector: {},
      template: {},
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } },
    },
  }
}

let age = 0
function replicaSet(name: string, replicas: number, available = replicas, maxReplicas?: number): ReplicaSet {
  return {
    metadata: {
      name,
      creationTimestamp: `2026-01-01T00:00:${String(age++ % 60).padStart(2, '0')}Z`,
      ...(maxReplicas === undefined ? {} : { annotations: { [MAX_REPLICAS]: String(maxReplicas) } }),
    },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available },
  }
}

const sizes = (steps: readonly { replicaSet: ReplicaSet; replicas: number }[]) =>
  Object.fromEntries(steps.map((s) => [s.replicaSet.metadata.name, s.replicas]))

describe('bounds of a rolling update', () => {
  test.each<[number, IntOrString, IntOrString, number, number]>([
    [10, '25%', '25%', 3, 2],
    [1, '25%', '25%', 1, 0],
    [10, 0, 0, 0, 1],
    [2, '0%', '25%', 0, 1],
    [5, 2, 7, 2, 5],
    [0, '25%', '25%', 0, 0],
  ])('%i replicas, surge %s, unavailable %s → %i above, %i below', (replicas, surge, unavailable, above, below) => {
    const d = deployment(replicas, surge, unavailable)
    expect([maxSurge(d), maxUnavailable(d)]).toEqual([above, below])
  })
})

// Cases of kubernetes pkg/controller/deployment/rolling_test.go.
describe('size of the newest ReplicaSet', () => {
  test.each([
    { replicas: 10, surge: 0, old: 10, own: 0, expected: 0 },
    { replicas: 10, surge: 2, old: 10, own: 0, expected: 2 },
    { replicas: 10, surge: 2, old: 5, own: 0, expected: 7 },
    { replicas: 10, surge: 2, old: 10, own: 2, expected: 2 },
    { replicas: 10, surge: 2, old: 0, own: 3, expected: 10 },
  ])('$own of $replicas beside $old old ones, surge $surge → $expected', ({ replicas, surge, old, own, expected }) => {
    expect(newReplicaSetSize(deployment(replicas, surge, 0), old + own, own)).toBe(expected)
  })

  test('a Deployment that recreates starts with all replicas', () => {
    const recreate = { metadata: {}, spec: { replicas: 4, selector: {}, template: {}, strategy: { type: 'Recreate' } } }
    expect(newReplicaSetSize(recreate, 3, 0)).toBe(4)
  })
})

describe('what old ReplicaSets lose', () => {
  test.each([
    { title: 'nothing while no pod is to spare', unavailable: 0, old: [10, 10], newest: [0, 0], expected: {} },
    { title: 'as many as may be missing', unavailable: 2, old: [10, 10], newest: [0, 0], expected: { old: 8 } },
    { title: 'pods that are not available first', unavailable: 2, old: [10, 8], newest: [0, 0], expected: { old: 8 } },
    {
      title: 'all unavailable pods, none of the good ones',
      unavailable: 2,
      old: [10, 5],
      newest: [2, 0],
      expected: { old: 8 },
    },
    { title: 'as many as the new ones replace', unavailable: 0, old: [10, 10], newest: [2, 2], expected: { old: 8 } },
  ])('$title', ({ unavailable, old, newest, expected }) => {
    const d = deployment(10, 2, unavailable)
    const steps = scaleDownOld(d, [replicaSet('old', old[0]!, old[1])], replicaSet('new', newest[0]!, newest[1]))
    expect(sizes(steps)).toEqual(expected)
  })

  test('the oldest goes first', () => {
    const d = deployment(10, 2, 4)
    const steps = scaleDownOld(d, [replicaSet('a', 5), replicaSet('b', 5)], replicaSet('new', 0))
    expect(sizes(steps)).toEqual({ a: 1 })
  })
})

// Cases of kubernetes pkg/controller/deployment/sync_test.go TestScale.
describe('proportional scaling', () => {
  test.each([
    { title: 'up 10 → 12 over two', from: 10, to: 12, before: { a: 5, b: 5 }, after: { a: 6, b: 6 } },
    { title: 'down 10 → 6 over two', from: 10, to: 6, before: { a: 5, b: 5 }, after: { a: 3, b: 3 } },
    { title: 'up 10 → 20 by size', from: 10, to: 20, before: { a: 8, b: 2 }, after: { a: 16, b: 4 } },
    { title: 'down to zero', from: 10, to: 0, before: { a: 6, b: 4 }, after: { a: 0, b: 0 } },
    {
      title: 'up 5 → 6: the leftover to the newest of the largest',
      from: 5,
      to: 6,
      before: { a: 2, b: 1, c: 2 },
      after: { a: 2, b: 1, c: 3 },
    },
  ])('$title', ({ from, to, before, after }) => {
    const active = Object.entries(before).map(([name, n]) => replicaSet(name, n, n, from))
    expect(sizes(proportionalSizes(deployment(to, 0, 1), active))).toEqual(after)
  })
})
