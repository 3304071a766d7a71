import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RegistryVersions } from '../../src/admission/webhook/registry-versions.ts'
import { serviceResolver } from '../../src/admission/webhook/service-resolver.ts'
import { mutatingWebhookPlugin, validatingWebhookPlugin } from '../../src/admission/webhook/webhook-plugins.ts'
import { systemClock } from '../../src/apimachinery/clock.ts'
import { servingCertificate } from '../suites/certificates.ts'
import { AdmissionServer, type Answer } from './admission-server.ts'
import { patchAnswer, WebhookServer } from './webhook-server.ts'

let hooks: WebhookServer
let server: AdmissionServer
const table: Record<string, string> = {}

beforeAll(async () => {
  hooks = await WebhookServer.start(await servingCertificate('hooks.default.svc'))
  table['default/hooks'] = `127.0.0.1:${hooks.port}`
  table['default/other'] = `127.0.0.1:${hooks.port}`
  server = await AdmissionServer.start((reader, { registry }) => {
    const services = serviceResolver(reader, table)
    const dependencies = { reader, clock: systemClock, versions: new RegistryVersions(registry), services }
    return [mutatingWebhookPlugin(dependencies), validatingWebhookPlugin(dependencies)]
  })
})

afterAll(async () => {
  await server.close()
  await hooks.close()
})

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1'
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'

/** A webhook for creates of config maps, with what `fields` says. */
function webhook(path: string, fields: object = {}): Record<string, unknown> {
  return {
    name: `${path.slice(1).replaceAll('/', '-')}.example.com`,
    clientConfig: { url: hooks.url(path), caBundle: hooks.certificate.caBundle },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 1,
    ...fields,
  }
}

/** Runs `work` with webhooks configured, and takes them away again. */
async function configured<T>(
  kind: 'mutating' | 'validating',
  webhooks: readonly object[],
  work: () => Promise<T>,
): Promise<T> {
  const path = `${CONFIGURATIONS}/${kind}webhookconfigurations`
  const created = await server.create(path, { metadata: { name: 'test' }, webhooks })
  expect(created.body).toMatchObject({ metadata: { name: 'test' } })
  hooks.reviews.length = 0
  try {
    return await work()
  } finally {
    await server.ask('DELETE', `${path}/test`)
  }
}

let names = 0
const configMap = (metadata: object = {}): { metadata: { name: string } } => ({
  metadata: { name: `cm-${names++}`, ...metadata },
})
const createConfigMap = (metadata: object = {}): Promise<Answer> => server.create(CONFIG_MAPS, configMap(metadata))

