import { hostname } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../test/suites/control-plane.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ManualClock } from '../../apimachinery/manual-clock.ts'
import { silentLogger } from './logger.ts'
import { EVENTS, SERIES_EVENTS } from './resources.ts'
import { type Happening, SeriesEventRecorder } from './series-event-recorder.ts'

let plane: TestPlane
let clock: ManualClock
let events: SeriesEventRecorder
beforeEach(async () => {
  plane = await TestPlane.start()
  clock = plane.clock as ManualClock
  events = new SeriesEventRecorder({ client: plane.client, clock, logger: silentLogger, controller: 'tester' })
})
afterEach(async () => {
  events.stop()
  await plane.close()
})

const pod = (resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', uid: 'uid-1', resourceVersion },
})
const failed = (resourceVersion: string, note = 'it does not fit'): Happening => ({
  regarding: pod(resourceVersion),
  type: 'Warning',
  reason: 'FailedScheduling',
  action: 'Scheduling',
  note,
})

test('an Event has what events.k8s.io asks for, and none of the fields of older ones', async () => {
  events.record({ ...failed('7'), related: { ...pod('8'), metadata: { name: 'q', namespace: 'default', uid: 'u2' } } })
  const [written] = await plane.untilAll(EVENTS, 'default', (all) => all.length === 1)
  expect(written).toMatchObject({
    action: 'Scheduling',
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      name: 'p',
      namespace: 'default',
      uid: 'uid-1',
      resourceVersion: '7',
    },
    related: { apiVersion: 'v1', kind: 'Pod', name: 'q', namespace: 'default', uid: 'u2' },
    message: 'it does not fit',
    reason: 'FailedScheduling',
    reportingComponent: 'tester',
    reportingInstance: `tester-${hostname()}`,
    source: {},
    type: 'Warning',
    firstTimestamp: null,
    lastTimestamp: null,
  })
  expect(written!.eventTime).toMatch(/\.\d{6}Z$/)
  expect(written!.metadata.managedFields?.[0]?.apiVersion).toBe('events.k8s.io/v1')
  expect(written).not.toHaveProperty('count')
})

test('the second occurrence begins a series, whose count is written again once it is over', async () => {
  for (const note of ['first', 'second', 'third', 'fourth']) events.record(failed('7', note))
  const [begun] = await plane.untilAll(SERIES_EVENTS, 'default', (all) => all[0]?.series !== undefined)
  expect(begun).toMatchObject({ note: 'first', series: { count: 2 } })
  clock.advance(360_000)
  const [ended] = await plane.untilAll(SERIES_EVENTS, 'default', (all) => all[0]?.series?.count === 4)
  expect(ended!.note).toBe('first')
})

test('an object in another state has an Event of its own', async () => {
  events.record(failed('7'))
  events.record(failed('9'))
  const all = await plane.untilAll(SERIES_EVENTS, 'default', (found) => found.length === 2)
  expect(all.map((e) => e.series)).toEqual([undefined, undefined])
})
