import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { type Level, pino } from 'pino'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningServer, startServer } from '../../src/cluster/server.ts'

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
  /** kubeconfig with the administrator's token, over TLS. */
  readonly kubeconfig: string
  /** kubeconfig with an administrator's certificate, as the server wrote it. */
  readonly adminKubeconfig: string
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

interface TestServerOptions {
  /** Upstream's `--authorization-mode`. Default: Node, RBAC. */
  readonly authorizationModes?: readonly string[]
  readonly enableAdmissionPlugins?: readonly string[]
  /** API versions to serve besides the default ones, as `--runtime-config` names them. */
  readonly runtimeConfig?: Readonly<Record<string, boolean>>
  /** Folder of an embedded store that outlives the server. Default: everything in memory. */
  readonly dataDir?: string
  /** Further flags of `kubemu apiserver`. */
  readonly flags?: readonly string[]
  /** CSV file of tokens to use in place of the suite's own. */
  readonly tokensFile?: string
}

/** Starts one on free ports, as recorded servers were started: the API server alone. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-server-'))
  const tokensFile = options.tokensFile ?? join(folder, 'tokens.csv')
  if (options.tokensFile === undefined) await writeFile(tokensFile, `${TOKENS.join('\n')}\n`)
  const errors: string[] = []
  const logger = pino({ level: 'error' satisfies Level }, { write: (line: string) => void errors.push(line) })
  const server = await startServer(apiserverOptions(flags(options, tokensFile, folder)), logger)
  const { app, store } = server.plane
  const connections = connectionsOf(app)
  const port = await server.plane.listenPlain('127.0.0.1', 0)
  return {
    url: `http://127.0.0.1:${port}`,
    tlsUrl: server.url,
    ...(await clientFiles(folder, server)),
    adminKubeconfig: adminKubeconfig(folder),
    tokensFile,
    folder,
    app,
    errors,
    dropConnections: () => {
      for (const socket of connections) socket.destroy()
    },
    compact: async () => await store.compact(await store.currentRevision()),
    stop: async () => {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Where the server writes a kubeconfig with the administrator's certificate. */
const adminKubeconfig = (folder: string): string => join(folder, 'admin.kubeconfig')

/** As recorded servers were started. */
function flags(options: TestServerOptions, tokensFile: string, folder: string): string[] {
  const { authorizationModes = ['Node', 'RBAC'], enableAdmissionPlugins = ['NodeRestriction'] } = options
  const versions = Object.entries(options.runtimeConfig ?? {}).map(([version, served]) => `${version}=${served}`)
  return [
    options.dataDir === undefined ? '--memory' : `--data-dir=${options.dataDir}`,
    '--bind-address=127.0.0.1',
    '--secure-port=0',
    `--kubeconfig=${adminKubeconfig(folder)}`,
    `--authorization-mode=${authorizationModes.join(',')}`,
    `--token-auth-file=${tokensFile}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    `--enable-admission-plugins=${enableAdmissionPlugins.join(',')}`,
    ...(versions.length > 0 ? [`--runtime-config=${versions.join(',')}`] : []),
    ...(options.flags ?? []),
  ]
}

/** What clients of the server's TLS port are given: the CA in a file, and a kubeconfig with the administrator's token. */
async function clientFiles(folder: string, server: RunningServer): Promise<{ caFile: string; kubeconfig: string }> {
  const [caFile, kubeconfig] = [join(folder, 'ca.crt'), join(folder, 'kubeconfig')]
  await writeFile(caFile, server.rootCa ?? '')
  await writeFile(kubeconfig, kubeconfigOf(server.url, caFile))
  return { caFile, kubeconfig }
}

/** The connections of a server, for cutting them. */
function connectionsOf(app: FastifyInstance): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  app.server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
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
