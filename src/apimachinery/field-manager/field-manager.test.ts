import { describe, expect, test } from 'vitest'
import { asApiError } from '../api-error.ts'
import type { Clock } from '../clock.ts'
import { cloneJson } from '../clone.ts'
import type { JsonObject, KubeObject } from '../kube-object.ts'
import { typeOfKind } from '../schema/builtin-types.ts'
import { decode } from '../schema/decode.ts'
import type { ManagedFieldsEntry } from '../types/meta-v1.ts'
import { FieldManager } from './field-manager.ts'
import { restoreManagedFields } from './managed-fields.ts'

/** A clock that moves on by a minute with every look. */
function tickingClock(): Clock {
  let now = Date.parse('2026-01-01T00:00:00Z')
  return {
    now: () => {
      now += 60_000
      return now
    },
    setTimer: () => ({ cancel: () => {} }),
  }
}

interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly resetFields?: readonly string[]
  readonly subresource?: string
}

const CONFIG_MAP: Kind = { group: '', version: 'v1', kind: 'ConfigMap' }
const DEPLOYMENT: Kind = { group: 'apps', version: 'v1', kind: 'Deployment', resetFields: ['status'] }
const POD: Kind = { group: '', version: 'v1', kind: 'Pod', resetFields: ['status'] }
const SERVICE: Kind = { group: '', version: 'v1', kind: 'Service', resetFields: ['status'] }

const UID = '11111111-2222-3333-4444-555555555555'

/** One stored object and the writes to it, without defaults. */
class Sandbox {
  readonly #kind: Kind
  readonly #clock = tickingClock()
  object: KubeObject | undefined

  constructor(kind: Kind) {
    this.#kind = kind
  }

  #manager(overrides: Partial<Kind> = {}): FieldManager {
    const { group, version, kind, resetFields = [], subresource = '' } = { ...this.#kind, ...overrides }
    const node = typeOfKind({ group, version, kind })
    return new FieldManager({
      node,
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      subresource,
      resetFields,
      clock: this.#clock,
      complete: (object) => decode(object, node).object as unknown as KubeObject,
    })
  }

  decode(object: JsonObject): KubeObject {
    const { group, version, kind } = this.#kind
    const decoded = decode(cloneJson(object), typeOfKind({ group, version, kind })).object as unknown as KubeObject
    return this.object ? { ...decoded, metadata: { ...decoded.metadata, uid: UID } } : decoded
  }

  /** Writes the object and gives its managedFields without times. */
  update(manager: string, object: JsonObject, overrides?: Partial<Kind>): JsonObject[] {
    return this.#store(this.#manager(overrides).update(this.object, this.decode(object), manager))
  }

  apply(manager: string, object: JsonObject, force = false): JsonObject[] {
    return this.#store(this.#manager().apply(this.object, object, manager, force))
  }

  #store(object: KubeObject): JsonObject[] {
    this.object = cloneJson({ ...object, metadata: { ...object.metadata, uid: UID } })
    return this.managedFields()
  }

  managedFields(): JsonObject[] {
    return (this.object?.metadata.managedFields ?? []).map((entry) => {
      const { time: _, fieldsType, apiVersion: __, ...rest } = entry
      expect(fieldsType).toBe('FieldsV1')
      return rest as JsonObject
    })
  }

  times(): (string | undefined)[] {
    return (this.object?.metadata.managedFields ?? []).map((entry) => entry.time)
  }
}

const configMap = (data: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  data,
})

const deployment = (spec: JsonObject): JsonObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: { selector: { matchLabels: { app: 'd' } }, ...spec },
})

const template = (...containers: readonly JsonObject[]): JsonObject => ({
  template: { metadata: { labels: { app: 'd' } }, spec: { containers } },
})

function failure(run: () => unknown): readonly [number, string, JsonObject[]] {
  try {
    run()
  } catch (error) {
    const api = asApiError(error)
    if (!api) throw error
    return [api.code, api.message, (api.details?.causes ?? []) as JsonObject[]]
  }
  throw new Error('did not fail')
}

