import { expect, test } from 'vitest'
import { fc } from '../../../test/suites/property.ts'
import { isJsonObject } from '../kube-object.ts'
import type { SchemaField, SchemaNode, StructNode } from '../schema/schema-node.ts'
import { compareValues } from './compare.ts'
import { setOf } from './field-set.ts'
import { fieldElement, keyElement, type PathElements, valueElement } from './path-element.ts'

const text: SchemaNode = { kind: 'scalar', type: 'string', goName: 'string', enum: undefined }
const map: SchemaNode = { kind: 'map', value: { kind: 'map', value: text, atomic: false }, atomic: false }

function struct(fields: Readonly<Record<string, SchemaNode>>): StructNode {
  const common = {
    omit: 'unset',
    zero: undefined,
    default: undefined,
    patchStrategy: [],
    patchMergeKey: undefined,
  } as const
  const entries = Object.entries(fields).map(([name, node]): [string, SchemaField] => [name, { name, node, ...common }])
  const rest = { definition: '', goName: '', required: [], preserveUnknown: false, atomic: false }
  return { kind: 'struct', fields: new Map(entries), ...rest }
}

const item = struct({ name: text, port: text, tags: { kind: 'list', item: text, listType: 'set', mapKeys: [] } })
const node = struct({
  map,
  named: { kind: 'list', item, listType: 'map', mapKeys: ['name'] },
  ports: { kind: 'list', item, listType: 'map', mapKeys: ['name', 'port'] },
  whole: { kind: 'list', item, listType: 'atomic', mapKeys: [] },
})

// Names that look like the texts of elements, or like several of them.
const name = fc.constantFrom('a', 'b', 'f:a', 'a\u0000f:b', 'k:{"name":"a"}', '\u0000k:{"name":"a"}', '.', '{}')
const names = fc.dictionary(name, fc.dictionary(name, name, { maxKeys: 2 }), { maxKeys: 3 })
const oneItem = fc.record(
  { name, port: name, tags: fc.uniqueArray(name, { maxLength: 2 }) },
  { requiredKeys: ['name', 'port'] },
)
const items = (selector: (i: { name: string; port: string }) => unknown) =>
  fc.uniqueArray(oneItem, { maxLength: 3, selector })
const value = fc.record(
  {
    map: names,
    named: items((i) => i.name),
    ports: items((i) => `${i.name}\u0001${i.port}`),
    whole: items((i) => i.name),
  },
  { requiredKeys: [] },
)

/** The paths of all that is there: each member, and what lies below it. */
function pathsBelow(type: SchemaNode, at: unknown, path: PathElements): PathElements[] {
  const member = (element: string, child: SchemaNode, below: unknown) => {
    const own = [...path, element]
    return [own, ...pathsBelow(child, below, own)]
  }
  if (type.kind === 'list' && type.listType !== 'atomic') {
    return (at as unknown[]).flatMap((i) => member(elementOf(type.mapKeys, i), type.item, i))
  }
  if (!isJsonObject(at)) return []
  return Object.entries(at).flatMap(([key, below]) => {
    const child = type.kind === 'struct' ? type.fields.get(key)!.node : (type as { value: SchemaNode }).value
    return member(fieldElement(key), child, below)
  })
}

function elementOf(keys: readonly string[], of: unknown): string {
  if (keys.length === 0) return valueElement(of)
  return keyElement(keys.map((key) => [key, (of as Record<string, unknown>)[key]]))
}

test('whatever was compared before, what is new is all that is there', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 6 }), (values) => {
      for (const v of values) {
        const { added, modified, removed } = compareValues(node, {}, v, { zeros: true })
        expect(added).toEqual(setOf(...pathsBelow(node, v, [])))
        expect([modified, removed]).toEqual([{}, {}])
      }
    }),
  )
})

test('objects that look alike share one set', () => {
  const alike = (port: string) => ({ named: [{ name: 'a', port }], map: { x: {} } })
  const first = compareValues(node, {}, alike('1'), { zeros: true }).added
  expect(compareValues(node, {}, alike('2'), { zeros: true }).added).toBe(first)
  expect(compareValues(node, {}, { ...alike('1'), whole: [] }, { zeros: true }).added).not.toBe(first)
})
