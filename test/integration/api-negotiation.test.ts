import request, { type Test } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
  await call('post', CONFIG_MAPS).send({ metadata: { name: 'k' } })
  await call('post', DEPLOYMENTS).send({
    metadata: { name: 'k' },
    spec: {
      selector: { matchLabels: { a: '1' } },
      template: { metadata: { labels: { a: '1' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
    },
  })
})

afterAll(async () => {
  await server.stop()
})

afterEach(() => {
  expect(server.errors).toEqual([])
})

type Method = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete'

const call = (method: Method, path: string): Test =>
  request(server.url)[method](path).set('authorization', `Bearer ${ADMIN_TOKEN}`)

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const STRATEGIC = 'application/strategic-merge-patch+json'

describe('errors', () => {
  test.each([
    ['application/yaml;as=Table;v=v1;g=meta.k8s.io', 'application/json', true],
    ['application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'application/json', true],
    ['application/yaml;as=Table;v=v1;g=meta.k8s.io,application/json', 'application/json', false],
    ['application/yaml', 'application/yaml', false],
  ])('a Status is nothing else: Accept %s → %s', async (accept, type, isIndented) => {
    const { headers, text } = await call('get', `${CONFIG_MAPS}/none`).set('accept', accept).expect(404)
    expect(headers['content-type']).toBe(type)
    if (type === 'application/json') expect(text.startsWith('{\n  "')).toBe(isIndented)
  })

  test.each([
    ['10', 'time: missing unit in duration "10"'],
    ['x', 'time: invalid duration "x"'],
    ['5q', 'time: unknown unit "q" in duration "5q"'],
    ['1h-', 'time: unknown unit "h-" in duration "1h-"'],
    ['ü', 'time: invalid duration "\\xc3\\xbc"'],
  ])('timeout=%s', async (timeout, why) => {
    const { body } = await call('get', `${CONFIG_MAPS}/k?timeout=${encodeURIComponent(timeout)}`).expect(400)
    expect(body.message).toBe(`invalid timeout specified in the request URL - ${why}`)
  })

  test.each(['json', 'application/json, application/yaml', 'application/json;;', 'application/json; a', 'text/plain'])(
    'a body of the type %j → 415',
    async (type) => {
      const { body } = await call('post', CONFIG_MAPS).set('content-type', type).send('{"metadata":{"name":"x"}}')
      expect(body).toMatchObject({
        code: 415,
        message:
          'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
      })
      expect(body.details).toBeUndefined()
    },
  )

  test('what the client accepts comes before what it sends; a path that is not there before both', async () => {
    const refused = await call('post', CONFIG_MAPS)
      .set('accept', 'application/cbor')
      .set('content-type', 'json')
      .send('{}')
    expect(refused.body.code).toBe(406)
    const missing = await call('patch', `${CONFIG_MAPS}/k/nope`).set('content-type', 'json').send('{}')
    expect(missing.body.code).toBe(404)
    const { body } = await call('patch', `${CONFIG_MAPS}/k`).set('content-type', 'json').send('{}')
    expect(body).toMatchObject({ code: 415, message: '415: Unsupported Media Type', details: {} })
  })

  test('an escape that is none is refused as Go does', async () => {
    const { text, headers } = await call('get', `${CONFIG_MAPS}/%zz`).expect(400)
    expect([text, headers['content-type']]).toEqual(['400 Bad Request', 'text/plain; charset=utf-8'])
  })

  test('events are named by the group that they are asked of', async () => {
    const { body } = await call('get', '/apis/events.k8s.io/v1/namespaces/default/events/none').expect(404)
    expect(body).toMatchObject({
      message: 'events.events.k8s.io "none" not found',
      details: { group: 'events.k8s.io', kind: 'events' },
    })
    const core = await call('get', '/api/v1/namespaces/default/events/none').expect(404)
    expect(core.body.message).toBe('events "none" not found')
  })

  test('deleting a job warns of its pods even where there is none', async () => {
    const { headers } = await call('delete', '/apis/batch/v1/namespaces/default/jobs/none').expect(404)
    expect(headers['warning']).toContain('child pods are preserved by default when jobs are deleted')
  })

  test('an applied body ends with its first node; a text that stops before is told of by its line', async () => {
    const apply = (path: string, body: string): Test =>
      call('patch', `${path}?fieldManager=m`).set('content-type', 'application/apply-patch+yaml').send(body)
    const good = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"k"}}'
    await apply(`${CONFIG_MAPS}/k`, `${good}x`).expect(200)
    const { body } = await apply(`${CONFIG_MAPS}/k`, good.slice(0, -1)).expect(400)
    expect(body.message).toBe(
      "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected ',' or '}'",
    )
    const open = await apply(`${CONFIG_MAPS}/k`, '{"metadata":{"metadata":').expect(400)
    expect(open.body.message).toBe(
      'error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected node content',
    )
    const { body: missing } = await apply(`${DEPLOYMENTS}/none/status`, '"s"').expect(404)
    expect(missing.message).toBe('deployments.apps "none" not found')
  })

  test('a field selector of nothing chooses everything', async () => {
    const { body } = await call('get', `${CONFIG_MAPS}?fieldSelector==`).expect(200)
    expect(body.items.length).toBeGreaterThan(0)
  })
})