/** Answers of a real server. */
describe('updates', () => {
  test('a create owns what it sets, and the maps that come with it', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    expect(sandbox.update('creator', configMap({ x: '1' }, { annotations: { n: '1' } }))).toEqual([
      {
        manager: 'creator',
        operation: 'Update',
        fieldsV1: { 'f:data': { '.': {}, 'f:x': {} }, 'f:metadata': { 'f:annotations': { '.': {}, 'f:n': {} } } },
      },
    ])
  })

  test('an object that sets nothing is owned by nobody', () => {
    expect(
      new Sandbox(CONFIG_MAP).update('m', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }),
    ).toEqual([])
  })

  test('a created Deployment: zero values that JSON always carries count, structs themselves do not', () => {
    const sandbox = new Sandbox(DEPLOYMENT)
    const spec = { replicas: 2, strategy: { type: 'Recreate' }, ...template({ name: 'c', image: 'i' }) }
    const container = { '.': {}, 'f:image': {}, 'f:name': {}, 'f:resources': {} }
    expect(sandbox.update('creator', deployment(spec))).toEqual([
      {
        manager: 'creator',
        operation: 'Update',
        fieldsV1: {
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:strategy': { 'f:type': {} },
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
              'f:spec': { 'f:containers': { 'k:{"name":"c"}': container } },
            },
          },
        },
      },
    ])
    expect(Object.keys(sandbox.object?.metadata.managedFields?.[0] ?? {})).toEqual([
      'manager',
      'operation',
      'apiVersion',
      'time',
      'fieldsType',
      'fieldsV1',
    ])
  })

  test('status through its subresource; null times count', () => {
    const sandbox = new Sandbox(POD)
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    }
    sandbox.update('creator', pod)
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], podIPs: [{ ip: '1.1.1.1' }] }
    const entries = sandbox.update('kubelet', { ...pod, status }, { subresource: 'status', resetFields: ['spec'] })
    const condition = { '.': {}, 'f:lastProbeTime': {}, 'f:lastTransitionTime': {}, 'f:status': {}, 'f:type': {} }
    expect(entries).toContainEqual({
      manager: 'kubelet',
      operation: 'Update',
      subresource: 'status',
      fieldsV1: {
        'f:status': {
          'f:conditions': { '.': {}, 'k:{"type":"Ready"}': condition },
          'f:phase': {},
          'f:podIPs': { '.': {}, 'k:{"ip":"1.1.1.1"}': { '.': {}, 'f:ip': {} } },
        },
      },
    })
  })

  test('status through the main endpoint is owned by nobody', () => {
    const sandbox = new Sandbox(POD)
    const entries = sandbox.update('m', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      status: { phase: 'Running' },
    })
    expect(entries).toEqual([])
  })

  test('changed fields move, removed ones are lost, untouched entries keep their time', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.update('one', configMap({ x: '1', y: '1', z: '1' }))
    const [created] = sandbox.times()
    expect(sandbox.update('two', configMap({ x: '2', y: '1' }))).toEqual([
      { manager: 'one', operation: 'Update', fieldsV1: { 'f:data': { '.': {}, 'f:y': {} } } },
      { manager: 'two', operation: 'Update', fieldsV1: { 'f:data': { 'f:x': {} } } },
    ])
    expect(sandbox.times()[0]).toBe(created)
    expect(sandbox.times()[1]).not.toBe(created)
  })

  test('an update that changes nothing changes no entry', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.update('one', configMap({ x: '1' }))
    const before = sandbox.object?.metadata.managedFields
    sandbox.update('two', configMap({ x: '1' }))
    expect(sandbox.object?.metadata.managedFields).toEqual(before)
  })

  test('managedFields of the request: [] and [{}] forget, malformed and missing ones are ignored, others are taken', () => {
    const given = (managedFields: readonly unknown[] | undefined) => {
      const sandbox = new Sandbox(CONFIG_MAP)
      sandbox.update('one', configMap({ x: '1' }))
      const next = sandbox.decode(configMap({ x: '1', y: '2' }))
      next.metadata.managedFields = managedFields as ManagedFieldsEntry[]
      const manager = new FieldManager({
        node: typeOfKind(CONFIG_MAP),
        apiVersion: 'v1',
        kind: 'ConfigMap',
        subresource: '',
        resetFields: [],
        clock: tickingClock(),
      })
      return manager.update(sandbox.object, next, 'two').metadata.managedFields?.map((entry) => entry.manager)
    }
    expect(given([])).toBeUndefined()
    expect(given([{}])).toBeUndefined()
    expect(given(undefined)).toEqual(['one', 'two'])
    expect(given([{ manager: 'x' }])).toEqual(['one', 'two'])
    expect(
      given([{ manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { bad: {} } }]),
    ).toEqual(['one', 'two'])
    expect(
      given([
        {
          manager: 'x',
          operation: 'Update',
          apiVersion: 'v1',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { 'f:x': {} } },
        },
      ]),
    ).toEqual(['x', 'two'])
  })

  test('an empty list of managedFields gets through decoding', () => {
    const { object } = decode(configMap({}, { managedFields: [] }), typeOfKind(CONFIG_MAP))
    expect(object['metadata']).toEqual({ name: 'a', managedFields: [] })
  })

  test('an object without ownership stays so until it is applied to', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.object = { ...(configMap({ x: '1' }) as unknown as KubeObject), metadata: { name: 'a', uid: UID } }
    expect(sandbox.update('one', configMap({ x: '2' }))).toEqual([])
    expect(sandbox.apply('two', configMap({ y: '1' }))).toEqual([
      { manager: 'two', operation: 'Apply', fieldsV1: { 'f:data': { 'f:y': {} } } },
      { manager: 'before-first-apply', operation: 'Update', fieldsV1: { 'f:data': { '.': {}, 'f:x': {} } } },
    ])
  })

  test('a live object with an item that nothing tells apart cannot be applied to for the first time', () => {
    const account = (fields: JsonObject) => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'n' },
      ...fields,
    })
    const sandbox = new Sandbox({ group: '', version: 'v1', kind: 'ServiceAccount' })
    expect(sandbox.update('one', account({ secrets: [{ namespace: 'x' }] }))).toEqual([])
    expect(failure(() => sandbox.apply('two', account({ imagePullSecrets: [{ name: 'a' }] })))).toEqual([
      500,
      'failed to create manager for existing fields: failed to convert new object (/n; /v1, Kind=ServiceAccount) to smd typed: .secrets: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
      [],
    ])
  })

  test('more than ten updating managers: the oldest are put together', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    const data: JsonObject = {}
    for (let i = 0; i < 13; i++) {
      data[`k${i}`] = '1'
      sandbox.update(`m${String(i).padStart(2, '0')}`, configMap({ ...data }))
    }
    const entries = sandbox.managedFields()
    expect(entries.map((entry) => entry['manager'])).toEqual([
      'ancient-changes',
      ...[4, 5, 6, 7, 8, 9, 10, 11, 12].map((n) => `m${String(n).padStart(2, '0')}`),
    ])
    expect(entries[0]!['fieldsV1']).toEqual({ 'f:data': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {}, 'f:k3': {} } })
  })

  test('an empty manager is called unknown', () => {
    expect(new Sandbox(CONFIG_MAP).update('', configMap({ x: '1' }))[0]!['manager']).toBe('unknown')
  })
})

