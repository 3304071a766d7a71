import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { schemaFacts } from '../../../openapi/data.ts'
import { fc } from '../../../test/suites/property.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { typeOf } from '../schema/builtin-types.ts'
import { decode } from '../schema/decode.ts'
import { DecodeError } from '../schema/json-text.ts'
import type { ScalarType, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { decodeProtobuf } from './decode.ts'
import { encodeProtobuf, encodeProtobufWatchEvent, NoProtobufError } from './encode.ts'

interface Captured {
  /** Body that kubectl 1.35 sent, base64. */
  readonly bytes: string
  /** What the same kubectl prints with --dry-run=client -o json. */
  readonly json: JsonObject
}

const captured = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testdata/kubectl-requests.json'), 'utf8'),
) as Captured[]

describe('requests of kubectl 1.35', () => {
  test.each(captured.map((c) => [String(c.json.kind), c] as const))('%s is read as kubectl prints it', (_, c) => {
    const { object, kind, apiVersion } = decodeProtobuf(Buffer.from(c.bytes, 'base64'))
    expect({ kind, apiVersion }).toEqual({ kind: c.json.kind, apiVersion: c.json.apiVersion })
    expect(JSON.stringify(object)).toBe(JSON.stringify(c.json))
  })

  test('create token sa --duration=1h --audience=x', () => {
    const bytes =
      'azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIgChAKABIAGgAiACoAMgA4AEIAEgYKAXggkBwaBAoAEgAaACIA'
    expect(decodeProtobuf(Buffer.from(bytes, 'base64')).object).toEqual({
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec: { audiences: ['x'], expirationSeconds: 3600, boundObjectRef: null },
      status: { token: '', expirationTimestamp: null },
    })
  })
})

const SCALARS: Readonly<Record<ScalarType, unknown>> = {
  string: 'text',
  int32: -7,
  int64: 4_503_599_627_370_497,
  float64: 0.5,
  bool: true,
  bytes: 'AAEC',
  quantity: '1500m',
  'int-or-string': '50%',
  time: '2026-01-02T03:04:05Z',
  'micro-time': '2026-01-02T03:04:05.678901Z',
  duration: '1h0m0s',
}

const EITHER = { 'schema-or-list': [{ type: 'x' }], 'schema-or-bool': false, 'schema-or-strings': ['a'] }

/** A value of the type with every field set, to some depth. */
function rich(node: SchemaNode, depth: number): unknown {
  switch (node.kind) {
    case 'struct':
      return depth === 0 ? undefined : richObject(node, depth)
    case 'list': {
      const item = rich(node.item, depth)
      return item === undefined ? undefined : [item]
    }
    case 'map': {
      const value = rich(node.value, depth)
      return value === undefined ? undefined : { 'b/c': value }
    }
    case 'scalar':
      return SCALARS[node.type]
    default:
      return node.either === undefined ? { raw: [1, 'x'] } : EITHER[node.either]
  }
}

function richObject(struct: StructNode, depth: number): JsonObject {
  // Kind and version of objects inside of others (items of a list) do not travel.
  const fields = [...struct.fields.values()]
    .filter((f) => (f.name !== 'kind' && f.name !== 'apiVersion') || !isKind(struct))
    .map((f) => [f.name, rich(f.node, depth - 1)] as const)
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}

function isKind({ definition }: StructNode): boolean {
  return schemaFacts()[definition]?.gvk !== undefined
}

const kinds = Object.entries(schemaFacts()).flatMap(([definition, { gvk, properties }]) =>
  gvk && properties?.kind ? [[gvk[0]!.join('/'), definition, gvk[0]!] as const] : [],
)

