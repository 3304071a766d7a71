import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/apimachinery/clock.ts'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import type { Deployment } from '../../src/apimachinery/types/apps-v1.ts'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import type { RunningComponent } from '../../src/cluster/component-process.ts'
import { runControllerManager } from '../../src/cluster/controller-manager-process.ts'
import { writeKubeconfig } from '../../src/cluster/kubeconfig/kubeconfig.ts'
import { CertificateAuthority, type KeyPair } from '../../src/cluster/pki/certificate-authority.ts'
import { type RunningServer, startServer } from '../../src/cluster/server.ts'
import { HttpClient } from '../../src/controllers/http/http-client.ts'
import { readKubeconfig } from '../../src/controllers/http/kubeconfig-access.ts'
import type { ResourceRef, Typed } from '../../src/controllers/runtime/client.ts'
import { Informer } from '../../src/controllers/runtime/informer.ts'
import { silentLogger } from '../../src/controllers/runtime/logger.ts'
import {
  CERTIFICATE_SIGNING_REQUESTS,
  DEPLOYMENTS,
  LEASES,
  PODS,
  REPLICA_SETS,
  SERVICE_ACCOUNTS,
} from '../../src/controllers/runtime/resources.ts'
import { noMetrics } from '../../src/controllers/runtime/runtime-metrics.ts'
import { kubeletCertificateRequest } from '../suites/certificates.ts'

let folder: string
/** An administrator's, and that of the controller manager. */
let kubeconfig: string
let managerKubeconfig: string
let server: RunningServer
let client: HttpClient
const warnings: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-controllers-'))
  kubeconfig = join(folder, 'kubeconfig')
  const flags = ['--memory', '--secure-port=0', '--authorization-mode=Node,RBAC', `--kubeconfig=${kubeconfig}`]
  server = await startServer(apiserverOptions(flags), pino({ level: 'silent' }))
  const access = await readKubeconfig(kubeconfig)
  managerKubeconfig = join(folder, 'controller-manager.conf')
  await writeKubeconfig(managerKubeconfig, {
    clusterName: 'kubemu',
    userName: 'manager',
    contextName: 'manager',
    server: server.url,
    certificateAuthority: server.rootCa,
    credentials: await server.authority!.issueClient({ user: 'system:kube-controller-manager' }),
  })
  await writeFile(join(folder, 'ca.crt'), server.authority!.pair.certificate)
  await writeFile(join(folder, 'ca.key'), server.authority!.pair.privateKey)
  client = HttpClient.connect({ access, clock: systemClock, userAgent: 'test/1', impersonate: true })
})
afterAll(async () => {
  client.close()
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const NO_FILES = { certFile: undefined, keyFile: undefined }
const signing = () => ({
  all: { certFile: join(folder, 'ca.crt'), keyFile: join(folder, 'ca.key') },
  kubeletServing: NO_FILES,
  kubeletClient: NO_FILES,
  apiserverClient: NO_FILES,
  legacyUnknown: NO_FILES,
  durationMs: 86_400_000,
})
/** What the API server answers counts for that moment. */
const NO_CACHE = {
  skipLookup: false,
  alwaysAllowPaths: ['/healthz'],
  tokenTtlMs: 0,
  authorizedTtlMs: 0,
  unauthorizedTtlMs: 0,
}

function startManager(identity: string): Promise<RunningComponent> {
  const log = {
    ...silentLogger,
    warn: (fields: object, message: string) => warnings.push(`${message} ${JSON.stringify(fields)}`),
  }
  return runControllerManager(
    {
      kubeconfig: managerKubeconfig,
      useServiceAccountCredentials: true,
      rootCaFile: undefined,
      serviceAccountKeyFile: undefined,
      leaderElection: {
        identity,
        lease: { namespace: 'kube-system', name: 'kube-controller-manager' },
        leaseDurationMs: 60_000,
        renewDeadlineMs: 40_000,
        retryPeriodMs: 200,
      },
      signing: signing(),
      serving: {
        auth: NO_CACHE,
        bindAddress: '127.0.0.1',
        port: 0,
        tlsCertFile: undefined,
        tlsPrivateKeyFile: undefined,
      },
    },
    log,
  )
}

/** Resolves once the objects of a resource are as `ready` says; found out by list and watch over HTTP. */
async function until<T extends KubeObject>(
  resource: ResourceRef<T>,
  ready: (objects: readonly T[]) => boolean,
): Promise<readonly T[]> {
  const informer = new Informer({ client, resource, clock: systemClock, logger: silentLogger, metrics: noMetrics })
  try {
    return await new Promise((resolve) => {
      const check = (): void => {
        if (informer.hasSynced && ready(informer.list())) resolve(informer.list())
      }
      informer.addHandler({ set: check, remove: check })
      informer.start()
      void informer.synced.then(check)
    })
  } finally {
    informer.stop()
  }
}

function deployment(name: string): Typed<Deployment> {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
    },
  }
}

const holder = (ready: (identity: string | undefined) => boolean) =>
  until(LEASES, (all) => ready(all.find((l) => l.metadata.name === 'kube-controller-manager')?.spec?.holderIdentity))