describe('applies', () => {
  test('a create owns what it names, not the maps around', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    expect(sandbox.apply('one', configMap({ x: '1', y: '2' }, { labels: { l: '1' } }))).toEqual([
      {
        manager: 'one',
        operation: 'Apply',
        fieldsV1: { 'f:data': { 'f:x': {}, 'f:y': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
      },
    ])
  })

  test('the same again changes nothing, the time included', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.apply('one', configMap({ x: '1' }))
    const before = sandbox.object
    sandbox.apply('one', configMap({ x: '1' }))
    expect(sandbox.object).toEqual(before)
  })

  test('fields given up go, unless another owns them', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.apply('one', configMap({ x: '1', y: '2' }))
    sandbox.apply('two', configMap({ y: '2' }))
    sandbox.apply('one', configMap({ z: '3' }))
    expect(sandbox.object?.['data']).toEqual({ y: '2', z: '3' })
    expect(sandbox.apply('one', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })).toEqual([
      { manager: 'two', operation: 'Apply', fieldsV1: { 'f:data': { 'f:y': {} } } },
    ])
    sandbox.apply('two', configMap({}))
    expect(sandbox.object?.['data']).toBeUndefined()
    expect(sandbox.managedFields()).toEqual([{ manager: 'two', operation: 'Apply', fieldsV1: { 'f:data': {} } }])
  })

  test('a manager that joins without changing anything has no time', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.update('creator', configMap({ x: '1' }))
    sandbox.apply('one', configMap({ x: '1' }))
    expect(sandbox.times()).toEqual([undefined, expect.any(String)])
  })

  test('list items by one key and by several, with defaulted keys', () => {
    const sandbox = new Sandbox(DEPLOYMENT)
    const first = { name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }], ports: [{ containerPort: 80 }] }
    const [one] = sandbox.apply('one', deployment(template(first)))
    expect(one!['fieldsV1']).toEqual({
      'f:spec': {
        'f:selector': {},
        'f:template': {
          'f:metadata': { 'f:labels': { 'f:app': {} } },
          'f:spec': {
            'f:containers': {
              'k:{"name":"a"}': {
                '.': {},
                'f:env': { 'k:{"name":"X"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                'f:image': {},
                'f:name': {},
                'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
              },
            },
          },
        },
      },
    })
    sandbox.apply('two', deployment(template({ name: 'b', image: 'b:1' })))
    const again = [
      { name: 'b', image: 'b:1' },
      {
        name: 'a',
        env: [
          { name: 'Y', value: '2' },
          { name: 'X', value: '1' },
        ],
      },
    ]
    sandbox.apply('two', deployment(template(...again)))
    const containers = (sandbox.object as unknown as { spec: { template: { spec: { containers: JsonObject[] } } } })
      .spec.template.spec.containers
    expect(containers.map((c) => c['name'])).toEqual(['b', 'a'])
    expect(containers[1]!['env']).toEqual([
      { name: 'Y', value: '2' },
      { name: 'X', value: '1' },
    ])
    sandbox.apply('one', deployment(template({ name: 'a', image: 'a:1' })))
    sandbox.apply('two', deployment(template({ name: 'z', image: 'z' }, { name: 'b', image: 'b:1' })))
    const last = (sandbox.object as unknown as { spec: { template: { spec: { containers: JsonObject[] } } } }).spec
      .template.spec.containers
    expect(last.map((c) => c['name'])).toEqual(['z', 'b', 'a'])
    expect(last[2]).toEqual({ name: 'a', image: 'a:1', resources: {} })
  })

  test('null is owned and unsets', () => {
    const sandbox = new Sandbox(DEPLOYMENT)
    const container = { name: 'a', image: 'a', env: null, resources: { limits: null } }
    const entries = sandbox.apply('one', {
      ...deployment({ replicas: null, paused: true, strategy: null, ...template(container) }),
      metadata: { name: 'd', labels: null },
    })
    expect(entries[0]!['fieldsV1']).toEqual({
      'f:metadata': { 'f:labels': {} },
      'f:spec': {
        'f:paused': {},
        'f:replicas': {},
        'f:selector': {},
        'f:strategy': {},
        'f:template': {
          'f:metadata': { 'f:labels': { 'f:app': {} } },
          'f:spec': {
            'f:containers': {
              'k:{"name":"a"}': {
                '.': {},
                'f:env': {},
                'f:image': {},
                'f:name': {},
                'f:resources': { 'f:limits': {} },
              },
            },
          },
        },
      },
    })
  })

  test('an atomic map conflicts as a whole', () => {
    const service = (selector: JsonObject) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { selector },
    })
    const sandbox = new Sandbox(SERVICE)
    sandbox.apply('one', service({ a: 'b' }))
    expect(failure(() => sandbox.apply('two', service({ c: 'd' })))[1]).toBe(
      'Apply failed with 1 conflict: conflict with "one": .spec.selector',
    )
    sandbox.apply('two', service({ c: 'd' }), true)
    expect(sandbox.managedFields()).toEqual([
      { manager: 'two', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:selector': {} } } },
    ])
  })
})

