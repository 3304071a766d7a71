import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request, { type Test } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN_TOKEN, startTestServer, type TestServer } from '../suites/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
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

/** Keeps the stream of a watch from being read as one JSON text. */
const asText: Parameters<Test['parse']>[0] = (response, done) => {
  const chunks: string[] = []
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => chunks.push(chunk))
  response.on('end', () => done(null, chunks.join('')))
}

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'

/** The events of a watch that ends by itself. */
const events = (text: string): { type: string; object: { kind: string; metadata: { name?: string } } }[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

describe('optimistic concurrency', () => {
  test('update: stale resourceVersion → 409 Conflict, object unchanged', async () => {
    const { body: first } = await call('post', CONFIG_MAPS).send({ metadata: { name: 'stale' }, data: { a: '1' } })
    await call('put', `${CONFIG_MAPS}/stale`)
      .send({ ...first, data: { a: '2' } })
      .expect(200)
    const { body } = await call('put', `${CONFIG_MAPS}/stale`)
      .send({ ...first, data: { a: '3' } })
      .expect(409)
    expect(body).toMatchObject({
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
    })
    expect((await call('get', `${CONFIG_MAPS}/stale`)).body.data).toEqual({ a: '2' })
  })

  test('create: a resourceVersion is refused behind validation; one that is no number does not count', async () => {
    const create = (name: string, resourceVersion: string, query = '') =>
      call('post', `${CONFIG_MAPS}${query}`).send({ metadata: { name, resourceVersion } })
    const { body } = await create('versioned', '5').expect(500)
    expect(body).toMatchObject({ message: 'resourceVersion should not be set on objects to be created', code: 500 })
    expect(body.reason).toBeUndefined()
    await create('Versioned_', '5').expect(422)
    await call('get', `${CONFIG_MAPS}/versioned`).expect(404)
    await create('versioned', '5', '?dryRun=All').expect(201)
    await create('versioned', '0').expect(201)
    await create('versioned', '5').expect(500)
    await create('worded', 'abc').expect(201)
  })

  test('update that creates: what only the server sets is dropped', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
    const metadata = {
      name: 'fresh',
      resourceVersion: '5',
      selfLink: '/x',
      creationTimestamp: '2001-01-01T00:00:00Z',
      deletionTimestamp: '2001-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 3,
    }
    const put = (changes: object) => call('put', `${leases}/fresh`).send({ metadata: { ...metadata, ...changes } })
    const { body: refused } = await put({ resourceVersion: 'abc' }).expect(500)
    expect(refused.message).toBe('strconv.ParseUint: parsing "abc": invalid syntax')
    const { body } = await put({}).expect(201)
    expect(body.metadata).not.toHaveProperty('deletionTimestamp')
    expect(body.metadata).not.toHaveProperty('deletionGracePeriodSeconds')
    expect(body.metadata).not.toHaveProperty('selfLink')
    expect(body.metadata.creationTimestamp).not.toBe(metadata.creationTimestamp)
  })

  test('update: nothing changed, members in another order → the same resourceVersion, no event', async () => {
    const deployment = {
      spec: {
        template: { spec: { containers: [{ name: 'c', image: 'i' }] }, metadata: { labels: { a: 'b' } } },
        selector: { matchLabels: { a: 'b' } },
      },
      metadata: { name: 'same' },
    }
    const deployments = '/apis/apps/v1/namespaces/default/deployments'
    const { body: created } = await call('post', deployments).send(deployment).expect(201)
    const { body: updated } = await call('put', `${deployments}/same`).send(deployment).expect(200)
    const { body: patched } = await call('patch', `${deployments}/same`)
      .set('content-type', 'application/merge-patch+json')
      .send({ spec: { replicas: 1 } })
      .expect(200)
    expect(updated.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
    expect(patched.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
  })

  test('delete: preconditions on uid and resourceVersion', async () => {
    const { body: created } = await call('post', CONFIG_MAPS).send({ metadata: { name: 'guarded' } })
    const remove = (preconditions: object): Test => call('delete', `${CONFIG_MAPS}/guarded`).send({ preconditions })
    const { body: refused } = await remove({ uid: 'other' }).expect(409)
    expect(refused.message).toBe(
      `Operation cannot be fulfilled on ConfigMap "guarded": the UID in the precondition (other) does not match the UID in record (${created.metadata.uid}). The object might have been deleted and then recreated`,
    )
    await remove({ resourceVersion: '1' }).expect(409)
    const { uid, resourceVersion } = created.metadata
    await remove({ uid, resourceVersion }).expect(200)
    await call('get', `${CONFIG_MAPS}/guarded`).expect(404)
  })

  test('a JSON patch may put another object in the place of the whole, but no list', async () => {
    await call('post', CONFIG_MAPS).send({ metadata: { name: 'whole' }, data: { a: '1' } })
    const patch = (value: unknown) =>
      call('patch', `${CONFIG_MAPS}/whole`)
        .set('content-type', 'application/json-patch+json')
        .send(JSON.stringify([{ op: 'replace', path: '', value }]))
    const replaced = await patch({ metadata: { name: 'whole' }, data: { b: '2' } })
    expect([replaced.status, replaced.body.data]).toEqual([200, { b: '2' }])
    const list = await patch([])
    expect([list.status, list.body.message]).toEqual([
      422,
      ' "" is invalid: patch: Invalid value: "[]": couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    ])
    expect((await patch(1)).status).toBe(422)
  })

  test('concurrent patches of one object: all are in, none is lost', async () => {
    await call('post', CONFIG_MAPS).send({ metadata: { name: 'busy' } })
    const patches = Array.from({ length: 20 }, (_, i) =>
      call('patch', `${CONFIG_MAPS}/busy`)
        .set('content-type', 'application/merge-patch+json')
        .send({ data: { [`k${i}`]: String(i) } }),
    )
    expect((await Promise.all(patches)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(Object.keys((await call('get', `${CONFIG_MAPS}/busy`)).body.data)).toHaveLength(20)
  })
})

describe('lists', () => {
  const SECRETS = '/api/v1/namespaces/kube-public/secrets'
  const names = (body: { items: { metadata: { name: string } }[] }): string[] => body.items.map((i) => i.metadata.name)

  beforeAll(async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await call('post', SECRETS)
        .send({ metadata: { name, labels: { odd: String('ace'.includes(name)) } } })
        .expect(201)
    }
  })

  test('limit and continue: pages over one snapshot, whatever is written between', async () => {
    const first = (await call('get', `${SECRETS}?limit=2`)).body
    expect(names(first)).toEqual(['a', 'b'])
    expect(first.metadata.remainingItemCount).toBe(3)
    await call('delete', `${SECRETS}/d`).expect(200)
    const second = (await call('get', `${SECRETS}?limit=2&continue=${first.metadata.continue}`)).body
    expect(names(second)).toEqual(['c', 'd'])
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion)
    const third = (await call('get', `${SECRETS}?limit=2&continue=${second.metadata.continue}`)).body
    expect(names(third)).toEqual(['e'])
    expect(third.metadata.continue).toBeUndefined()
    expect(names((await call('get', SECRETS)).body)).toEqual(['a', 'b', 'c', 'e'])
    await call('post', SECRETS).send({ metadata: { name: 'd', labels: { odd: 'false' } } })
  })

  test('label selectors: equality and sets; a bad one → 400', async () => {
    const list = async (selector: string): Promise<string[]> =>
      names((await call('get', `${SECRETS}?labelSelector=${encodeURIComponent(selector)}`).expect(200)).body)
    expect(await list('odd=true')).toEqual(['a', 'c', 'e'])
    expect(await list('odd notin (true)')).toEqual(['b', 'd'])
    expect(await list('!odd')).toEqual([])
    await call('get', `${SECRETS}?labelSelector=odd=a=b`).expect(400)
  })

  test('resourceVersion: a future one → 504 with a retry; a bad one → 400; a match without one → 422', async () => {
    const future = await call('get', `${SECRETS}?resourceVersion=999999999&timeoutSeconds=1`).expect(504)
    expect(future.body).toMatchObject({
      reason: 'Timeout',
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
    })
    await call('get', `${SECRETS}?resourceVersion=x`).expect(400)
    await call('get', `${SECRETS}?resourceVersionMatch=Exact`).expect(422)
  })

  test('deletecollection: by selector, answers what it deleted', async () => {
    const answer = await call('delete', `${SECRETS}?labelSelector=odd=false`).expect(200)
    expect(names(answer.body)).toEqual(['b', 'd'])
    expect(names((await call('get', SECRETS)).body)).toEqual(['a', 'c', 'e'])
  })
})

describe('watches', () => {
  test('resourceVersion unset: what is there as ADDED, then what comes', async () => {
    const path = `${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name=seen&timeoutSeconds=1`
    await call('post', CONFIG_MAPS).send({ metadata: { name: 'seen' } })
    const watch = call('get', path)
      .buffer(true)
      .parse(asText)
      .then((answer) => answer)
    await call('put', `${CONFIG_MAPS}/seen`).send({ metadata: { name: 'seen' }, data: { a: '1' } })
    const seen = events((await watch).body)
    expect(seen[0]).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'seen' } } })
    expect(seen.length === 1 || seen[1]?.type === 'MODIFIED').toBe(true)
  })

  test('from a revision: every change behind it, in order, once', async () => {
    const start = (await call('get', CONFIG_MAPS)).body.metadata.resourceVersion
    for (const name of ['w1', 'w2']) await call('post', CONFIG_MAPS).send({ metadata: { name } })
    await call('delete', `${CONFIG_MAPS}/w1`)
    const { body: text } = await call('get', `${CONFIG_MAPS}?watch=1&resourceVersion=${start}&timeoutSeconds=1`)
      .buffer(true)
      .parse(asText)
    expect(events(text).map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      'ADDED w1',
      'ADDED w2',
      'DELETED w1',
    ])
  })

  test('a selector: leaving it is DELETED, joining it ADDED', async () => {
    const start = (await call('get', CONFIG_MAPS)).body.metadata.resourceVersion
    await call('post', CONFIG_MAPS).send({ metadata: { name: 'moves', labels: { in: 'yes' } } })
    await call('put', `${CONFIG_MAPS}/moves`).send({ metadata: { name: 'moves' } })
    await call('put', `${CONFIG_MAPS}/moves`).send({ metadata: { name: 'moves', labels: { in: 'yes' } } })
    const query = `watch=1&resourceVersion=${start}&labelSelector=in=yes&timeoutSeconds=1`
    const { body: text } = await call('get', `${CONFIG_MAPS}?${query}`).buffer(true).parse(asText)
    expect(events(text).map(({ type }) => type)).toEqual(['ADDED', 'DELETED', 'ADDED'])
  })

  test('sendInitialEvents with bookmarks: the list, then a bookmark that says so', async () => {
    const query =
      'watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1'
    const { body: text } = await call('get', `/api/v1/namespaces?${query}`).buffer(true).parse(asText)
    const seen = events(text)
    expect(seen.slice(0, 4).map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'ADDED', 'ADDED'])
    expect(seen[4]).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'Namespace', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
    })
  })

  test('bookmarks on the way are of the kind that is watched', async () => {
    // The last one comes two seconds before the end, to all watches that are due at the same time.
    const query = 'watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=4&labelSelector=none=at-all'
    const paths = ['/api/v1/pods', '/apis/apps/v1/deployments', '/apis/apps/v1/replicasets', '/api/v1/events']
    const bookmarks = await Promise.all(
      paths.map(async (path) => {
        const { body: text } = await call('get', `${path}?${query}`).buffer(true).parse(asText)
        return events(text).map(({ type, object }) => `${type} ${object.kind}`)
      }),
    )
    expect(bookmarks.map((seen) => [...new Set(seen)])).toEqual([
      ['BOOKMARK Pod'],
      ['BOOKMARK Deployment'],
      ['BOOKMARK ReplicaSet'],
      ['BOOKMARK Event'],
    ])
  })

  test('a table: each event carries rows, the first the columns', async () => {
    const { body: text } = await call('get', '/api/v1/namespaces?watch=1&timeoutSeconds=1')
      .set('accept', 'application/json;as=Table;v=v1;g=meta.k8s.io')
      .buffer(true)
      .parse(asText)
    const [first, second] = events(text) as unknown as {
      object: { kind: string; columnDefinitions: unknown[] | null }
    }[]
    expect(first?.object).toMatchObject({ kind: 'Table', rows: [{ cells: ['default', 'Active', expect.any(String)] }] })
    expect(second?.object.columnDefinitions ?? []).toEqual([])
  })
})

