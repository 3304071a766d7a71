import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { type RequestOptions, request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kubeconfigText } from '../../src/cluster/kubeconfig/kubeconfig.ts'
import { CertificateAuthority, type KeyPair } from '../../src/cluster/pki/certificate-authority.ts'
import { type EtcdServer, etcdVersion, startEtcd } from '../suites/etcd-server.ts'
import { BackgroundCommand } from '../suites/kubectl.ts'

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, '../../dist/kubemu.mjs')

/** Started as tools start Kubernetes' own programs: by a file of that name, with flags alone. */
class Program {
  readonly command: BackgroundCommand
  readonly #child: ChildProcess

  constructor(file: string, flags: readonly string[]) {
    const child = spawn(file, flags, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.command = new BackgroundCommand(child)
  }

  async stop(): Promise<number | null> {
    await this.command.stop()
    return this.#child.exitCode
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function call(options: RequestOptions, body?: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', ...options }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end(body && JSON.stringify(body))
  })
}

/** Until it says so, for as long as the test may take. */
async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 50))
}

const hasEtcd = process.platform !== 'win32' && etcdVersion('starting kubemu as envtest and kwokctl do')

describe.skipIf(!hasEtcd)('in place of the programs of Kubernetes', () => {
  let folder: string
  let etcd: EtcdServer
  let authority: CertificateAuthority
  let serving: KeyPair
  let admin: KeyPair
  const programs: Program[] = []
  const file = (name: string): string => join(folder, name)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubemu-drop-in-'))
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
      await symlink(PROGRAM, file(name))
    }
    etcd = await startEtcd()
    authority = await CertificateAuthority.create('test-environment')
    serving = await authority.issueServing({
      commonName: 'kube-apiserver',
      dnsNames: ['localhost'],
      ipAddresses: ['127.0.0.1'],
    })
    admin = await authority.issueClient({ user: 'admin', groups: ['system:masters'] })
    await writeFile(file('ca.pem'), authority.pair.certificate)
    await writeFile(file('admin.crt'), admin.certificate)
    await writeFile(file('admin.key'), admin.privateKey)
  })

  afterAll(async () => {
    for (const program of programs.toReversed()) await program.stop()
    await etcd.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function start(name: string, flags: readonly string[]): Program {
    const program = new Program(file(name), flags)
    programs.push(program)
    return program
  }

  /** As the administrator, verifying the server. */
  const asAdmin = (port: number, path: string, method = 'GET'): RequestOptions => ({
    port,
    path,
    method,
    ca: authority.pair.certificate,
    cert: admin.certificate,
    key: admin.privateKey,
    headers: { 'content-type': 'application/json' },
  })

  test('envtest: the flags of its control plane, with the certificates that it puts into --cert-dir', async () => {
    const certDir = await mkdtemp(join(folder, 'envtest-'))
    const signer = await CertificateAuthority.create('sa-signer')
    await writeFile(join(certDir, 'apiserver.crt'), serving.certificate)
    await writeFile(join(certDir, 'apiserver.key'), serving.privateKey)
    await writeFile(join(certDir, 'sa-signer.crt'), signer.pair.certificate)
    await writeFile(join(certDir, 'sa-signer.key'), signer.pair.privateKey)
    // It looks into the help whether the plain port is one of an old server that has to be turned off.
    const { stdout: help } = await run(file('kube-apiserver'), ['--help'])
    expect(help).not.toMatch(/^\s+--insecure-port\b/m)
    const port = await freePort()
    const program = start('kube-apiserver', [
      '--allow-privileged=true',
      '--authorization-mode=RBAC',
      '--bind-address=127.0.0.1',
      `--cert-dir=${certDir}`,
      `--client-ca-file=${file('ca.pem')}`,
      '--disable-admission-plugins=ServiceAccount',
      `--etcd-servers=${etcd.endpoint}`,
      `--secure-port=${port}`,
      `--service-account-issuer=https://127.0.0.1:${port}/`,
      `--service-account-key-file=${join(certDir, 'sa-signer.crt')}`,
      `--service-account-signing-key-file=${join(certDir, 'sa-signer.key')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
    ])
    await until(async () => {
      const health = await call({ port, path: '/healthz', rejectUnauthorized: false })
      return health.status === 200 && health.text === 'ok'
    })
    expect((await call(asAdmin(port, '/readyz'))).status).toBe(200)
    const pod = { metadata: { name: 'bare' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    const created = await call(asAdmin(port, '/api/v1/namespaces/default/pods', 'POST'), pod)
    expect(created.status).toBe(201)
    expect(JSON.parse(created.text).spec.serviceAccountName).toBeUndefined()
    const token = await call(asAdmin(port, '/api/v1/namespaces/default/serviceaccounts', 'POST'), {
      metadata: { name: 'robot' },
    }).then(() => call(asAdmin(port, '/api/v1/namespaces/default/serviceaccounts/robot/token', 'POST'), { spec: {} }))
    expect(token.status).toBe(201)
    const bearer = JSON.parse(token.text).status.token as string
    const who = await call({
      port,
      path: '/apis',
      ca: authority.pair.certificate,
      headers: { authorization: `Bearer ${bearer}` },
    })
    expect(who.status).toBe(200)
    expect(await program.stop()).toBe(0)
  })

  test('kwokctl: its flags for all three programs bring a Deployment to a pod that waits for a node', async () => {
    const port = await freePort()
    const apiserver = start('kube-apiserver', [
      '--etcd-prefix=/kwok',
      '--allow-privileged=true',
      '--admission-control=',
      '--runtime-config=api/all=true',
      '--max-requests-inflight=65535',
      '--max-mutating-requests-inflight=65535',
      `--etcd-servers=${etcd.endpoint}`,
      '--authorization-mode=Node,RBAC',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--tls-cert-file=${join(folder, 'server.crt')}`,
      `--tls-private-key-file=${join(folder, 'server.key')}`,
      `--client-ca-file=${file('ca.pem')}`,
      `--service-account-key-file=${file('admin.key')}`,
      `--service-account-signing-key-file=${file('admin.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--proxy-client-key-file=${file('admin.key')}`,
      `--proxy-client-cert-file=${file('admin.crt')}`,
      '--v=4',
    ])
    await writeFile(file('server.crt'), serving.certificate)
    await writeFile(file('server.key'), serving.privateKey)
    await until(async () => (await call(asAdmin(port, '/healthz'))).status === 200)
    await apiserver.command.printed(/^kubemu: known to Kubernetes, without effect here: .*--v$/m)
    const kubeconfig = file('kubeconfig')
    await writeFile(
      kubeconfig,
      kubeconfigText({
        clusterName: 'kwok',
        userName: 'kwok',
        contextName: 'kwok',
        server: `https://127.0.0.1:${port}`,
        certificateAuthority: authority.pair.certificate,
        credentials: admin,
      }),
    )
    await writeFile(
      file('scheduler.yaml'),
      `apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nclientConnection:\n  kubeconfig: ${kubeconfig}\n`,
    )
    start('kube-controller-manager', [
      '--node-monitor-period=25s',
      '--node-monitor-grace-period=3m20s',
      `--kubeconfig=${kubeconfig}`,
      '--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics',
      '--bind-address=127.0.0.1',
      '--secure-port=0',
      `--root-ca-file=${file('ca.pem')}`,
      `--service-account-private-key-file=${file('admin.key')}`,
    ])
    start('kube-scheduler', [
      `--config=${file('scheduler.yaml')}`,
      '--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics',
      '--bind_address=127.0.0.1',
      '--secure-port=0',
    ])
    const deployment = {
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    }
    const path = '/apis/apps/v1/namespaces/default/deployments'
    expect((await call(asAdmin(port, path, 'POST'), deployment)).status).toBe(201)
    await until(async () => {
      const { text } = await call(asAdmin(port, '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb'))
      const [pod] = JSON.parse(text).items
      const [condition] = pod?.status?.conditions ?? []
      return condition?.type === 'PodScheduled' && condition.reason === 'Unschedulable'
    })
  })

  test.each(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])(
    '%s: says the version as upstream does, and refuses flags that nobody knows',
    async (name) => {
      expect((await run(file(name), ['--version'])).stdout).toMatch(/^Kubernetes v1\.36\.\d+\n$/)
      const refused = await run(file(name), ['--kubeconfig=x', '--no-such-flag=1']).catch((error: unknown) => error)
      expect(refused).toMatchObject({
        code: 1,
        stderr: 'Error: unknown flag: --no-such-flag\n',
      })
    },
  )
})
