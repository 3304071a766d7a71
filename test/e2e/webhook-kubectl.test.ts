import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { patchAnswer, WebhookServer } from '../integration/webhook-server.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { CommandLine, kubectlBinary } from '../suites/kubectl.ts'
import { startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer
let kubectl: CommandLine
let hooks: WebhookServer

beforeAll(async () => {
  hooks = await WebhookServer.start(await servingCertificate())
  server = await startTestServer()
  kubectl = new CommandLine(kubectlBinary(), server.kubeconfig, server.folder)
  await kubectl.ok(['create', 'serviceaccount', 'default'])
})

afterAll(async () => {
  await server.stop()
  await hooks.close()
})

afterEach(async () => {
  const kinds = 'mutatingwebhookconfigurations,validatingwebhookconfigurations'
  await kubectl.ok(['delete', kinds, '--all'])
})

interface Settings {
  readonly resources?: readonly string[]
  readonly operations?: readonly string[]
  readonly fields?: object
}

async function configure(kind: 'Mutating' | 'Validating', path: string, settings: Settings = {}): Promise<void> {
  const { resources = ['pods'], operations = ['CREATE'], fields = {} } = settings
  const webhook = {
    name: 'policy.example.com',
    clientConfig: { url: hooks.url(path), caBundle: hooks.certificate.caBundle },
    rules: [{ operations, apiGroups: ['*'], apiVersions: ['*'], resources }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 1,
    ...fields,
  }
  const metadata = { name: 'policy' }
  const apiVersion = 'admissionregistration.k8s.io/v1'
  const stdin = JSON.stringify({ apiVersion, kind: `${kind}WebhookConfiguration`, metadata, webhooks: [webhook] })
  await kubectl.ok(['apply', '--filename=-'], { stdin })
  hooks.reviews.length = 0
}

describe('kubectl and admission webhooks', () => {
  test('a mutating webhook: what it changes is what kubectl gets back', async () => {
    hooks.on('/sidecar', () => ({
      ...patchAnswer(
        { op: 'add', path: '/spec/containers/-', value: { name: 'sidecar', image: 'proxy:1' } },
        { op: 'add', path: '/metadata/annotations', value: { injected: 'yes' } },
      ),
      warnings: ['a sidecar was added'],
    }))
    await configure('Mutating', '/sidecar')
    const run = await kubectl.run(['run', 'web', '--image=nginx'])
    expect(run).toEqual({ code: 0, stdout: 'pod/web created\n', stderr: 'Warning: a sidecar was added\n' })
    const names = await kubectl.ok(['get', 'pod', 'web', '--output=jsonpath={.spec.containers[*].name}'])
    expect(names).toBe('web sidecar')
  })

  test('apply --server-side: what a webhook changed belongs to who applied', async () => {
    hooks.on('/size', () => patchAnswer({ op: 'add', path: '/data/size', value: 'small' }))
    await configure('Mutating', '/size', { resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] })
    const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shop' }, data: { a: 'b' } })
    for (let i = 0; i < 2; i++) await kubectl.ok(['apply', '--server-side', '--filename=-'], { stdin })
    expect(await kubectl.ok(['get', 'configmap', 'shop', '--output=jsonpath={.data}'])).toBe('{"a":"b","size":"small"}')
    expect(hooks.reviews.map(({ request }) => request.operation)).toEqual(['CREATE', 'UPDATE'])
  })

  test('a validating webhook: its words reach the user', async () => {
    hooks.on('/no-latest', ({ request }) => {
      const latest = request.object.spec.containers.some((c: { image: string }) => c.image.endsWith(':latest'))
      return { allowed: !latest, status: { code: 403, reason: 'Forbidden', message: 'pin your images' } }
    })
    await configure('Validating', '/no-latest')
    expect(await kubectl.fails(['run', 'bad', '--image=nginx:latest'])).toBe(
      'Error from server (Forbidden): admission webhook "policy.example.com" denied the request: pin your images\n',
    )
    expect(await kubectl.ok(['run', 'good', '--image=nginx:1.27'])).toBe('pod/good created\n')
  })

  test('DELETE, scale: reviewed too', async () => {
    hooks.on('/keep', ({ request }) => ({ allowed: request.oldObject.metadata.name !== 'kept' }))
    await kubectl.ok(['create', 'configmap', 'kept'])
    await kubectl.ok(['create', 'configmap', 'loose'])
    await configure('Validating', '/keep', { operations: ['DELETE'], resources: ['configmaps'] })
    expect(await kubectl.fails(['delete', 'configmap', 'kept'])).toContain('denied the request without explanation')
    await kubectl.ok(['delete', 'configmap', 'loose'])
    hooks.on('/few', ({ request }) => ({ allowed: request.object.spec.replicas <= 3 }))
    await kubectl.ok(['create', 'deployment', 'shop', '--image=nginx'])
    await configure('Validating', '/few', { operations: ['UPDATE'], resources: ['deployments/scale'] })
    await kubectl.ok(['scale', 'deployment', 'shop', '--replicas=3'])
    expect(await kubectl.fails(['scale', 'deployment', 'shop', '--replicas=4'])).toContain('denied the request')
  })

  test('--dry-run=server: asks webhooks without side effects, stores nothing', async () => {
    hooks.on('/dry', ({ request }) => ({ allowed: request.dryRun }))
    await configure('Validating', '/dry')
    await kubectl.ok(['run', 'ghost', '--image=nginx', '--dry-run=server'])
    expect(await kubectl.fails(['run', 'ghost', '--image=nginx'])).toContain('denied the request')
  })

  test.each([
    ['is down', 'https://127.0.0.1:1/', 'connect: connection refused'],
    ['is slow', '/slow', 'context deadline exceeded'],
    ['answers rubbish', '/rubbish', "couldn't get version/kind; json parse error"],
  ])('a webhook that %s: Fail refuses, Ignore lets through', async (what, at, message) => {
    hooks.on('/slow', () => undefined)
    hooks.on('/rubbish', (_, response) => void response.end('<html>'))
    const clientConfig = at.startsWith('https') ? { url: at } : undefined
    const fields = clientConfig ? { clientConfig } : {}
    await configure('Validating', at, { fields })
    const name = what.replaceAll(' ', '-')
    const complaint = await kubectl.fails(['run', name, '--image=nginx'])
    expect(complaint).toContain('Error from server (InternalError): Internal error occurred: failed calling webhook')
    expect(complaint).toContain(message)
    await configure('Validating', at, { fields: { ...fields, failurePolicy: 'Ignore' } })
    expect(await kubectl.ok(['run', name, '--image=nginx'])).toBe(`pod/${name} created\n`)
  })
})

test('nothing that a webhook did was a bug of the server', () => {
  expect(server.errors).toEqual([])
})
