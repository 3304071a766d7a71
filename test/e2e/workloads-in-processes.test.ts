import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readKubeconfig } from '../../src/controllers/http/kubeconfig-access.ts'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { KubemuProcess } from '../suites/kubemu-process.ts'
import { workloadCases } from '../suites/workload-cases.ts'

describe('every component in a process of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-processes-'))
  const admin = join(folder, 'admin.conf')
  const kubectl = new CommandLine(kubectlBinary(), admin, folder)
  const processes: KubemuProcess[] = []
  const managers: KubemuProcess[] = []

  const start = (...args: string[]): KubemuProcess => {
    const started = new KubemuProcess(...args)
    processes.push(started)
    return started
  }

  /** A kubeconfig with the identity of a component, as `kubemu kubeconfig` makes it. */
  async function kubeconfigOf(component: string): Promise<string> {
    const path = join(folder, `${component}.conf`)
    const { server } = await readKubeconfig(admin)
    const made = start(
      'kubeconfig',
      `--component=${component}`,
      `--cert-dir=${join(folder, 'pki')}`,
      `--server=${server}`,
      `--kubeconfig=${path}`,
    )
    expect(await made.exitCode()).toBe(0)
    return path
  }

  /** One more that stands for election; others wait `leaseSeconds` for one that dies. */
  function startManager(leaseSeconds: number): KubemuProcess {
    const manager = start(
      'controller-manager',
      `--kubeconfig=${join(folder, 'controller-manager.conf')}`,
      '--use-service-account-credentials',
      `--cluster-signing-cert-file=${join(folder, 'pki/ca.crt')}`,
      `--cluster-signing-key-file=${join(folder, 'pki/ca.key')}`,
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
    const server = start(
      'apiserver',
      '--memory',
      '--secure-port=0',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged',
      '--runtime-config=metrics.k8s.io/v1beta1=true',
      `--cert-dir=${join(folder, 'pki')}`,
      `--kubeconfig=${admin}`,
    )
    await server.output.printed(/"serving"/, 60_000)
    const [scheduler] = await Promise.all([kubeconfigOf('scheduler'), kubeconfigOf('controller-manager')])
    start('scheduler', `--kubeconfig=${scheduler}`, '--secure-port=0')
    const nodes = start('nodes', `--kubeconfig=${admin}`, '--nodes=3', '--port=0')
    await leads(startManager(6))
    startManager(6)
    await nodes.output.printed(/"nodes registered"/, 60_000)
  })

  afterAll(async () => {
    // The server last: the others give their leases back.
    for (const one of processes.toReversed()) await one.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  workloadCases(() => kubectl)

  test('proxies and top reach nodes of another process through their kubelets', { timeout: 180_000 }, async () => {
    await kubectl.ok(['create', 'deployment', 'reached', '--image=nginx', '--port=80', '--replicas=2'])
    await kubectl.ok(['expose', 'deployment/reached', '--port=80'])
    await kubectl.ok(['rollout', 'status', 'deployment/reached', '--timeout=90s'], { timeoutMs: 120_000 })
    const service = '/api/v1/namespaces/default/services/reached:80/proxy/path'
    await vi.waitFor(async () => expect(await kubectl.ok(['get', '--raw', service])).toContain('Request: GET /path'), {
      timeout: 60_000,
      interval: 200,
    })
    for (const node of ['node-0', 'node-1', 'node-2']) {
      const summary = await kubectl.ok(['get', '--raw', `/api/v1/nodes/${node}/proxy/stats/summary`])
      expect(JSON.parse(summary).node.nodeName).toBe(node)
    }
    expect(await kubectl.ok(['top', 'nodes', '--no-headers'])).toMatch(/node-2 +\d+m +\d+% +\d+Mi +\d+%/)
    const pods = await kubectl.ok(['top', 'pods', '--selector=app=reached', '--no-headers'])
    expect(pods).toMatch(/^reached-\S+ +1m +16Mi *\nreached-\S+ +1m +16Mi *\n$/)
  })

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
