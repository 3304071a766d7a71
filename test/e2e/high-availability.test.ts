import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { HttpClient } from '../../src/controllers/http/http-client.ts'
import { readKubeconfig } from '../../src/controllers/http/kubeconfig-access.ts'
import type { Client } from '../../src/controllers/runtime/client.ts'
import { CONFIG_MAPS, LEASES } from '../../src/controllers/runtime/resources.ts'
import { type EtcdServer, etcdVersion, startEtcdCluster } from '../suites/etcd-server.ts'
import { BackgroundCommand, CommandLine, kubectlBinary } from '../suites/kubectl.ts'

const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')
/** So that a successor need not wait for upstream's fifteen seconds. */
const ELECTION = [
  ...['--leader-elect-lease-duration', '4s'],
  ...['--leader-elect-renew-deadline', '3s'],
  ...['--leader-elect-retry-period', '500ms'],
]

/** One `kubemu` command in a process of its own. */
class Program {
  readonly output: BackgroundCommand
  readonly #child: ChildProcess

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.output = new BackgroundCommand(this.#child)
  }

  async crash(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.output.ended()
  }
}

const hasEtcd = etcdVersion('API servers and controllers that survive each other') !== undefined

describe.skipIf(!hasEtcd)('two API servers and controller managers on three etcds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-ha-'))
  const programs: Program[] = []
  const clients: HttpClient[] = []
  let etcds: readonly EtcdServer[] = []
  let servers: readonly Program[] = []
  let kubectl: CommandLine

  const start = (...args: string[]): Program => {
    const program = new Program(args)
    programs.push(program)
    return program
  }
  const kubeconfig = (n: number): string => join(folder, `admin-${n}.conf`)

  const startServer = async (n: number): Promise<Program> => {
    const server = start(
      'apiserver',
      ...['--etcd-servers', etcds.map((e) => e.endpoint).join(',')],
      ...['--secure-port', '0', '--cert-dir', join(folder, 'pki'), '--kubeconfig', kubeconfig(n)],
      ...['--authorization-mode', 'Node,RBAC'],
    )
    await server.output.printed(/"msg":"serving"/, 60_000)
    const access = await readKubeconfig(kubeconfig(n))
    clients.push(HttpClient.connect({ access, clock: systemClock, userAgent: 'test', impersonate: false }))
    return server
  }

  const startManager = (n: number): Program =>
    start(
      'controller-manager',
      '--kubeconfig',
      kubeconfig(n),
      '--use-service-account-credentials',
      '--secure-port=0',
      ...ELECTION,
    )

  beforeAll(async () => {
    etcds = await startEtcdCluster(3)
    // One after the other: the first makes the certificates that both use.
    servers = [await startServer(1), await startServer(2)]
    kubectl = new CommandLine(kubectlBinary(), kubeconfig(2), folder)
  })

  afterAll(async () => {
    for (const client of clients) client.close()
    await Promise.all(programs.map((program) => program.crash()))
    await Promise.all(etcds.map((etcd) => etcd.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  test('lose nothing when one of each is killed', async () => {
    const managers = [startManager(1)]
    await managers[0]!.output.printed(/became leader/, 60_000)
    managers.push(startManager(2))
    start('scheduler', '--kubeconfig', kubeconfig(2), '--secure-port=0', ...ELECTION)
    start('nodes', '--kubeconfig', kubeconfig(2), '--nodes', '2', '--port', '0', ...ELECTION)
    await kubectl.ok(['create', 'deployment', 'web', '--image=nginx', '--replicas=3'])
    await rolledOut(kubectl, 'web')
    const uids = await podUids(kubectl)

    const writer = new Writer(clients)
    await writer.written(20)
    await etcds[0]!.kill('SIGKILL')
    await writer.written(20)
    await servers[0]!.crash()
    await writer.written(20)
    await managers[0]!.crash()
    await managers[1]!.output.printed(/became leader/, 60_000)
    await writer.written(20)
    const acknowledged = await writer.stop()

    const { items } = await clients[1]!.list(CONFIG_MAPS, { namespace: 'default' })
    const stored = items.map((item) => item.metadata.name)
    expect(acknowledged.filter((name) => !stored.includes(name))).toEqual([])
    expect(await podUids(kubectl)).toEqual(uids)

    await kubectl.ok(['scale', 'deployment', 'web', '--replicas=5'])
    await rolledOut(kubectl, 'web')
    expect(await podUids(kubectl)).toHaveLength(5)
    const lease = await clients[1]!.get(LEASES, { namespace: 'kube-system', name: 'kube-controller-manager' })
    expect(lease.spec?.leaseTransitions).toBe(1)

    // Containers on nodes of another process are reached through their kubelets' API.
    const pod = (await kubectl.ok(['get', 'pods', '-o', 'name'])).split('\n')[0]!
    expect(await kubectl.ok(['exec', pod, '--', 'hostname'])).toBe(`${pod.replace('pod/', '')}\n`)
  })
})

async function rolledOut(kubectl: CommandLine, name: string): Promise<void> {
  await kubectl.ok(['rollout', 'status', `deployment/${name}`, '--timeout=60s'], { timeoutMs: 70_000 })
}

async function podUids(kubectl: CommandLine): Promise<readonly string[]> {
  const text = await kubectl.ok(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].metadata.uid}'])
  return text.split(' ').sort()
}

/** Writes ConfigMaps one after another, each through whichever server takes it, and remembers those acknowledged. */
class Writer {
  readonly #clients: readonly Client[]
  readonly #acknowledged: string[] = []
  readonly #done: Promise<void>
  #isStopped = false
  #onWrite: () => void = () => {}

  constructor(clients: readonly Client[]) {
    this.#clients = clients
    this.#done = this.#run()
  }

  /** Resolves once so many more have been acknowledged. */
  async written(count: number): Promise<void> {
    const enough = this.#acknowledged.length + count
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.#acknowledged.length} of ${enough} written`)), 60_000)
      this.#onWrite = () => {
        if (this.#acknowledged.length < enough) return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async stop(): Promise<readonly string[]> {
    this.#isStopped = true
    await this.#done
    return this.#acknowledged
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const name = `written-${n}`
      const metadata = { name, namespace: 'default' }
      try {
        const client = this.#clients[n % this.#clients.length]!
        await client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { n: `${n}` } })
        this.#acknowledged.push(name)
        this.#onWrite()
      } catch {
        // Whether it was written is unknown: it counts neither way.
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}
