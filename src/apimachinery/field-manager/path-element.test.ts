import { describe, expect, test } from 'vitest'
import { canonicalElement, comparePathElements, keyElement, printPath, valueElement } from './path-element.ts'

/** Facts of structured-merge-diff fieldpath/serialize-pe_test.go and serialize_test.go. */
describe('canonical form', () => {
  test.each([
    ['f:', 'f:'],
    ['f:spec', 'f:spec'],
    ['f:k8s.io/a:b', 'f:k8s.io/a:b'],
    ['i:0', 'i:0'],
    ['i:1234', 'i:1234'],
    ['v:3', 'v:3'],
    ['v:"some string"', 'v:"some string"'],
    ['v:1234.5', 'v:1234.5'],
    ['v:{"b":5}', 'v:{"b":5}'],
    ['k:{"name":"my-container"}', 'k:{"name":"my-container"}'],
    ['k:{"port":"8080","protocol":"TCP"}', 'k:{"port":"8080","protocol":"TCP"}'],
    ['k:{"protocol":"TCP", "port":8080}', 'k:{"port":8080,"protocol":"TCP"}'],
    ['k:{"optional":null,"port":null}', 'k:{"optional":null,"port":null}'],
    ['k:{"listField":["1","2","3"]}', 'k:{"listField":["1","2","3"]}'],
    ['v:"a&b"', 'v:"a\\u0026b"'],
  ])('%s is written as %s', (text, canonical) => expect(canonicalElement(text)).toBe(canonical))

  test.each(['', 'f', 'fa', 'v:', 'v:{', 'k:{invalid json', 'k:[1]', 'i:index is not a number', 'i:'])(
    '%j is refused',
    (text) => {
      expect(() => canonicalElement(text)).toThrow()
    },
  )

  test('an unknown kind of element is ignored', () => expect(canonicalElement('x:new')).toBeUndefined())
})

test('elements are ordered by kind, then by what they hold', () => {
  const ordered = [
    'f:a',
    'f:b',
    keyElement([['name', 'a']]),
    keyElement([
      ['name', 'a'],
      ['port', 9],
    ]),
    keyElement([['port', 9]]),
    keyElement([['port', 80]]),
    keyElement([['port', 'x']]),
    valueElement(2),
    valueElement(10),
    valueElement('a'),
    valueElement(true),
    'i:2',
    'i:10',
  ]
  expect([...ordered].reverse().sort(comparePathElements)).toEqual(ordered)
})

test('paths print as in messages of conflicts', () => {
  const path = [
    'f:spec',
    keyElement([
      ['name', 'c'],
      ['port', 80],
    ]),
    valueElement('x'),
    'i:3',
  ]
  expect(printPath(path)).toBe('.spec[name="c",port=80][="x"][3]')
})