describe('conflicts', () => {
  test('with one and several fields and owners: message and causes', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.apply('one', configMap({ x: '1', y: '2' }, { labels: { l: '1' } }))
    expect(failure(() => sandbox.apply('two', configMap({ x: '2' })))).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "one": .data.x',
      [{ field: '.data.x', message: 'conflict with "one"', reason: 'FieldManagerConflict' }],
    ])
    sandbox.apply('two', configMap({ x: '2' }), true)
    sandbox.apply('x-three', configMap({ y: '2' }))
    const [code, message, causes] = failure(() =>
      sandbox.apply('y-four', configMap({ x: '4', y: '4' }, { labels: { l: '4' } })),
    )
    expect([code, message, causes.length]).toEqual([
      409,
      'Apply failed with 4 conflicts: conflicts with "one":\n- .data.y\n- .metadata.labels.l\nconflicts with "two":\n- .data.x\nconflicts with "x-three":\n- .data.y',
      4,
    ])
    sandbox.update('editor', { ...configMap({ x: 'edited', y: '2', e: '1' }, { labels: { l: '1' } }) })
    expect(failure(() => sandbox.apply('two', configMap({ x: '2', e: '2' })))[1]).toBe(
      'Apply failed with 2 conflicts: conflicts with "editor" using v1:\n- .data.e\n- .data.x',
    )
  })

  test('an update by the same name is another owner', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.apply('one', configMap({ x: '1' }))
    sandbox.update('one', configMap({ x: '3' }))
    expect(failure(() => sandbox.apply('one', configMap({ x: '4' })))[1]).toBe(
      'Apply failed with 1 conflict: conflict with "one" using v1: .data.x',
    )
  })

  test('a refused apply leaves the object alone', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.apply('one', configMap({ x: '1' }))
    const before = cloneJson(sandbox.object)
    failure(() => sandbox.apply('two', configMap({ x: '2' })))
    expect(sandbox.object).toEqual(before)
  })
})

