import { describe, expect, test } from 'vitest'
import { cloneJson, equalJson } from './clone.ts'

const parsed = (text: string): unknown => JSON.parse(text)

describe('equalJson', () => {
  test.each([
    ['{"a":1,"b":[{"c":null}]}', '{"b":[{"c":null}],"a":1}', true],
    ['{"a":1}', '{"a":1,"b":2}', false],
    ['{"a":1,"b":2}', '{"a":1}', false],
    ['{"a":1}', '{"b":1}', false],
    ['{"a":{}}', '{"a":[]}', false],
    ['{"a":null}', '{"a":{}}', false],
    ['[1,2]', '[2,1]', false],
    // What objects inherit is none of their members.
    ['{"__proto__":{}}', '{"x":{}}', false],
    ['{"__proto__":{},"y":1}', '{"x":{},"y":1}', false],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}', true],
    ['{"constructor":{}}', '{"x":{}}', false],
    ['{"toString":"x"}', '{"toString":"x"}', true],
  ])('%s and %s: %s', (a, b, equal) => {
    expect(equalJson(parsed(a), parsed(b))).toBe(equal)
    expect(equalJson(parsed(b), parsed(a))).toBe(equal)
  })

  test('a member that is undefined counts as absent', () => {
    expect(equalJson({ a: 1, b: undefined }, { a: 1 })).toBe(true)
    expect(equalJson({ a: 1 }, { a: 1, b: undefined })).toBe(true)
    expect(equalJson({ b: undefined }, { c: 1 })).toBe(false)
  })
})

test('a copy shares nothing and keeps every member', () => {
  const value = parsed('{"__proto__":{"a":[1]},"b":[{"c":null}],"d":"x"}')
  const copy = cloneJson(value) as { b: unknown[] }
  expect(JSON.stringify(copy)).toBe(JSON.stringify(value))
  expect(copy.b[0]).not.toBe((value as { b: unknown[] }).b[0])
})
