import protobuf from 'protobufjs/minimal.js'
import { expect, test } from 'vitest'
import { encodeOpenApiV2 } from './v2-protobuf.ts'

/** A message as its fields: number → contents, strings and messages undecoded. */
function fields(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const reader = protobuf.Reader.create(bytes)
  const out = new Map<number, (Uint8Array | number)[]>()
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const value = (tag & 7) === 2 ? reader.bytes() : reader.uint32()
    out.set(tag >>> 3, [...(out.get(tag >>> 3) ?? []), value])
  }
  return out
}

const inside = (bytes: Uint8Array, ...path: number[]): Uint8Array =>
  path.reduce((at, number) => fields(at).get(number)![0] as Uint8Array, bytes)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

// Numbers: gnostic openapiv2/OpenAPIv2.proto.
test('documents are written with the numbers of gnostic', () => {
  const bytes = encodeOpenApiV2({
    swagger: '2.0',
    info: { title: 'T', version: 'v1' },
    paths: {
      '/a/{name}': {
        get: { operationId: 'readA', responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/A' } } } },
        parameters: [{ in: 'path', name: 'name', type: 'string', required: true, uniqueItems: true }],
      },
    },
    definitions: {
      A: {
        type: 'object',
        properties: { m: { type: 'object', additionalProperties: { type: 'string' } } },
        required: ['m'],
        'x-kubernetes-group-version-kind': [{ group: '', kind: 'A', version: 'v1' }],
      },
    },
  })
  expect(text(inside(bytes, 1))).toBe('2.0')
  expect(text(inside(bytes, 2, 1))).toBe('T')
  expect(text(inside(bytes, 8, 2, 1))).toBe('/a/{name}')
  expect(text(inside(bytes, 8, 2, 2, 2, 5))).toBe('readA')
  expect(text(inside(bytes, 8, 2, 2, 2, 9, 1, 1))).toBe('200')
  expect(text(inside(bytes, 8, 2, 2, 2, 9, 1, 2, 1, 2, 1, 1))).toBe('#/definitions/A')
  expect(text(inside(bytes, 8, 2, 2, 9, 1, 2, 4, 4))).toBe('name')
  expect(fields(inside(bytes, 8, 2, 2, 9, 1, 2, 4)).get(19)).toEqual([1])
  const schema = inside(bytes, 9, 1, 2)
  expect(text(inside(schema, 22, 1))).toBe('object')
  expect(text(inside(schema, 19))).toBe('m')
  expect(text(inside(schema, 25, 1, 2, 21, 1, 22, 1))).toBe('string')
  expect(text(inside(schema, 31, 1))).toBe('x-kubernetes-group-version-kind')
  expect(JSON.parse(text(inside(schema, 31, 2, 2)))).toEqual([{ group: '', kind: 'A', version: 'v1' }])
})
