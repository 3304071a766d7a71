import { describe, expect, test } from 'vitest'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import type { JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { prune } from './pruning.ts'
import { resolveSchemaPath } from './schema-path.ts'
import { validateValue } from './value-validation.ts'

const errorsOf = (value: unknown, schema: JSONSchemaProps, path?: FieldPath): string[] =>
  validateValue(value, schema, path).map(fieldErrorMessage)
const fieldErrors = (value: unknown, schema: JSONSchemaProps): string[] =>
  errorsOf({ a: value }, { type: 'object', properties: { a: schema } })

// Words of kube-openapi pkg/validation/errors, as a kube-apiserver prints them for custom resources.
describe('values against schemas', () => {
  test.each<[string, unknown, JSONSchemaProps, string[]]>([
    ['a good value', 'x', { type: 'string' }, []],
    ['a type', 5, { type: 'string' }, ['a: Invalid value: "integer": a in body must be of type string: "integer"']],
    ['a whole number as a number', 5, { type: 'number' }, []],
    ['a number', 1.5, { type: 'integer' }, ['a: Invalid value: "number": a in body must be of type integer: "number"']],
    ['null', null, { type: 'string' }, ['a: Invalid value: "null": a in body must be of type string: "null"']],
    ['null where it may be', null, { type: 'string', nullable: true }, []],
    ['an enum', 'c', { type: 'string', enum: ['a', 'b'] }, ['a: Unsupported value: "c": supported values: "a", "b"']],
    [
      'a minimum',
      1,
      { type: 'integer', minimum: 2 },
      ['a: Invalid value: 1: a in body should be greater than or equal to 2'],
    ],
    [
      'a maximum',
      3,
      { type: 'integer', maximum: 2 },
      ['a: Invalid value: 3: a in body should be less than or equal to 2'],
    ],
    ['a pattern', 'x', { type: 'string', pattern: '^y$' }, ['a: Invalid value: "x": a in body should match \'^y$\'']],
    ['a length', 'é', { type: 'string', maxLength: 1 }, []],
    [
      'too short',
      '',
      { type: 'string', minLength: 1 },
      ['a: Invalid value: "": a in body should be at least 1 chars long'],
    ],
    ['too long', 'xy', { type: 'string', maxLength: 1 }, ['a: Too long: may not be more than 1 byte']],
    [
      'items',
      ['x', 1],
      { type: 'array', items: { type: 'string' } as never },
      ['a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"'],
    ],
    ['too many items', [1, 2], { type: 'array', maxItems: 1 }, ['a: Too many: 2: must have at most 1 item']],
    ['what is required', {}, { type: 'object', required: ['b'] }, ['a.b: Required value']],
    [
      'negation',
      'x',
      { type: 'string', not: { enum: ['x'] } },
      ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
    ],
  ])('%s', (_, value, schema, errors) => {
    expect(fieldErrors(value, schema)).toEqual(errors)
  })

  test('of length and pattern the first that fails is told', () => {
    expect(fieldErrors('xyz', { type: 'string', maxLength: 1, pattern: '^y$' })).toEqual([
      'a: Too long: may not be more than 1 byte',
    ])
  })

  test('too few fields end the search', () => {
    const properties = { b: { type: 'string' } }
    expect(fieldErrors({ b: 1 }, { type: 'object', minProperties: 2, properties })).toEqual([
      'a: Invalid value: 1: a in body should have at least 2 properties',
    ])
  })

  test('alternatives are told for the whole value, with the errors of the one that matches most', () => {
    const anyOf: JSONSchemaProps[] = [
      { required: ['x'] },
      { properties: { b: { enum: [1] }, c: { minimum: 5 } }, required: ['y'] },
    ]
    expect(fieldErrors({ b: 1, c: 2 }, { type: 'object', anyOf })).toEqual([
      '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
      'a.c: Invalid value: 2: a.c in body should be greater than or equal to 5',
      'a.y: Required value',
    ])
    const oneOf: JSONSchemaProps[] = [{ required: ['x'] }, { required: ['y'] }]
    expect(fieldErrors({}, { type: 'object', oneOf })).toEqual([
      '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found none valid',
      'a.x: Required value',
    ])
    expect(fieldErrors({ x: 1, y: 1 }, { type: 'object', oneOf })).toEqual([
      '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ])
    expect(fieldErrors({ x: 1 }, { type: 'object', allOf: oneOf })).toEqual([
      'a.y: Required value',
      '<nil>: Invalid value: "": "a" must validate all the schemas (allOf)',
    ])
  })

  test('an error is told once', () => {
    expect(fieldErrors({}, { type: 'object', required: ['b'], anyOf: [{ required: ['b'] }] })).toEqual([
      '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
      'a.b: Required value',
    ])
  })

  test('nested alternatives take time in proportion to the schema', () => {
    let schema: JSONSchemaProps = { type: 'string' }
    for (let i = 0; i < 100; i++) schema = { anyOf: [schema], allOf: [] }
    expect(fieldErrors(1, schema)).toHaveLength(2)
  }, 2000)

  test.each<[string, unknown, JSONSchemaProps, string[]]>([
    [
      'a string of a format',
      'x',
      { type: 'string', format: 'date' },
      ['a: Invalid value: "x": a in body must be of type date: "x"'],
    ],
    [
      'a number where a format for strings is',
      5,
      { type: 'string', format: 'date' },
      ['a: Invalid value: "int64": a in body must be of type date: "int64"'],
    ],
    ['an unknown format', 'x', { type: 'string', format: 'nosuch' }, []],
    ['int-or-string', 'x', { 'x-kubernetes-int-or-string': true }, []],
    [
      'neither int nor string',
      true,
      { 'x-kubernetes-int-or-string': true },
      ['a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"'],
    ],
  ])('%s', (_, value, schema, errors) => {
    expect(fieldErrors(value, schema)).toEqual(errors)
  })

  test('a value at a path', () => {
    expect(errorsOf(5, { type: 'string' }, FieldPath.of('spec', 'default'))).toEqual([
      'spec.default: Invalid value: "integer":  in body must be of type string: "integer"',
    ])
  })
})

test('unknown fields are pruned, kept where the schema says so', () => {
  const schema: JSONSchemaProps = {
    type: 'object',
    properties: {
      a: { type: 'object', properties: { b: { type: 'string' } } },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      map: { type: 'object', additionalProperties: { type: 'object', properties: { k: {} } } as never },
    },
  }
  const value = { a: { b: 'x', c: 1 }, d: 1, free: { any: [{ z: 1 }] }, map: { m: { k: 1, l: 1 } } }
  expect(prune(value, schema)).toEqual({ a: { b: 'x' }, free: { any: [{ z: 1 }] }, map: { m: { k: 1 } } })
  expect(value.d).toBe(1)
})

describe('paths into schemas', () => {
  const schema: JSONSchemaProps = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          host: { type: 'string' },
          'a.b': { type: 'integer' },
          labels: { type: 'object', additionalProperties: { type: 'string' } as never },
        },
      },
    },
  }
  const resolve = (path: string) => resolveSchemaPath(path, schema, { allowArrayNotation: true })

  test('lead to fields and into maps', () => {
    expect(resolve('.spec.host')).toMatchObject({ text: 'spec.host', root: 'spec', schema: { type: 'string' } })
    expect(resolve(".spec['a.b']")).toMatchObject({ schema: { type: 'integer' } })
    expect(resolve(".spec.labels['x']")).toMatchObject({ schema: { type: 'string' } })
  })

  // Words of apiextensions-apiserver pkg/apiserver/schema/cel/validation.go ValidFieldPath.
  test.each([
    ['.spec.nope', 'does not refer to a valid field'],
    ['.spec.', 'unexpected end of JSON path'],
    ['spec.host', 'expected [ or . but got: spec'],
    ['.spec[host]', 'expected single quoted string but got host'],
  ])('%s leads nowhere', (path, why) => {
    expect(() => resolve(path)).toThrow(why)
  })

  test('without brackets', () => {
    expect(() => resolveSchemaPath(".spec['host']", schema, { allowArrayNotation: false })).toThrow(
      'array notation is not allowed',
    )
  })
})
