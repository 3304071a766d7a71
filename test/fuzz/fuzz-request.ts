import fc, { type Arbitrary } from 'fast-check'

/** A request as it goes over the wire. */
export interface FuzzRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

interface Target {
  readonly collection: string
  readonly object: object
  readonly subresources: readonly string[]
}

const podSpec = {
  containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }], env: [{ name: 'A', value: '1' }] }],
  volumes: [{ name: 'v', emptyDir: {} }],
}
const template = { metadata: { labels: { a: 'b' } }, spec: podSpec }
const selector = { matchLabels: { a: 'b' } }
const namespaced = (group: string, resource: string): string => `${group}/namespaces/default/${resource}`

/** Kinds of every sort: big specs, views of one object, immutable fields, allocators, subresources, no storage. */
const TARGETS: readonly Target[] = [
  { collection: namespaced('/api/v1', 'configmaps'), object: { data: { a: '1' } }, subresources: [] },
  { collection: namespaced('/api/v1', 'secrets'), object: { stringData: { a: '1' } }, subresources: [] },
  {
    collection: namespaced('/api/v1', 'pods'),
    object: { spec: podSpec },
    subresources: ['status', 'binding', 'eviction', 'ephemeralcontainers', 'resize', 'log', 'exec', 'proxy'],
  },
  {
    collection: namespaced('/api/v1', 'services'),
    object: { spec: { selector: { a: 'b' }, ports: [{ port: 80 }] } },
    subresources: ['status', 'proxy'],
  },
  { collection: '/api/v1/namespaces', object: { spec: {} }, subresources: ['status', 'finalize'] },
  {
    collection: '/api/v1/nodes',
    object: { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
    subresources: ['status'],
  },
  {
    collection: namespaced('/apis/apps/v1', 'deployments'),
    object: { spec: { selector, template } },
    subresources: ['status', 'scale'],
  },
  {
    collection: namespaced('/apis/apps/v1', 'statefulsets'),
    object: { spec: { serviceName: 's', selector, template } },
    subresources: ['status', 'scale'],
  },
  {
    collection: namespaced('/apis/batch/v1', 'jobs'),
    object: { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } },
    subresources: ['status'],
  },
  {
    collection: namespaced('/apis/autoscaling/v1', 'horizontalpodautoscalers'),
    object: { spec: { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'a' } } },
    subresources: ['status'],
  },
  {
    collection: namespaced('/apis/autoscaling/v2', 'horizontalpodautoscalers'),
    object: { spec: { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'a' }, metrics: [] } },
    subresources: ['status'],
  },
  {
    collection: namespaced('/apis/events.k8s.io/v1', 'events'),
    object: {
      regarding: { kind: 'Pod', name: 'a', namespace: 'default' },
      reason: 'R',
      action: 'A',
      type: 'Normal',
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'x.io/c',
      reportingInstance: 'i',
    },
    subresources: [],
  },
  {
    collection: namespaced('/apis/networking.k8s.io/v1', 'ingresses'),
    object: { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } },
    subresources: ['status'],
  },
  {
    collection: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    object: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    subresources: [],
  },
  {
    collection: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    object: {
      spec: {
        group: 'x.io',
        scope: 'Namespaced',
        names: { plural: 'as', kind: 'A' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
    subresources: ['status'],
  },
  {
    collection: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    object: { spec: { user: 'u', resourceAttributes: { verb: 'get', resource: 'pods' } } },
    subresources: [],
  },
  { collection: '/apis/authentication.k8s.io/v1/tokenreviews', object: { spec: { token: 't' } }, subresources: [] },
]

function withQuery(path: string, query: string): string {
  if (query === '') return path
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

/** Few names, so that requests meet each other's objects and the store stays small. */
const NAMES = ['a', 'b', 'c', 'd']
const HOSTILE_SEGMENTS = [
  '',
  '.',
  '..',
  '%2e%2e',
  '%00',
  'a%2fb',
  '%',
  '%zz',
  '%C3%28',
  '-',
  'A',
  '*',
  '%C3%A9',
  'a'.repeat(300),
  'watch',
  'proxy',
]
const ROOT_PATHS = [
  '/',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/apps',
  '/apis/apps/v1',
  '/version',
  '/healthz',
  '/readyz',
  '/livez/etcd',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/apis/apps/v1',
  '/.well-known/openid-configuration',
  '/api/v1/watch/pods?timeoutSeconds=1',
]

const anyText = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 40 }))

