import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { ObjectCodec } from './object-codec.ts'

const codec = new ObjectCodec({ group: 'apps', version: 'v1', kind: 'Deployment' })

function served(metadata: object, rest: object = {}): Buffer {
  const object = { kind: 'Deployment', apiVersion: 'apps/v1', metadata, ...rest } as unknown as KubeObject
  return codec.withRevision(codec.encode(object), 7)
}

const field = { manager: 'kubectl', fieldsV1: { 'f:spec': { 'k:{"name":"a"}': { '.': {} } } } }

describe('the metadata of served bytes', () => {
  test.each<[string, object]>([
    ['with managedFields at the end', { name: 'a', labels: { x: '}' }, managedFields: [field, field] }],
    ['with managedFields in the middle', { name: 'a', managedFields: [field], namespace: 'b' }],
    ['with nothing but managedFields', { managedFields: [field] }],
    ['without managedFields', { name: 'a' }],
    ['with empty managedFields', { managedFields: [], name: 'a' }],
    ['with none at all', {}],
    ['with the word elsewhere', { annotations: { managedFields: '"managedFields":[', '"managedFields":[': ']' } }],
    ['with quotes and backslashes', { annotations: { a: '\\"}', b: '\\\\' }, managedFields: [field], name: 'ü€𝄞' }],
  ])('%s', (_, metadata) => {
    const bytes = served(metadata, { spec: { managedFields: [1] } })
    const whole = codec.parse(bytes)
    expect(codec.metadata(bytes).toString()).toBe(JSON.stringify(whole.metadata))
    delete whole.metadata.managedFields
    expect(codec.parseWithoutManagedFields(bytes)).toEqual(whole)
  })

  test('of any text', () => {
    const texts = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(texts, texts, fc.boolean(), (labels, annotations, isLast) => {
        const managedFields = [{ manager: 'x', fieldsV1: labels }]
        const bytes = served(isLast ? { labels, annotations, managedFields } : { managedFields, labels, annotations })
        const whole = codec.parse(bytes)
        expect(JSON.parse(codec.metadata(bytes).toString())).toEqual(whole.metadata)
        delete whole.metadata.managedFields
        expect(codec.parseWithoutManagedFields(bytes)).toEqual(whole)
      }),
      { numRuns: 50 },
    )
  })
})
