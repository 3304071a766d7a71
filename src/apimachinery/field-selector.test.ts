import { describe, expect, test } from 'vitest'
import { escapeFieldValue, parseFieldSelector, unescapeFieldValue } from './field-selector.ts'

/** Facts of apimachinery pkg/fields/selector_test.go and recorded answers. */
describe('string form', () => {
  test.each([
    ['x=a,y=b,z=c', 'x=a,y=b,z=c'],
    ['', ''],
    ['x!=a,y=b', 'x!=a,y=b'],
    ['x=a||y\\=b', 'x=a||y\\=b'],
    ['x=a\\=\\=b', 'x=a\\=\\=b'],
    ['x==a', 'x=a'],
    ['x=a,a=x', 'a=x,x=a'],
    [',a=a,', 'a=a'],
    ['k=\\\\\\,,k2=v2', 'k2=v2,k=\\\\\\,'],
    ['함=수,목=록', '목=록,함=수'],
  ])('%j prints as %j', (text, printed) => {
    expect(parseFieldSelector(text).toString()).toBe(printed)
  })

  test.each([
    ['metadata.name', "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ['x=a,b', "invalid selector: 'x=a,b'; can't understand 'b'"],
    ['x in (a)', "invalid selector: 'x in (a)'; can't understand 'x in (a)'"],
    ['x=b\\.x', 'invalid field selector: invalid escape sequence: \\.'],
    ['x=b\\', 'invalid field selector: invalid escape sequence: \\'],
    ['x==a==b', 'invalid field selector: unescaped character in value: 61'],
    ['x=a||y=b', 'invalid field selector: unescaped character in value: 61'],
  ])('%j: %s', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(message)
  })

  test.each(['', 'a', '=', ',', '\\', '\\=\\,\\'])('%j survives escaping', (value) => {
    expect(unescapeFieldValue(escapeFieldValue(value))).toBe(value)
  })
})

describe('matching', () => {
  const fields = { foo: 'bar', baz: 'blah', complex: '=value\\,\\' }
  test.each([
    ['', true],
    ['foo=bar', true],
    ['foo=bar,baz=blah', true],
    ['foo=bar,baz=blah,complex=\\=value\\\\\\,\\\\', true],
    ['foo!=blah', true],
    ['foo=blah', false],
    ['foobar=bar', false],
    ['foobar=', true],
    ['constructor!=', false],
  ])('%s: %s', (text, matches) => {
    expect(parseFieldSelector(text).matches(fields)).toBe(matches)
  })

  test('the value that a field must have', () => {
    expect(parseFieldSelector('a=b,c!=d').requiresExactMatch('a')).toBe('b')
    expect(parseFieldSelector('a=b,c!=d').requiresExactMatch('c')).toBeUndefined()
  })

  test('fields are renamed, or dropped when field and value become empty', () => {
    const selector = parseFieldSelector('a=b,c=d,e=f')
    expect(selector.transform((f, v) => (f === 'c' ? ['', ''] : [f, v])).toString()).toBe('a=b,e=f')
    expect(selector.transform((f, v) => (f === 'a' ? ['x', 'y'] : [f, v])).toString()).toBe('x=y,c=d,e=f')
    expect(selector.transform(() => ['', '']).isEmpty()).toBe(true)
  })
})
