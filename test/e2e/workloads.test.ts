import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { HttpClient } from '../../src/controllers/http/http-client.ts'
import { readKubeconfig } from '../../src/controllers/http/kubeconfig-access.ts'
import { type RunningNodes, startNodes } from '../../src/controllers/nodes/nodes.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import { startScheduler } from '../../src/controllers/scheduler/scheduler.ts'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { KubemuProcess } from '../suites/kubemu-process.ts'
import { workloadCases } from '../suites/workload-cases.ts'

describe('kubemu up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-workloads-'))
  const kubectl = new CommandLine(kubectlBinary(), join(folder, 'kubeconfig'), folder)
  let up: KubemuProcess

  beforeAll(async () => {
    up = new KubemuProcess('up', '--memory', '--port=0', '--nodes=3', `--data-dir=${folder}`)
    await up.output.printed(/ready in \d+ ms/, 60_000)
  })

  afterAll(async () => {
    await up?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  workloadCases(() => kubectl, { schedulingToo: true })
})

describe('controllers in processes of their own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-managers-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const kubectl = new CommandLine(kubectlBinary(), kubeconfig, folder)
  let server: KubemuProcess
  let client: HttpClient
  let nodes: RunningNodes
  let scheduler: { stop(): void }
  const managers: KubemuProcess[] = []

  /** One more that stands for election; others wait `leaseSeconds` for one that dies. */
  function startManager(leaseSeconds: number): KubemuProcess {
    const manager = new KubemuProcess(
      'controller-manager',
      `--kubeconfig=${kubeconfig}`,
      '--use-service-account-credentials',
      '--secure-port=0',
      `--leader-elect-lease-duration=${leaseSeconds}s`,
      `--leader-elect-renew-deadline=${leaseSeconds - 1}s`,
      '--leader-elect-retry-period=500ms',
    )
    managers.push(manager)
    return manager
  }

  const leads = (manager: KubemuProcess): Promise<unknown> => manager.output.printed(/"became leader"/, 60_000)

  async function rollOut(name: string): Promise<void> {
    await kubectl.ok(['create', 'deployment', name, '--image=nginx', '--replicas=6'])
  }

  async function hasRolledOut(name: string): Promise<void> {
    await kubectl.ok(['rollout', 'status', `deployment/${name}`, '--timeout=90s'], { timeoutMs: 120_000 })
    const pods = await kubectl.ok(['get', 'pods', `--selector=app=${name}`, '--output=name'])
    expect(pods.trim().split('\n')).toHaveLength(6)
  }

  beforeAll(async () => {
    server = new KubemuProcess(
      'apiserver',
      '--memory',
      '--secure-port=0',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged',
      `--kubeconfig=${kubeconfig}`,
    )
    await server.output.printed(/"serving"/, 60_000)
    const access = await readKubeconfig(kubeconfig)
    client = HttpClient.connect({ access, clock: systemClock, userAgent: 'test/1', impersonate: true })
    const surroundings = { clock: systemClock, log: silentLogger }
    scheduler = startScheduler(client, surroundings)
    nodes = startNodes(client, { ...surroundings, count: 3 })
    await nodes.ready
    await leads(startManager(6))
    startManager(6)
  })

  afterAll(async () => {
    await Promise.all(managers.map((manager) => manager.stop()))
    scheduler?.stop()
    nodes?.stop()
    client?.close()
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  workloadCases(() => kubectl, { schedulingToo: false })

  test('a leader that is killed is followed by the next, which finishes what it began', {
    timeout: 300_000,
  }, async () => {
    const [first, second] = managers
    await rollOut('killed')
    await first!.kill()
    await leads(second!)
    await hasRolledOut('killed')
  })

  test('a leader that is asked to end hands over at once', { timeout: 300_000 }, async () => {
    const [, second] = managers
    // Whoever had to wait for this one's lease to run out would wait longer than the test does.
    const third = startManager(600)
    await rollOut('asked')
    expect(await second!.stop()).toBe(0)
    await leads(third)
    await hasRolledOut('asked')
    const fourth = startManager(600)
    expect(await third.stop()).toBe(0)
    await leads(fourth)
    await rollOut('again')
    await hasRolledOut('again')
  })
})
