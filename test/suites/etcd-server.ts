import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface EtcdServerTls {
  /** Paths of PEM files. */
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

export interface EtcdServerOptions {
  /** Serve TLS and ask clients for a certificate of the same authority. */
  readonly tls?: EtcdServerTls
  /** Further arguments, e.g. `--quota-backend-bytes=…`. */
  readonly args?: readonly string[]
}

/** A real etcd on a free port and a folder of its own. */
export interface EtcdServer {
  readonly endpoint: string
  /** Ends the process, keeps the data. `SIGKILL` as a crash does. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** Ends the process and removes the data. */
  stop(): Promise<void>
}

/** The etcd binary's version, or undefined where there is none: then says loudly what is not being tested. */
export function etcdVersion(skipped: string): string | undefined {
  const { stdout, error } = spawnSync('etcd', ['--version'], { encoding: 'utf8' })
  const version = /etcd Version: (\S+)/.exec(stdout ?? '')?.[1]
  if (error !== undefined || version === undefined) {
    console.warn(`SKIPPED: ${skipped}: no etcd binary on the PATH (Debian: apt-get install etcd-server)`)
    return undefined
  }
  return version
}

/** Starts one and resolves when it serves. */
export async function startEtcd(options: EtcdServerOptions = {}): Promise<EtcdServer> {
  return await startMember('kubemu', await freePort(), {}, options)
}

/** Starts members of one cluster and resolves when all serve. */
export async function startEtcdCluster(size: number): Promise<readonly EtcdServer[]> {
  const ports = await Promise.all(Array.from({ length: size }, freePort))
  const peers = Object.fromEntries(ports.map((port, i) => [`etcd-${i + 1}`, `http://127.0.0.1:${port}`]))
  return await Promise.all(ports.map((port, i) => startMember(`etcd-${i + 1}`, port, peers, {})))
}

/** `peers`: URLs of all members by name, none for a cluster of one. */
async function startMember(
  name: string,
  peerPort: number,
  peers: Readonly<Record<string, string>>,
  options: EtcdServerOptions,
): Promise<EtcdServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-etcd-'))
  const port = await freePort()
  const scheme = options.tls === undefined ? 'http' : 'https'
  const endpoint = `${scheme}://127.0.0.1:${port}`
  const peer = `http://127.0.0.1:${peerPort}`
  const args = serverArgs(folder, endpoint, { name, peer, peers: { [name]: peer, ...peers } }, options)
  let child: ChildProcess | undefined
  const kill = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null) return
    const gone = new Promise((resolve) => running.once('exit', resolve))
    running.kill(signal)
    await gone
  }
  const start = async (): Promise<void> => {
    child = await launch(args)
  }
  await start()
  return {
    endpoint,
    kill,
    start,
    stop: async () => {
      await kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Member {
  readonly name: string
  readonly peer: string
  readonly peers: Readonly<Record<string, string>>
}

function serverArgs(
  folder: string,
  endpoint: string,
  { name, peer, peers }: Member,
  options: EtcdServerOptions,
): string[] {
  const cluster = Object.entries(peers).map(([of, url]) => `${of}=${url}`)
  const { tls } = options
  const secure =
    tls === undefined
      ? []
      : [
          '--client-cert-auth',
          `--trusted-ca-file=${tls.caFile}`,
          `--cert-file=${tls.certFile}`,
          `--key-file=${tls.keyFile}`,
        ]
  return [
    `--name=${name}`,
    `--data-dir=${join(folder, 'data')}`,
    `--listen-client-urls=${endpoint}`,
    `--advertise-client-urls=${endpoint}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=${cluster.join(',')}`,
    '--logger=zap',
    '--log-level=info',
    ...secure,
    ...(options.args ?? []),
  ]
}

/** Resolves once the log says that clients are served; rejects with the log where the process ends before. */
function launch(args: readonly string[]): Promise<ChildProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn('etcd', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const killWithUs = (): void => {
      child.kill('SIGKILL')
    }
    process.once('exit', killWithUs)
    child.once('exit', () => process.off('exit', killWithUs))
    let log = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (chunk: string) => {
      if (log === SERVING) return
      log += chunk
      if (!/serving client traffic|ready to serve client requests/.test(log)) return
      log = SERVING
      resolve(child)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`etcd ended with ${code}: ${log.slice(-2000)}`)))
  })
}

const SERVING = 'serving'

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('no port'))
      })
    })
  })
}
