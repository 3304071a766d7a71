import { describe, expect, test } from 'vitest'
import { limited, remember, type ScalingHistory, type Wish } from './scaling-limits.ts'

const NOW = Date.UTC(2026, 0, 1)
const history = (...recommendations: [replicas: number, agoSeconds: number][]): ScalingHistory => ({
  recommendations: recommendations.map(([replicas, ago]) => ({ replicas, atMs: NOW - ago * 1000 })),
  ups: [],
  downs: [],
})
const wish = (more: Partial<Wish>): Wish => {
  return { current: 3, desired: 3, min: 1, max: 10, behavior: undefined, nowMs: NOW, ...more }
}
const outcome = (what: Wish, past: ScalingHistory = history()) => {
  const { replicas, stability, limit } = limited(what, past)
  return [replicas, stability.reason, limit.isLimited, limit.reason]
}

describe('without a behaviour', () => {
  test.each([
    ['within range', wish({ desired: 5 }), history(), [5, 'ReadyForNewScale', false, 'DesiredWithinRange']],
    ['twice as many at once', wish({ desired: 9 }), history(), [6, 'ReadyForNewScale', true, 'ScaleUpLimit']],
    ['four at once', wish({ current: 1, desired: 9 }), history(), [4, 'ReadyForNewScale', true, 'ScaleUpLimit']],
    ['the maximum', wish({ current: 8, desired: 12 }), history(), [10, 'ReadyForNewScale', true, 'TooManyReplicas']],
    ['the minimum', wish({ desired: 1, min: 2 }), history(), [2, 'ReadyForNewScale', true, 'TooFewReplicas']],
    ['five minutes', wish({ desired: 1 }), history([3, 299]), [3, 'ScaleDownStabilized', false, 'DesiredWithinRange']],
    ['after them', wish({ desired: 1 }), history([3, 301]), [1, 'ReadyForNewScale', false, 'DesiredWithinRange']],
  ] as const)('%s', (_name, what, past, expected) => {
    expect(outcome(what, past)).toEqual(expected)
  })
})

describe('with a behaviour', () => {
  const policies = [
    { type: 'Pods', value: 1, periodSeconds: 60 },
    { type: 'Percent', value: 100, periodSeconds: 60 },
  ]

  test('the policy that is selected says how far it goes', () => {
    const up = (selectPolicy: string) => wish({ desired: 9, behavior: { scaleUp: { selectPolicy, policies } } })
    expect(outcome(up('Max'))).toEqual([6, 'ReadyForNewScale', true, 'ScaleUpLimit'])
    expect(outcome(up('Min'))).toEqual([4, 'ReadyForNewScale', true, 'ScaleUpLimit'])
    expect(outcome(up('Disabled'))).toEqual([3, 'ReadyForNewScale', true, 'ScaleUpLimit'])
    const scaleDown = { selectPolicy: 'Min', stabilizationWindowSeconds: 0, policies }
    expect(outcome(wish({ desired: 1, behavior: { scaleDown } }))).toEqual([
      2,
      'ReadyForNewScale',
      true,
      'ScaleDownLimit',
    ])
  })

  test('what was done within the period counts', () => {
    const past = history()
    const behavior = { scaleUp: { selectPolicy: 'Min', policies } }
    remember(wish({ current: 2, desired: 3, behavior, nowMs: NOW - 30_000 }), past)
    expect(outcome(wish({ desired: 9, behavior }), past)[0]).toBe(3)
    expect(outcome(wish({ desired: 9, behavior, nowMs: NOW + 31_000 }), past)[0]).toBe(4)
  })

  test('windows hold back both ways', () => {
    const behavior = { scaleUp: { stabilizationWindowSeconds: 60, policies } }
    expect(outcome(wish({ desired: 5, behavior }), history([3, 30]))).toEqual([
      3,
      'ScaleUpStabilized',
      false,
      'DesiredWithinRange',
    ])
  })
})