const segment = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE_SEGMENTS) },
  { weight: 1, arbitrary: anyText.map(encodeURIComponentSafely) },
)

/** Without lone surrogates, which no URL can carry. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

/** What `encodeURIComponent` makes of text, lone surrogates and all. */
function encodeURIComponentSafely(text: string): string {
  return encodeURIComponent(wellFormed(text))
}

const token = anyText.map((text) => Buffer.from(text).toString('base64url'))
const continueToken = fc.oneof(
  token,
  fc
    .record({
      v: fc.constantFrom('meta.k8s.io/v1', 'x', 1),
      rv: fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1e300, '1')),
      start: anyText,
    })
    .map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
)
const number = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom('0', '-1', '1e9', '9223372036854775808', '0x1', ' 1', 'NaN', ''),
)
const flag = fc.constantFrom('true', 'false', '1', '0', 'yes', '')
const selectorText = fc.oneof(
  fc.constantFrom(
    'a=b',
    'a in (b,c)',
    'a notin ()',
    '!a',
    'a,',
    '(',
    'a in',
    'a>1',
    'metadata.name=a',
    'status.phase!=x',
    'a==b==c',
    ',',
  ),
  anyText,
)

const PARAMETERS: Readonly<Record<string, Arbitrary<string>>> = {
  limit: number,
  continue: continueToken,
  resourceVersion: number,
  resourceVersionMatch: fc.constantFrom('Exact', 'NotOlderThan', 'x', ''),
  labelSelector: selectorText,
  fieldSelector: selectorText,
  pretty: flag,
  dryRun: fc.constantFrom('All', 'x', ''),
  fieldManager: anyText,
  fieldValidation: fc.constantFrom('Strict', 'Warn', 'Ignore', 'x'),
  force: flag,
  gracePeriodSeconds: number,
  propagationPolicy: fc.constantFrom('Orphan', 'Background', 'Foreground', 'x'),
  orphanDependents: flag,
  timeout: fc.constantFrom('1s', '-1s', 'x', '99999999h', ''),
  allowWatchBookmarks: flag,
  sendInitialEvents: flag,
  includeObject: fc.constantFrom('None', 'Object', 'x'),
  container: anyText,
  command: anyText,
  tailLines: number,
}