describe('mutating webhooks', () => {
  test('a patch changes what is stored; the review says who asks what of which object', async () => {
    hooks.on('/label', () => ({
      ...patchAnswer({ op: 'add', path: '/metadata/labels', value: { seen: 'yes' } }),
      warnings: ['look out'],
    }))
    await configured('mutating', [webhook('/label')], async () => {
      const answer = await createConfigMap({ name: 'labelled' })
      expect(answer).toMatchObject({ status: 201, body: { metadata: { labels: { seen: 'yes' } } } })
      expect(answer.warnings).toEqual(['299 - "look out"'])
    })
    expect((await server.get(`${CONFIG_MAPS}/labelled`)).body.metadata.labels).toEqual({ seen: 'yes' })
    const [review] = hooks.reviews
    expect(review).toMatchObject({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        kind: { group: '', version: 'v1', kind: 'ConfigMap' },
        resource: { group: '', version: 'v1', resource: 'configmaps' },
        requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
        requestResource: { group: '', version: 'v1', resource: 'configmaps' },
        name: 'labelled',
        namespace: 'default',
        operation: 'CREATE',
        userInfo: { username: 'admin', uid: 'u1', groups: ['system:masters'], extra: { team: ['a'] } },
        object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'labelled', namespace: 'default' } },
        oldObject: null,
        dryRun: false,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      },
    })
    expect(review!.request).not.toHaveProperty('subResource')
  })

  test('a service leads through the table, under its own name in the certificate', async () => {
    hooks.on('/by-service', () => ({ allowed: true }))
    const clientConfig = {
      service: { namespace: 'default', name: 'hooks', path: '/by-service' },
      caBundle: hooks.certificate.caBundle,
    }
    await configured('mutating', [webhook('/by-service', { clientConfig })], async () => {
      expect((await createConfigMap()).status).toBe(201)
    })
    expect(hooks.reviews).toHaveLength(1)
  })

  test('a service that the certificate does not name', async () => {
    const clientConfig = { service: { namespace: 'default', name: 'other' }, caBundle: hooks.certificate.caBundle }
    const message = await configured('mutating', [webhook('/x', { clientConfig })], failureMessage)
    expect(message).toBe(
      'Internal error occurred: failed calling webhook "x.example.com": failed to call webhook: Post "https://other.default.svc:443/?timeout=1s": tls: failed to verify certificate: x509: certificate is valid for hooks.default.svc, not other.default.svc',
    )
  })

  test('a service that does not exist', async () => {
    const clientConfig = { service: { namespace: 'default', name: 'none', path: '/y' } }
    const message = await configured('mutating', [webhook('/x', { clientConfig })], failureMessage)
    expect(message).toContain('Post "https://none.default.svc:443/y?timeout=1s": service "none" not found')
  })

  test('webhooks run in order, each sees what the one before made', async () => {
    hooks.on('/first', () => patchAnswer({ op: 'add', path: '/data', value: { a: '1' } }))
    hooks.on('/second', ({ request }) =>
      patchAnswer({ op: 'add', path: '/data/b', value: `${request.object.data.a}2` }),
    )
    await configured('mutating', [webhook('/first'), webhook('/second')], async () => {
      expect((await createConfigMap()).body.data).toEqual({ a: '1', b: '12' })
    })
  })

  test('reinvocationPolicy IfNeeded: called again after a later change, once', async () => {
    hooks.on('/again', ({ request }) =>
      patchAnswer({ op: 'add', path: '/data', value: { ...request.object.data, [`n${hooks.reviews.length}`]: '' } }),
    )
    hooks.on('/later', ({ request }) =>
      patchAnswer({ op: 'add', path: '/data', value: { ...request.object.data, later: '' } }),
    )
    const again = webhook('/again', { reinvocationPolicy: 'IfNeeded' })
    await configured('mutating', [again, webhook('/later')], async () => {
      expect((await createConfigMap()).body.data).toEqual({ n1: '', later: '', n3: '' })
    })
    expect(hooks.reviews).toHaveLength(3)
  })

  test('no later change: no second call', async () => {
    hooks.on('/once', () => patchAnswer({ op: 'add', path: '/data', value: { a: '1' } }))
    await configured('mutating', [webhook('/once', { reinvocationPolicy: 'IfNeeded' })], async () => {
      await createConfigMap()
    })
    expect(hooks.reviews).toHaveLength(1)
  })

  test('what a patch leaves out is defaulted, what it makes invalid is refused', async () => {
    hooks.on('/container', () =>
      patchAnswer({ op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 'side' } }),
    )
    hooks.on('/bad-name', () => patchAnswer({ op: 'replace', path: '/spec/containers/0/name', value: 'No Name' }))
    const rules = [{ operations: ['CREATE'], apiGroups: ['*'], apiVersions: ['*'], resources: ['pods'] }]
    const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    await configured('mutating', [webhook('/container', { rules })], async () => {
      const { body } = await server.create('/api/v1/namespaces/default/pods', pod)
      expect(body.spec.containers[1]).toMatchObject({
        name: 'side',
        imagePullPolicy: 'Always',
        terminationMessagePath: '/dev/termination-log',
      })
    })
    await configured('mutating', [webhook('/bad-name', { rules })], async () => {
      const answer = await server.create('/api/v1/namespaces/default/pods', { ...pod, metadata: { name: 'q' } })
      expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid' } })
      expect(answer.body.message).toContain('spec.containers[0].name: Invalid value: "No Name"')
    })
  })

  test('matchPolicy Equivalent: sees the object in the version of its rule, and patches it there', async () => {
    hooks.on('/v2', ({ request }) => {
      expect(request.object.apiVersion).toBe('autoscaling/v2')
      return patchAnswer({ op: 'replace', path: '/spec/metrics/0/resource/target/averageUtilization', value: 33 })
    })
    const rules = [
      { operations: ['*'], apiGroups: ['autoscaling'], apiVersions: ['v2'], resources: ['horizontalpodautoscalers'] },
    ]
    const spec = {
      maxReplicas: 3,
      scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
      targetCPUUtilizationPercentage: 50,
    }
    const path = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers'
    await configured('mutating', [webhook('/v2', { rules })], async () => {
      const { status, body } = await server.create(path, { metadata: { name: 'h' }, spec })
      expect({ status, cpu: body.spec?.targetCPUUtilizationPercentage }).toEqual({ status: 201, cpu: 33 })
    })
    expect(hooks.reviews[0]!.request).toMatchObject({
      resource: { version: 'v2' },
      requestResource: { version: 'v1' },
      requestKind: { version: 'v1' },
    })
    await configured('mutating', [webhook('/v2', { rules, matchPolicy: 'Exact' })], async () => {
      expect((await server.create(path, { metadata: { name: 'h2' }, spec })).status).toBe(201)
    })
    expect(hooks.reviews).toHaveLength(0)
  })

  test('managedFields that a patch spoils are put back', async () => {
    hooks.on('/managed', () => patchAnswer({ op: 'add', path: '/metadata/managedFields/0/operation', value: 'Odd' }))
    await configured('mutating', [webhook('/managed')], async () => {
      const { body, warnings } = await createConfigMap({ labels: { a: 'b' } })
      expect(body.metadata.managedFields[0].operation).toBe('Update')
      expect(warnings[0]).toContain('.metadata.managedFields was in an invalid state after admission')
    })
  })

  test('DELETE: a patch has nothing to change', async () => {
    hooks.on('/delete', () => patchAnswer({ op: 'add', path: '/data', value: {} }))
    const { body } = await createConfigMap()
    const rules = [{ operations: ['DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }]
    await configured('mutating', [webhook('/delete', { rules })], async () => {
      const answer = await server.ask('DELETE', `${CONFIG_MAPS}/${body.metadata.name}`)
      expect(answer.body.message).toBe(
        'Internal error occurred: admission webhook "delete.example.com" attempted to modify the object, which is not supported for this operation',
      )
    })
    expect(hooks.reviews[0]!.request).toMatchObject({ object: null, oldObject: { metadata: body.metadata } })
  })
})

async function failureMessage(): Promise<string> {
  const { status, body } = await createConfigMap()
  expect({ status, reason: body.reason }).toEqual({ status: 500, reason: 'InternalError' })
  return body.message as string
}

describe('validating webhooks', () => {
  test('a refusal: code, reason and message of the webhook', async () => {
    const status = { code: 403, reason: 'Forbidden', message: 'not today', details: { causes: [{ field: 'x' }] } }
    hooks.on('/no', () => ({ allowed: false, status }))
    hooks.on('/no-words', () => ({ allowed: false }))
    await configured('validating', [webhook('/no')], async () => {
      expect((await createConfigMap()).body).toEqual({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'admission webhook "no.example.com" denied the request: not today',
        reason: 'Forbidden',
        details: { causes: [{ field: 'x' }] },
        code: 403,
      })
    })
    await configured('validating', [webhook('/no-words')], async () => {
      const { status, body } = await createConfigMap()
      expect({ status, message: body.message }).toEqual({
        status: 400,
        message: 'admission webhook "no-words.example.com" denied the request without explanation',
      })
    })
  })

  test('all are asked at once; the first in their order is heard', async () => {
    let waiting = 0
    let release = (): void => {}
    const all = new Promise<void>((resolve) => {
      release = resolve
    })
    const deny = (message: string) => async () => {
      if (++waiting === 3) release()
      await all
      return { allowed: false, status: { message } }
    }
    for (const name of ['a', 'b', 'c']) hooks.on(`/${name}`, deny(name))
    const three = ['/a', '/b', '/c'].map((path) => webhook(path, { timeoutSeconds: 10 }))
    await configured('validating', three, async () => {
      expect((await createConfigMap()).body.message).toBe('admission webhook "a.example.com" denied the request: a')
    })
  })

  test('sees what will be stored, after defaults and system fields', async () => {
    hooks.on('/final', () => ({ allowed: true }))
    await configured('validating', [webhook('/final')], async () => {
      const { body } = await createConfigMap({ name: undefined, generateName: 'gen-' })
      expect(hooks.reviews[0]!.request).toMatchObject({
        object: { metadata: { name: body.metadata.name, uid: body.metadata.uid } },
      })
    })
  })

  test('namespaceSelector, objectSelector', async () => {
    hooks.on('/deny', () => ({ allowed: false }))
    const elsewhere = webhook('/deny', { namespaceSelector: { matchLabels: { team: 'b' } } })
    const here = webhook('/deny', {
      namespaceSelector: { matchLabels: { team: 'a' } },
      objectSelector: { matchLabels: { x: 'y' } },
    })
    await configured('validating', [elsewhere], async () => expect((await createConfigMap()).status).toBe(201))
    await configured('validating', [here], async () => {
      expect((await createConfigMap()).status).toBe(201)
      expect((await createConfigMap({ labels: { x: 'y' } })).status).toBe(400)
    })
  })

  test('dry run: passed on to webhooks without side effects, refused for others', async () => {
    hooks.on('/dry', ({ request }) => ({ allowed: request.dryRun === true }))
    await configured('validating', [webhook('/dry', { sideEffects: 'NoneOnDryRun' })], async () => {
      expect((await server.create(`${CONFIG_MAPS}?dryRun=All`, configMap())).status).toBe(201)
    })
  })

  test('v1beta1: the uid is not looked at', async () => {
    hooks.on('/old', () => ({ uid: 'other', allowed: true }))
    await configured('validating', [webhook('/old', { admissionReviewVersions: ['v1beta1', 'v1'] })], async () => {
      expect((await createConfigMap()).status).toBe(201)
    })
    expect(hooks.reviews[0]!.apiVersion).toBe('admission.k8s.io/v1beta1')
  })

  test('their own configurations are never reviewed', async () => {
    hooks.on('/deny', () => ({ allowed: false }))
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }]
    await configured('validating', [webhook('/deny', { rules })], async () => {
      const path = `${CONFIGURATIONS}/validatingwebhookconfigurations`
      expect((await server.create(path, { metadata: { name: 'free' } })).status).toBe(201)
      expect((await server.ask('DELETE', `${path}/free`)).status).toBe(200)
      expect((await createConfigMap()).status).toBe(400)
    })
  })

  test('scale: rules name the subresource, the object is the scale', async () => {
    hooks.on('/scale', ({ request }) => ({
      allowed: request.object.spec.replicas < 5,
      status: { message: 'too many' },
    }))
    const rules = [
      { operations: ['UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'] },
    ]
    const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    const path = '/apis/apps/v1/namespaces/default/deployments'
    const spec = { selector: { matchLabels: { a: 'b' } }, template }
    await server.create(path, { metadata: { name: 'd' }, spec })
    const scale = (replicas: number): Promise<Answer> =>
      server.ask('PATCH', `${path}/d/scale`, { spec: { replicas } }, 'application/merge-patch+json')
    await configured('validating', [webhook('/scale', { rules })], async () => {
      expect((await scale(2)).body.spec.replicas).toBe(2)
      expect((await scale(7)).body.message).toContain('denied the request: too many')
    })
    expect(hooks.reviews[0]!.request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      subResource: 'scale',
    })
  })

  test('events: one object under two groups', async () => {
    hooks.on('/event', ({ request }) => ({ allowed: request.object.note !== 'bad', status: { message: 'bad note' } }))
    const rules = [{ operations: ['CREATE'], apiGroups: ['events.k8s.io'], apiVersions: ['v1'], resources: ['events'] }]
    const event = (message: string): object => ({
      metadata: { generateName: 'e-' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      message,
    })
    await configured('validating', [webhook('/event', { rules })], async () => {
      const path = '/api/v1/namespaces/default/events'
      expect((await server.create(path, event('good'))).status).toBe(201)
      expect((await server.create(path, event('bad'))).body.message).toContain('denied the request: bad note')
    })
    expect(hooks.reviews[0]!.request).toMatchObject({
      kind: { group: 'events.k8s.io', version: 'v1', kind: 'Event' },
      requestKind: { group: '', version: 'v1', kind: 'Event' },
      object: { apiVersion: 'events.k8s.io/v1', note: 'good', regarding: { name: 'p' } },
    })
  })

  test('a redirect that keeps the method is followed', async () => {
    hooks.on('/moved', (_, response) => void response.writeHead(308, { location: '/here' }).end())
    hooks.on('/here', () => ({ allowed: false, status: { message: 'found' } }))
    await configured('validating', [webhook('/moved')], async () => {
      expect((await createConfigMap()).body.message).toBe(
        'admission webhook "moved.example.com" denied the request: found',
      )
    })
  })

  test('matchConditions: nothing passes that they might concern', async () => {
    hooks.on('/conditions', () => ({ allowed: true }))
    const matchConditions = [{ name: 'c', expression: 'true' }]
    await configured('validating', [webhook('/conditions', { matchConditions })], async () => {
      expect((await createConfigMap()).body).toMatchObject({
        code: 403,
        message: expect.stringContaining('"conditions.example.com" has 1 matchConditions, which this server does not'),
      })
    })
    expect(hooks.reviews).toHaveLength(0)
  })

  test('connections are kept alive', async () => {
    hooks.on('/alive', () => ({ allowed: true }))
    await configured('validating', [webhook('/alive')], async () => {
      await createConfigMap()
      const before = hooks.connections
      for (let i = 0; i < 5; i++) await createConfigMap()
      expect(hooks.connections).toBe(before)
    })
  })
})