/** Answers of a generic API server of v1.36 (apiextensions-apiserver 0.36.4) to the same requests. */
describe('which refusal comes first', () => {
  const notAccepted = (types: string) => `406: Not Acceptable\n\nAvailable representations: ${types}`
  const OBJECTS = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'
  const STREAMS = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
  const UNKNOWN_FORMAT = `the body of the request was in an unknown format - accepted media types include: ${OBJECTS}`
  const NO_METHOD = 'the server does not allow this method on the requested resource'
  const NO_TOKEN = 'invalid continue token: continue key is not valid'
  const token = (text: string) => Buffer.from(text).toString('base64url')
  const text = 'text/plain'
  const html = 'text/html'

  test.each<readonly [Method, string, Readonly<Record<string, string>>, string, number, string]>([
    ['get', CONFIG_MAPS, { accept: html }, '', 406, notAccepted(`${OBJECTS}, ${STREAMS}`)],
    ['post', CONFIG_MAPS, { accept: html }, '{}', 406, notAccepted(OBJECTS)],
    ['delete', CONFIG_MAPS, { accept: html }, '{}', 406, notAccepted(OBJECTS)],
    ['post', `${CONFIG_MAPS}/x`, { accept: html }, '{}', 405, NO_METHOD],
    ['put', CONFIG_MAPS, { accept: html, 'content-type': text }, '{}', 405, NO_METHOD],
    ['patch', `${CONFIG_MAPS}/x`, { accept: html, 'content-type': text }, '{}', 415, '415: Unsupported Media Type'],
    ['post', `${CONFIG_MAPS}?fieldValidation=x`, { 'content-type': text }, '{}', 415, UNKNOWN_FORMAT],
    ['post', CONFIG_MAPS, { 'content-type': 'application/merge-patch+json' }, '{}', 415, UNKNOWN_FORMAT],
    ['delete', `${CONFIG_MAPS}/x`, { 'content-type': text }, '{}', 415, UNKNOWN_FORMAT],
    [
      'patch',
      `${CONFIG_MAPS}/x`,
      { 'content-type': 'application/json-patch+json' },
      '{',
      404,
      'configmaps "x" not found',
    ],
    ['get', `${CONFIG_MAPS}?labelSelector=,&limit=x`, {}, '', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['get', `${CONFIG_MAPS}?continue=x`, {}, '', 400, `${NO_TOKEN}: illegal base64 data at input byte 0`],
    ['get', `${CONFIG_MAPS}?continue=ab.d`, {}, '', 400, `${NO_TOKEN}: illegal base64 data at input byte 2`],
    [
      'get',
      `${CONFIG_MAPS}?continue=${token('{}')}`,
      {},
      '',
      400,
      `${NO_TOKEN}: server does not recognize this encoded version `,
    ],
    [
      'get',
      `${CONFIG_MAPS}?continue=${token('{"rv":"x"}')}`,
      {},
      '',
      400,
      `${NO_TOKEN}: json: cannot unmarshal string into Go struct field continueToken.rv of type int64`,
    ],
    [
      'delete',
      `${CONFIG_MAPS}?resourceVersion=5&continue=${token('{"v":"meta.k8s.io/v1","rv":1,"start":"a"}')}`,
      {},
      '',
      400,
      'specifying resource version is not allowed when using continue',
    ],
    ['post', '/api/v1', {}, '{}', 405, NO_METHOD],
    ['post', '/version', {}, '{}', 405, NO_METHOD],
  ])('%s %s %j', async (method, path, headers, body, status, message) => {
    const request = call(method, path)
    for (const [name, value] of Object.entries({ 'content-type': 'application/json', ...headers }))
      request.set(name, value)
    const answer = await (body === '' ? request : request.send(body))
    expect([answer.status, answer.body.message]).toEqual([status, message])
  })

  test('HEAD is for paths that are no resources', async () => {
    const statusOf = async (path: string) => (await call('head', path)).status
    expect(await statusOf('/healthz')).toBe(200)
    for (const path of [CONFIG_MAPS, `${CONFIG_MAPS}/x`, '/api/v1', '/apis/apps/v1', '/version'])
      expect(await statusOf(path), path).toBe(405)
  })
})

describe('representations', () => {
  const ROLES = '/apis/rbac.authorization.k8s.io/v1/clusterroles'

  test.each([
    ['Table', `${ROLES}?`],
    ['Table', `${ROLES}?includeObject=None&`],
    ['Table', `${ROLES}?includeObject=Object&limit=3&`],
    ['PartialObjectMetadataList', `${ROLES}?`],
    ['PartialObjectMetadataList', `${ROLES}?labelSelector=none=at-all&`],
  ])('a %s of %s, joined of stored bytes, says what it says when it is written anew', async (kind, path) => {
    const accept = `application/json;as=${kind};v=v1;g=meta.k8s.io`
    const joined = await call('get', path).set('accept', accept).expect(200)
    const written = await call('get', `${path}pretty=1`).set('accept', accept).expect(200)
    expect(joined.body).toMatchObject({ kind, apiVersion: 'meta.k8s.io/v1' })
    expect(joined.text).toBe(`${JSON.stringify(written.body)}\n`)
  })

  test('a long Table comes in pieces, with every row', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `row-${i}`)
    const selector = 'labelSelector=many=rows'
    for (const name of names) {
      const map = {
        metadata: { name, labels: { many: 'rows' }, annotations: { text: '"}\\' } },
        data: { a: '', b: '' },
      }
      await call('post', CONFIG_MAPS).send(map).expect(201)
    }
    const answer = await call('get', `${CONFIG_MAPS}?${selector}`)
      .set('accept', 'application/json;as=Table;v=v1;g=meta.k8s.io')
      .expect(200)
    const { rows } = answer.body as { rows: { cells: unknown[]; object: { metadata: { name: string } } }[] }
    expect(rows.map(({ object }) => object.metadata.name).toSorted()).toEqual(names.toSorted())
    expect(rows.every(({ cells, object }) => cells[0] === object.metadata.name && cells[1] === 2)).toBe(true)
    await call('delete', `${CONFIG_MAPS}?${selector}`).expect(200)
  })

  test('YAML out and in', async () => {
    const yaml = 'metadata: {name: yaml}\ndata: {a: "1"}\n'
    await call('post', CONFIG_MAPS).set('content-type', 'application/yaml').send(yaml).expect(201)
    const answer = await call('get', `${CONFIG_MAPS}/yaml`).set('accept', 'application/yaml').expect(200)
    expect(answer.headers['content-type']).toBe('application/yaml')
    expect(answer.text).toMatch(
      /^apiVersion: v1\ndata:\n {2}a: "1"\nkind: ConfigMap\nmetadata:\n {2}creationTimestamp: "20/,
    )
  })

  test('metadata only: of an object and of a list', async () => {
    const one = await call('get', `${CONFIG_MAPS}/yaml`).set(
      'accept',
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    )
    expect(one.body).toMatchObject({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { name: 'yaml' },
    })
    expect(one.body.data).toBeUndefined()
    const list = await call('get', CONFIG_MAPS).set(
      'accept',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    )
    expect(list.body).toMatchObject({ kind: 'PartialObjectMetadataList' })
    const none = await call('get', `${CONFIG_MAPS}?labelSelector=none=at-all`).set(
      'accept',
      'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    )
    expect(none.body.items).toBeNull()
  })

  test('protobuf out is protobuf in: the object comes back equal', async () => {
    const protobuf = 'application/vnd.kubernetes.protobuf'
    const { body: bytes } = await call('get', '/api/v1/namespaces/default/services/kubernetes')
      .set('accept', protobuf)
      .responseType('blob')
    expect(bytes.subarray(0, 4)).toEqual(Buffer.from('k8s\0'))
    const { body: before } = await call('get', '/api/v1/namespaces/default/services/kubernetes')
    const { body: after } = await call('put', '/api/v1/namespaces/default/services/kubernetes')
      .set('content-type', protobuf)
      .send(bytes)
      .expect(200)
    expect(after.spec).toEqual(before.spec)
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion)
  })

  test('nothing fits: 406; a body of no known type: 415', async () => {
    const refused = await call('get', CONFIG_MAPS).set('accept', 'text/html').expect(406)
    expect(refused.body).toMatchObject({ reason: 'NotAcceptable' })
    await call('post', CONFIG_MAPS).set('content-type', 'text/csv').send('a,b').expect(415)
  })

  test('gzip: for a large answer and a client that takes it', async () => {
    await call('post', CONFIG_MAPS)
      .send({ metadata: { name: 'large' }, data: { a: 'x'.repeat(300_000) } })
      .expect(201)
    const packed = await call('get', `${CONFIG_MAPS}/large`).set('accept-encoding', 'gzip')
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(packed.body.data.a).toHaveLength(300_000)
    const plain = await call('get', `${CONFIG_MAPS}/large`).set('accept-encoding', 'identity')
    expect(plain.headers['content-encoding']).toBeUndefined()
  })
})

