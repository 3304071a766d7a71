import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestPlane } from '../../../../test/suites/control-plane.ts'
import { podRunner } from '../../../../test/suites/pod-runner.ts'
import type { ManualClock } from '../../../apimachinery/manual-clock.ts'
import type { Job, JobSpec } from '../../../apimachinery/types/batch-v1.ts'
import type { Pod } from '../../../apimachinery/types/core-v1.ts'
import type { Typed } from '../../runtime/client.ts'
import type { Controller } from '../../runtime/controller.ts'
import { EVENTS, JOBS, PODS } from '../../runtime/resources.ts'
import { jobController } from './job-controller.ts'
import { isJobFinished } from './job-pods.ts'

const WORK = { namespace: 'default', name: 'work' }
const START = '2026-01-01T00:00:00Z'

let plane: TestPlane
let fate: (pod: Pod) => 'ready' | 'succeeded' | 'failed' | undefined
beforeEach(async () => {
  fate = () => 'succeeded'
  plane = await TestPlane.start()
  await plane.run(
    jobController() as unknown as Controller,
    podRunner((pod) => fate(pod)),
  )
})
afterEach(() => plane.close())

function create(spec: Partial<JobSpec> = {}): Promise<Typed<Job>> {
  const job: Typed<Job> = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'work', namespace: 'default' },
    spec: { template: { spec: { containers: [{ name: 'c', image: 'busybox' }], restartPolicy: 'Never' } }, ...spec },
  }
  return plane.client.create(JOBS, job)
}

const finished = () => plane.until(JOBS, WORK, (job) => job !== undefined && isJobFinished(job))
const condition = (job: Job, type: string) => job.status?.conditions?.find((c) => c.type === type)
const indexOf = (pod: Pod) => pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']
const patch = (body: object) => plane.client.patch(JOBS, WORK, 'merge', body as Record<string, unknown>)

test('runs the pods it needs and completes, with conditions and events as upstream', async () => {
  await create({ completions: 3, parallelism: 2 })
  const job = await finished()
  expect(job.status).toEqual({
    startTime: START,
    completionTime: START,
    succeeded: 3,
    ready: 0,
    terminating: 0,
    uncountedTerminatedPods: {},
    conditions: [
      {
        type: 'SuccessCriteriaMet',
        status: 'True',
        lastProbeTime: START,
        lastTransitionTime: START,
        reason: 'CompletionsReached',
        message: 'Reached expected number of succeeded pods',
      },
      {
        type: 'Complete',
        status: 'True',
        lastProbeTime: START,
        lastTransitionTime: START,
        reason: 'CompletionsReached',
        message: 'Reached expected number of succeeded pods',
      },
    ],
  })
  const pods = await plane.untilAll(PODS, 'default', (all) => all.every((p) => p.metadata.finalizers === undefined))
  expect(pods).toHaveLength(3)
  const events = await plane.untilAll(EVENTS, 'default', (all) => all.some((e) => e.reason === 'Completed'))
  expect(events.map((e) => [e.type, e.reason, e.source?.component])).toEqual(
    expect.arrayContaining([
      ['Normal', 'SuccessfulCreate', 'job-controller'],
      ['Normal', 'Completed', 'job-controller'],
    ]),
  )
})

test('an indexed Job gives each pod its index and names what is done', async () => {
  await create({ completions: 3, parallelism: 3, completionMode: 'Indexed' })
  const job = await finished()
  expect(job.status).toMatchObject({ completedIndexes: '0-2', succeeded: 3 })
  const pods = await plane.untilAll(PODS, 'default', () => true)
  expect(pods.map(indexOf).sort()).toEqual(['0', '1', '2'])
  for (const pod of pods) {
    expect(pod.metadata.name).toMatch(new RegExp(`^work-${indexOf(pod)}-[a-z0-9]{5}$`))
    expect(pod.spec).toMatchObject({ hostname: `work-${indexOf(pod)}` })
    expect(pod.spec!.containers[0]!.env).toEqual([
      {
        name: 'JOB_COMPLETION_INDEX',
        valueFrom: {
          fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" },
        },
      },
    ])
  }
})

test('failed pods are replaced after a back-off that doubles, until the limit is reached', async () => {
  fate = () => 'failed'
  const clock = plane.clock as ManualClock
  await create({ backoffLimit: 2 })
  await plane.until(JOBS, WORK, (job) => job?.status?.failed === 1)
  expect(await plane.untilAll(PODS, 'default', () => true)).toHaveLength(1)
  clock.advance(9_000)
  expect(await plane.untilAll(PODS, 'default', () => true)).toHaveLength(1)
  clock.advance(1_000)
  await plane.until(JOBS, WORK, (job) => job?.status?.failed === 2)
  clock.advance(20_000)
  const job = await finished()
  expect(job.status!.failed).toBe(3)
  expect(condition(job, 'Failed')).toMatchObject({
    reason: 'BackoffLimitExceeded',
    message: 'Job has reached the specified backoff limit',
  })
  expect(condition(job, 'FailureTarget')).toMatchObject({ status: 'True', reason: 'BackoffLimitExceeded' })
  expect(job.status!.completionTime).toBeUndefined()
})

