import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { etcdVersion } from '../suites/etcd-server.ts'
import { BackgroundCommand, CommandLine, helmBinary, kubectlBinary } from '../suites/kubectl.ts'

const ROOT = join(import.meta.dirname, '../..')
const PROGRAM = join(ROOT, 'dist/kubemu.mjs')
const TIMEOUT_MS = 110_000

const has = (program: string, ...args: readonly string[]): boolean => {
  const found = spawnSync(program, args, { stdio: 'ignore' }).status === 0
  if (!found) console.warn(`SKIPPED: examples that need ${program}, which is not on the PATH`)
  return found
}

/** Each example as its README says, against one cluster. */
describe('examples', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubemu-examples-'))
  const data = join(folder, 'data')
  const tools = join(folder, 'bin')
  const kubeconfig = join(data, 'kubeconfig')
  const env = { PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}`, KUBEMU: `${process.execPath} ${PROGRAM}` }
  const bash = new CommandLine('bash', kubeconfig, folder)
  const node = new CommandLine(process.execPath, kubeconfig, folder)
  const kubectl = new CommandLine(kubectlBinary(), kubeconfig, folder)
  let up: BackgroundCommand
  let api = ''

  beforeAll(async () => {
    mkdirSync(tools)
    symlinkSync(kubectlBinary(), join(tools, 'kubectl'))
    symlinkSync(helmBinary(), join(tools, 'helm'))
    const flags = ['up', '--memory', '--port', '0', '--data-dir', data]
    up = new BackgroundCommand(spawn(process.execPath, [PROGRAM, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] }))
    api = (await up.printed(/API +(https:\S+)/, 60_000))[1]!
  })

  afterAll(async () => {
    await up?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What an example's session prints; it has to end well. */
  const session = (name: string, more: Readonly<Record<string, string>> = {}): Promise<string> =>
    bash.ok([join(ROOT, 'examples', name, 'session.sh')], { env: { ...env, ...more }, timeoutMs: TIMEOUT_MS })

  test.skipIf(!has('curl', '--version'))('curl', async () => {
    const said = await session('curl', { API: api, PKI: join(data, 'pki') })
    for (const line of [
      /"username": *"kubernetes-admin"/,
      /"color": *"green"/,
      /"type": *"ADDED"/,
      /"reason": *"Invalid"/,
    ]) {
      expect(said).toMatch(line)
    }
  })

  test('kubectl', async () => {
    const said = await session('kubectl')
    expect(said).toContain('nginx:1.27\n')
    expect(said).toContain('working\n')
    expect(said).toContain('3 desired | 3 updated | 3 total | 3 available | 0 unavailable')
  })

  test('helm', async () => {
    const said = await session('helm')
    expect(said).toContain('Rollback was a success')
    expect(said).toContain('release "shop" uninstalled')
  })

  test('operator', async () => {
    const preload = join(ROOT, 'test/suites/client-node.ts')
    const operator = node.background([
      '--import',
      'tsx',
      '--import',
      preload,
      join(ROOT, 'examples/operator/operator.mjs'),
    ])
    try {
      await operator.printed(/watching/, 60_000)
      await kubectl.ok(['create', 'namespace', 'red'])
      await kubectl.ok(['label', 'namespace', 'red', 'team=red'])
      const quota = ['-n', 'red', 'quota', 'team']
      await kubectl.ok(['wait', '--for=create', '--timeout=30s', ...quota], { timeoutMs: 40_000 })
      await kubectl.ok(['patch', ...quota, '--type=merge', '-p', '{"spec":{"hard":{"pods":"99"}}}'])
      await kubectl.ok(['wait', '--for=jsonpath={.spec.hard.pods}=10', '--timeout=30s', ...quota], {
        timeoutMs: 40_000,
      })
    } finally {
      await operator.stop()
    }
  })

  test('vitest', async () => {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
    const args = [vitest, 'run', '--config', join(ROOT, 'examples/vitest/vitest.config.ts')]
    const said = await node.ok(args, { timeoutMs: TIMEOUT_MS, env: { NO_COLOR: '1' } })
    expect(said).toMatch(/Tests +3 passed/)
  })

  test.skipIf(!has('openssl', 'version'))('webhook', async () => {
    const said = await session('webhook')
    expect(said).toContain('pod/good created\ntrue\n')
  })

  test('gitops', async () => {
    const said = await session('gitops')
    expect(said).toMatch(/== the manifests win[^=]*\n2\ngitops Apply\n/)
  })

  const hasEtcd = etcdVersion('the example on etcd') !== undefined
  test.skipIf(!hasEtcd)('etcd', async () => {
    const said = await session('etcd')
    expect(said.match(/deployment "web" successfully rolled out/g)).toHaveLength(2)
  })
})
