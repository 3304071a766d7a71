import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import type { Cluster } from '../../src/cluster/library-api.ts'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'

const HOUR_MS = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'kubemu-cron-'))
const kubeconfig = join(folder, 'kubeconfig')
const kubectl = new CommandLine(kubectlBinary(), kubeconfig, folder)
let cluster: Cluster

beforeAll(async () => {
  cluster = await createCluster({ nodes: 1, clock: 'manual' })
  await cluster.writeKubeconfig(kubeconfig)
})

afterAll(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a CronJob runs at its times as the clock goes on, and keeps as many Jobs as it is told', async () => {
  const schedule = ['--schedule=30 * * * *', '--image=busybox', '--', 'date']
  await kubectl.ok(['create', 'cronjob', 'hourly', ...schedule])
  await kubectl.ok(['patch', 'cronjob', 'hourly', '--patch={"spec":{"successfulJobsHistoryLimit":2}}'])
  for (let hour = 0; hour < 3; hour++) {
    await cluster.clock.advance(HOUR_MS)
    const complete = ['wait', '--for=condition=Complete', 'jobs', '--all', '--timeout=60s']
    await cluster.clock.advance(30_000)
    await kubectl.ok(complete, { timeoutMs: 90_000 })
  }
  const finished = '--output=jsonpath={.items[*].status.completionTime}'
  const times = (await kubectl.ok(['get', 'jobs', finished])).split(' ')
  expect(times).toHaveLength(2)
  for (const time of times) expect(time).toMatch(/T\d\d:30:\d\dZ$/)
  expect(Date.parse(times[1]!) - Date.parse(times[0]!)).toBeGreaterThan(HOUR_MS - 60_000)
  const last = await kubectl.ok(['get', 'cronjob', 'hourly', '--output=jsonpath={.status.lastScheduleTime}'])
  expect(last).toMatch(/T\d\d:30:00Z$/)
})
