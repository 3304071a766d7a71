import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  imagePolicyWebhookPlugin,
  parseImagePolicyConfiguration,
} from '../../src/admission/plugins/image-policy-webhook.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { AdmissionServer, type Answer } from './admission-server.ts'
import { WebhookServer } from './webhook-server.ts'

let folder: string
let backend: WebhookServer
let server: AdmissionServer | undefined
const asked: unknown[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubemu-image-policy-'))
  backend = await WebhookServer.start(await servingCertificate())
})

afterEach(async () => {
  await server?.close()
  asked.length = 0
})

afterAll(async () => {
  await backend.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(settings: object = {}, url: string = backend.url('/images')): Promise<void> {
  const kubeConfigFile = join(folder, 'kubeconfig')
  const cluster = { server: url, 'certificate-authority-data': backend.certificate.caBundle }
  const config = {
    'current-context': 'c',
    clusters: [{ name: 'images', cluster }],
    users: [{ name: 'server', user: { token: 'secret' } }],
    contexts: [{ name: 'c', context: { cluster: 'images', user: 'server' } }],
  }
  await writeFile(kubeConfigFile, JSON.stringify(config))
  const configuration = parseImagePolicyConfiguration({ imagePolicy: { kubeConfigFile, retryBackoff: 1, ...settings } })
  server = await AdmissionServer.start((_, { clock }) => [imagePolicyWebhookPlugin(configuration, clock)])
}

/** Answers each review with the next of `statuses`, the last one for ever. */
function answering(...statuses: readonly (object | number)[]): void {
  backend.on('/images', (review, response, request) => {
    asked.push({ ...review, authorization: request.headers.authorization })
    const status = statuses[Math.min(asked.length, statuses.length) - 1]!
    if (typeof status === 'number') response.writeHead(status).end()
    else response.end(JSON.stringify({ kind: 'ImageReview', apiVersion: 'imagepolicy.k8s.io/v1alpha1', status }))
    return undefined
  })
}

let names = 0
const pod = (image = 'nginx'): Promise<Answer> =>
  server!.create('/api/v1/namespaces/default/pods', {
    metadata: { name: `p${names++}`, annotations: { 'x.image-policy.k8s.io/a': 'b', other: 'c' } },
    spec: { containers: [{ name: 'c', image }] },
  })

test('the backend sees the images, its own annotations and who asks; its answer is kept', async () => {
  await start()
  answering({ allowed: true })
  expect((await pod()).status).toBe(201)
  expect((await pod()).status).toBe(201)
  expect(asked).toEqual([
    {
      kind: 'ImageReview',
      apiVersion: 'imagepolicy.k8s.io/v1alpha1',
      metadata: {},
      spec: {
        containers: [{ image: 'nginx' }],
        annotations: { 'x.image-policy.k8s.io/a': 'b' },
        namespace: 'default',
      },
      status: { allowed: false },
      authorization: 'Bearer secret',
    },
  ])
})

test('a refusal with and without a reason', async () => {
  await start()
  answering({ allowed: false, reason: 'too old' }, { allowed: false })
  const first = await pod('a')
  expect(first.status).toBe(403)
  expect(first.body.message).toMatch(
    /^pods "p\d+" is forbidden: image policy webhook backend denied one or more images: too old$/,
  )
  expect((await pod('b')).body.message).toContain('one or more images rejected by webhook backend')
})

test('denyTTL -1: refusals are not kept', async () => {
  await start({ denyTTL: -1 })
  answering({ allowed: false }, { allowed: true })
  expect((await pod()).status).toBe(403)
  expect((await pod()).status).toBe(201)
})

test('a backend that stumbles is asked again, up to five times', async () => {
  await start()
  answering(500, 500, { allowed: true })
  expect((await pod()).status).toBe(201)
  asked.length = 0
  answering(500)
  const { body } = await pod('other')
  expect(body.message).toContain('an error on the server ("") has prevented the request from succeeding')
  expect(asked).toHaveLength(5)
})

test('nobody there: refused, or let through with a mark where defaultAllow says so', async () => {
  await start({}, 'https://127.0.0.1:1/')
  expect((await pod()).body.message).toContain('connect: connection refused')
  await server?.close()
  await start({ defaultAllow: true }, 'https://127.0.0.1:1/')
  const { status, body } = await pod()
  expect(status).toBe(201)
  expect(body.metadata.annotations).toMatchObject({ 'alpha.image-policy.k8s.io/failed-open': 'true' })
})

test('configuration: what is out of range is refused', () => {
  const kubeConfigFile = join(folder, 'kubeconfig')
  expect(() => parseImagePolicyConfiguration(undefined)).toThrow('no config specified')
  expect(() => parseImagePolicyConfiguration({ imagePolicy: { kubeConfigFile, allowTTL: 99_999 } })).toThrow(
    'valid value is between',
  )
})