describe('discovery', () => {
  test('/api in protobuf: a kind without a version', async () => {
    const { body } = await call('get', '/api')
      .set('accept', 'application/vnd.kubernetes.protobuf')
      .responseType('blob')
      .expect(200)
    expect(body.subarray(0, 4)).toEqual(Buffer.from('k8s\0'))
    expect(body.toString('latin1')).toContain('APIVersions')
  })
})

describe('options of a log', () => {
  const log = (query: string): Test => call('get', `/api/v1/namespaces/default/pods/none/log?${query}`)

  test('what cannot be read is told before the pod is looked for, the first of several', async () => {
    const { body: time } = await log('tailLines=x&sinceTime=2020-01-01').expect(400)
    expect(time.message).toBe('parsing time "2020-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"')
    const { body: number } = await log('tailLines=x&limitBytes=y&sinceTime=null').expect(400)
    expect(number.message).toBe('strconv.ParseInt: parsing "x": invalid syntax')
    await log('sinceTime=2020-01-01T00:00:00Z&follow=maybe').expect(404)
  })

  test('a stream of its own is not to be had', async () => {
    const { body } = await log('stream=Stdout').expect(422)
    expect(body.message).toBe('PodLogOptions "none" is invalid: stream: Forbidden: may not be specified')
  })
})