describe('webhooks that misbehave', () => {
  const CALLED = 'Internal error occurred: failed calling webhook "bad.example.com": failed to call webhook: '
  const INVALID =
    'Internal error occurred: failed calling webhook "bad.example.com": received invalid webhook response: '
  const post = (): string => `Post "${hooks.url('/bad')}?timeout=1s": `
  type Misbehaviour = readonly [
    what: string,
    handler: Parameters<WebhookServer['on']>[1],
    message: string | RegExp | (() => string),
  ]
  const cases: readonly Misbehaviour[] = [
    [
      'another uid',
      () => ({ uid: 'other', allowed: true }),
      /^Internal error occurred: failed calling webhook "bad.example.com": received invalid webhook response: expected response.uid="[0-9a-f-]{36}", got "other"$/,
    ],
    [
      'no response',
      (_, response) => void response.end('{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}'),
      `${INVALID}webhook response was absent`,
    ],
    [
      'a patch',
      () => patchAnswer({ op: 'add', path: '/data', value: {} }),
      `${INVALID}validating webhook may not return response.patch`,
    ],
    [
      'HTML',
      (_, response) => void response.setHeader('content-type', 'text/html').end('<html>hi</html>'),
      /failed to call webhook: couldn't get version\/kind; json parse error: json: cannot unmarshal string into Go value of type struct/,
    ],
    ['broken JSON', (_, response) => void response.end('{"kind":'), /couldn't get version\/kind; json parse error: /],
    [
      'another version',
      (_, response) => void response.end('{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}'),
      `${CALLED}converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion`,
    ],
    [
      'no kind',
      ({ request }, response) => void response.end(JSON.stringify({ response: { uid: request.uid, allowed: true } })),
      `${INVALID}expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=`,
    ],
    [
      'members of other types',
      ({ request }, response) => void response.end(JSON.stringify({ response: { uid: request.uid, allowed: 'yes' } })),
      `${CALLED}json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool`,
    ],
    [
      'an empty body',
      (_, response) => void response.end(),
      `${CALLED}0-length response with status code: 200 and content type: application/json`,
    ],
    [
      '404',
      (_, response) => void response.writeHead(404).end(),
      `${CALLED}the server could not find the requested resource`,
    ],
    [
      '500 with words',
      (_, response) => void response.writeHead(500, { 'content-type': 'text/plain' }).end('oh no\n'),
      `${CALLED}an error on the server ("oh no") has prevented the request from succeeding`,
    ],
    [
      'a redirect in circles',
      (_, response) => void response.writeHead(307, { location: '/bad' }).end(),
      () => `${CALLED}${post()}stopped after 10 redirects`,
    ],
    ['no answer', () => undefined, () => `${CALLED}${post()}context deadline exceeded`],
    [
      'a body that does not end',
      (_, response) => void response.writeHead(200).write('{'),
      `${CALLED}unexpected error when reading response body. Please retry. Original error: context deadline exceeded`,
    ],
    ['a closed connection', (_, response) => void response.destroy(), () => `${CALLED}${post()}EOF`],
    [
      'a body that breaks off',
      (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()),
      /unexpected EOF/,
    ],
    [
      'an answer that allows twice, in vain',
      ({ request }, response) =>
        void response.end(
          JSON.stringify({
            kind: 'AdmissionReview',
            apiVersion: 'admission.k8s.io/v1',
            response: [{ uid: request.uid, allowed: true }],
          }),
        ),
      `${CALLED}json: cannot unmarshal array into Go struct field AdmissionReview.response of type v1.AdmissionResponse`,
    ],
  ]

  test.each(cases)('%s: failurePolicy Fail refuses, Ignore lets through', async (_, handler, expected) => {
    hooks.on('/bad', handler)
    const message = await configured('validating', [webhook('/bad')], failureMessage)
    const wanted = typeof expected === 'function' ? expected() : expected
    if (wanted instanceof RegExp) expect(message).toMatch(wanted)
    else expect(message).toBe(wanted)
    await configured('validating', [webhook('/bad', { failurePolicy: 'Ignore' })], async () => {
      expect((await createConfigMap()).status).toBe(201)
    })
  })

  test.each(['mutating', 'validating'] as const)('%s: nothing outlives the time of the request', async (kind) => {
    let ended = (): void => {}
    const end = new Promise<void>((resolve) => {
      ended = resolve
    })
    hooks.on('/bad', (_, response) => void response.on('close', ended))
    const name = `late-${kind}`
    await configured(kind, [webhook('/bad', { timeoutSeconds: 30, failurePolicy: 'Ignore' })], async () => {
      const answer = await server.create(`${CONFIG_MAPS}?timeout=1s`, { metadata: { name } })
      expect(answer).toMatchObject({ status: 504, body: { reason: 'Timeout' } })
      await end
    })
    await createConfigMap()
    expect((await server.get(`${CONFIG_MAPS}/${name}`)).status).toBe(404)
  })

  test('a client that has gone: what it asked for is not done any more', async () => {
    let asked = (): void => {}
    const called = new Promise<void>((resolve) => {
      asked = resolve
    })
    let answer = (): void => {}
    const released = new Promise<void>((resolve) => {
      answer = resolve
    })
    hooks.on('/bad', async () => {
      asked()
      await released
      return { allowed: true }
    })
    await configured('validating', [webhook('/bad', { timeoutSeconds: 30 })], async () => {
      const port = await server.listen()
      const request = httpRequest({ method: 'POST', port, path: CONFIG_MAPS }).on('error', () => {})
      request.end(JSON.stringify({ metadata: { name: 'gone' } }))
      await called
      request.destroy()
      await expect.poll(() => server.connections()).toBe(0)
      answer()
      hooks.on('/bad', () => ({ allowed: true }))
      await createConfigMap()
    })
    expect((await server.get(`${CONFIG_MAPS}/gone`)).status).toBe(404)
  })

  test('a busy webhook is asked again when it says, as long as there is time', async () => {
    let asked = 0
    hooks.on('/bad', (_, response) => {
      if (++asked === 3) return { allowed: false, status: { message: 'third time' } }
      return void response.writeHead(asked === 1 ? 429 : 503, { 'retry-after': '0' }).end()
    })
    await configured('validating', [webhook('/bad', { timeoutSeconds: 20 })], async () => {
      expect((await createConfigMap()).body.message).toContain('denied the request: third time')
    })
    hooks.on('/bad', (_, response) => void response.writeHead(503, { 'retry-after': '60' }).end())
    expect(await configured('validating', [webhook('/bad')], failureMessage)).toBe(
      `${CALLED}${post()}context deadline exceeded`,
    )
    asked = 0
    hooks.on('/bad', (_, response) => {
      asked++
      response.writeHead(503, { 'retry-after': '0' }).end()
      return undefined
    })
    expect(await configured('validating', [webhook('/bad', { timeoutSeconds: 20 })], failureMessage)).toBe(
      `${CALLED}the server is currently unable to handle the request`,
    )
    expect(asked).toBe(11)
  })

  test('a body of 10 MB is not read to its end', async () => {
    const rubbish = Buffer.alloc(10_000_000, 32)
    hooks.on('/bad', (_, response) => void response.end(rubbish))
    await configured('validating', [webhook('/bad', { timeoutSeconds: 20 })], async () => {
      expect((await createConfigMap()).body.message).toBe(
        `${CALLED}unexpected error when reading response body. Please retry. Original error: the response is longer than 8388608 bytes`,
      )
    })
  })

  test('nobody listens', async () => {
    const clientConfig = { url: 'https://127.0.0.1:1/x' }
    expect(await configured('mutating', [webhook('/bad', { clientConfig })], failureMessage)).toBe(
      `${CALLED}Post "https://127.0.0.1:1/x?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused`,
    )
  })

  test('an authority that is not trusted', async () => {
    const clientConfig = { url: hooks.url('/bad') }
    expect(await configured('mutating', [webhook('/bad', { clientConfig })], failureMessage)).toBe(
      `${CALLED}${post()}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    )
  })

  test('a bundle that is none', async () => {
    const clientConfig = { url: hooks.url('/bad'), caBundle: Buffer.from('nothing').toString('base64') }
    expect(await configured('mutating', [webhook('/bad', { clientConfig })], failureMessage)).toContain(CALLED)
  })

  test.each([
    ['not JSON', 'no', /received undecodable patch in webhook response: /],
    [
      'no list',
      '{}',
      /undecodable patch in webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch/,
    ],
    [
      'does not apply',
      '[{"op":"remove","path":"/nope"}]',
      /^Internal error occurred: error in remove for path: '\/nope': Unable to remove nonexistent key: nope: missing value$/,
    ],
    ['an unknown operation', '[{"op":"frob","path":"/x"}]', /^Internal error occurred: Unexpected kind: frob$/],
    ['another kind', '[{"op":"replace","path":"/kind","value":"Secret"}]', /unknown conversion/],
    ['of another type', '[{"op":"add","path":"/data","value":7}]', /cannot unmarshal number/],
  ])('a patch that is %s', async (_, patch, expected) => {
    hooks.on('/bad', () => ({ allowed: true, patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') }))
    await configured('mutating', [webhook('/bad')], async () => {
      const { status, body } = await createConfigMap()
      expect(status).toBe(500)
      expect(body.message).toMatch(expected)
    })
  })

  test('a patch of another type, or without one', async () => {
    const patch = Buffer.from('[{"op":"add","path":"/data","value":{}}]').toString('base64')
    hooks.on('/bad', () => ({ allowed: true, patch }))
    expect(await configured('mutating', [webhook('/bad')], failureMessage)).toBe(
      `${INVALID}webhook returned response.patch but not response.patchType`,
    )
    hooks.on('/bad', () => ({ allowed: true, patch, patchType: 'Other' }))
    expect(await configured('mutating', [webhook('/bad')], failureMessage)).toBe(
      'Internal error occurred: failed calling webhook "bad.example.com": unsupported patch type "Other"',
    )
    hooks.on('/bad', () => ({ allowed: true, patch: '!!', patchType: 'JSONPatch' }))
    expect(await configured('mutating', [webhook('/bad')], failureMessage)).toBe(
      `${CALLED}illegal base64 data at input byte 0`,
    )
  })

  test('a code that is none: refused with 400', async () => {
    hooks.on('/bad', () => ({ allowed: false, status: { code: 99_999, message: 'odd' } }))
    await configured('validating', [webhook('/bad')], async () => expect((await createConfigMap()).status).toBe(400))
  })
})
