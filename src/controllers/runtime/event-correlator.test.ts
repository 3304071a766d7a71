import { expect, test } from 'vitest'
import { ManualClock } from '../../apimachinery/manual-clock.ts'
import { EventCorrelator } from './event-correlator.ts'

const event = (message: string, objectId = 'Pod|default|a') => ({
  objectId,
  type: 'Warning',
  reason: 'Failed',
  message,
})

test('the same event again is counted on the one that was written', () => {
  const clock = new ManualClock()
  const correlator = new EventCorrelator(clock)
  const first = correlator.correlate(event('no'))!
  expect(first).toMatchObject({ count: 1, name: undefined, firstTimestamp: clock.now() })
  correlator.written(first.logKey, 'a.1')
  const began = clock.now()
  clock.advance(5000)
  expect(correlator.correlate(event('no'))).toMatchObject({ count: 2, name: 'a.1', firstTimestamp: began })
})

test('from the tenth different message within ten minutes on they are combined', () => {
  const correlator = new EventCorrelator(new ManualClock())
  const messages = Array.from({ length: 11 }, (_, i) => correlator.correlate(event(`no ${i}`))!.message)
  expect(messages[8]).toBe('no 8')
  expect(messages.slice(9)).toEqual(['(combined from similar events): no 9', '(combined from similar events): no 10'])
})

test('a source says 25 things about an object, then one every five minutes', () => {
  const clock = new ManualClock()
  const correlator = new EventCorrelator(clock)
  const heard = (): boolean => correlator.correlate(event('no')) !== undefined
  expect(Array.from({ length: 30 }, heard).filter(Boolean)).toHaveLength(25)
  expect(correlator.correlate(event('no', 'Pod|default|b'))).toBeDefined()
  clock.advance(300_000)
  expect([heard(), heard()]).toEqual([true, false])
})
