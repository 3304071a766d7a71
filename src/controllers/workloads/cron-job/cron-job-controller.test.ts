import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../../test/suites/control-plane.ts'
import { podRunner } from '../../../../test/suites/pod-runner.ts'
import type { ManualClock } from '../../../apimachinery/manual-clock.ts'
import type { CronJob, CronJobSpec } from '../../../apimachinery/types/batch-v1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { CRON_JOBS, EVENTS, JOBS } from '../../runtime/resources.ts'
import { jobController } from '../job/job-controller.ts'
import { cronJobController } from './cron-job-controller.ts'

const TICK = { namespace: 'default', name: 'tick' }
const MINUTE = 60_000
/** Minutes since the epoch at the clock's start, 2026-01-01. */
const START = Date.UTC(2026, 0, 1) / MINUTE

let plane: TestPlane
let clock: ManualClock
let fate: (pod: Pod) => 'ready' | 'succeeded' | 'failed'
beforeEach(async () => {
  fate = () => 'succeeded'
  plane = await TestPlane.start()
  clock = plane.clock as ManualClock
  const controllers = [cronJobController(), jobController()] as unknown as Controller[]
  await plane.run(
    ...controllers,
    podRunner((pod) => fate(pod)),
  )
})
afterEach(() => plane.close())

function create(spec: Partial<CronJobSpec> = {}): Promise<Typed<CronJob>> {
  const template = { spec: { containers: [{ name: 'c', image: 'busybox' }], restartPolicy: 'Never' } }
  return plane.client.create(CRON_JOBS, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace: 'default' },
    spec: { schedule: '*/5 * * * *', timeZone: 'UTC', jobTemplate: { spec: { template } }, ...spec },
  })
}

const jobNames = (count: number) =>
  plane
    .untilAll(JOBS, 'default', (jobs) => jobs.length === count)
    .then((jobs) => jobs.map((job) => job.metadata.name).sort())
const cronJob = (ready: (cronJob: CronJob) => boolean) =>
  plane.until(CRON_JOBS, TICK, (c) => c !== undefined && ready(c))
/** The CronJob has been looked at: its next start time is on the clock. */
async function scheduled(): Promise<void> {
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
}

test('starts a Job at each start time, named after it, and tells of it', async () => {
  const { metadata } = await create()
  await scheduled()
  clock.advance(5 * MINUTE + 200)
  expect(await jobNames(1)).toEqual([`tick-${START + 5}`])
  const done = await cronJob((c) => c.status?.lastSuccessfulTime !== undefined && !c.status.active)
  expect(done.status).toEqual({
    lastScheduleTime: '2026-01-01T00:05:00Z',
    lastSuccessfulTime: '2026-01-01T00:05:00Z',
  })
  const job = await plane.until(JOBS, { namespace: 'default', name: `tick-${START + 5}` }, (j) => j !== undefined)
  expect(job.metadata.annotations).toMatchObject({
    'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:05:00Z',
  })
  expect(job.metadata.ownerReferences).toMatchObject([{ kind: 'CronJob', uid: metadata.uid, controller: true }])
  const events = await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'SawCompletedJob'))
  const own = events.filter((e) => e.source?.component === 'cronjob-controller').map((e) => e.message)
  expect(own).toEqual([`Created job tick-${START + 5}`, `Saw completed job: tick-${START + 5}, condition: Complete`])
})

test('of several missed start times only the last one is made up for', async () => {
  await create({ suspend: true })
  await cronJob(() => true)
  clock.advance(23 * MINUTE)
  await plane.client.patch(CRON_JOBS, TICK, 'merge', { spec: { suspend: false } })
  expect(await jobNames(1)).toEqual([`tick-${START + 20}`])
})

test('a start time beyond its deadline is missed for good', async () => {
  await create({ suspend: true, startingDeadlineSeconds: 60 })
  await cronJob(() => true)
  clock.advance(7 * MINUTE)
  await plane.client.patch(CRON_JOBS, TICK, 'merge', { spec: { suspend: false } })
  await scheduled()
  clock.advance(3 * MINUTE + 200)
  expect(await jobNames(1)).toEqual([`tick-${START + 10}`])
})

test('Forbid skips a start time while the last Job still runs', async () => {
  fate = () => 'ready'
  await create({ concurrencyPolicy: 'Forbid' })
  await scheduled()
  clock.advance(5 * MINUTE + 200)
  await cronJob((c) => c.status?.active?.length === 1)
  clock.advance(5 * MINUTE)
  await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'JobAlreadyActive'))
  expect(await jobNames(1)).toEqual([`tick-${START + 5}`])
})

test('Replace deletes the Job that still runs', async () => {
  fate = () => 'ready'
  await create({ concurrencyPolicy: 'Replace' })
  await scheduled()
  clock.advance(5 * MINUTE + 200)
  await cronJob((c) => c.status?.active?.length === 1)
  clock.advance(5 * MINUTE)
  const replaced = await cronJob((c) => c.status?.active?.[0]?.name === `tick-${START + 10}`)
  expect(replaced.status!.active).toHaveLength(1)
  await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.message === `Deleted job tick-${START + 5}`))
})

test('keeps as many finished Jobs as the history is long', async () => {
  await create({ successfulJobsHistoryLimit: 1, schedule: '* * * * *' })
  await scheduled()
  for (const minute of [1, 2, 3]) {
    clock.advance(MINUTE + (minute === 1 ? 200 : 0))
    await cronJob((c) => c.status?.lastScheduleTime === `2026-01-01T00:0${minute}:00Z` && !c.status.active)
  }
  expect(await jobNames(1)).toEqual([`tick-${START + 3}`])
})
