import { expect, test } from 'vitest'
import { semanticEqual } from './semantic-equal.ts'

test('what is unset, null or a list without items is the same', () => {
  expect(semanticEqual({ a: [], b: null }, {})).toBe(true)
  expect(semanticEqual({}, { a: [], b: { c: 1 } })).toBe(false)
  expect(semanticEqual(undefined, [])).toBe(true)
  expect(semanticEqual({ a: {} }, {})).toBe(false)
})

test('order counts in lists, not in members', () => {
  expect(semanticEqual({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true)
  expect(semanticEqual([1, 2], [2, 1])).toBe(false)
  expect(semanticEqual([1], [1, 2])).toBe(false)
  expect(semanticEqual([], {})).toBe(false)
  expect(semanticEqual('1', 1)).toBe(false)
})

test('names of the prototype are members as any other', () => {
  expect(semanticEqual({ toString: 'x' }, {})).toBe(false)
  expect(semanticEqual(JSON.parse('{"__proto__": {"a": 1}}'), {})).toBe(false)
})