describe('deletecollection', () => {
  const make = async (...names: string[]): Promise<void> => {
    for (const name of names) await call('post', CONFIG_MAPS).send({ metadata: { name, labels: { doomed: 'yes' } } })
  }
  const DOOMED = `${CONFIG_MAPS}?labelSelector=doomed`
  const namesOf = (body: { items: { metadata: { name: string } }[] }): string[] =>
    body.items.map(({ metadata }) => metadata.name)

  test('a limit takes one page; its token the next', async () => {
    await make('d1', 'd2', 'd3')
    const { body: first } = await call('delete', `${DOOMED}&limit=2`).expect(200)
    expect(namesOf(first)).toEqual(['d1', 'd2'])
    expect(namesOf((await call('get', DOOMED)).body)).toEqual(['d3'])
    const { body: second } = await call('delete', `${DOOMED}&limit=2&continue=${first.metadata.continue}`).expect(200)
    expect(namesOf(second)).toEqual(['d3'])
    expect(second.metadata.continue).toBeUndefined()
  })

  test('options of the list are looked at as a list looks at them', async () => {
    await make('d4')
    const { body } = await call('delete', `${DOOMED}&resourceVersion=abc`).expect(400)
    expect(body.message).toMatch(/^invalid resource version: /)
    await call('delete', `${DOOMED}&continue=abc`).expect(400)
    await call('delete', `${DOOMED}&resourceVersionMatch=Exact`).expect(422)
    expect(namesOf((await call('get', DOOMED)).body)).toEqual(['d4'])
    await call('delete', DOOMED).expect(200)
    expect(namesOf((await call('get', DOOMED)).body)).toEqual([])
  })
})

