import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCluster } from '../../src/cluster/create-cluster.ts'
import { metaKeys } from '../../src/storage/leveldb/layout.ts'
import { encodeNumber } from '../../src/storage/leveldb/level-journal.ts'

const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function kubemu(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: (error?.code as number | undefined) ?? 0, stdout, stderr }),
    )
  })
}

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-command-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('help, version, completion', () => {
  test('the help names every command, and how to go on', async () => {
    const { code, stdout } = await kubemu('--help')
    expect(code).toBe(0)
    for (const name of ['up', 'apiserver', 'controller-manager', 'scheduler', 'kubeconfig', 'snapshot', 'version']) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'))
    }
    expect(stdout).toContain('Use "kubemu <command> --help" for more information about a given command.')
  })

  test('version: for people and for programs', async () => {
    expect((await kubemu('version')).stdout).toMatch(/^kubemu Version: \S+\nKubernetes Version: v1\.36\.\d+\nNode\.js /)
    const versions = JSON.parse((await kubemu('version', '-o', 'json')).stdout)
    expect(versions).toMatchObject({ kubernetesVersion: { major: '1', minor: '36' } })
    expect(versions.kubemuVersion.version).toBe(
      JSON.parse(await readFile(join(PROGRAM, '../../package.json'), 'utf8')).version,
    )
    expect((await kubemu('version', '-o', 'toml')).code).toBe(1)
  })

  test('completion: no other shell', async () => {
    const { code, stderr } = await kubemu('completion', 'tcsh')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: .*Allowed choices are bash, zsh, fish\.\nSee /)])
  })
})

describe('snapshot', () => {
  test('save and restore: another folder gets the same objects', async () => {
    const [first, second, file] = [join(folder, 'first'), join(folder, 'second'), join(folder, 'state')]
    {
      await using cluster = await createCluster({ dataDir: first, listen: false, nodes: 0 })
      await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' }, data: { a: 'b' } })
      const { code, stderr } = await kubemu('snapshot', 'save', file, '--data-dir', first)
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^kubemu: [^\n]*(in use|another process)[^\n]*\n$/)])
    }
    expect(await kubemu('snapshot', 'save', file, '--data-dir', first)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^saved \d+ keys at revision \d+ in .*state\n$/),
    })
    expect(await kubemu('snapshot', 'restore', file, '--data-dir', second)).toMatchObject({ code: 0, stderr: '' })
    await using restored = await createCluster({ dataDir: second, listen: false, nodes: 0 })
    expect((await restored.client.resource('v1', 'ConfigMap').get('kept')).data).toEqual({ a: 'b' })
  })

  test.each<[string, (at: (name: string) => string) => string[], RegExp]>([
    [
      'a folder without data',
      (at) => ['save', at('x'), '--data-dir', at('nothing')],
      /nothing holds no cluster's data$/,
    ],
    ['a file that is not there', (at) => ['restore', at('none'), '--data-dir', at('y')], /none can't be read$/],
    [
      'a file that is no snapshot',
      (at) => ['restore', at('text'), '--data-dir', at('z')],
      /these bytes are no snapshot$/,
    ],
  ])('%s: one sentence', async (_, args, sentence) => {
    await writeFile(join(folder, 'text'), 'hello '.repeat(20))
    const { code, stderr } = await kubemu('snapshot', ...args((name) => join(folder, name)))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^kubemu: [^\n]+\n$/)
    expect(stderr.trimEnd()).toMatch(sentence)
  })
})

describe('up says in one sentence what is wrong', () => {
  const refusal = (sentence: string): string => `error: ${sentence}\nSee 'kubemu up --help' for usage.\n`

  test('a flag that does not exist, a port and a number that are none', async () => {
    expect(await kubemu('up', '--prot', '1')).toMatchObject({ code: 1, stderr: refusal('unknown flag: --prot') })
    expect(await kubemu('up', '--memory', '--port', 'http')).toMatchObject({
      code: 1,
      stderr: refusal('invalid argument "http" for "--port" flag: strconv.ParseInt: parsing "http": invalid syntax'),
    })
    expect(await kubemu('up', '--memory', '--nodes', '-1')).toMatchObject({
      code: 1,
      stderr: refusal('invalid argument "-1" for "--nodes" flag: must be between 0 and 99999, inclusive'),
    })
  })

  test('a folder that can not be made', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    const { code, stderr } = await kubemu('up', '--port', '0', '--data-dir', join(file, 'data'))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^kubemu: .*a-file.* is no folder\n$/)
  })

  test.each<[string, string[], RegExp]>([
    ['a kubeconfig that is none', ['--kubeconfig', 'text'], /text is not a kubeconfig$/],
    ['a kubeconfig that is a folder', ['--kubeconfig', '.'], / is a folder, not a kubeconfig$/],
    [
      'an address that is none',
      ['--bind-address', 'nowhere.invalid'],
      /^kubemu: there is no host called nowhere.invalid$/,
    ],
    [
      'an etcd that is not there',
      ['--etcd-servers', 'http://127.0.0.1:1'],
      /^kubemu: etcd at http:\/\/127.0.0.1:1 can't be used: .*ECONNREFUSED.*$/,
    ],
  ])('%s', async (_, flags, sentence) => {
    await writeFile(join(folder, 'text'), 'a: [')
    const where = flags[0] === '--etcd-servers' ? [] : ['--memory']
    const { code, stderr } = await kubemu('up', '--port', '0', '--data-dir', 'refused', ...where, ...flags)
    expect(code).toBe(1)
    expect(stderr.trimEnd()).toMatch(sentence)
    expect(stderr).toMatch(/^[^\n]+\n$/)
  })

  test('data of a newer version', async () => {
    const dataDir = join(folder, 'newer')
    await mkdir(dataDir)
    await using _made = await createCluster({ dataDir, listen: false, nodes: 0, controllers: false })
    await _made.stop()
    const db = new ClassicLevel<Buffer, Buffer>(join(dataDir, 'store'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    })
    await db.put(metaKeys.format, encodeNumber(99))
    await db.close()
    const { code, stderr } = await kubemu('up', '--port', '0', '--data-dir', dataDir)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^kubemu: .* has data format \d+, this version of kubemu reads format \d+: .*\n$/)
  })

  test('kubeconfig: nobody named', async () => {
    const { code, stderr } = await kubemu('kubeconfig', '--data-dir', folder)
    expect([code, stderr]).toEqual([1, 'kubemu: one of --user, --node and --component must be given\n'])
  })
})
