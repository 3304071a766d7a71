import { expect, test } from 'vitest'
import { builtinEntries } from '../registry/builtin-entries.ts'
import { tableOf } from './table.ts'

/** A bookmark with which a watch's list ends is an object of the kind with a revision and nothing else. */
const BOOKMARK = { kind: '', apiVersion: '', metadata: { resourceVersion: '5' } }

test.each(builtinEntries.map((entry) => [`${entry.resource}.${entry.group}`, entry] as const))(
  'a row of %s holds text, numbers and truth values, whatever the object lacks',
  (_, entry) => {
    const table = tableOf(entry)
    const cells = table.cells(structuredClone(BOOKMARK), 0)
    expect(cells.length).toBeGreaterThanOrEqual(table.columns.length)
    for (const cell of cells) {
      expect(['string', 'number', 'boolean']).toContain(typeof cell)
      expect(String(cell)).not.toMatch(/undefined|NaN|null/)
    }
  },
)

test('without an age, the time of creation: zero where there is none', () => {
  expect(tableOf(undefined).cells(BOOKMARK, 0)).toEqual(['', '0001-01-01T00:00:00Z'])
})
