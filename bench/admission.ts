import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import type { AdmissionPlugin } from '../src/admission/admission.ts'
import { resourceQuotaPlugin } from '../src/admission/plugins/resource-quota/resource-quota.ts'
import { RegistryVersions } from '../src/admission/webhook/registry-versions.ts'
import { serviceResolver } from '../src/admission/webhook/service-resolver.ts'
import { mutatingWebhookPlugin, validatingWebhookPlugin } from '../src/admission/webhook/webhook-plugins.ts'
import { alwaysAllowAuthorizer } from '../src/auth/authz/always.ts'
import { clusterAdmission } from '../src/cluster/admission-composition.ts'
import { AdmissionReader } from '../src/cluster/admission-reader.ts'
import { type ControlPlane, type ControlPlaneParts, createControlPlane } from '../src/cluster/control-plane.ts'
import { quotaStatusWriter } from '../src/cluster/quota-status-writer.ts'
import { virtualHandlers } from '../src/cluster/virtual-handlers.ts'
import { openMemoryStore } from '../src/storage/memory-store.ts'
import { servingCertificate } from '../test/integration/webhook-server.ts'
import { machine, round, type Table, toMarkdown, writeSection } from './report.ts'

type Plugins = (parts: ControlPlaneParts) => readonly AdmissionPlugin[]

async function plane(admission: Plugins): Promise<ControlPlane> {
  const user = { name: 'admin', uid: '', groups: ['system:masters'], extra: {} }
  const server = createControlPlane({
    store: await openMemoryStore(),
    sharedStore: false,
    keyPrefix: '/registry',
    logger: pino({ level: 'silent' }),
    config: {
      allowPrivileged: true,
      serviceClusterIpRanges: ['10.0.0.0/24'],
      serviceNodePortRange: { first: 30_000, last: 32_767 },
      eventTtlSeconds: 3600,
      featureGates: {},
    },
    authenticator: () => ({ name: 'admin', authenticate: () => ({ user }) }),
    authorizer: () => alwaysAllowAuthorizer,
    impersonate: () => () => undefined,
    admission,
    virtual: ({ registry, clock }) => virtualHandlers(registry, clock),
    paths: () => [],
  })
  await post(server, '/api/v1/namespaces', { metadata: { name: 'shop' } })
  await post(server, '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } })
  return server
}

async function post(server: ControlPlane, url: string, object: object): Promise<void> {
  await send(server, 'POST', url, object, 'application/json')
}

async function send(
  server: ControlPlane,
  method: 'POST' | 'PATCH',
  url: string,
  object: object,
  contentType: string,
): Promise<void> {
  const headers = { 'content-type': contentType }
  const { statusCode, body } = await server.app.inject({ method, url, payload: JSON.stringify(object), headers })
  if (statusCode > 201) throw new Error(`${method} ${url}: ${body}`)
}

const PODS = '/api/v1/namespaces/shop/pods'

function pod(name: string): object {
  const container = (n: number): object => ({
    name: `c${n}`,
    image: 'registry.example.com/shop/web:1.2.3',
    env: Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '256Mi' } },
  })
  return { metadata: { name, labels: { app: 'web' } }, spec: { containers: [container(1), container(2)] } }
}

/** Microseconds that one create of a pod takes, one after the other: the median, as others share the machine. */
async function microsecondsPerCreate(server: ControlPlane, count: number): Promise<number> {
  for (let i = 0; i < 1000; i++) await post(server, PODS, pod(`warm-${i}`))
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const started = performance.now()
    await post(server, PODS, pod(`pod-${i}`))
    times.push(performance.now() - started)
  }
  return times.sort((a, b) => a - b)[count >> 1]! * 1000
}

function webhooks({ registry, clock }: ControlPlaneParts): readonly AdmissionPlugin[] {
  const reader = new AdmissionReader(registry)
  const versions = new RegistryVersions(registry)
  const dependencies = { reader, clock, versions, services: serviceResolver(reader) }
  return [mutatingWebhookPlugin(dependencies), validatingWebhookPlugin(dependencies)]
}

const quotaOnly: Plugins = ({ registry, clock }) => [
  resourceQuotaPlugin({
    reader: new AdmissionReader(registry),
    clock,
    quotaStatus: quotaStatusWriter(registry, clock),
  }),
]

const defaultChain: Plugins = (parts) =>
  clusterAdmission({ enable: [], disable: [], configurations: new Map() }, parts, alwaysAllowAuthorizer)

/** A webhook server that says yes to everything; the caller ends it. */
async function yesServer(): Promise<{ readonly url: string; readonly caBundle: string; close(): void }> {
  const { cert, key, caBundle } = await servingCertificate()
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { request: review } = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } }
      const answer = { uid: review.uid, allowed: true }
      response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: answer }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}/`,
    caBundle,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function withWebhooks(kind: 'mutating' | 'validating', count: number, creates: number): Promise<number> {
  const yes = await yesServer()
  const server = await plane(webhooks)
  try {
    await post(server, `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`, {
      metadata: { name: 'bench' },
      webhooks: Array.from({ length: count }, (_, i) => ({
        name: `w${i}.example.com`,
        clientConfig: { url: yes.url, caBundle: yes.caBundle },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      })),
    })
    return await microsecondsPerCreate(server, creates)
  } finally {
    await server.close()
    yes.close()
  }
}

async function withPlugins(plugins: Plugins, creates: number, prepare?: (p: ControlPlane) => Promise<void>) {
  const server = await plane(plugins)
  try {
    await prepare?.(server)
    return await microsecondsPerCreate(server, creates)
  } finally {
    await server.close()
  }
}

async function countedQuota(server: ControlPlane): Promise<void> {
  const hard = { pods: '1000000', 'requests.cpu': '1000000', 'limits.memory': '1000Ti' }
  const used = { pods: '0', 'requests.cpu': '0', 'limits.memory': '0' }
  const path = '/api/v1/namespaces/shop/resourcequotas'
  await post(server, path, { metadata: { name: 'q' }, spec: { hard } })
  await send(server, 'PATCH', `${path}/q/status`, { status: { hard, used } }, 'application/merge-patch+json')
}

/** `npm run bench -- admission`: what admission adds to the create of a pod. */
export async function run({ quick }: { readonly quick: boolean }): Promise<void> {
  const creates = quick ? 200 : 2000
  // The first server pays for the compiler: it does not count.
  await withPlugins(() => [], quick ? 500 : 2000)
  const off = await withPlugins(() => [], creates)
  const rows: (readonly [string, number])[] = [
    ['no admission', off],
    ['default plugins', await withPlugins(defaultChain, creates)],
    ['webhook plugins, nothing configured', await withPlugins(webhooks, creates)],
    ['1 mutating webhook', await withWebhooks('mutating', 1, creates)],
    ['5 mutating webhooks (in turn)', await withWebhooks('mutating', 5, creates)],
    ['1 validating webhook', await withWebhooks('validating', 1, creates)],
    ['5 validating webhooks (at once)', await withWebhooks('validating', 5, creates)],
    ['quota of three resources', await withPlugins(quotaOnly, creates, countedQuota)],
  ]
  const table: Table = {
    title: 'Create of a pod, one after the other, store in memory, no socket',
    columns: ['admission', 'µs (median)', 'added µs'],
    rows: rows.map(([name, us]) => [name, round(us), name === 'no admission' ? '' : round(us - off)]),
  }
  const text = `${toMarkdown(table)}\nThe webhooks run in the same process as the server. ${machine()}.`
  console.log(text)
  if (!quick) await writeSection('admission', text)
}
