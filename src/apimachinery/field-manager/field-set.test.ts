import { describe, expect, test } from 'vitest'
import { fc } from '../../../test/suites/property.ts'
import {
  difference,
  type FieldSet,
  fieldSetOf,
  hasPath,
  intersection,
  isEmptySet,
  isSubset,
  pathsOf,
  recursiveDifference,
  setOf,
  union,
} from './field-set.ts'
import type { PathElements } from './path-element.ts'

/** Facts of structured-merge-diff fieldpath/serialize_test.go. */
describe('fieldsV1', () => {
  test('members, members with children, and children alone', () => {
    const set = setOf(['f:a'], ['f:b'], ['f:b', 'f:c'], ['f:d', 'f:e'])
    expect(JSON.stringify(set)).toBe('{"f:a":{},"f:b":{".":{},"f:c":{}},"f:d":{"f:e":{}}}')
  })

  test('what this server wrote is its own set, without a copy', () => {
    const fields = JSON.parse('{"f:a":{".":{},"k:{\\"name\\":\\"x\\"}":{".":{},"f:name":{}}},"f:b":{}}') as FieldSet
    expect(fieldSetOf(fields)).toBe(fields)
  })

  test.each([
    ['{"f:b":{},"f:a":{}}', '{"f:a":{},"f:b":{}}'],
    ['{"f:a":{"f:b":{},".":{}}}', '{"f:a":{".":{},"f:b":{}}}'],
    ['{"f:a":{".":{}}}', '{"f:a":{}}'],
    ['{"f:a":{"z:new":{}}}', '{"f:a":{}}'],
    ['{".":{},"f:a":{}}', '{"f:a":{}}'],
    ['{"k:{\\"b\\":1, \\"a\\":2}":{}}', '{"k:{\\"a\\":2,\\"b\\":1}":{}}'],
    ['null', '{}'],
  ])('%s means %s', (text, canonical) => {
    expect(JSON.stringify(fieldSetOf(JSON.parse(text)))).toBe(canonical)
  })

  test.each(['{"a":{}}', '{"f:a":1}', '{"f:a":[]}', '{"__proto__":{}}', '{"i:x":{}}'])('%s is refused', (text) => {
    expect(() => fieldSetOf(JSON.parse(text))).toThrow()
  })
})

/** Sets as sets of texts. */
const element = fc.constantFrom('f:a', 'f:b', 'k:{"n":1}', 'v:"x"')
const path = fc.array(element, { minLength: 1, maxLength: 4 })
const paths = fc.array(path, { maxLength: 12 })
const texts = (list: readonly PathElements[]): Set<string> => new Set(list.map((p) => p.join('|')))
const sorted = (set: ReadonlySet<string>): string[] => [...set].sort()

function check(set: FieldSet, expected: ReadonlySet<string>): void {
  expect(sorted(texts(pathsOf(set)))).toEqual(sorted(expected))
  expect(fieldSetOf(JSON.parse(JSON.stringify(set))), 'the result is canonical').toEqual(set)
  expect(JSON.stringify(fieldSetOf(JSON.parse(JSON.stringify(set))))).toBe(JSON.stringify(set))
}

describe('operations agree with sets of paths', () => {
  const property = (run: (a: readonly PathElements[], b: readonly PathElements[]) => void) =>
    fc.assert(fc.property(paths, paths, run), { numRuns: 500 })

  test('union, intersection, difference', () => {
    property((a, b) => {
      const [left, right] = [texts(a), texts(b)]
      check(union(setOf(...a), setOf(...b)), new Set([...left, ...right]))
      check(intersection(setOf(...a), setOf(...b)), new Set([...left].filter((p) => right.has(p))))
      check(difference(setOf(...a), setOf(...b)), new Set([...left].filter((p) => !right.has(p))))
    })
  })

  test('recursive difference takes what lies below along', () => {
    property((a, b) => {
      const kept = a.filter((p) => !b.some((q) => q.every((step, i) => step === p[i])))
      check(recursiveDifference(setOf(...a), setOf(...b)), texts(kept))
    })
  })

  test('subset, emptiness, membership', () => {
    property((a, b) => {
      const right = texts(b)
      expect(isSubset(setOf(...a), setOf(...b))).toBe(a.every((p) => right.has(p.join('|'))))
      expect(isEmptySet(setOf(...a))).toBe(a.length === 0)
      for (const p of a) expect(hasPath(setOf(...b), p)).toBe(right.has(p.join('|')))
    })
  })

  test('operands are not written to', () => {
    property((a, b) => {
      const [left, right] = [setOf(...a), setOf(...b)]
      const before = JSON.stringify([left, right])
      union(left, right)
      intersection(left, right)
      difference(left, right)
      recursiveDifference(left, right)
      expect(JSON.stringify([left, right])).toBe(before)
    })
  })
})
