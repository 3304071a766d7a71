import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { AdmissionPlugin } from '../src/admission/admission.ts'
import { resourceQuotaPlugin } from '../src/admission/plugins/resource-quota/resource-quota.ts'
import { RegistryVersions } from '../src/admission/webhook/registry-versions.ts'
import { serviceResolver } from '../src/admission/webhook/service-resolver.ts'
import { mutatingWebhookPlugin, validatingWebhookPlugin } from '../src/admission/webhook/webhook-plugins.ts'
import { AdmissionReader } from '../src/cluster/admission-reader.ts'
import type { ControlPlane, ControlPlaneParts } from '../src/cluster/control-plane.ts'
import { quotaStatusWriter } from '../src/cluster/quota-status-writer.ts'
import { servingCertificate } from '../test/suites/certificates.ts'
import { defaultAdmission, memoryPlane, type PluginsOf } from '../test/suites/memory-plane.ts'
import { type Headline, type Report, round } from './report.ts'

type Prepare = (server: ControlPlane) => Promise<void>

async function plane(admission: PluginsOf): Promise<ControlPlane> {
  const user = { name: 'admin', uid: '', groups: ['system:masters'], extra: {} }
  const server = await memoryPlane({ user, admission })
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

function webhooks({ registry, clock }: ControlPlaneParts): readonly AdmissionPlugin[] {
  const reader = new AdmissionReader(registry)
  const versions = new RegistryVersions(registry)
  const dependencies = { reader, clock, versions, services: serviceResolver(reader) }
  return [mutatingWebhookPlugin(dependencies), validatingWebhookPlugin(dependencies)]
}

const quotaOnly: PluginsOf = ({ registry, clock }) => [
  resourceQuotaPlugin({
    reader: new AdmissionReader(registry),
    clock,
    quotaStatus: quotaStatusWriter(registry, clock),
  }),
]

interface YesServer {
  readonly url: string
  readonly caBundle: string
  close(): void
}

/** A webhook server that says yes to everything; the caller ends it. */
async function yesServer(): Promise<YesServer> {
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

async function countedQuota(server: ControlPlane): Promise<void> {
  const hard = { pods: '1000000', 'requests.cpu': '1000000', 'limits.memory': '1000Ti' }
  const used = { pods: '0', 'requests.cpu': '0', 'limits.memory': '0' }
  const path = '/api/v1/namespaces/shop/resourcequotas'
  await post(server, path, { metadata: { name: 'q' }, spec: { hard } })
  await send(server, 'PATCH', `${path}/q/status`, { status: { hard, used } }, 'application/merge-patch+json')
}

/** Configures webhooks of one server for the create of pods. */
function webhooksAt(yes: YesServer, kind: 'mutating' | 'validating', count: number): Prepare {
  return (server) =>
    post(server, `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`, {
      metadata: { name: 'bench' },
      webhooks: Array.from({ length: count }, (_, i) => ({
        name: `w${i}.example.com`,
        clientConfig: { url: yes.url, caBundle: yes.caBundle },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      })),
    })
}

/** A server with one kind of admission, and how long creates of pods took there. */
interface Case {
  readonly name: string
  readonly server: ControlPlane
  /** Milliseconds of each create. */
  readonly times: number[]
  /** Microseconds of the processor's time for a create, on average of a turn. */
  readonly cpu: number[]
}

const WARM_UP = 1000
const ROUND = 50

/** Creates pods one after the other, in turns of all cases that begin with another one each time. */
async function timeCreates(cases: readonly Case[], creates: number): Promise<void> {
  for (const { server } of cases) for (let i = 0; i < WARM_UP; i++) await post(server, PODS, pod(`warm-${i}`))
  for (let done = 0; done < creates; done += ROUND) {
    const first = (done / ROUND) % cases.length
    for (const { server, times, cpu } of [...cases.slice(first), ...cases.slice(0, first)]) {
      const before = process.cpuUsage()
      for (let i = 0; i < ROUND; i++) {
        const object = pod(`pod-${done + i}`)
        const began = performance.now()
        await post(server, PODS, object)
        times.push(performance.now() - began)
      }
      const { user, system } = process.cpuUsage(before)
      cpu.push((user + system) / ROUND)
    }
  }
}

/** `npm run bench -- admission`: what admission adds to the create of a pod. */
export async function measure({ quick }: { readonly quick: boolean }): Promise<Report> {
  const yes = await yesServer()
  const cases: Case[] = []
  const add = async (name: string, plugins: PluginsOf, prepare?: Prepare): Promise<void> => {
    const server = await plane(plugins)
    await prepare?.(server)
    cases.push({ name, server, times: [], cpu: [] })
  }
  try {
    await add('no admission', () => [])
    await add('default plugins', defaultAdmission)
    await add('webhook plugins, nothing configured', webhooks)
    await add('1 mutating webhook', webhooks, webhooksAt(yes, 'mutating', 1))
    await add('5 mutating webhooks (in turn)', webhooks, webhooksAt(yes, 'mutating', 5))
    await add('1 validating webhook', webhooks, webhooksAt(yes, 'validating', 1))
    await add('5 validating webhooks (at once)', webhooks, webhooksAt(yes, 'validating', 5))
    await add('quota of three resources', quotaOnly, countedQuota)
    await timeCreates(cases, quick ? 200 : 2000)
  } finally {
    for (const { server } of cases) await server.close()
    yes.close()
  }
  const off = median(cases[0]!.cpu)
  const rows = cases.map(({ name, times, cpu }, i) => {
    const added = i === 0 ? '' : round(median(cpu) - off)
    return [name, round(median(times) * 1000), round(median(cpu)), added]
  })
  return {
    tables: [
      {
        title: 'Create of a pod, one after the other, store in memory, no socket',
        columns: ['admission', 'µs', 'processor time, µs', 'added processor time, µs'],
        rows,
      },
    ],
    conditions: 'Medians. The webhooks run in the same process as the server.',
    headlines: [1, 3, 7].map((i): Headline => [`added by ${rows[i]![0]}`, `${rows[i]![3]} µs CPU`]),
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