describe('fieldValidation and dryRun', () => {
  const DUPLICATE_YAML = [
    'apiVersion: v1',
    'kind: ConfigMap',
    'metadata: {name: doubled}',
    'data: {a: "1", a: "2"}',
    'more: 1',
    'kind: ConfigMap',
  ].join('\n')
  const DUPLICATES = ['line 4: key "a" already set in map', 'line 6: key "kind" already set in map']

  test('keys that stand twice in YAML are refused, warned of or ignored, before fields that are not known', async () => {
    const create = (validation: string): Test =>
      call('post', `${CONFIG_MAPS}?dryRun=All&fieldValidation=${validation}`)
        .set('content-type', 'application/yaml')
        .send(DUPLICATE_YAML)
    const { body } = await create('Strict').expect(400)
    expect(body.message).toBe(
      `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  ${DUPLICATES.join('\n  ')}, unknown field "more"`,
    )
    const { headers, body: created } = await create('Warn').expect(201)
    const quoted = [...DUPLICATES, 'unknown field "more"'].map((text) => `299 - "${text.replaceAll('"', '\\"')}"`)
    expect(headers['warning']).toBe(quoted.join(', '))
    expect(created.data).toEqual({ a: '2' })
    expect((await create('Ignore').expect(201)).headers['warning']).toBeUndefined()
  })

  test('the same in what is applied', async () => {
    const apply = (validation: string): Test =>
      call('patch', `${CONFIG_MAPS}/doubled?dryRun=All&fieldManager=m&fieldValidation=${validation}`)
        .set('content-type', 'application/apply-patch+yaml')
        .send(DUPLICATE_YAML.replace('more: 1\n', ''))
    const { body } = await apply('Strict').expect(400)
    const errors = ['line 4: key "a" already set in map', 'line 5: key "kind" already set in map']
    expect(body.message).toBe(
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${errors.join('\n  ')}`,
    )
    const { headers } = await apply('Warn').expect(201)
    expect(headers['warning']).toBe(errors.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`).join(', '))
  })

  const body = '{"metadata":{"name":"v"},"data":{"a":"1","a":"2"},"unknown":1}'
  const create = (query: string): Test =>
    call('post', `${CONFIG_MAPS}?dryRun=All&${query}`).set('content-type', 'application/json').send(body)

  test('Strict: 400 with every fault', async () => {
    const { body: status } = await create('fieldValidation=Strict').expect(400)
    expect(status.message).toContain('strict decoding error: duplicate field "data.a", unknown field "unknown"')
  })

  test('Warn: a Warning header for each; Ignore: none', async () => {
    const warned = await create('fieldValidation=Warn').expect(201)
    expect(warned.headers['warning']).toContain('299 - "unknown field \\"unknown\\""')
    expect((await create('fieldValidation=Ignore').expect(201)).headers['warning']).toBeUndefined()
  })

  test('dryRun=All: answered as if, not stored; another value → 422', async () => {
    await create('fieldValidation=Ignore').expect(201)
    await call('get', `${CONFIG_MAPS}/v`).expect(404)
    await call('post', `${CONFIG_MAPS}?dryRun=Some`)
      .send({ metadata: { name: 'v' } })
      .expect(422)
  })
})