describe('what kubectl applied on the client side', () => {
  const annotated = {
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(configMap({ x: '1', y: '1' })) },
  }

  test('kubectl may take over its own fields, and leaves the annotation up to date', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.update('kubectl-client-side-apply', configMap({ x: '1', y: '1' }, annotated))
    expect(sandbox.apply('kubectl', configMap({ x: '2' }))).toEqual([
      { manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:data': { 'f:x': {} } } },
      {
        manager: 'kubectl-client-side-apply',
        operation: 'Update',
        fieldsV1: {
          'f:data': { '.': {}, 'f:y': {} },
          'f:metadata': { 'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/last-applied-configuration': {} } },
        },
      },
    ])
    expect(sandbox.object?.metadata.annotations).toEqual({
      'kubectl.kubernetes.io/last-applied-configuration':
        '{"apiVersion":"v1","data":{"x":"2"},"kind":"ConfigMap","metadata":{"name":"a"}}\n',
    })
  })

  test('not where someone else has changed them since', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.update('kubectl-client-side-apply', configMap({ x: '1', y: '1' }, annotated))
    sandbox.update('other', configMap({ x: '5', y: '1' }, annotated))
    expect(failure(() => sandbox.apply('kubectl', configMap({ x: '2', y: '2' })))[1]).toBe(
      'Apply failed with 1 conflict: conflict with "other" using v1: .data.x',
    )
  })

  test('others conflict as ever', () => {
    const sandbox = new Sandbox(CONFIG_MAP)
    sandbox.update('kubectl-client-side-apply', configMap({ x: '1', y: '1' }, annotated))
    expect(failure(() => sandbox.apply('one', configMap({ x: '2' })))[0]).toBe(409)
  })
})

