import { describe, expect, test } from 'vitest'
import type { ManagedFieldsEntry } from '../types/meta-v1.ts'
import { ScaleManagedFields } from './scale-managed-fields.ts'

const SPEC_REPLICAS = { 'f:spec': { 'f:replicas': {} } }

function entry(
  manager: string,
  apiVersion: string,
  fieldsV1: Record<string, unknown>,
  more: Partial<ManagedFieldsEntry> = {},
): ManagedFieldsEntry {
  return { manager, operation: 'Update', apiVersion, fieldsType: 'FieldsV1', fieldsV1, ...more }
}

const scale = new ScaleManagedFields(
  'apps/v1',
  ['spec', 'replicas'],
  new Map([['apps/v1beta1', ['spec', 'the-replicas']]]),
)
const TIME = '2026-01-01T00:00:00Z'

/** Facts of apimachinery pkg/util/managedfields/scalehandler_test.go and recorded answers. */
describe('to the scale', () => {
  test('who owns the replicas owns those of the scale, in its version', () => {
    const parent = [
      entry(
        'test',
        'apps/v1',
        { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } },
        { operation: 'Apply', time: TIME },
      ),
      entry('other', 'apps/v1', { 'f:spec': { 'f:selector': {} } }),
      entry('gone', 'apps/v2', SPEC_REPLICAS),
    ]
    expect(scale.toSubresource(parent)).toEqual([
      {
        manager: 'test',
        operation: 'Apply',
        apiVersion: 'autoscaling/v1',
        time: TIME,
        fieldsType: 'FieldsV1',
        fieldsV1: SPEC_REPLICAS,
      },
    ])
  })

  test('another version has its own path', () => {
    const parent = [entry('test', 'apps/v1beta1', { 'f:spec': { 'f:the-replicas': {} } })]
    expect(scale.toSubresource(parent).map((e) => e.manager)).toEqual(['test'])
  })
})

describe('back to the resource', () => {
  const parent = [
    entry('test', 'apps/v1', { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } }, { operation: 'Apply', time: TIME }),
  ]

  test('nothing changes where the same manager still owns the replicas', () => {
    expect(scale.toParent(parent, scale.toSubresource(parent))).toEqual(parent)
  })

  test('who takes the replicas through the scale takes them here, without a time of its own', () => {
    const taken = [entry('scale', 'autoscaling/v1', SPEC_REPLICAS, { subresource: 'scale', time: TIME })]
    expect(scale.toParent(parent, taken)).toEqual([
      entry('test', 'apps/v1', { 'f:spec': { 'f:selector': {} } }, { operation: 'Apply', time: TIME }),
      entry('scale', 'apps/v1', SPEC_REPLICAS, { subresource: 'scale' }),
    ])
  })

  test('an entry that owned nothing but the replicas goes', () => {
    const only = [entry('test', 'apps/v1', SPEC_REPLICAS, { operation: 'Apply' })]
    expect(scale.toParent(only, [])).toEqual([])
  })

  test('entries of versions that are not known are dropped', () => {
    expect(scale.toParent([entry('x', 'apps/v2', { 'f:spec': { 'f:selector': {} } })], [])).toEqual([])
  })
})
