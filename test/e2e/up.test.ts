import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { KubemuProcess } from '../suites/kubemu-process.ts'

const startUp = (dataDir: string, ...flags: string[]): KubemuProcess =>
  new KubemuProcess('up', '--port', '0', '--data-dir', dataDir, ...flags)

/** An address that others could reach this machine at. */
const hasNetwork = Object.values(networkInterfaces()).some((all) => all?.some(({ internal }) => !internal))

describe('kubemu up', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-up-'))
  const dataDir = join(folder, 'data')
  const kubeconfig = join(dataDir, 'kubeconfig')
  const kubectl = new CommandLine(kubectlBinary(), kubeconfig, folder)
  let up: KubemuProcess

  beforeAll(async () => {
    up = startUp(dataDir, '--nodes', '2')
    await up.output.printed(/ready in \d+ ms/, 60_000)
  })

  afterAll(async () => {
    await up.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('says where the kubeconfig is, which kubectl can use', async () => {
    const [, file] = await up.output.printed(/export KUBECONFIG=(\S+)/)
    expect(file).toBe(kubeconfig)
    expect(await kubectl.ok(['get', 'nodes', '-o', 'name'])).toBe('node/node-0\nnode/node-1\n')
  })

  test('runs a Deployment until its pods are available, behind a service', async () => {
    await kubectl.ok(['create', 'deployment', 'web', '--image=nginx:1.27', '--replicas=3', '--port=80'])
    expect(await kubectl.ok(['rollout', 'status', 'deployment/web', '--timeout=60s'])).toContain(
      'deployment "web" successfully rolled out',
    )
    await kubectl.ok(['expose', 'deployment/web'])
    await kubectl.ok(['wait', '--for=jsonpath={.subsets[0].addresses[2].ip}', 'endpoints/web', '--timeout=30s'])
    const phases = await kubectl.ok(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.phase}'])
    expect(phases).toBe('Running Running Running')
  })

  test.runIf(hasNetwork)('writes where the API server is reached into the service kubernetes', async () => {
    const server = new URL(
      (await kubectl.ok(['config', 'view', '--output=jsonpath={.clusters[0].cluster.server}'])).trim(),
    )
    const slice = [
      'get',
      'endpointslices',
      'kubernetes',
      '--output=jsonpath={.endpoints[*].addresses} {.ports[*].port}',
    ]
    const [, address] = new RegExp(`^\\["(.+)"\\] ${server.port}$`).exec(await kubectl.ok(slice)) ?? []
    expect(address).toBeDefined()
    const described = await kubectl.ok(['describe', 'service', 'kubernetes'])
    expect(described).toMatch(/Port: +https +443\/TCP/)
    expect(described).toContain(`${address}:${server.port}`)
  })

  test('loads from its bundle what few requests need', async () => {
    const metrics = await kubectl.ok(['get', '--raw', '/metrics'])
    expect(metrics).toContain('apiserver_request_total')
    expect(metrics).toContain('process_cpu_seconds_total')
  })

  test('refuses a folder that another kubemu uses, in one sentence', async () => {
    const second = startUp(dataDir)
    expect(await second.exitCode()).toBe(1)
    await second.output.printed(/^kubemu: [^\n]*\n$/)
  })

  test('refuses a port that another program has, in one sentence', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    try {
      const refused = startUp(join(folder, 'other'), '--memory', '--port', String(port))
      expect(await refused.exitCode()).toBe(1)
      await refused.output.printed(
        /^kubemu: port \d+ on 127\.0\.0\.1 is taken by another program; choose another one with --port\n$/,
      )
    } finally {
      other.close()
    }
  })

  test('ends in order on Ctrl-C under npm, which sends it twice', async () => {
    const other = startUp(join(folder, 'interrupted'), '--memory', '--nodes', '0')
    await other.output.printed(/ready in \d+ ms/, 60_000)
    expect(await other.interrupt()).toBe(0)
  })

  test('ends in order on SIGTERM and finds everything again', async () => {
    const uids = ['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].metadata.uid}']
    const before = await kubectl.ok(uids)
    expect(await up.stop()).toBe(0)
    up = startUp(dataDir, '--nodes', '2')
    await up.output.printed(/ready in \d+ ms/, 60_000)
    expect(await kubectl.ok(uids)).toBe(before)
    await kubectl.ok(['delete', 'deployment', 'web'])
    await kubectl.ok(['wait', '--for=delete', 'pods', '-l', 'app=web', '--timeout=60s'])
  })
})
