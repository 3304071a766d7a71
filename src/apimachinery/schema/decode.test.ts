import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../kube-object.ts'
import { definitionOf, typeOf, typeOfKind } from './builtin-types.ts'
import { decode, decodeOver } from './decode.ts'
import { parseJson, parseJsonExact } from './json-text.ts'
import { normalize } from './normalize.ts'

const POD = typeOf('io.k8s.api.core.v1.Pod')
const SERVICE = typeOf('io.k8s.api.core.v1.Service')
const SECRET = typeOf('io.k8s.api.core.v1.Secret')
const CRD = typeOfKind({ group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' })

const read = (text: string, type = POD) => decode(parseJsonExact(Buffer.from(text)), type)

// Forms of values: upstream's json tags and the MarshalJSON methods of its types.
describe('normal form', () => {
  test('what JSON always carries is filled in, in Go order; null and zero fields are dropped', () => {
    const { object } = read(
      '{"spec":{"nodeName":"","containers":[{"image":"x","name":"c","args":[],"stdin":false}],"hostPID":null},"apiVersion":"v1","kind":"Pod"}',
    )
    expect(JSON.stringify(object)).toBe(
      '{"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":[{"name":"c","image":"x","resources":{}}]},"status":{}}',
    )
  })

  test('pointers keep a zero that was given', () => {
    const { object } = read(
      '{"spec":{"terminationGracePeriodSeconds":0,"securityContext":{},"enableServiceLinks":false}}',
    )
    expect(object.spec).toEqual({
      containers: null,
      terminationGracePeriodSeconds: 0,
      securityContext: {},
      enableServiceLinks: false,
    })
  })

  test('quantities, times and bytes are printed as Go prints them', () => {
    const { object } = read(
      '{"metadata":{"creationTimestamp":"2026-01-02T03:04:05.678+02:00"},"spec":{"overhead":{"cpu":0.5,"memory":"1024Ki","x":1e3,"y":null}}}',
    )
    expect((object.metadata as JsonObject).creationTimestamp).toBe('2026-01-02T01:04:05Z')
    expect((object.spec as JsonObject).overhead).toEqual({ cpu: '500m', memory: '1Mi', x: '1e3', y: '0' })
    const secret = read('{"data":{"a":"QQ\\n==","b":"QR==","c":null}}', SECRET).object
    expect(secret.data).toEqual({ a: 'QQ==', b: 'QQ==', c: '' })
  })

  test('the zero time is unset', () => {
    const { object } = read('{"metadata":{"creationTimestamp":"0001-01-01T00:00:00Z"}}')
    expect(object.metadata).toEqual({})
  })

  test('null elements are zero values', () => {
    const { object } = read('{"metadata":{"finalizers":[null]},"spec":{"containers":[null]}}')
    expect(object.metadata).toEqual({ finalizers: [''] })
    expect((object.spec as JsonObject).containers).toEqual([{ name: '', resources: {} }])
  })

  test('keys such as __proto__ are data', () => {
    const { object } = read('{"metadata":{"annotations":{"__proto__":"x","constructor":"y"}}}')
    const annotations = (object.metadata as JsonObject).annotations as JsonObject
    expect(Object.keys(annotations)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(annotations)).toBe(Object.prototype)
    expect(JSON.stringify(annotations)).toBe('{"__proto__":"x","constructor":"y"}')
  })

  test('either-or types of CRD schemas', () => {
    const props = (json: string): unknown => {
      const text = `{"spec":{"versions":[{"name":"v1","schema":{"openAPIV3Schema":${json}}}]}}`
      const spec = read(text, CRD).object.spec as { versions: { schema: { openAPIV3Schema: unknown } }[] }
      return spec.versions[0]!.schema.openAPIV3Schema
    }
    const nested =
      '{"items":{"type":"string"},"additionalProperties":false,"default":null,"enum":[null,1],"dependencies":{"a":["b"]}}'
    expect(props(nested)).toEqual({
      items: { type: 'string' },
      additionalProperties: false,
      enum: [null, 1],
      dependencies: { a: ['b'] },
    })
    expect(() => props('{"additionalProperties":5}')).toThrow('boolean or JSON schema expected')
  })
})

// Messages: sigs.k8s.io/json and Go's encoding/json, time, encoding/base64.
describe('errors', () => {
  test.each([
    [
      '{"spec":{"containers":{}}}',
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      '{"spec":{"containers":["x"]}}',
      'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container',
    ],
    [
      '{"spec":{"containers":[{"resources":{"limits":[]}}]}}',
      'json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList',
    ],
    [
      '{"spec":{"restartPolicy":true}}',
      'json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy',
    ],
    [
      '{"spec":{"priority":2147483648}}',
      'json: cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      '{"spec":{"activeDeadlineSeconds":9223372036854775808}}',
      'json: cannot unmarshal number 9223372036854775808 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64',
    ],
    [
      '{"spec":{"priority":1.5}}',
      'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32',
    ],
    [
      '{"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":1.5}}}]}}',
      'json: cannot unmarshal number 1.5 into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32',
    ],
    [
      '{"metadata":{"uid":1,"creationTimestamp":"2026-02-30T00:00:00Z"}}',
      'parsing time "2026-02-30T00:00:00Z": day out of range',
    ],
    [
      '{"metadata":{"creationTimestamp":"2026-01-01T00:00:00"}}',
      'parsing time "2026-01-01T00:00:00" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00"',
    ],
    [
      '{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Zx"}}',
      'parsing time "2026-01-01T00:00:00Zx": extra text: "x"',
    ],
    ['{"metadata":{"creationTimestamp":"2026-13-01Tx"}}', 'parsing time "2026-13-01Tx": month out of range'],
    [
      '{"metadata":{"creationTimestamp":"2026-01-01T00:00:61.x"}}',
      'parsing time "2026-01-01T00:00:61.x": second out of range',
    ],
    [
      '{"metadata":{"creationTimestamp":"2026-01-01T00:00:00+25:00x"}}',
      'parsing time "2026-01-01T00:00:00+25:00x": time zone offset hour out of range',
    ],
    [
      '{"metadata":{"creationTimestamp":"2026-01-01T24:00:00Z"}}',
      'parsing time "2026-01-01T24:00:00Z": hour out of range',
    ],
    [
      '{"metadata":{"creationTimestamp":5}}',
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
    ],
    [
      '{"spec":{"overhead":{"cpu":"1x"}}}',
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ])('%s', (text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ message }))
  })

  test('of several wrong types the first one counts', () => {
    expect(() => read('{"metadata":{"name":1},"spec":[]}')).toThrow('ObjectMeta.metadata.name')
  })

  test.each([
    ['***', 0],
    ['QQ=', 3],
    ['QQQ', 0],
    ['QQ=Q', 2],
    ['QQ==Q', 4],
    ['QQQQQ', 4],
  ])('base64 %s fails at byte %i', (text, at) => {
    expect(() => read(JSON.stringify({ data: { a: text } }), SECRET)).toThrow(`illegal base64 data at input byte ${at}`)
  })

  test('typed content nested without end is refused, not followed', () => {
    const deep = `${'{"items":'.repeat(3000)}{}${'}'.repeat(3000)}`
    const text = `{"spec":{"versions":[{"schema":{"openAPIV3Schema":{"not":${'{"not":'.repeat(3000)}{}${'}'.repeat(3000)}}}}]}}`
    expect(() => read(text, CRD)).toThrow('exceeded max depth')
    expect(() => read(text.replace(/"not":[\s\S]*$/, `"x":1,"items":${deep}}}}]}}`), CRD)).toThrow('exceeded max depth')
  })
})

