import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { servingCertificate } from '../suites/certificates.ts'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'
import { patchAnswer, WebhookServer } from './webhook-server.ts'

let hooks: WebhookServer
let server: TestServer
let folder: string

const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Request', resources: [{ group: '', resources: ['configmaps'] }] },
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
    { level: 'None' },
  ],
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-webhook-'))
  hooks = await WebhookServer.start(await servingCertificate('hooks.ops.svc'))
  await writeFile(join(folder, 'policy.json'), JSON.stringify(POLICY))
  server = await startTestServer({
    flags: [
      `--webhook-service=ops/hooks:8443=127.0.0.1:${hooks.port}`,
      '--webhook-service=ops/other=127.0.0.1:1',
      `--audit-policy-file=${join(folder, 'policy.json')}`,
      `--audit-log-path=${join(folder, 'audit.log')}`,
    ],
  })
})

afterAll(async () => {
  await server.stop()
  await hooks.close()
  await rm(folder, { recursive: true, force: true })
})

async function ask(method: string, path: string, body?: object): Promise<Response> {
  return await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
}

interface AuditEvent {
  readonly objectRef: { readonly resource: string; readonly namespace?: string }
  readonly annotations?: Readonly<Record<string, string>>
}

async function events(resource: string): Promise<AuditEvent[]> {
  const lines = (await readFile(join(folder, 'audit.log'), 'utf8')).trim().split('\n')
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ objectRef }) => objectRef.resource === resource && objectRef.namespace === 'default')
}

const metrics = async (): Promise<string> => await (await ask('GET', '/metrics')).text()

describe('a webhook that is named by a service', () => {
  test('--webhook-service leads to where it listens; audit and metrics tell what it did', async () => {
    hooks.on('/label', () => patchAnswer({ value: 'eWVz', path: '/data/seen', op: 'add' }))
    const service = { namespace: 'ops', name: 'hooks', port: 8443, path: '/label' }
    const configuration = {
      metadata: { name: 'labels' },
      webhooks: [
        {
          name: 'label.example.com',
          clientConfig: { service, caBundle: hooks.certificate.caBundle },
          rules: [
            { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps', 'secrets'] },
          ],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    }
    const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
    expect((await ask('POST', path, configuration)).status).toBe(201)
    const map = { metadata: { name: 'map' }, data: { a: 'b' } }
    const created = await ask('POST', '/api/v1/namespaces/default/configmaps', map)
    expect(await created.json()).toMatchObject({ data: { a: 'b', seen: 'eWVz' } })
    const secret = { metadata: { name: 'secret' }, data: { a: '' } }
    expect((await ask('POST', '/api/v1/namespaces/default/secrets', secret)).status).toBe(201)
    await ask('DELETE', `${path}/labels`)

    await expect.poll(() => events('secrets')).toHaveLength(1)
    const mutation = '{"configuration":"labels","webhook":"label.example.com","mutated":true}'
    expect((await events('configmaps'))[0]!.annotations).toMatchObject({
      'mutation.webhook.admission.k8s.io/round_0_index_0': mutation,
      'patch.webhook.admission.k8s.io/round_0_index_0':
        '{"configuration":"labels","webhook":"label.example.com","patch":[{"op":"add","path":"/data/seen","value":"eWVz"}],"patchType":"JSONPatch"}',
    })
    // The patch tells what is in the object, which events of this level must not.
    const [ofSecret] = await events('secrets')
    expect(Object.keys(ofSecret!.annotations!).sort()).toEqual([
      'authorization.k8s.io/decision',
      'mutation.webhook.admission.k8s.io/round_0_index_0',
    ])

    const labels = 'name="label.example.com",type="admit",operation="CREATE"'
    const text = await metrics()
    for (const line of [
      `apiserver_admission_webhook_request_total{${labels},code="200",rejected="false"} 2`,
      `apiserver_admission_webhook_admission_duration_seconds_count{${labels},rejected="false"} 2`,
    ]) {
      expect(text).toContain(`${line}\n`)
    }
  })

  test('a call that fails and is passed over is counted', async () => {
    const webhook = {
      name: 'down.example.com',
      clientConfig: { service: { namespace: 'ops', name: 'other' } },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      failurePolicy: 'Ignore',
    }
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
    expect((await ask('POST', path, { metadata: { name: 'down' }, webhooks: [webhook] })).status).toBe(201)
    expect((await ask('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'x' } })).status).toBe(201)
    await ask('DELETE', `${path}/down`)
    const text = await metrics()
    const labels = 'name="down.example.com",type="validating"'
    expect(text).toContain(`apiserver_admission_webhook_fail_open_count{${labels}} 1\n`)
    expect(text).toContain(
      `apiserver_admission_webhook_request_total{${labels},operation="CREATE",code="503",rejected="false"} 1\n`,
    )
  })
})

test('metrics of admission plugins, phases and pod security', async () => {
  const namespace = { metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } }
  expect((await ask('POST', '/api/v1/namespaces', namespace)).status).toBe(201)
  await ask('POST', '/api/v1/namespaces/strict/serviceaccounts', { metadata: { name: 'default' } })
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  expect((await ask('POST', '/api/v1/namespaces/strict/pods', pod)).status).toBe(403)
  const text = await metrics()
  for (const line of [
    'apiserver_admission_controller_admission_duration_seconds_count{name="PodSecurity",type="validate",operation="CREATE",rejected="true"} 1',
    'apiserver_admission_step_admission_duration_seconds_count{type="validate",operation="CREATE",rejected="true"} 1',
    'apiserver_admission_step_admission_duration_seconds_summary_count{type="validate",operation="CREATE",rejected="true"} 1',
    'pod_security_evaluations_total{decision="deny",policy_level="restricted",policy_version="latest",mode="enforce",request_operation="create",resource="pod",subresource=""} 1',
  ]) {
    expect(text).toContain(`${line}\n`)
  }
})
