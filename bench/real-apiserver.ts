/** A real kube-apiserver on a real etcd, to measure beside ours: from a folder of binaries as envtest has it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { ApiServer } from './api.ts'

const READY_TIMEOUT_MS = 60_000
const READY_POLL_MS = 10

export interface RealApiServerOptions {
  /** Where it keeps its data and writes its logs. */
  readonly folder: string
  /** Holds `kube-apiserver` and `etcd`. */
  readonly assets: string
  /** Holds the `ca.crt`, `apiserver.crt` and `apiserver.key` that it serves with: the same as ours, for TLS costs by the key. */
  readonly pki: string
  /** Of a user in `system:masters`. */
  readonly token: string
}

/** Resolves when it is ready; `readyMs` counts from the start of kube-apiserver, when etcd serves already. */
export async function startRealApiServer({ folder, assets, pki, token }: RealApiServerOptions): Promise<ApiServer> {
  const home = join(folder, 'real')
  mkdirSync(home)
  const [clients, peers, port] = await Promise.all([freePort(), freePort(), freePort()])
  const etcdUrl = `http://127.0.0.1:${clients}`
  const etcd = spawnLogged(join(assets, 'etcd'), join(home, 'etcd.log'), [
    `--data-dir=${join(home, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peers}`,
  ])
  await until(async () => (await fetch(`${etcdUrl}/health`)).ok)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const [tokens, accountKey, caFile] = [join(home, 'tokens.csv'), join(home, 'sa.key'), join(pki, 'ca.crt')]
  writeFileSync(tokens, `${token},bench,bench,"system:masters"\n`)
  writeFileSync(accountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  const began = performance.now()
  const server = spawnLogged(join(assets, 'kube-apiserver'), join(home, 'kube-apiserver.log'), [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${join(pki, 'apiserver.crt')}`,
    `--tls-private-key-file=${join(pki, 'apiserver.key')}`,
    `--service-account-key-file=${accountKey}`,
    `--service-account-signing-key-file=${accountKey}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=Node,RBAC',
    `--token-auth-file=${tokens}`,
  ])
  const ca = readFileSync(caFile)
  await until(() => isReady(port, ca))
  const readyMs = performance.now() - began
  return {
    pids: [server.pid!, etcd.pid!],
    port,
    caFile,
    readyMs,
    stop: async () => {
      await ended(server)
      await ended(etcd)
    },
  }
}

function spawnLogged(file: string, log: string, args: readonly string[]): ChildProcess {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const to = createWriteStream(log)
  child.stdout.pipe(to, { end: false })
  child.stderr.pipe(to, { end: false })
  return child
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exit
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READY_TIMEOUT_MS
  while (!(await done().catch(() => false))) {
    if (performance.now() > end) throw new Error('the real kube-apiserver or its etcd does not become ready')
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS))
  }
}

function isReady(port: number, ca: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/readyz', ca, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.once('error', reject)
    asked.end()
  })
}