describe('strategic merge patches are converted, not decoded', () => {
  const strategic = (path: string, patch: object): Test =>
    call('patch', path).set('content-type', STRATEGIC).send(JSON.stringify(patch))

  test.each([
    { kind: 'Pod' },
    { apiVersion: 'a/b/c' },
    { apiVersion: 'v7', kind: 'Foo' },
    { $patch: 'replace', kind: 'Pod', apiVersion: 'v1', metadata: { name: 'k' } },
  ])('kind and version of a patch mean nothing: %j', async (patch) => {
    const { body } = await strategic(`${CONFIG_MAPS}/k`, patch).expect(200)
    expect(body).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' })
  })

  const inSpec = (spec: object): object => ({ spec: { template: { spec } } })

  test.each<[string, string, object]>([
    ['cannot restore map from int64', CONFIG_MAPS, { data: 5 }],
    ['cannot convert int64 to string', CONFIG_MAPS, { data: { a: 1 } }],
    ['unrecognized type: string', CONFIG_MAPS, { data: { a: {} } }],
    ['cannot restore map from string', CONFIG_MAPS, { metadata: { labels: 'x' } }],
    ['cannot restore struct from: int64', CONFIG_MAPS, { metadata: 5 }],
    ['unrecognized type: int64', CONFIG_MAPS, { metadata: { generation: 'x' } }],
    ['json: cannot unmarshal number into Go value of type string', CONFIG_MAPS, { metadata: { creationTimestamp: 5 } }],
    ['unrecognized type: bool', CONFIG_MAPS, { immutable: 'x' }],
    ['error decoding from json: illegal base64 data at input byte 0', CONFIG_MAPS, { binaryData: { a: '!!' } }],
    ['cannot convert int64 to string', CONFIG_MAPS, { kind: 5 }],
    ['unrecognized type: int32', DEPLOYMENTS, { spec: { replicas: 'x' } }],
    ['cannot convert float64 to int32', DEPLOYMENTS, { spec: { replicas: 1.5 } }],
    ['cannot restore struct from: slice', DEPLOYMENTS, { spec: [] }],
    ['cannot restore slice from map', DEPLOYMENTS, inSpec({ containers: {} })],
    ['cannot restore slice from string', DEPLOYMENTS, inSpec({ volumes: 'x' })],
    ['cannot convert int64 to string', DEPLOYMENTS, inSpec({ containers: [{ name: 5 }] })],
    ['cannot restore slice from string', DEPLOYMENTS, inSpec({ containers: [{ name: 'c', args: 'x' }] })],
    [
      'json: cannot unmarshal bool into Go value of type int32',
      DEPLOYMENTS,
      { spec: { strategy: { rollingUpdate: { maxSurge: true } } } },
    ],
  ])('%s', async (why, collection, patch) => {
    const { body } = await strategic(`${collection}/k`, patch).expect(422)
    expect(body.details.causes).toEqual([
      { reason: 'FieldValueInvalid', message: expect.stringContaining(`": ${why}`), field: 'patch' },
    ])
  })

  test('an int32 that is too large wraps around', async () => {
    const { body } = await strategic(`${DEPLOYMENTS}/k`, { spec: { replicas: 5_000_000_000 } }).expect(200)
    expect(body.spec.replicas).toBe(705_032_704)
  })

  test('unknown fields are told of in alphabetical order', async () => {
    const { headers } = await strategic(`${CONFIG_MAPS}/k`, { z: 1, b: 2 }).expect(200)
    expect(headers['warning']).toBe('299 - "unknown field \\"b\\"", 299 - "unknown field \\"z\\""')
  })
})

describe('discovery', () => {
  const AGGREGATED = ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

  test.each([
    ['/apis', `application/json${AGGREGATED}`, `application/json${AGGREGATED}`],
    ['/apis', `application/json,application/json${AGGREGATED}`, `application/json${AGGREGATED}`],
    ['/api', `application/yaml${AGGREGATED}`, `application/yaml${AGGREGATED}`],
    ['/api/', `application/json${AGGREGATED}`, `application/json${AGGREGATED}`],
    ['/apis/', `application/json${AGGREGATED},application/json`, 'application/json'],
  ])('%s for %s → %s', async (path, accept, type) => {
    const { headers } = await call('get', path).set('accept', accept).expect(200)
    expect(headers['content-type']).toBe(type)
    const isAggregated = type.includes('as=')
    expect(headers['cache-control']).toBe(isAggregated ? 'public' : 'no-cache, private')
    expect(headers['etag'] !== undefined).toBe(isAggregated)
  })

  test.each([
    ['/apis', 'application/*', 200],
    ['/apis/apps', 'application/*', 200],
    ['/apis/apps/v1', 'application/*', 406],
    ['/apis', 'application/json;as=Table;g=meta.k8s.io;v=v1', 406],
    ['/version', 'application/yaml', 406],
    ['/openid/v1/jwks', 'application/json', 406],
    ['/openid/v1/jwks/', '*/*', 200],
    ['/.well-known/openid-configuration/', 'application/json', 200],
  ])('%s for %s → %d', async (path, accept, status) => {
    await call('get', path).set('accept', accept).expect(status)
  })

  test.each<[Method, string, number]>([
    ['post', '/apis/apps', 200],
    ['post', '/apis/apps/v1', 405],
    ['head', '/apis/apps/v1', 405],
    ['post', '/apis/apps/v9', 404],
    ['post', '/openapi/v3', 200],
    ['head', '/.well-known/openid-configuration', 405],
    ['get', '/healthz/', 404],
    ['get', '/livez/ping/', 404],
    ['get', '//api', 404],
  ])('%s %s → %d', async (method, path, status) => {
    await call(method, path).set('accept', 'application/json').expect(status)
  })
})