test('controllers work over HTTP with the roles of their service accounts, and another takes over when the leader stops', async () => {
  const first = await startManager('first')
  await holder((identity) => identity === 'first')
  const second = await startManager('second')
  await until(SERVICE_ACCOUNTS, (all) => all.some((a) => a.metadata.namespace === 'default'))
  await client.create(DEPLOYMENTS, deployment('one'))
  const pods = await until(PODS, (all) => all.length === 3)
  expect(pods.map((p) => p.metadata.managedFields?.[0]?.manager)).toEqual(Array(3).fill('kube-controller-manager'))
  await until(REPLICA_SETS, (all) => all[0]?.status?.replicas === 3)
  await first.stop()
  await holder((identity) => identity === 'second')
  await client.create(DEPLOYMENTS, deployment('two'))
  await until(PODS, (all) => all.length === 6)
  await client.delete(DEPLOYMENTS, { namespace: 'default', name: 'one' }, { propagationPolicy: 'Foreground' })
  await until(PODS, (all) => all.length === 3 && all.every((p) => p.metadata.labels?.['app'] === 'two'))
  await until(DEPLOYMENTS, (all) => all.length === 1)
  const token = await tokenOf('prometheus')
  const refusal = (user: string) => ({ code: 403, message: `forbidden: User "${user}" cannot get path "/metrics"` })
  const refused = await ask(second, '/metrics', token)
  expect(JSON.parse(refused.body)).toMatchObject(refusal('system:serviceaccount:default:prometheus'))
  await client.create(CLUSTER_ROLE_BINDINGS, monitoring('prometheus'))
  const metrics = await ask(second, '/metrics', token)
  expect(metrics.code).toBe(200)
  expect(metrics.body).toMatch(/^workqueue_adds_total\{name="replicaset"\} [1-9]/m)
  expect(metrics.body).toMatch(/^leader_election_master_status\{name="kube-controller-manager"\} 1$/m)
  const { host } = new URL(server.url)
  expect(metrics.body).toMatch(
    new RegExp(`^rest_client_requests_total{code="201",method="POST",host="${host}"} [1-9]`, 'm'),
  )
  expect(metrics.body).toContain(`rest_client_request_duration_seconds_bucket{verb="PUT",host="${host}",le="0.005"}`)
  expect(await ask(second, '/healthz')).toEqual({ code: 200, body: 'ok' })
  expect((await ask(second, '/metrics', 'no-such-token')).code).toBe(401)
  expect((await ask(second, '/healthz', 'no-such-token')).code).toBe(401)
  await certificatesCount(second)
  await signsRequests()
  expect(JSON.parse((await ask(second, '/metrics')).body)).toMatchObject(refusal('system:anonymous'))
  expect((await ask(second, '/other', token)).code).toBe(403)
  await second.stop()
  expect(warnings).toEqual([])
}, 120_000)

const CLUSTER_ROLE_BINDINGS: ResourceRef = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
}

/** Lets an account of the default namespace read metrics, as upstream's role says. */
function monitoring(account: string): KubeObject {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `monitoring-${account}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:monitoring' },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'default' }],
  }
}

/** Client certificates count on the port of a component as the API server says. */
async function certificatesCount(manager: RunningComponent): Promise<void> {
  const issue = (user: string, group: string) => server.authority!.issueClient({ user, groups: [group] })
  expect((await ask(manager, '/metrics', undefined, await issue('root', 'system:masters'))).code).toBe(200)
  const jane = await ask(manager, '/metrics', undefined, await issue('jane', 'dev'))
  expect(JSON.parse(jane.body)).toMatchObject({ code: 403, message: expect.stringContaining('User "jane"') })
  const other = await CertificateAuthority.create('kubernetes')
  const stranger = await other.issueClient({ user: 'root', groups: ['system:masters'] })
  expect((await ask(manager, '/metrics', undefined, stranger)).code).toBe(401)
}

/** Requests of kubelets are approved and signed by the manager, with the authority of its flags. */
async function signsRequests(): Promise<void> {
  await client.create(CERTIFICATE_SIGNING_REQUESTS, await kubeletCertificateRequest())
  const [signed] = await until(CERTIFICATE_SIGNING_REQUESTS, ([r]) => r?.status?.certificate !== undefined)
  const certificate = new X509Certificate(Buffer.from(signed!.status!.certificate!, 'base64'))
  expect(certificate.verify(new X509Certificate(server.authority!.pair.certificate).publicKey)).toBe(true)
  expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(86_400_000)
}

async function tokenOf(account: string): Promise<string> {
  const metadata = { name: account, namespace: 'default' }
  await client.create(SERVICE_ACCOUNTS, { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
  const tokenRequest = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: {} }
  const answer = await client.createSubresource(SERVICE_ACCOUNTS, metadata, 'token', tokenRequest)
  return (answer['status'] as { token: string }).token
}

/** Asks a manager's own port, whose certificate nobody has signed. */
async function ask({ port }: RunningComponent, path: string, token?: string, pair?: KeyPair) {
  return await new Promise<{ code: number | undefined; body: string }>((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const credentials = pair ? { cert: pair.certificate, key: pair.privateKey } : {}
    const tls = { rejectUnauthorized: false, agent: false as const, ...credentials }
    const options = { host: '127.0.0.1', port, path, headers, ...tls }
    request(options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ code: response.statusCode, body }))
    })
      .on('error', reject)
      .end()
  })
}

test('an answer that is no success is the ApiError that it stands for', async () => {
  await expect(client.get(DEPLOYMENTS, { namespace: 'default', name: 'none' })).rejects.toMatchObject({
    name: 'ApiError',
    code: 404,
    reason: 'NotFound',
    message: 'deployments.apps "none" not found',
  })
})