const query = fc
  .subarray(Object.keys(PARAMETERS), { maxLength: 4 })
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, PARAMETERS[name]!]))))
  .map((values) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${encodeURIComponentSafely(value)}`)
      .join('&'),
  )

/** Hostile JSON values, put in place of any value of a good object. */
const hostileValue: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    1e308,
    2 ** 53 + 2,
    '',
    [],
    {},
    [null],
    { '': null },
    '\u0000',
    '\ud800',
    'x'.repeat(5_000),
  ),
  fc.constantFrom<unknown>(
    JSON.parse('{"__proto__":{"polluted":true}}'),
    { constructor: { prototype: 1 } },
    { $patch: 'replace' },
  ),
  fc.jsonValue({ maxDepth: 3 }),
)

/** The object with one of its values, at any depth, replaced. */
function mutate(value: unknown, steps: readonly number[], by: unknown): unknown {
  if (steps.length === 0 || typeof value !== 'object' || value === null) return by
  const [step = 0, ...rest] = steps
  if (Array.isArray(value)) {
    if (value.length === 0) return [by]
    return value.map((item, i) => (i === step % value.length ? mutate(item, rest, by) : item))
  }
  const keys = Object.keys(value)
  if (keys.length === 0) return { x: by }
  const chosen = keys[step % keys.length]!
  return { ...value, [chosen]: mutate((value as Record<string, unknown>)[chosen], rest, by) }
}

const steps = fc.array(fc.nat(30), { maxLength: 8 })

function objectText(target: Target): Arbitrary<string> {
  const whole = fc.constantFrom(...NAMES).map((name) => ({
    metadata: { name, labels: { a: 'b' }, annotations: { n: '1' } },
    ...target.object,
  }))
  return fc.oneof(
    { weight: 3, arbitrary: whole.map((object) => JSON.stringify(object)) },
    {
      weight: 6,
      arbitrary: fc
        .tuple(whole, steps, hostileValue)
        .map(([object, at, by]) => JSON.stringify(mutate(object, at, by)) ?? 'null'),
    },
    { weight: 1, arbitrary: fc.json({ maxDepth: 5 }) },
  )
}

const POINTERS = [
  '',
  '/',
  '/metadata',
  '/metadata/name',
  '/metadata/labels/a',
  '/metadata/labels/~1',
  '/metadata/labels/~2',
  '/spec',
  '/spec/replicas',
  '/spec/template/spec/containers/0',
  '/spec/template/spec/containers/-',
  '/spec/containers/-1',
  '/spec/containers/99999999999',
  '/__proto__/x',
  '/data/a',
  'x',
]
const operation = fc.record(
  {
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'),
    path: fc.constantFrom(...POINTERS),
    from: fc.constantFrom(...POINTERS),
    value: hostileValue,
  },
  { requiredKeys: ['op', 'path'] },
)

/** Strategic merge directives, well and badly placed. */
const directive = fc.constantFrom<object>(
  { spec: { template: { spec: { containers: [{ $patch: 'replace' }, { name: 'c', image: 'j' }] } } } },
  {
    spec: {
      containers: [{ name: 'c', $patch: 'delete' }],
      '$setElementOrder/containers': [{ name: 'c' }, { name: 'z' }],
    },
  },
  { spec: { '$setElementOrder/containers': 'x' } },
  { metadata: { '$deleteFromPrimitiveList/finalizers': ['x'] } },
  { metadata: { '$deleteFromPrimitiveList/finalizers': 1 } },
  { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
  { spec: { $retainKeys: [1], replicas: 1 } },
  { $patch: 'delete' },
  { spec: { ports: [{ $patch: 'merge', port: 80 }] } },
  { spec: { containers: [{ image: 'no name' }] } },
)

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

function patchOf(target: Target): Arbitrary<{ type: string; text: string }> {
  const asText = fc.oneof(
    fc.array(operation, { maxLength: 4 }).map((list) => JSON.stringify(list)),
    directive.map((value) => JSON.stringify(value)),
    fc.tuple(directive, steps, hostileValue).map(([value, at, by]) => JSON.stringify(mutate(value, at, by)) ?? 'null'),
    objectText(target),
  )
  return fc.record({ type: fc.constantFrom(...PATCH_TYPES), text: asText })
}

/** Bytes that are no text of the type that they claim to be. */
const brokenBytes: Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from('k8s\0'), bytes])),
  fc.nat(3_000).map((depth) => Buffer.from('['.repeat(depth))),
  fc.nat(3_000).map((depth) => Buffer.from(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)),
  fc
    .constantFrom(
      '',
      '{',
      '{"a":1,"a":2}',
      '{"metadata":{"name":"a"}} {}',
      'a: &a [*a]',
      'a: [*b]',
      '- - - -',
      '\ufeff{}',
      '{"kind":"Status"}',
      '!!binary x: y',
    )
    .map((text) => Buffer.from(text)),
)

/** Good text with a few bytes changed, cut off, or as it is. */
function damaged(text: Arbitrary<string>): Arbitrary<Buffer> {
  const flips = fc.array(fc.tuple(fc.nat(5_000), fc.nat(255)), { maxLength: 3 })
  return fc.oneof(
    { weight: 8, arbitrary: text.map((value) => Buffer.from(value)) },
    { weight: 2, arbitrary: fc.tuple(text, flips).map(([value, changes]) => flip(Buffer.from(value), changes)) },
    {
      weight: 1,
      arbitrary: fc.tuple(text, fc.nat(200)).map(([value, length]) => Buffer.from(value).subarray(0, length)),
    },
    { weight: 1, arbitrary: brokenBytes },
  )
}

function flip(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
  return bytes
}

const MEDIA_TYPES = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
  'text/plain',
  'application/json; charset=utf-16',
  ';',
  'a/b/c',
  '*/*',
]
const ACCEPTS = [
  ...MEDIA_TYPES,
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io',
  'application/json;q=x',
  'application/json;as=X;v=v9;g=z',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
]

/** Values that a header may carry at all: others never leave the client. */
const headerText = fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[^\t\x20-\x7e]/g, '?'))
const extraHeaders = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'impersonate-user',
          'impersonate-group',
          'impersonate-extra-x',
          'if-none-match',
          'traceparent',
          'accept-encoding',
          'user-agent',
          'audit-id',
          'content-encoding',
        ),
        headerText,
      )
      .map(([name, value]) => ({ [name]: value })),
  },
)
const accept = fc.oneof(
  { weight: 12, arbitrary: fc.constant('application/json') },
  { weight: 6, arbitrary: fc.constantFrom(...ACCEPTS) },
  { weight: 1, arbitrary: headerText },
)

interface Shape {
  readonly method: string
  readonly path: Arbitrary<string>
  readonly type: Arbitrary<string>
  readonly body: Arbitrary<Buffer> | undefined
}

function shapesOf(target: Target): Arbitrary<Shape> {
  const name = segment
  const item = name.map((value) => `${target.collection}/${value}`)
  const below =
    target.subresources.length > 0
      ? fc.tuple(item, fc.constantFrom(...target.subresources)).map(([at, sub]) => `${at}/${sub}`)
      : item
  const collection = fc.constant(target.collection)
  const anywhere = fc.oneof(collection, item, below)
  const text = damaged(objectText(target))
  const json = fc.oneof(
    { weight: 10, arbitrary: fc.constant('application/json') },
    { weight: 2, arbitrary: fc.constantFrom(...MEDIA_TYPES) },
  )
  const patches = patchOf(target)
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant<Shape>({ method: 'GET', path: anywhere, type: json, body: undefined }) },
    {
      weight: 5,
      arbitrary: fc.constant<Shape>({
        method: 'POST',
        path: fc.oneof({ weight: 4, arbitrary: collection }, below),
        type: json,
        body: text,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.constant<Shape>({ method: 'PUT', path: fc.oneof(item, below), type: json, body: text }),
    },
    {
      weight: 5,
      arbitrary: patches.map<Shape>((patch) => ({
        method: 'PATCH',
        path: fc.oneof(item, below),
        type: fc.constant(patch.type),
        body: damaged(fc.constant(patch.text)),
      })),
    },
    { weight: 1, arbitrary: fc.constant<Shape>({ method: 'DELETE', path: anywhere, type: json, body: text }) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('HEAD', 'OPTIONS', 'PROPFIND', 'MKCOL')
        .map<Shape>((method) => ({ method, path: anywhere, type: json, body: undefined })),
    },
  )
}

const resourceRequest: Arbitrary<FuzzRequest> = fc
  .constantFrom(...TARGETS)
  .chain(shapesOf)
  .chain(({ method, path, type, body }) =>
    fc.record({
      method: fc.constant(method),
      path,
      query,
      type,
      accept,
      extra: extraHeaders,
      body: body ?? fc.constant(undefined),
    }),
  )
  .map(({ method, path, query, type, accept, extra, body }) => ({
    method,
    path: withQuery(path, query),
    headers: { accept, ...(body === undefined ? {} : { 'content-type': type }), ...extra },
    body,
  }))

/** Characters that may stand in a request line: others never leave the client. */
const wild = fc.string({ maxLength: 60 }).map((text) => `/${text.replaceAll(/[^\x21-\x7e]/g, '')}`)
const pathRequest: Arbitrary<FuzzRequest> = fc
  .record({
    path: fc.oneof(
      fc.constantFrom(...ROOT_PATHS),
      wild,
      fc
        .array(segment, { maxLength: 8 })
        .map((parts) => `/${parts.map((part) => encodeURI(wellFormed(part))).join('/')}`),
    ),
    query,
    accept,
    extra: extraHeaders,
  })
  .map(({ path, query, accept, extra }) => ({
    method: 'GET',
    path: withQuery(path, query),
    headers: { accept, ...extra },
    body: undefined,
  }))

const watchRequest: Arbitrary<FuzzRequest> = fc
  .record({ target: fc.constantFrom(...TARGETS), query, accept })
  .map(({ target, query, accept }) => ({
    method: 'GET',
    path: `${target.collection}?watch=true&timeoutSeconds=1&${query}`,
    headers: { accept },
    body: undefined,
  }))

/** A request of any kind. Watches are few: each takes a second. */
export const fuzzRequest: Arbitrary<FuzzRequest> = fc.oneof(
  { weight: 900, arbitrary: resourceRequest },
  { weight: 95, arbitrary: pathRequest },
  { weight: 5, arbitrary: watchRequest },
)