test('a Job past its deadline deletes its pods and fails', async () => {
  fate = () => 'ready'
  await create({ activeDeadlineSeconds: 30 })
  await plane.until(JOBS, WORK, (job) => job?.status?.ready === 1)
  ;(plane.clock as ManualClock).advance(30_000)
  const job = await finished()
  expect(condition(job, 'Failed')).toMatchObject({
    reason: 'DeadlineExceeded',
    message: 'Job was active longer than specified deadline',
  })
  await plane.untilAll(PODS, 'default', (all) => all.length === 0)
})

test('a suspended Job has no pods and no start time; resumed it goes on', async () => {
  fate = () => 'ready'
  await create()
  await plane.until(JOBS, WORK, (job) => job?.status?.ready === 1)
  await patch({ spec: { suspend: true } })
  const suspended = await plane.until(JOBS, WORK, (job) => !!condition(job!, 'Suspended') && !job!.status!.active)
  expect(suspended.status!.startTime).toBeUndefined()
  expect(condition(suspended, 'Suspended')).toMatchObject({
    status: 'True',
    reason: 'JobSuspended',
    message: 'Job suspended',
  })
  fate = () => 'succeeded'
  await patch({ spec: { suspend: false } })
  const job = await finished()
  expect(condition(job, 'Suspended')).toMatchObject({ status: 'False', reason: 'JobResumed', message: 'Job resumed' })
})

test('a success policy ends the Job before all indexes are done, and stops the rest', async () => {
  fate = (pod) => (indexOf(pod) === '1' ? 'succeeded' : 'ready')
  await create({
    completions: 3,
    parallelism: 3,
    completionMode: 'Indexed',
    successPolicy: { rules: [{ succeededIndexes: '1' }] },
  })
  const job = await finished()
  expect(condition(job, 'SuccessCriteriaMet')).toMatchObject({
    reason: 'SuccessPolicy',
    message: 'Matched rules at index 0',
  })
  expect(job.status).toMatchObject({ completedIndexes: '1', succeeded: 1 })
})

test('indexes with a back-off limit of their own fail alone', async () => {
  fate = (pod) => (indexOf(pod) === '0' ? 'failed' : 'succeeded')
  await create({ completions: 2, parallelism: 2, completionMode: 'Indexed', backoffLimitPerIndex: 1 })
  await plane.until(JOBS, WORK, (job) => job?.status?.completedIndexes === '1')
  ;(plane.clock as ManualClock).advance(11_000)
  const job = await finished()
  expect(job.status).toMatchObject({ completedIndexes: '1', failedIndexes: '0' })
  expect(condition(job, 'Failed')).toMatchObject({ reason: 'FailedIndexes', message: 'Job has failed indexes' })
  const pods = await plane.untilAll(PODS, 'default', () => true)
  const failures = pods
    .filter((p) => indexOf(p) === '0')
    .map((p) => p.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'])
  expect(failures.sort()).toEqual(['0', '1'])
})

test('a pod of a Job that is deleted without its dependents loses the finalizer', async () => {
  fate = () => 'ready'
  await create()
  const [pod] = await plane.untilAll(PODS, 'default', (all) => all.length === 1)
  const key = { namespace: 'default', name: pod!.metadata.name! }
  await plane.client.delete(JOBS, WORK, { propagationPolicy: 'Background' })
  await plane.until(PODS, key, (p) => p !== undefined && p.metadata.finalizers === undefined)
})

test('changes of the pods of a large Job are collected before it is synced again, those of a small one are not', async () => {
  const clock = plane.clock as ManualClock
  await create({ completions: 40, parallelism: 40 })
  await plane.untilAll(
    PODS,
    'default',
    (pods) => pods.length === 40 && pods.every((p) => p.status?.phase === 'Succeeded'),
  )
  const before = await plane.client.get(JOBS, WORK)
  expect(before.status?.succeeded ?? 0).toBe(0)
  while (!isJobFinished(await plane.client.get(JOBS, WORK))) {
    clock.advance(80)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const job = await finished()
  expect(job.status).toMatchObject({ succeeded: 40, uncountedTerminatedPods: {} })
})
