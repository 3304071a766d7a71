import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import type { AdmissionAttributes } from '../admission.ts'
import { type EventLimit, eventRateLimitPlugin, parseEventRateLimitConfiguration } from './event-rate-limit.ts'

function event(fields: Partial<AdmissionAttributes> = {}, involved = 'p'): AdmissionAttributes {
  return {
    operation: 'CREATE',
    kind: { group: '', version: 'v1', kind: 'Event' },
    resource: { group: '', version: 'v1', resource: 'events' },
    subresource: '',
    namespace: 'a',
    name: 'e',
    object: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {},
      source: { component: 'kubelet', host: 'n' },
      involvedObject: { kind: 'Pod', namespace: 'a', name: involved, uid: 'u', apiVersion: 'v1' },
    },
    oldObject: undefined,
    options: undefined,
    dryRun: false,
    user: { name: 'jane', uid: '', groups: [], extra: {} },
    addWarning: () => {},
    timeLeftMs: () => 34_000,
    addAuditAnnotation: () => {},
    ...fields,
  }
}

function limited(...limits: readonly EventLimit[]) {
  const clock = new ManualClock()
  const plugin = eventRateLimitPlugin({ limits }, clock)
  return { clock, pass: (attributes: AdmissionAttributes) => plugin.validate!(attributes) }
}

describe('EventRateLimit', () => {
  test('a burst, then so many a second', () => {
    const { clock, pass } = limited({ type: 'Server', qps: 2, burst: 3 })
    for (let i = 0; i < 3; i++) pass(event())
    expect(() => pass(event())).toThrow('Too many requests: limit reached on type Server for key ')
    clock.advance(500)
    pass(event())
    expect(() => pass(event())).toThrow()
    clock.advance(60_000)
    for (let i = 0; i < 3; i++) pass(event())
    expect(() => pass(event())).toThrow()
  })

  test('429 TooManyRequests, all limits that were reached', () => {
    const { pass } = limited({ type: 'Namespace', qps: 1, burst: 1 }, { type: 'User', qps: 1, burst: 1 })
    pass(event())
    try {
      pass(event())
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({
        code: 429,
        reason: 'TooManyRequests',
        message:
          'Too many requests: [limit reached on type Namespace for key a, limit reached on type User for key jane]',
      })
    }
  })

  test.each([
    ['Namespace', event({ namespace: 'b' })],
    ['User', event({ user: { name: 'bob', uid: '', groups: [], extra: {} } })],
    ['SourceAndObject', event({}, 'q')],
  ] as const)('%s: another key has its own', (type, other) => {
    const { pass } = limited({ type, qps: 1, burst: 1 })
    pass(event())
    pass(other)
    expect(() => pass(event())).toThrow(`limit reached on type ${type}`)
  })

  test('a key that was forgotten starts anew', () => {
    const { pass } = limited({ type: 'Namespace', qps: 1, burst: 1, cacheSize: 1 })
    pass(event())
    pass(event({ namespace: 'b' }))
    pass(event())
  })

  test('dry runs and other kinds are not counted', () => {
    const { pass } = limited({ type: 'Server', qps: 1, burst: 1 })
    pass(event({ dryRun: true }))
    pass(event({ kind: { group: '', version: 'v1', kind: 'Pod' } }))
    pass(event({ kind: { group: 'events.k8s.io', version: 'v1', kind: 'Event' } }))
    pass(event())
    expect(() => pass(event())).toThrow()
  })
})

describe('configuration', () => {
  test('what is wrong is said in the words of upstream', () => {
    expect(() => parseEventRateLimitConfiguration({ limits: [] })).toThrow(
      'limits: Invalid value: null: must not be empty',
    )
    expect(() => parseEventRateLimitConfiguration({ limits: [{ type: 'User', qps: 1, burst: 0 }] })).toThrow(
      'limits[0].burst: Invalid value: 0: must be positive',
    )
    expect(() => parseEventRateLimitConfiguration({ limits: [{ type: 'X', qps: 1, burst: 1 }] })).toThrow(
      'limits[0].type: Unsupported value: "X": supported values: "Namespace", "Server", "SourceAndObject", "User"',
    )
  })
})
