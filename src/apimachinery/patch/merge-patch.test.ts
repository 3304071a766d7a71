import { expect, test } from 'vitest'
import type { JsonObject } from '../kube-object.ts'
import { applyMergePatch } from './merge-patch.ts'

/** RFC 7386 appendix A, as far as documents are objects, and recorded answers. */
test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  [{}, { x: { y: null, z: '1' } }, { x: { z: '1' } }],
  [{}, { l: [{ a: null, b: 1 }] }, { l: [{ b: 1 }] }],
])('%j with %j is %j', (document, patch, expected) => {
  const before = JSON.stringify(document)
  expect(applyMergePatch(document as JsonObject, patch)).toEqual(expected)
  expect(JSON.stringify(document)).toBe(before)
})

test('a patch that is no object is refused', () => {
  expect(() => applyMergePatch({}, null)).toThrow('Invalid JSON Patch')
  expect(() => applyMergePatch({}, [])).toThrow('Invalid JSON Patch')
})

test('prototypes are out of reach, what is not touched is shared', () => {
  const document = { a: { b: 1 }, c: {} }
  const result = applyMergePatch(document, JSON.parse('{"c":{"__proto__":{"polluted":true}}}'))
  expect(({} as JsonObject)['polluted']).toBeUndefined()
  expect(Object.getPrototypeOf(result['c'])).toBe(Object.prototype)
  expect(result['a']).toBe(document.a)
})

test('a patch nested without end is refused', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`) as JsonObject
  expect(() => applyMergePatch({}, deep)).toThrow('exceeded max depth')
})
