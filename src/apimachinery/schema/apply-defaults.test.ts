import { expect, test } from 'vitest'
import { applySchemaDefaults } from './apply-defaults.ts'
import type { SchemaField, SchemaNode, StructNode } from './schema-node.ts'

const STRING: SchemaNode = { kind: 'scalar', type: 'string', goName: 'string', enum: undefined }

function field(name: string, node: SchemaNode, defaultValue?: unknown): [string, SchemaField] {
  return [
    name,
    {
      name,
      node,
      omit: 'unset',
      zero: undefined,
      default: defaultValue,
      patchStrategy: [],
      patchMergeKey: undefined,
    },
  ]
}

function struct(...fields: [string, SchemaField][]): StructNode {
  return {
    kind: 'struct',
    definition: '',
    goName: '',
    fields: new Map(fields),
    required: [],
    preserveUnknown: false,
    atomic: false,
  }
}

const inner = struct(field('mode', STRING, 'auto'), field('note', STRING))
const outer = struct(
  field('inner', inner, {}),
  field('list', { kind: 'list', item: inner, listType: 'atomic', mapKeys: [] }),
  field('map', { kind: 'map', value: inner, atomic: false }),
)

test('defaults are filled in where nothing was given, inside of defaults too', () => {
  const object = { list: [{}, { mode: 'x' }], map: { a: {} } }
  applySchemaDefaults(object, outer)
  expect(object).toEqual({
    inner: { mode: 'auto' },
    list: [{ mode: 'auto' }, { mode: 'x' }],
    map: { a: { mode: 'auto' } },
  })
})

test('a default is copied, never shared', () => {
  const [a, b] = [{} as { inner?: object }, {} as { inner?: object }]
  applySchemaDefaults(a, outer)
  applySchemaDefaults(b, outer)
  expect(a.inner).not.toBe(b.inner)
})