describe('what is refused', () => {
  const apply = (object: JsonObject) => failure(() => new Sandbox(CONFIG_MAP).apply('one', object)).slice(0, 2)
  const cm = { apiVersion: 'v1', kind: 'ConfigMap' }
  test.each<[string, JsonObject, number, string]>([
    ['no apiVersion', { kind: 'ConfigMap' }, 400, 'invalid object type: /, Kind=ConfigMap'],
    ['no kind', { apiVersion: 'v1' }, 400, 'invalid object type: /v1, Kind='],
    ['another version', { apiVersion: 'v2', kind: 'ConfigMap' }, 400, 'invalid object type: /v2, Kind=ConfigMap'],
    [
      'another group',
      { apiVersion: 'apps/v1beta1', kind: 'Deployment' },
      400,
      'invalid object type: apps/v1beta1, Kind=Deployment',
    ],
    [
      'managedFields',
      { ...cm, metadata: { name: 'a', managedFields: [{ manager: 'x' }] } },
      400,
      'metadata.managedFields must be nil',
    ],
    [
      'empty managedFields',
      { ...cm, metadata: { name: 'a', managedFields: [] } },
      400,
      'metadata.managedFields must be nil',
    ],
    [
      'a number for a string',
      configMap({ x: 5 }),
      500,
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.x: expected string, got &value.valueUnstructured{Value:5}',
    ],
    [
      'a list for a map',
      { ...configMap({}), data: ['x'] },
      500,
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data: expected map, got &{[x]}',
    ],
    [
      'an unknown field',
      { ...configMap({}), nothing: 1 },
      500,
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .nothing: field not declared in schema',
    ],
    [
      'a set item twice',
      configMap({}, { finalizers: ['x.io/a', 'x.io/a'] }),
      500,
      'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="x.io/a"]',
    ],
  ])('%s', (_, object, code, message) => {
    expect(apply(object)).toEqual([code, message])
  })

  test('an object nested without end', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`) as JsonObject
    expect(apply({ ...cm, metadata: { name: 'a' }, data: deep })).toEqual([400, 'exceeded max depth'])
  })

  test('an unknown field of a list item, a key twice', () => {
    const run = (...containers: JsonObject[]) =>
      failure(() => new Sandbox(DEPLOYMENT).apply('one', deployment(template(...containers))))[1]
    expect(run({ name: 'c', imagee: 'x' })).toBe(
      'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="c"].imagee: field not declared in schema',
    )
    expect(run({ name: 'c' }, { name: 'c' })).toBe(
      'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.template.spec.containers: duplicate entries for key [name="c"]',
    )
  })
})

describe('after mutating admission', () => {
  const before: ManagedFieldsEntry[] = [
    { manager: 'x', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} },
  ]
  const objectWith = (managedFields: ManagedFieldsEntry[] | undefined): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { managedFields },
  })

  test('managedFields that were spoilt come back, with a warning', () => {
    const object = objectWith([{ manager: 'x' }])
    expect(restoreManagedFields(object, before)).toBe(
      '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: operation must be `Apply` or `Update`',
    )
    expect(object.metadata.managedFields).toBe(before)
  })

  test.each<[Partial<ManagedFieldsEntry>, string]>([
    [{ operation: 'Other' }, 'operation must be `Apply` or `Update`'],
    [{ apiVersion: '' }, 'apiVersion must not be empty'],
    [{ fieldsType: '' }, 'missing fieldsType in managed fields entry 0'],
    [{ fieldsType: 'RandomType' }, 'invalid fieldsType "RandomType" in managed fields entry 0'],
    [{ fieldsV1: { bad: {} } }, 'error decoding set: missing colon: bad'],
  ])('%j: %s', (change, problem) => {
    const object = objectWith([{ ...before[0], ...change }])
    expect(restoreManagedFields(object, undefined)).toContain(problem)
    expect(object.metadata).toEqual({})
  })

  test('valid ones stay as admission left them', () => {
    const after = [...before, ...before]
    const object = objectWith(after)
    expect(restoreManagedFields(object, before)).toBeUndefined()
    expect(object.metadata.managedFields).toBe(after)
  })
})
