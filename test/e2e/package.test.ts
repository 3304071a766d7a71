import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

const PROGRAM = `
import { createCluster, isNotFound } from 'kubemu'
const cluster = await createCluster({ nodes: 1 })
const [web] = await cluster.apply(\`
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: nginx }] }
\`)
const ready = await cluster.waitFor({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }, 'Available')
console.log(web.metadata.uid === ready.metadata.uid, ready.status.readyReplicas)
await cluster.client.resource('v1', 'Pod').get('none').catch((error) => console.log(isNotFound(error)))
const authorization = 'Bearer ' + cluster.token
const { body: metrics } = await cluster.app.inject({ url: '/metrics', headers: { authorization } })
console.log(metrics.includes('process_cpu_seconds_total'))
const { rawPayload } = await cluster.app.inject({
  url: '/api/v1/namespaces/default/pods',
  headers: { authorization, accept: 'application/vnd.kubernetes.protobuf' },
})
console.log(rawPayload.toString('latin1', 0, 3))
const requests = cluster.client.resource('certificates.k8s.io/v1', 'CertificateSigningRequest')
const request = await requests.create({
  metadata: { name: 'jane' },
  spec: { request: btoa(process.env.CSR), signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
})
const approval = { type: 'Approved', status: 'True', reason: 'Test' }
await requests.patch('jane', { status: { conditions: [approval] } }, { subresource: 'approval' })
const { status } = await cluster.waitFor(request, ({ status }) => status?.certificate !== undefined)
console.log(atob(status.certificate).slice(0, 27))
await cluster.stop()
`

/** For CN=jane, O=dev. */
const CSR = `-----BEGIN CERTIFICATE REQUEST-----
MIHYMH8CAQAwHTENMAsGA1UEAwwEamFuZTEMMAoGA1UECgwDZGV2MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEXo5bD4VNl4A8rKI7MW8MRHOGjmJPMLYNnWDPuj9C
e616hDlnkH3nRvHXAwjns5XFuLiaP3dP3D3NyuV7oiQPBaAAMAoGCCqGSM49BAMC
A0kAMEYCIQDbpOtEX4emMDjR9dGV3LlrG73IYGxi27+izUxeeSPzfwIhAObneWyq
AEmjdIJoLGGYOaMgCVWXRcHUUi3nAS1KDKNR
-----END CERTIFICATE REQUEST-----
`

const TYPES = `
import { type Cluster, createCluster, type FaultRule, ManualClock, WaitTimeoutError } from 'kubemu'
import { clusterTest } from 'kubemu/vitest'

const cluster: Cluster = await createCluster({ nodes: { count: 2, zones: ['a', 'b'] }, clock: new ManualClock(0) })
const pod = await cluster.client.resource('v1', 'Pod').get('web')
export const phase: string | undefined = pod.status?.phase
const rule: FaultRule = { verb: ['create', 'update'], resource: 'pods', status: 429, retryAfter: 1, times: 2 }
cluster.faults.add(rule).remove()
const web = await cluster.waitFor(
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
  (deployment) => deployment.status?.readyReplicas === 1,
)
export const replicas: number | undefined = web.spec?.replicas
const pods = await cluster.waitFor({ apiVersion: 'v1', kind: 'Pod' }, (all) => all.every((p) => p.spec?.nodeName))
export const names: (string | undefined)[] = pods.map((p) => p.metadata.name)
// @ts-expect-error one object is named in its metadata
await cluster.waitFor({ apiVersion: 'v1', kind: 'Pod', name: 'web' }, () => true)
// @ts-expect-error there is no such condition of a Deployment's spec
web.spec.replica
export const answer = cluster.app.inject({ url: '/version' })
export const test = clusterTest({ nodes: 1 }, (prepared) => prepared.apply('kind: Namespace'))
test('has a cluster', async ({ cluster: own }) => void (await own.snapshot()))
export const isTimeout = (error: unknown): boolean => error instanceof WaitTimeoutError
`

const TSCONFIG = {
  compilerOptions: {
    module: 'NodeNext',
    target: 'ES2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
  },
  files: ['types.ts'],
}

/** Names of the packages that `npm install kubemu` brings along, so that one that is missing is missed. */
async function installedWithIt(): Promise<string[]> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  return Object.entries(lock.packages).flatMap(([path, { dev, devOptional }]) => {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? []
    return name === undefined || dev || devOptional ? [] : [name]
  })
}

/** What `npm pack` makes, unpacked among its own dependencies, in a project that has nothing else. */
describe('the packed library', () => {
  let project: string

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'kubemu-package-'))
    const modules = join(project, 'node_modules')
    const own = join(modules, 'kubemu')
    await mkdir(own, { recursive: true })
    const packed = await run('npm', ['pack', '--ignore-scripts', '--pack-destination', project], {
      cwd: ROOT,
      shell: process.platform === 'win32',
    })
    await run('tar', ['-xzf', join(project, packed.stdout.trim()), '-C', own, '--strip-components=1'])
    for (const name of await installedWithIt()) {
      const link = join(modules, name)
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(ROOT, 'node_modules', name), link, 'junction')
    }
    await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  })

  afterAll(async () => {
    await rm(project, { recursive: true, force: true })
  })

  test('is imported by plain node, and ends by itself', async () => {
    await writeFile(join(project, 'program.mjs'), PROGRAM)
    const { stdout, stderr } = await run(process.execPath, ['program.mjs'], {
      cwd: project,
      env: { ...process.env, CSR },
    })
    expect(stdout).toBe('true 1\ntrue\ntrue\nk8s\n-----BEGIN CERTIFICATE-----\n')
    expect(stderr).toBe('')
  })

  test('has types that stand alone', async () => {
    await writeFile(join(project, 'types.ts'), TYPES)
    await symlink(join(ROOT, 'node_modules/vitest'), join(project, 'node_modules/vitest'), 'junction')
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(TSCONFIG))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [tsc, '-p', project]).catch((error: { stdout: string }) => error)
    expect(stdout).toBe('')
  })

  test('brings the command along', async () => {
    const { stdout } = await run(process.execPath, ['node_modules/kubemu/dist/kubemu.mjs', '--version'], {
      cwd: project,
    })
    expect(stdout).toMatch(/^\d+\.\d+\.\d+ /)
  })

  test('has no sources, tests or dependencies in it', async () => {
    const files = await readdir(join(project, 'node_modules/kubemu'))
    expect(files.toSorted()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'openapi', 'package.json'])
  })
})
