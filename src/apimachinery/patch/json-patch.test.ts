import { describe, expect, test } from 'vitest'
import { asApiError } from '../api-error.ts'
import type { JsonObject } from '../kube-object.ts'
import { applyJsonPatch, decodeJsonPatch } from './json-patch.ts'

function patched(document: JsonObject, patch: unknown): JsonObject {
  const before = JSON.stringify(document)
  try {
    return applyJsonPatch(document, decodeJsonPatch(patch, { strict: false }).operations) as JsonObject
  } finally {
    expect(JSON.stringify(document), 'the original is not written to').toBe(before)
  }
}

/** Code and inner cause of a refusal. */
function refusal(run: () => unknown): readonly [number, string] {
  try {
    run()
  } catch (error) {
    const api = asApiError(error)!
    return [api.code, api.cause instanceof Error ? api.cause.message : api.message]
  }
  throw new Error('was not refused')
}

describe('operations', () => {
  /** RFC 6902 appendix A and recorded answers of a real server. */
  test.each([
    ['adds a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['adds an element', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['appends', { a: [1] }, [{ op: 'add', path: '/a/-', value: [2] }], { a: [1, [2]] }],
    ['adds from the end', { a: [1, 3] }, [{ op: 'add', path: '/a/-1', value: 4 }], { a: [1, 3, 4] }],
    ['removes a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['removes an element', { a: [1, 2, 3] }, [{ op: 'remove', path: '/a/1' }], { a: [1, 3] }],
    ['replaces', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: null }], { a: { b: null } }],
    ['replaces what is absent', { a: {} }, [{ op: 'replace', path: '/a/b', value: 1 }], { a: { b: 1 } }],
    ['moves', { a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
    ['moves an element', { a: [1, 2, 3] }, [{ op: 'move', from: '/a/0', path: '/a/2' }], { a: [2, 3, 1] }],
    ['copies', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    ['copies what is absent as null', { a: {} }, [{ op: 'copy', from: '/a/x', path: '/a/y' }], { a: { y: null } }],
    ['tests', { a: { b: [1, { c: 'x' }] } }, [{ op: 'test', path: '/a', value: { b: [1, { c: 'x' }] } }], undefined],
    ['tests for null on an absent member', { a: 1 }, [{ op: 'test', path: '/b', value: null }], undefined],
    ['reads escapes', { 'a/b': 1, 'c~d': 2 }, [{ op: 'remove', path: '/a~1b' }], { 'c~d': 2 }],
    ['reads ~01 as ~1', { '~1': 1 }, [{ op: 'remove', path: '/~01' }], {}],
    ['adds null without a value', { a: 1 }, [{ op: 'add', path: '/b' }], { a: 1, b: null }],
    ['ignores what stands before the first slash', { a: 1 }, [{ op: 'add', path: 'data/z', value: 2 }], { a: 1, z: 2 }],
  ])('%s', (_, document, patch, expected) => {
    expect(patched(document, patch)).toEqual(expected ?? document)
  })

  test('a copy and its source part ways', () => {
    const patch = [
      { op: 'add', path: '/a/b/x', value: 1 },
      { op: 'copy', from: '/a', path: '/c' },
      { op: 'add', path: '/a/b/y', value: 2 },
      { op: 'add', path: '/c/b/z', value: 3 },
    ]
    expect(patched({ a: { b: {} } }, patch)).toEqual({ a: { b: { x: 1, y: 2 } }, c: { b: { x: 1, z: 3 } } })
  })

  test('the document itself is tested and replaced', () => {
    const test = { op: 'test', path: '', value: { a: 1 } }
    expect(patched({ a: 1 }, [test, { op: 'replace', path: '', value: { b: {} } }])).toEqual({ b: {} })
    expect(
      patched({ a: 1 }, [
        { op: 'replace', path: '', value: [] },
        { op: 'add', path: '/-', value: 1 },
      ]),
    ).toEqual([1])
  })

  test('what the patch does not touch is shared', () => {
    const document = { a: { b: 1 }, c: { d: 1 } }
    expect(patched(document, [{ op: 'add', path: '/a/x', value: 1 }])['c']).toBe(document.c)
  })

  test('the value of the patch is not written to by later operations', () => {
    const patch = [
      { op: 'add', path: '/a', value: { b: {} } },
      { op: 'add', path: '/a/b/c', value: 1 },
    ]
    expect(patched({}, patch)).toEqual({ a: { b: { c: 1 } } })
    expect(patch[0]!.value).toEqual({ b: {} })
  })

  test('prototypes are out of reach', () => {
    const patch = JSON.parse('[{"op":"add","path":"/__proto__","value":{"polluted":true}}]') as unknown
    const result = patched({ a: 1 }, patch)
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype)
    expect(refusal(() => patched({ a: 1 }, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }]))[0]).toBe(422)
    expect(({} as JsonObject)['polluted']).toBeUndefined()
  })
})

