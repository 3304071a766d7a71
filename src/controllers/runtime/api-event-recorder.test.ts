import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../test/suites/control-plane.ts'
import { formatTime } from '../../apimachinery/clock.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ManualClock } from '../../apimachinery/manual-clock.ts'
import { ApiEventRecorder } from './api-event-recorder.ts'
import { type EventRate, FAST_EVENTS } from './event-outbox.ts'
import { silentLogger } from './logger.ts'
import { EVENTS } from './resources.ts'

let plane: TestPlane
let clock: ManualClock
beforeEach(async () => {
  plane = await TestPlane.start()
  clock = plane.clock as ManualClock
})
afterEach(() => plane.close())

const pod = (index: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p${index}`, namespace: 'default', uid: `uid-${index}`, resourceVersion: '7' },
})

function recorder(rate?: EventRate): ApiEventRecorder {
  const context = { client: plane.client, clock, logger: silentLogger, component: 'tester' }
  return new ApiEventRecorder({ ...context, ...(rate ? { rate } : {}) })
}

const written = async (): Promise<number> => (await plane.client.list(EVENTS, { namespace: 'default' })).items.length

test("a controller writes 30 Events at once, then 20 a second, as upstream's clients do", async () => {
  const events = recorder()
  for (let i = 0; i < 100; i++) events.record(pod(i), 'Normal', 'Made', 'it is there')
  await plane.untilAll(EVENTS, 'default', (all) => all.length === 30)
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(await written()).toBe(30)
  clock.advance(1000)
  await plane.untilAll(EVENTS, 'default', (all) => all.length === 50)
  events.stop()
})

test('of very many Events at once a burst is written, then so many a second, with the time at which they happened', async () => {
  const events = recorder({ burst: 250, perSecond: 50 })
  const happened = formatTime(clock.now())
  for (let i = 0; i < 300; i++) events.record(pod(i), 'Normal', 'Made', 'it is there')
  const first = await plane.untilAll(EVENTS, 'default', (all) => all.length === 250)
  expect(first[0]!.involvedObject).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    name: 'p0',
    namespace: 'default',
    uid: 'uid-0',
    resourceVersion: '7',
  })
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(await written()).toBe(250)
  for (let half = 1; half <= 2; half++) {
    clock.advance(500)
    const most = 250 + 25 * half
    await plane.untilAll(EVENTS, 'default', (all) => all.length >= most - 20)
    expect(await written()).toBeLessThanOrEqual(most)
  }
  while ((await written()) < 300) {
    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { items } = await plane.client.list(EVENTS, { namespace: 'default' })
  expect(new Set(items.map((event) => event.firstTimestamp))).toEqual(new Set([happened]))
  events.stop()
})

test('beyond a thousand that wait Events are dropped', async () => {
  const events = recorder(FAST_EVENTS)
  for (let i = 0; i < 2000; i++) events.record(pod(i), 'Normal', 'Made', 'it is there')
  // One is taken out of the queue at once.
  while ((await written()) < 1001) {
    clock.advance(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  clock.advance(60_000)
  events.record(pod(2000), 'Normal', 'Last', 'after the rush')
  const all = await plane.untilAll(EVENTS, 'default', (found) => found.some((event) => event.reason === 'Last'))
  expect(all).toHaveLength(1002)
  events.stop()
})
