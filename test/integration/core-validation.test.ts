/** Answers of kube-apiserver v1.36.2 to the same requests. */
import request, { type Test } from 'supertest'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
  await post('serviceaccounts', { metadata: { name: 'default' } })
})

afterAll(async () => {
  await server.stop()
})

type Method = 'post' | 'put' | 'get'

const call = (method: Method, path: string): Test =>
  request(server.url)[method](path).set('authorization', `Bearer ${ADMIN_TOKEN}`)

const inDefault = (path: string): string => `/api/v1/namespaces/default/${path}`

const post = (resource: string, object: object): Test => call('post', inDefault(resource)).send(object)

const pod = (spec: object): object => ({
  metadata: { name: 'p' },
  spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'nginx' }], ...spec },
})

interface Cause {
  field: string
  message: string
}

const causesOf = (body: { details: { causes: Cause[] } }): string[] =>
  body.details.causes.map(({ field, message }) => `${field}: ${message}`)

describe('fields given as [] or {} are not nil', () => {
  const EPHEMERAL = 'Forbidden: cannot be set for an Ephemeral Container'

  test.each([
    ['ports', { ports: [] }],
    ['resizePolicy', { resizePolicy: [] }],
    ['restartPolicyRules', { restartPolicyRules: [] }],
    ['lifecycle', { lifecycle: {} }],
    ['resources', { resources: { requests: {} } }],
  ])('ephemeral container: %s', async (field, given) => {
    const { body } = await post('pods?dryRun=All', pod({ ephemeralContainers: [given] })).expect(422)
    expect(causesOf(body)).toContain(`spec.ephemeralContainers[0].${field}: ${EPHEMERAL}`)
  })

  test('claims of a pod as a whole', async () => {
    const { body } = await post('pods?dryRun=All', pod({ resources: { claims: [] } })).expect(422)
    expect(causesOf(body)).toEqual([
      'spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level',
    ])
  })

  test('owners of a claim that is made from a template', async () => {
    const claim = { ephemeral: { volumeClaimTemplate: { metadata: { ownerReferences: [] } } } }
    const { body } = await post('pods?dryRun=All', pod({ volumes: [claim] })).expect(422)
    const at = 'spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.ownerReferences'
    expect(causesOf(body)).toContain(`${at}: Forbidden: cannot be set`)
  })

  test('overhead without a runtime class', async () => {
    const { body } = await post('pods?dryRun=All', pod({ overhead: {} })).expect(403)
    expect(body.message).toBe(
      'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    )
  })

  test('in messages', async () => {
    const spec = { capacity: {}, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } }
    const { body } = await call('post', '/api/v1/persistentvolumes?dryRun=All').send({ metadata: { name: 'p' }, spec })
    expect(causesOf(body)).toContain('spec.capacity: Unsupported value: {}: supported values: "storage"')
  })
})

test('pod update: resources of the whole pod are a pointer, and a template’s metadata is printed', async () => {
  const { body: first } = await post('pods', pod({})).expect(201)
  const put = (change: object): Test =>
    call('put', inDefault('pods/p?dryRun=All')).send({ ...first, spec: { ...first.spec, ...change } })
  const { body: empty } = await put({ resources: {} }).expect(422)
  expect(empty.message).toContain('- "Resources": null,\n+ "Resources": {\n+  "Limits": null,\n+  "Requests": null,')
  const metadata = { generation: 1, ownerReferences: [{}] }
  const { body: claim } = await put({ volumes: [{ ephemeral: { volumeClaimTemplate: { metadata } } }] }).expect(422)
  expect(claim.message).toContain('+     "generation": 1,\n')
  expect(claim.message).toContain(
    '+       "apiVersion": "",\n+       "kind": "",\n+       "name": "",\n+       "uid": ""\n',
  )
})

describe('names that cannot be asked for', () => {
  test.each([
    ['', 500, 'resource name may not be empty'],
    ['/', 500, `invalid resource name "/": [may not contain '/']`],
    ['none', 403, 'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found'],
  ])('runtime class %j', async (runtimeClassName, code, message) => {
    const { body } = await post('pods?dryRun=All', pod({ runtimeClassName })).expect(code)
    expect(body.message).toBe(message)
  })

  test('service account', async () => {
    const { body } = await post('pods?dryRun=All', pod({ serviceAccountName: '/a/../b' })).expect(403)
    expect(body.message).toBe(
      `pods "p" is forbidden: error looking up service account default//a/../b: invalid resource name "/a/../b": [may not contain '/']`,
    )
  })
})

describe('dry run', () => {
  test('create: the resourceVersion that was given comes back', async () => {
    const create = (resourceVersion: string): Test =>
      post('configmaps?dryRun=All', { metadata: { name: 'c', resourceVersion } }).expect(201)
    expect((await create('5')).body.metadata.resourceVersion).toBe('5')
    expect((await create('a:"b')).body.metadata.resourceVersion).toBe('a:"b')
  })

  test('update: keys in messages are without the prefix of the store', async () => {
    const { body: first } = await post('configmaps', { metadata: { name: 'd' } })
    const { uid } = first.metadata
    first.metadata.uid = 'other'
    const conflict = async (query: string): Promise<string> =>
      (
        await call('put', inDefault(`configmaps/d${query}`))
          .send(first)
          .expect(409)
      ).body.message
    const words = `ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: ${uid}`
    const start = 'Operation cannot be fulfilled on configmaps "d": StorageError: invalid object, Code: 4, Key: '
    expect(await conflict('?dryRun=All')).toBe(`${start}/configmaps/default/d, ${words}`)
    expect(await conflict('')).toBe(`${start}/registry/configmaps/default/d, ${words}`)
  })

  test('ports that are made up follow those that the service takes', async () => {
    const ports = [{ port: 80, nodePort: 30_081 }]
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports }
    const { body } = await post('services?dryRun=All', { metadata: { name: 's' }, spec }).expect(201)
    expect(body.spec.healthCheckNodePort).toBe(30_082)
  })
})

test('a version that is none is quoted as Go quotes', async () => {
  const { body } = await post('configmaps', { apiVersion: 'C:\\x', kind: 'ConfigMap', metadata: { name: 'c' } })
  expect(body.message).toBe(
    'ConfigMap in version "C:\\\\x" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "C:\\\\x" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  )
})