describe('refusals', () => {
  test.each([
    ['test of another value', [{ op: 'test', path: '/a', value: 2 }], 'testing value /a failed: test failed'],
    ['test of an absent member', [{ op: 'test', path: '/b', value: 2 }], 'testing value /b failed: test failed'],
    [
      'removal of an absent member',
      [{ op: 'remove', path: '/b' }],
      "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value",
    ],
    [
      'absent parent',
      [{ op: 'add', path: '/x/y', value: 1 }],
      'add operation does not apply: doc is missing path: "/x/y": missing value',
    ],
    [
      'scalar parent',
      [{ op: 'add', path: '/a/y', value: 1 }],
      'add operation does not apply: doc is missing path: "/a/y": missing value',
    ],
    [
      'a document that is neither object nor list',
      [{ op: 'replace', path: '', value: 1 }],
      'replace operation value must be object or array: %!w(<nil>)',
    ],
    ['test of the document', [{ op: 'test', path: '', value: { a: 2 } }], 'testing value  failed: test failed'],
    [
      'the document itself',
      [{ op: 'remove', path: '' }],
      'remove operation does not apply: doc is missing path: "": missing value',
    ],
    [
      'index beyond the end',
      [{ op: 'add', path: '/l/7', value: 1 }],
      "error in add for path: '/l/7': Unable to access invalid index: 7: invalid index referenced",
    ],
    [
      'index before the start',
      [{ op: 'remove', path: '/l/-3' }],
      "error in remove for path: '/l/-3': Unable to access invalid index: -3: invalid index referenced",
    ],
    [
      'no index',
      [{ op: 'add', path: '/l/x', value: 1 }],
      "error in add for path: '/l/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
    ],
    ['unknown operation', [{ op: 'frob', path: '/a' }], 'Unexpected kind: frob'],
    ['no operation', [{ path: '/a' }], 'Unexpected kind: unknown'],
    ['no path', [{ op: 'add', value: 1 }], 'add operation failed to decode path: missing value'],
    [
      'move of an absent member',
      [{ op: 'move', from: '/b', path: '/c' }],
      "error in move for path: 'b': Unable to remove nonexistent key: b: missing value",
    ],
  ])('%s', (_, patch, why) => {
    expect(refusal(() => patched({ a: 1, l: [1, 2] }, patch))).toEqual([422, why])
  })

  test('the client is told no more than that the request is in error', () => {
    const run = () => patched({ a: 1 }, [{ op: 'remove', path: '/b' }])
    expect(run).toThrow('the server rejected our request due to an error in our request')
  })

  test('copies that would multiply without end', () => {
    const doubling = Array.from({ length: 40 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }))
    expect(refusal(() => patched({ a: ['x'.repeat(1000)] }, doubling))[1]).toMatch(/^Unable to complete the copy/)
  })

  test('results nested without end', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(900)}{}${'}'.repeat(900)}`) as JsonObject
    const path = '/a'.repeat(900)
    expect(
      refusal(() =>
        patched({}, [
          { op: 'add', path: '/a', value: deep },
          { op: 'copy', from: '/a', path: `${path}/a` },
        ]),
      )[1],
    ).toBe('exceeded max depth')
  })

  test('more than 10,000 operations', () => {
    const operations = Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 }))
    expect(refusal(() => decodeJsonPatch(operations, { strict: true }))).toEqual([
      413,
      'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    ])
  })

  test.each([
    [{}, 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
    ['x', 'error decoding patch: json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp'],
    [[1], 'error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp'],
    [
      [{ op: 'add', path: 1 }],
      'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string',
    ],
  ])('body %j', (body, message) => {
    expect(refusal(() => decodeJsonPatch(body, { strict: true }))).toEqual([400, message])
  })

  test('members that no operation has are told where that is asked for', () => {
    const body = [{ op: 'test', path: '/a', value: 1, foo: 2 }]
    expect(decodeJsonPatch(body, { strict: true }).strictErrors).toEqual(['json patch unknown field "[0].foo"'])
    expect(decodeJsonPatch(body, { strict: false }).strictErrors).toEqual([])
  })
})
