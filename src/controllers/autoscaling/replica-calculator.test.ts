import { describe, expect, test } from 'vitest'
import { formatTime } from '../../apimachinery/clock.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import { type Measurement, replicasForAverage, replicasForUtilization } from './replica-calculator.ts'

const NOW = Date.UTC(2026, 0, 1)
const TOLERANCES = { down: 0.1, up: 0.1 }

interface PodCase {
  readonly request?: string
  /** Undefined: nobody measured it. */
  readonly milli?: number
  readonly phase?: string
  readonly isReady?: boolean
  /** Seconds since it started; default: long ago. */
  readonly age?: number
}

function measurement(cases: readonly PodCase[], more: Partial<Measurement> = {}): Measurement {
  const pods = cases.map(({ request = '1', phase = 'Running', isReady = true, age = 3600 }, index): Pod => {
    const since = formatTime(NOW - age * 1000)
    return {
      metadata: { name: `p${index}` },
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: request ? { cpu: request } : {} } }] },
      status: {
        phase,
        startTime: since,
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: since }],
      },
    }
  })
  const metrics = new Map(
    cases.flatMap(({ milli }, index) =>
      milli === undefined ? [] : [[`p${index}`, { milli, atMs: NOW, windowMs: 60_000 }] as const],
    ),
  )
  const fixed = { container: undefined, tolerances: TOLERANCES, nowMs: NOW }
  return { pods, metrics, resource: 'cpu', currentReplicas: cases.length, ...fixed, ...more }
}

const used = (...millis: number[]): PodCase[] => millis.map((milli) => ({ milli }))

describe('replicas for a utilization, with the replicas wanted for the same pods', () => {
  test.each([
    ['grow by the ratio', used(300, 500, 700), 30, { replicas: 5, utilization: 50, average: 500 }],
    ['shrink by the ratio', used(100, 300, 500, 250, 250), 50, { replicas: 3, utilization: 28, average: 280 }],
    ['stay within the tolerance', used(1010, 1030, 1020), 100, { replicas: 3, utilization: 102, average: 1020 }],
    [
      'unready pods count as idle where replicas are added',
      [{ milli: 300, isReady: false, age: 10 }, { milli: 500 }, { milli: 700 }],
      30,
      { replicas: 4, utilization: 60, average: 600 },
    ],
    [
      'pods that nobody measured count as fully used where replicas are removed',
      [{ milli: 100 }, {}, {}, { milli: 300 }],
      50,
      { replicas: 4, utilization: 20, average: 200 },
    ],
    [
      'failed pods are left out',
      [{ milli: 500 }, { milli: 700 }, { milli: 200, phase: 'Failed' }],
      50,
      { replicas: 3, utilization: 60, average: 600 },
    ],
  ] as const)('%s', (_name, cases, target, expected) => {
    expect(replicasForUtilization(measurement(cases), target)).toEqual(expected)
  })

  test('errors say what is missing', () => {
    const missing = measurement([{ milli: 100, request: '' }])
    expect(() => replicasForUtilization(missing, 50)).toThrow('missing request for cpu in container c of Pod p0')
    expect(() => replicasForUtilization(measurement([{ phase: 'Pending' }]), 50)).toThrow(
      'did not receive metrics for targeted pods (pods might be unready)',
    )
    const other = measurement(used(100), { container: 'x' })
    expect(() => replicasForUtilization(other, 50)).toThrow('container x not found in Pod p0')
    expect(() => replicasForUtilization(measurement([]), 50)).toThrow(
      'no pods returned by selector while calculating replica count',
    )
  })
})

test('replicas for an average use of pods', () => {
  expect(replicasForAverage(measurement(used(20_000, 10_000, 30_000)), 15_000)).toEqual({
    replicas: 4,
    average: 20_000,
  })
  expect(replicasForAverage(measurement(used(12_000, 12_000)), 12_500)).toEqual({ replicas: 2, average: 12_000 })
})
