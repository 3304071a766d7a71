import { expect, test } from 'vitest'
import { resourceFacts } from '../../openapi/data.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { typeOfKind } from '../apimachinery/schema/builtin-types.ts'
import { decode } from '../apimachinery/schema/decode.ts'
import { builtinEntries } from '../registry/builtin-entries.ts'
import type { AnyResourceEntry } from '../registry/resource.ts'
import { tableOf } from './table.ts'

/** The bookmark with which a watch's list ends: an object of the kind with a revision and nothing else. */
function bookmarkOf({ group, resource, hubVersion: version }: AnyResourceEntry): KubeObject {
  const fact = resourceFacts().find((f) => f.group === group && f.version === version && f.resource === resource)!
  const node = typeOfKind({ group, version, kind: fact.kind })
  return decode({ metadata: { resourceVersion: '5' } }, node).object as KubeObject
}

test.each(builtinEntries.map((entry) => [`${entry.resource}.${entry.group}`, entry] as const))(
  'a row of %s holds text, numbers and truth values, whatever the object lacks',
  (_, entry) => {
    const table = tableOf(entry)
    const cells = table.cells(bookmarkOf(entry), 0)
    expect(cells.length).toBeGreaterThanOrEqual(table.columns.length)
    for (const cell of cells) {
      expect(['string', 'number', 'boolean']).toContain(typeof cell)
      expect(String(cell)).not.toMatch(/undefined|NaN|null/)
    }
  },
)

test('without an age, the time of creation: zero where there is none', () => {
  const bookmark = { kind: '', apiVersion: '', metadata: { resourceVersion: '5' } }
  expect(tableOf(undefined).cells(bookmark, 0)).toEqual(['', '0001-01-01T00:00:00Z'])
})
