import { expect, test } from 'vitest'
import { parseSchedule } from './cron-schedule.ts'

const next = (schedule: string, from: string, zone = 'UTC'): string | undefined => {
  const time = parseSchedule(schedule, zone).next(Date.parse(from))
  return time === undefined ? undefined : new Date(time).toISOString().replace('.000', '')
}

// Cases of github.com/robfig/cron v3, spec_test.go.
test.each([
  ['0/15 * * * *', '2012-07-09T14:45:00Z', '2012-07-09T15:00:00Z'],
  ['0/15 * * * *', '2012-07-09T14:59:59Z', '2012-07-09T15:00:00Z'],
  ['20-35/15 * * * *', '2012-07-09T15:45:00Z', '2012-07-09T16:20:00Z'],
  ['*/15 * * * *', '2012-07-09T23:46:00Z', '2012-07-10T00:00:00Z'],
  ['20-35/15 1/2 */2 * *', '2012-07-09T23:45:00Z', '2012-07-11T01:20:00Z'],
  ['20-35/15 1/2 */2 7 *', '2012-07-09T23:45:00Z', '2012-07-11T01:20:00Z'],
  ['0 0 9 Apr-Oct ?', '2012-07-09T23:35:00Z', '2012-08-09T00:00:00Z'],
  ['0 0 */5 Apr,Aug,Oct Mon', '2012-07-09T23:35:00Z', '2012-08-01T00:00:00Z'],
  ['0 0 * Feb Mon', '2012-07-09T23:35:00Z', '2013-02-04T00:00:00Z'],
  ['0 0 29 Feb ?', '2012-07-09T23:35:00Z', '2016-02-29T00:00:00Z'],
  ['@every 5m', '2012-07-09T14:45:00Z', '2012-07-09T14:50:00Z'],
  ['@weekly', '2012-07-09T14:45:00Z', '2012-07-15T00:00:00Z'],
  ['0 0 31 Feb *', '2012-07-09T23:35:00Z', undefined],
])('%s after %s → %s', (schedule, from, expected) => {
  expect(next(schedule, from)).toBe(expected)
})

test('an hour that the clock skips is skipped, and one that it repeats comes twice', () => {
  expect(next('30 2 * * *', '2012-03-11T05:00:00Z', 'America/New_York')).toBe('2012-03-12T06:30:00Z')
  expect(next('30 1 * * *', '2012-11-04T04:00:00Z', 'America/New_York')).toBe('2012-11-04T05:30:00Z')
  expect(next('30 1 * * *', '2012-11-04T05:30:00Z', 'America/New_York')).toBe('2012-11-04T06:30:00Z')
})

test('a time zone before the schedule counts', () => {
  expect(next('TZ=Asia/Tokyo 0 9 * * *', '2026-01-01T00:00:00Z')).toBe('2026-01-02T00:00:00Z')
})

test.each(['', '* * * *', '60 * * * *', '*/0 * * * *', 'a * * * *', '@every x'])('%j is no schedule', (schedule) => {
  expect(() => parseSchedule(schedule, 'UTC')).toThrow()
})
