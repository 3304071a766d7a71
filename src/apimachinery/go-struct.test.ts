import { expect, test } from 'vitest'
import { FieldPath } from './field-path.ts'
import { goLabelSelector, goObjectMeta, goStructValue } from './go-struct.ts'

test('a label selector prints as Go: matchLabels first and sorted, nothing that is unset', () => {
  const selector = { matchExpressions: [{ operator: 'Exists', key: 'k', values: [] }], matchLabels: { b: '2', a: '1' } }
  expect(goStructValue(goLabelSelector, selector).text).toBe(
    '{"matchLabels":{"a":"1","b":"2"},"matchExpressions":[{"key":"k","operator":"Exists"}]}',
  )
  expect(goStructValue(goLabelSelector, { matchLabels: {} }).text).toBe('{}')
  expect(goStructValue(goLabelSelector, undefined).text).toBe('null')
})

test('metadata prints in the order of its declaration', () => {
  const metadata = { finalizers: ['x'], annotations: { b: '<', a: '' }, namespace: 'n', generation: 1, name: 'm' }
  expect(goStructValue(goObjectMeta, metadata).text).toBe(
    '{"name":"m","namespace":"n","generation":1,"annotations":{"a":"","b":"\\u003c"},"finalizers":["x"]}',
  )
})

test('a path without a name stands for the whole object', () => {
  expect(String(FieldPath.of(''))).toBe('[]')
  expect(String(FieldPath.of('a', 'b').index(0).key('').child('c'))).toBe('a.b[0][].c')
})
