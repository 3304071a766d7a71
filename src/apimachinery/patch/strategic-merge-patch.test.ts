import { describe, expect, test } from 'vitest'
import { asApiError } from '../api-error.ts'
import type { JsonObject } from '../kube-object.ts'
import type { ListNode, MapNode, ScalarNode, SchemaField, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { applyStrategicMergePatch } from './strategic-merge-patch.ts'

const text: ScalarNode = { kind: 'scalar', type: 'string', goName: 'string', enum: undefined }
const mapOf = (value: SchemaNode): MapNode => ({ kind: 'map', value, atomic: false })
const listOf = (item: SchemaNode): ListNode => ({ kind: 'list', item, listType: 'atomic', mapKeys: [] })

interface Patching {
  readonly node: SchemaNode
  readonly strategy?: readonly string[]
  readonly key?: string
}

function struct(goName: string, fields: Readonly<Record<string, SchemaNode | Patching>>): StructNode {
  const entries = Object.entries(fields).map(([name, given]): [string, SchemaField] => {
    const patching: Patching = 'kind' in given ? { node: given } : given
    const { node, strategy = [], key } = patching
    const field = { name, node, omit: 'zero', zero: undefined, default: undefined } as const
    return [name, { ...field, patchStrategy: strategy, patchMergeKey: key }]
  })
  const common = { definition: '', required: [], preserveUnknown: false, atomic: false }
  return { kind: 'struct', goName, fields: new Map(entries), ...common }
}

const port = struct('Port', { containerPort: text, name: text, protocol: text })
const container = struct('Container', {
  name: text,
  image: text,
  args: listOf(text),
  env: { node: listOf(struct('EnvVar', { name: text, value: text })), strategy: ['merge'], key: 'name' },
  ports: { node: listOf(port), strategy: ['merge'], key: 'containerPort' },
})
const volume = struct('Volume', {
  name: text,
  emptyDir: struct('EmptyDir', {}),
  configMap: struct('CM', { name: text }),
})
const root = struct('Pod', {
  labels: mapOf(text),
  nested: mapOf(mapOf(text)),
  finalizers: { node: listOf(text), strategy: ['merge'] },
  containers: { node: listOf(container), strategy: ['merge'], key: 'name' },
  volumes: { node: listOf(volume), strategy: ['merge', 'retainKeys'], key: 'name' },
  strategy: { node: struct('Strategy', { type: text, rolling: mapOf(text) }), strategy: ['retainKeys'] },
  replaced: { node: mapOf(text), strategy: ['replace'] },
  keyless: { node: listOf(port), strategy: ['merge'] },
  extra: { kind: 'any' },
})

function patched(original: JsonObject, patch: JsonObject): JsonObject {
  const before = JSON.stringify([original, patch])
  try {
    return applyStrategicMergePatch(original, patch, root)
  } finally {
    expect(JSON.stringify([original, patch]), 'neither side is written to').toBe(before)
  }
}

const names = (value: unknown): string[] => (value as { name: string }[]).map((item) => item.name)

/** Facts of apimachinery pkg/util/strategicpatch/patch_test.go and recorded answers. */
describe('maps and scalars', () => {
  test.each<[string, JsonObject, JsonObject, JsonObject]>([
    [
      'merges maps',
      { labels: { a: '1', b: '2' } },
      { labels: { b: '3', c: '4' } },
      { labels: { a: '1', b: '3', c: '4' } },
    ],
    ['null removes', { labels: { a: '1', b: '2' } }, { labels: { a: null } }, { labels: { b: '2' } }],
    ['null in a new map is left out', {}, { labels: { a: null, b: '1' } }, { labels: { b: '1' } }],
    ['$patch: replace', { labels: { a: '1' } }, { labels: { $patch: 'replace', b: '1' } }, { labels: { b: '1' } }],
    ['$patch: delete', { labels: { a: '1' } }, { labels: { $patch: 'delete' } }, { labels: {} }],
    ['$patch: delete of what is absent', { a: 1 }, { labels: { $patch: 'delete' } }, { a: 1 }],
    ['strategy replace', { replaced: { a: '1' } }, { replaced: { b: '1' } }, { replaced: { b: '1' } }],
    [
      'a list without strategy is replaced',
      { containers: [{ name: 'a', args: ['x'] }] },
      { containers: [{ name: 'a', args: ['y'] }] },
      { containers: [{ name: 'a', args: ['y'] }] },
    ],
    ['another type takes the place', { labels: 'x' }, { labels: { a: '1' } }, { labels: { a: '1' } }],
    ['an unknown field is taken', {}, { nothing: { a: 1 } }, { nothing: { a: 1 } }],
    [
      'retainKeys',
      { strategy: { type: 'R', rolling: { x: '1' } } },
      { strategy: { $retainKeys: ['type'], type: 'C' } },
      { strategy: { type: 'C' } },
    ],
  ])('%s', (_, original, patch, expected) => {
    expect(patched(original, patch)).toEqual(expected)
  })
})

describe('lists', () => {
  const original = {
    containers: [
      { name: 'a', image: '1', env: [{ name: 'A', value: '1' }] },
      { name: 'b', image: '1' },
    ],
  }

  test('items merge by their key; new ones come first', () => {
    const result = patched(original, {
      containers: [
        { name: 'c', image: '3' },
        { name: 'b', image: '2' },
      ],
    })
    expect(result['containers']).toEqual([
      { name: 'c', image: '3' },
      { name: 'a', image: '1', env: [{ name: 'A', value: '1' }] },
      { name: 'b', image: '2' },
    ])
    expect(names(patched(original, { containers: [{ name: 'c' }] })['containers'])).toEqual(['c', 'a', 'b'])
  })

  test('nested lists merge as well', () => {
    const patch = {
      containers: [
        {
          name: 'a',
          env: [
            { name: 'A', value: '2' },
            { name: 'B', value: '3' },
          ],
        },
      ],
    }
    expect((patched(original, patch)['containers'] as JsonObject[])[0]!['env']).toEqual([
      { name: 'A', value: '2' },
      { name: 'B', value: '3' },
    ])
  })

  test('$patch: delete drops the item with that key, and nothing where there is none', () => {
    expect(names(patched(original, { containers: [{ name: 'a', $patch: 'delete' }] })['containers'])).toEqual(['b'])
    expect(names(patched(original, { containers: [{ name: 'z', $patch: 'delete' }] })['containers'])).toEqual([
      'a',
      'b',
    ])
  })

  test('$patch: replace leaves only the items of the patch', () => {
    const patch = { containers: [{ name: 'z' }, { $patch: 'replace' }] }
    expect(patched(original, patch)['containers']).toEqual([{ name: 'z' }])
  })

  test('$setElementOrder decides, the rest keep their places', () => {
    const live = { containers: [{ name: 'n' }, { name: 'a' }, { name: 'b' }] }
    const patch = { '$setElementOrder/containers': [{ name: 'w' }, { name: 'n' }], containers: [{ name: 'w' }] }
    expect(names(patched(live, patch)['containers'])).toEqual(['w', 'n', 'a', 'b'])
    const order = { '$setElementOrder/containers': [{ name: 'b' }, { name: 'n' }] }
    expect(names(patched(live, order)['containers'])).toEqual(['a', 'b', 'n'])
  })

  test.each<[JsonObject, string[]]>([
    [{ finalizers: ['c'] }, ['c', 'a', 'b']],
    [{ finalizers: ['b', 'a'] }, ['b', 'a']],
    [{ '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['d'] }, ['d', 'b']],
    [{ '$setElementOrder/finalizers': ['b', 'c', 'a'], finalizers: ['c'] }, ['b', 'c', 'a']],
    [{ '$deleteFromPrimitiveList/finalizers': ['a', 'b', 'z'] }, []],
  ])('primitives: %j', (patch, expected) => {
    expect(patched({ finalizers: ['a', 'b'] }, patch)['finalizers']).toEqual(expected)
  })

  test('$retainKeys clears the other members of an item', () => {
    const live = { volumes: [{ name: 'v', emptyDir: {} }] }
    const patch = { volumes: [{ name: 'v', $retainKeys: ['name', 'configMap'], configMap: { name: 'c' } }] }
    expect(patched(live, patch)).toEqual({ volumes: [{ name: 'v', configMap: { name: 'c' } }] })
  })
})

describe('refusals', () => {
  const live = {
    labels: { a: '1' },
    nested: { a: { b: '1' } },
    finalizers: ['a'],
    containers: [{ name: 'a' }],
    keyless: [{ name: 'x' }],
    strategy: {},
    extra: { a: {} },
    other: {},
  }
  test.each<[JsonObject, number, string]>([
    [{ strategy: { $retainKeys: 'type' } }, 400, 'invalid patch format of retainKeys'],
    [{ strategy: { $retainKeys: [], type: 'x' } }, 400, 'invalid patch format of retainKeys'],
    [{ $setElementOrderX: [] }, 400, 'invalid patch format of setElementOrder list'],
    [{ $deleteFromPrimitiveListX: [] }, 400, 'invalid patch format of primitive list'],
    [{ finalizers: [['a']] }, 422, 'the server rejected our request due to an error in our request'],
    [{ finalizers: [1] }, 500, 'list element types are not identical: [[a] [1]]'],
    [{ containers: [{ image: 'x' }] }, 500, 'map: map[image:x] does not contain declared merge key: name'],
    [{ containers: [{ name: 'a', $patch: 'x' }] }, 500, 'unknown patch type: x in map: map[$patch:x name:a]'],
    [{ containers: [{ name: 'a', $patch: 'merge' }] }, 500, 'merging lists cannot yet be specified in the patch'],
    [{ labels: { $patch: 'x' } }, 500, 'unknown patch type: x in map: map[$patch:x]'],
    [{ '$setElementOrder/finalizers': 'x' }, 500, 'expected a []interface {}, but received a string'],
    [
      { '$setElementOrder/finalizers': ['b'], finalizers: ['c'] },
      500,
      "The order in patch list:\n[c]\n doesn't match $setElementOrder list:\n[b]\n",
    ],
    [{ '$setElementOrder/nope': ['b'] }, 500, 'unable to find api field in struct Pod for the json field "nope"'],
    [{ keyless: [{ name: 'a' }] }, 500, 'cannot merge lists without merge key for struct'],
    [{ other: { a: 1 } }, 500, 'unable to find api field in struct Pod for the json field "other"'],
    [{ nested: { a: { b: '1' } } }, 500, 'merging an object in json but data type is not struct, instead is: map'],
    [{ extra: { a: { b: '1' } } }, 500, 'unable to find api field in struct RawExtension for the json field "a"'],
  ])('%j: %i', (patch, code, message) => {
    let error: unknown
    try {
      patched(live, patch)
    } catch (e) {
      error = e
    }
    expect([asApiError(error)?.code, asApiError(error)?.message]).toEqual([code, message])
  })

  test('prototypes are out of reach', () => {
    patched({ labels: {} }, JSON.parse('{"labels":{"__proto__":{"polluted":"x"}},"__proto__":{"polluted":"x"}}'))
    expect(({} as JsonObject)['polluted']).toBeUndefined()
  })

  test('large lists merge in linear time', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => ({ name: `n${i}`, image: 'x' }))
    const merged = patched({ containers: many }, { containers: many.toReversed() }) as { containers: unknown[] }
    expect(merged.containers).toHaveLength(50_000)
  })
})