describe('round trip', () => {
  test.each(kinds)('%s', (_, definition, [group, version, kind]) => {
    const apiVersion = group === '' ? version : `${group}/${version}`
    const value = { ...richObject(typeOf(definition), 8), kind, apiVersion }
    const { object } = decode(value, typeOf(definition))
    const bytes = encodeProtobuf(object)
    expect(bytes.length).toBeGreaterThan(Buffer.byteLength(apiVersion))
    expect(decodeProtobuf(bytes).object).toEqual(object)
  })

  test('there are lists and meta kinds among them', () => {
    const names = kinds.map(([name]) => name)
    expect(names).toEqual(
      expect.arrayContaining(['/v1/PodList', '/v1/Status', '/v1/List', 'meta.k8s.io/v1/PartialObjectMetadataList']),
    )
  })

  test('int-or-string keeps numbers, empty pointers stay', () => {
    const service = { spec: { ports: [{ port: 1, targetPort: 8080 }] } }
    const policy = { spec: { podSelector: {}, ingress: [{}] } }
    for (const [value, kind, apiVersion, definition] of [
      [service, 'Service', 'v1', 'io.k8s.api.core.v1.Service'],
      [policy, 'NetworkPolicy', 'networking.k8s.io/v1', 'io.k8s.api.networking.v1.NetworkPolicy'],
    ] as const) {
      const { object } = decode({ kind, apiVersion, ...value }, typeOf(definition))
      expect(decodeProtobuf(encodeProtobuf(object)).object).toEqual(object)
    }
  })
})

describe('bad input', () => {
  const good = Buffer.from(captured[0]!.bytes, 'base64')
  const failure = (bytes: Uint8Array): unknown => {
    try {
      decodeProtobuf(bytes)
      return undefined
    } catch (error) {
      return error
    }
  }

  test('is named', () => {
    expect(failure(Buffer.from('{}'))).toMatchObject({
      message: 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    })
    expect(failure(good.subarray(0, good.length - 40))).toMatchObject({ message: 'unexpected EOF' })
    expect(failure(Buffer.from('k8s\0\x08\x01', 'latin1'))).toMatchObject({
      message: 'proto: wrong wireType = 0 for field TypeMeta',
    })
  })

  test('never ends in anything but a DecodeError', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (edits) => {
        const bytes = Buffer.from(good)
        for (const [at, byte] of edits) bytes[at] = byte
        const error = failure(bytes)
        if (error !== undefined) expect(error).toBeInstanceOf(DecodeError)
      }),
      { numRuns: 2000 },
    )
  })

  test('nesting without end is refused', () => {
    let schema: Buffer = Buffer.alloc(0)
    const wrap = (field: number, inner: Buffer): Buffer => {
      const head: number[] = [field * 8 + 2 > 127 ? ((field * 8 + 2) & 127) | 128 : field * 8 + 2]
      if (field * 8 + 2 > 127) head.push((field * 8 + 2) >> 7)
      let length = inner.length
      for (; length > 127; length >>>= 7) head.push((length & 127) | 128)
      head.push(length)
      return Buffer.concat([Buffer.from(head), inner])
    }
    for (let i = 0; i < 3000; i++) schema = wrap(28, schema)
    const crd = wrap(2, wrap(7, wrap(4, wrap(1, schema))))
    const meta = wrap(
      1,
      Buffer.concat([
        wrap(1, Buffer.from('apiextensions.k8s.io/v1')),
        wrap(2, Buffer.from('CustomResourceDefinition')),
      ]),
    )
    expect(failure(Buffer.concat([Buffer.from('k8s\0', 'latin1'), meta, wrap(2, crd)]))).toMatchObject({
      message: 'exceeded max depth',
    })
  })
})

describe('encoding', () => {
  test('a watch frame is a length and a bare WatchEvent with an enveloped object', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } }
    const frame = encodeProtobufWatchEvent('ADDED', pod)
    expect(frame.readUInt32BE(0)).toBe(frame.length - 4)
    expect(frame.subarray(4, 11).toString('latin1')).toBe('\x0a\x05ADDED')
    const envelope = frame.subarray(frame.indexOf('k8s\0', 0, 'latin1'))
    expect(decodeProtobuf(envelope).object).toMatchObject(pod)
  })

  test('kinds that are not built in have no protobuf form', () => {
    expect(() => encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Widget' })).toThrow(NoProtobufError)
  })

  test('raw content may be an enveloped object', () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      metadata: {},
      items: [{ apiVersion: 'v1', kind: 'Secret', metadata: {} }],
    }
    expect(isJsonObject(decodeProtobuf(encodeProtobuf(list)).object)).toBe(true)
    expect(decodeProtobuf(encodeProtobuf(list)).object).toEqual(list)
  })
})
