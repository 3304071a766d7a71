import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningCluster, startCluster } from '../../src/cluster/cluster.ts'
import { DEPLOYMENTS, PODS } from '../../src/controllers/runtime/resources.ts'

const FLAGS = [
  '--memory',
  '--bind-address=127.0.0.1',
  '--insecure-port=0',
  '--authorization-mode=AlwaysAllow',
  '--disable-admission-plugins=ServiceAccount',
]

let cluster: RunningCluster
beforeAll(async () => {
  cluster = await startCluster({ server: apiserverOptions(FLAGS), nodes: { count: 1 } }, pino({ level: 'silent' }))
  await cluster.client.create(DEPLOYMENTS, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'busybox' }] } },
    },
  } as KubeObject as never)
  await cluster.client.create(PODS, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'nowhere', namespace: 'default' },
    spec: { nodeSelector: { no: 'node' }, containers: [{ name: 'c', image: 'busybox' }] },
  } as KubeObject as never)
})
afterAll(() => cluster?.close())

/** The value of a line of `/metrics`; undefined where there is none. */
async function metric(line: string): Promise<number | undefined> {
  const text = await (await fetch(`${cluster.url}/metrics`)).text()
  const found = text.split('\n').find((l) => l.startsWith(`${line} `))
  return found === undefined ? undefined : Number(found.slice(line.length + 1))
}

const atLeast = (line: string, value: number) =>
  expect.poll(() => metric(line), { timeout: 20_000, message: line }).toBeGreaterThanOrEqual(value)
const becomes = (line: string, value: number) =>
  expect.poll(() => metric(line), { timeout: 20_000, message: line }).toBe(value)

test('controllers tell of their queues under the names of kube-controller-manager', async () => {
  await atLeast('workqueue_adds_total{name="deployment"}', 2)
  await atLeast('workqueue_adds_total{name="replicaset"}', 2)
  await atLeast('workqueue_queue_duration_seconds_count{name="replicaset"}', 2)
  await atLeast('workqueue_work_duration_seconds_bucket{name="replicaset",le="+Inf"}', 2)
  await becomes('workqueue_depth{name="deployment"}', 0)
  await becomes('workqueue_unfinished_work_seconds{name="deployment"}', 0)
  await becomes('workqueue_longest_running_processor_seconds{name="deployment"}', 0)
  await atLeast('workqueue_retries_total{name="deployment"}', 0)
})

test('the scheduler tells of its attempts under the names of kube-scheduler', async () => {
  await becomes('scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"}', 2)
  await atLeast('scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"}', 1)
  await becomes(
    'scheduler_scheduling_attempt_duration_seconds_count{profile="default-scheduler",result="scheduled"}',
    2,
  )
  await atLeast('scheduler_scheduling_algorithm_duration_seconds_count', 3)
  await becomes('scheduler_pod_scheduling_attempts_count', 2)
  await atLeast('scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"}', 1)
  await becomes('scheduler_pending_pods{queue="unschedulable"}', 1)
  await becomes('scheduler_pending_pods{queue="active"}', 0)
  await becomes('scheduler_cache_size{type="nodes"}', 1)
  await becomes('scheduler_cache_size{type="pods"}', 2)
})
