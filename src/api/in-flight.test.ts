import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Call } from './call.ts'
import { allottedMs, InFlightRequests } from './in-flight.ts'
import { QueryParameters } from './query-parameters.ts'

const callOf = (query = ''): Call => ({ startedAt: performance.now(), query: QueryParameters.parse(query) }) as Call

describe('allottedMs', () => {
  test.each([
    ['', 60_000],
    ['timeout=', 60_000],
    ['timeout=5s', 5000],
    ['timeout=0s', 60_000],
    ['timeout=-5s', 60_000],
    ['timeout=2m', 60_000],
  ])('%j → %d', (query, expected) => {
    expect(allottedMs(callOf(query), 60_000)).toBe(expected)
  })

  test('what is no duration → 400', () => {
    expect(() => allottedMs(callOf('timeout=abc'), 60_000)).toThrow(
      'invalid timeout specified in the request URL - time: invalid duration "abc"',
    )
  })
})

describe('requests in flight', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  test('the oldest are told first, each when its time is over, those that ended never', () => {
    const told: Call[] = []
    const requests = new InFlightRequests(3000, (call) => told.push(call))
    const [a, b, c, d] = [callOf(), callOf(), callOf(), callOf()]
    requests.begin(a, 3000)
    const second = requests.begin(b, 3000)
    requests.begin(c, 500)
    requests.end(second)
    vi.advanceTimersByTime(500)
    expect(told).toEqual([c])
    requests.begin(Object.assign(d, { startedAt: performance.now() }), 3000)
    vi.advanceTimersByTime(2500)
    expect(told).toEqual([c, a, c])
    requests.stop()
  })

  test('drained: once the last has ended', async () => {
    const requests = new InFlightRequests(3000, () => {})
    const entries = [requests.begin(callOf(), 3000), requests.begin(callOf(), 3000)]
    let isDrained = false
    const drained = requests.drained().then(() => {
      isDrained = true
    })
    requests.end(entries[0]!)
    await Promise.resolve()
    expect(isDrained).toBe(false)
    requests.end(entries[1]!)
    await drained
    requests.stop()
  })
})