describe('strict errors', () => {
  test('stand in document order, repeated names among them, and repeated objects are merged', () => {
    const { object, strictErrors } = read(
      '{"metadata":{"name":"a","name":"b","x":1},"foo":1,"foo":2,"metadata":{"namespace":"n"},"spec":{"containers":[{"nam":"c"}],"nodeSelector":{"a":"1","a":"2"}}}',
    )
    expect(strictErrors).toEqual([
      'duplicate field "metadata.name"',
      'unknown field "metadata.x"',
      'unknown field "foo"',
      'duplicate field "metadata"',
      'unknown field "spec.containers[0].nam"',
      'duplicate field "spec.nodeSelector.a"',
    ])
    expect(object.metadata).toEqual({ name: 'b', namespace: 'n' })
    expect((object.spec as JsonObject).nodeSelector).toEqual({ a: '2' })
  })

  test('are at most 100, each once', () => {
    const fields = Array.from({ length: 150 }, (_, i) => `"f${i}":1`).join(',')
    expect(read(`{${fields}}`).strictErrors).toHaveLength(100)
  })

  test('untyped bodies report repeated names', () => {
    const { value, strictErrors } = parseJson(Buffer.from('{"data":{"a":1,"a":2},"l":[{"b":1,"b":1}],"s":"\\"a\\":"}'))
    expect(value).toEqual({ data: { a: 2 }, l: [{ b: 1 }], s: '"a":' })
    expect(strictErrors).toEqual(['duplicate field "data.a"', 'duplicate field "l[0].b"'])
  })
})

