import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { type Level, pino } from 'pino'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { startServer } from '../../src/cluster/server.ts'
import { type CertificateFiles, certificateFiles } from './certificate-files.ts'

/** The administrator of servers under test, in the group `system:masters`. */
export const ADMIN_TOKEN = 'admin-token-0001'

const TOKENS = [
  `${ADMIN_TOKEN},admin,uid-admin,"system:masters"`,
  'jane-token-0002,jane,uid-jane,"dev,qa"',
  'bob-token-0003,bob,uid-bob',
]

/** An API server in this process, with files that a client needs. */
export interface TestServer {
  /** Plain HTTP, for supertest, raw sockets and the replay of recorded conversations. */
  readonly url: string
  /** The same server behind TLS. */
  readonly tlsUrl: string
  readonly caFile: string
  /** kubeconfig of the administrator, over TLS. */
  readonly kubeconfig: string
  readonly tokensFile: string
  /** A folder of this server's own, removed at the end. */
  readonly folder: string
  readonly app: FastifyInstance
  /** Lines that the server logged at `error` or above: bugs, or connections that broke. */
  readonly errors: readonly string[]
  /** Cuts all connections, as a restart or a load balancer does. */
  dropConnections(): void
  /** Forgets all history: what was seen before cannot be watched from any more. */
  compact(): Promise<void>
  stop(): Promise<void>
}

export interface TestServerOptions {
  /** Upstream's `--authorization-mode`. Default: Node, RBAC. */
  readonly authorizationModes?: readonly string[]
  readonly enableAdmissionPlugins?: readonly string[]
  /** API versions to serve besides the default ones, as `--runtime-config` names them. */
  readonly runtimeConfig?: Readonly<Record<string, boolean>>
  /** CSV file of tokens to use in place of the suite's own. */
  readonly tokensFile?: string
}

/** Starts one, in memory, on free ports, as recorded servers were started: the API server alone. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-server-'))
  const tokensFile = options.tokensFile ?? join(folder, 'tokens.csv')
  if (options.tokensFile === undefined) await writeFile(tokensFile, `${TOKENS.join('\n')}\n`)
  const errors: string[] = []
  const logger = pino({ level: 'error' satisfies Level }, { write: (line: string) => void errors.push(line) })
  const server = await startServer(apiserverOptions(flags(options, tokensFile)), logger)
  const { app, store } = server.plane
  const certificates = await certificateFiles()
  const front = await tlsFront(app, certificates)
  const tlsUrl = `https://127.0.0.1:${(front.server.address() as AddressInfo).port}`
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigOf(tlsUrl, certificates.caFile))
  return {
    url: server.url,
    tlsUrl,
    caFile: certificates.caFile,
    kubeconfig,
    tokensFile,
    folder,
    app,
    errors,
    dropConnections: () => app.server.closeAllConnections(),
    compact: async () => await store.compact(await store.currentRevision()),
    stop: async () => {
      await front.close()
      await server.close()
      await Promise.all([certificates.remove(), rm(folder, { recursive: true, force: true })])
    },
  }
}

/** As recorded servers were started. */
function flags(options: TestServerOptions, tokensFile: string): string[] {
  const { authorizationModes = ['Node', 'RBAC'], enableAdmissionPlugins = ['NodeRestriction'] } = options
  const versions = Object.entries(options.runtimeConfig ?? {}).map(([version, served]) => `${version}=${served}`)
  return [
    '--memory',
    '--bind-address=127.0.0.1',
    '--insecure-port=0',
    `--authorization-mode=${authorizationModes.join(',')}`,
    `--token-auth-file=${tokensFile}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    `--enable-admission-plugins=${enableAdmissionPlugins.join(',')}`,
    ...(versions.length > 0 ? [`--runtime-config=${versions.join(',')}`] : []),
  ]
}

/** A TLS listener that hands its connections to the server: kubectl sends a token over TLS only. */
async function tlsFront(
  app: FastifyInstance,
  { cert, key }: CertificateFiles,
): Promise<{ readonly server: Server; close(): Promise<void> }> {
  const sockets = new Set<TLSSocket>()
  const server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    app.server.emit('connection', socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { server, close }
}

function kubeconfigOf(url: string, caFile: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority': caFile } }],
    users: [{ name: 'admin', user: { token: ADMIN_TOKEN } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
  })
}