describe('HTTP/2', () => {
  test('a body of unknown length, in parts: read to its end', async () => {
    const session = connectHttp2(server.tlsUrl, { rejectUnauthorized: false })
    try {
      const stream = session.request({
        ':method': 'POST',
        ':path': CONFIG_MAPS,
        authorization: `Bearer ${ADMIN_TOKEN}`,
        'content-type': 'application/json',
      })
      const status = new Promise<number | undefined>((resolve, reject) => {
        stream.once('response', (headers) => resolve(headers[':status']))
        stream.once('error', reject)
      })
      await new Promise((resolve) => stream.write('{"metadata":{"na', resolve))
      stream.end('me":"parts"}}')
      expect(await status).toBe(201)
      stream.resume()
    } finally {
      session.destroy()
    }
    await call('get', `${CONFIG_MAPS}/parts`).expect(200)
  })
})

describe('after a restart, with the history before it compacted', () => {
  test('continue: 410 Expired, with a token that goes on inconsistently', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'kubemu-restart-'))
    const secrets = '/api/v1/namespaces/default/secrets'
    const send = (to: TestServer, method: Method, path: string): Test =>
      request(to.url)[method](path).set('authorization', `Bearer ${ADMIN_TOKEN}`)
    const before = await startTestServer({ dataDir })
    for (const name of ['a', 'b', 'c']) await send(before, 'post', secrets).send({ metadata: { name } }).expect(201)
    const { body: first } = await send(before, 'get', `${secrets}?limit=1`)
    await send(before, 'post', CONFIG_MAPS)
      .send({ metadata: { name: 'later' } })
      .expect(201)
    await before.stop()
    const after = await startTestServer({ dataDir })
    try {
      await send(after, 'post', secrets)
        .send({ metadata: { name: 'd' } })
        .expect(201)
      await after.compact()
      const { body: expired } = await send(
        after,
        'get',
        `${secrets}?limit=1&continue=${first.metadata.continue}`,
      ).expect(410)
      expect(expired).toMatchObject({
        reason: 'Expired',
        message: expect.stringContaining('The provided continue parameter is too old'),
      })
      const { body: rest } = await send(after, 'get', `${secrets}?continue=${expired.metadata.continue}`).expect(200)
      expect(rest.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['b', 'c', 'd'])
    } finally {
      await after.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

describe('connections', () => {
  test('pipelined requests whose client leaves: none counts as under way any more, the server stops at once', async () => {
    const own = await startTestServer()
    const { hostname, port } = new URL(own.url)
    const get = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\n\r\n`
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    // The answers of all the others wait behind the watch.
    socket.write(get('/api/v1/namespaces?watch=true') + get('/api/v1/namespaces').repeat(100))
    await once(socket, 'data')
    socket.destroy()
    await own.stop()
  })
})