describe('normalize', () => {
  test('drops what the typed server leaves out, fills in what it writes, keeps what was given', () => {
    const { object } = read('{"spec":{"ports":[{"port":80}],"type":"ClusterIP"}}', SERVICE)
    const spec = object.spec as JsonObject
    spec.type = ''
    spec.selector = {}
    spec.sessionAffinityConfig = { clientIP: {} }
    spec.externalIPs = undefined
    object.status = undefined
    normalize(object, SERVICE)
    expect(object).toEqual({
      metadata: {},
      spec: { ports: [{ port: 80, targetPort: 0 }], sessionAffinityConfig: { clientIP: {} } },
      status: { loadBalancer: {} },
    })
  })

  test('of a decoded object changes nothing', () => {
    const { object } = read('{"spec":{"containers":[{"name":"c","env":[{"name":"a"}]}],"volumes":[{"emptyDir":{}}]}}')
    const before = JSON.stringify(object)
    normalize(object, POD)
    expect(JSON.stringify(object)).toBe(before)
  })
})

describe('types', () => {
  test('kinds of every group version lead to their definition', () => {
    expect(definitionOf({ group: 'apps', version: 'v1', kind: 'Deployment' })).toBe('io.k8s.api.apps.v1.Deployment')
    expect(definitionOf({ group: 'apps', version: 'v1', kind: 'DeleteOptions' })).toMatch(/meta\.v1\.DeleteOptions$/)
    expect(definitionOf({ group: 'x', version: 'v1', kind: 'Deployment' })).toBeUndefined()
  })

  test('claimRef is granular where the type says atomic', () => {
    const spec = typeOf('io.k8s.api.core.v1.PersistentVolumeSpec')
    const claim = spec.fields.get('claimRef')?.node
    expect(claim).toMatchObject({ kind: 'struct', goName: 'ObjectReference', atomic: false })
    expect(typeOf('io.k8s.api.core.v1.ObjectReference').atomic).toBe(true)
  })
})

describe('over an object that is known', () => {
  const known = read(
    '{"metadata":{"name":"a","labels":{"x":"y"},"managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}]},"spec":{"containers":[{"name":"a","image":"i"},{"name":"b","image":"i"}],"nodeSelector":{"k":"v"}}}',
  ).object
  const spec = known['spec'] as JsonObject
  const containers = spec['containers'] as JsonObject[]

  test('what is shared comes as it is, what is new is decoded', () => {
    const changed = {
      ...known,
      metadata: { ...(known['metadata'] as JsonObject), labels: null },
      spec: {
        ...spec,
        hostPID: false,
        containers: [containers[0], { name: 'b', image: '', resources: { limits: { cpu: 0.5 } } }],
      },
    }
    const { object, strictErrors } = decodeOver(changed, POD, known)
    expect(object).toEqual(decode(changed, POD).object)
    expect(strictErrors).toEqual([])
  })

  test('the result shares nothing with the object but who owns what', () => {
    const { object } = decodeOver({ ...known, status: {} }, POD, known)
    expect(object).toEqual(known)
    const copy = object['spec'] as JsonObject
    expect(copy).not.toBe(spec)
    expect((copy['containers'] as JsonObject[])[0]).not.toBe(containers[0])
    const owners = (of: JsonObject) => (of['metadata'] as JsonObject)['managedFields']
    expect(owners(object)).toBe(owners(known))
  })

  test('raw content that is new is copied', () => {
    const node = typeOfKind({ group: 'apps', version: 'v1', kind: 'ControllerRevision' })
    const data = { a: [1] }
    const { object } = decodeOver({ revision: 1, data }, node, { revision: 0 })
    expect(object['data']).toEqual(data)
    expect(object['data']).not.toBe(data)
  })

  test('errors name the same places', () => {
    const wrong = { ...known, spec: { ...spec, containers: [containers[0], { name: 'b', imag: 'x' }] } }
    expect(decodeOver(wrong, POD, known).strictErrors).toEqual(['unknown field "spec.containers[1].imag"'])
    const type = { ...known, spec: { ...spec, containers: [containers[0], { name: 1 }] } }
    expect(() => decodeOver(type, POD, known)).toThrow(
      'json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string',
    )
  })
})
