import { expect, test } from 'vitest'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../apimachinery/types/apiextensions-v1.ts'
import { acceptNames, approvalCondition, establish, nonStructuralCondition, takenNames } from './definition-status.ts'

const T1 = Date.parse('2026-01-01T00:00:01Z')
const T2 = Date.parse('2026-01-01T00:00:02Z')
const NAMES = { plural: 'bads', singular: 'bad', shortNames: ['b'], kind: 'Bad', listKind: 'BadList' }

function definition(names: CustomResourceDefinitionNames, status?: CustomResourceDefinitionStatus, group = 'x.y') {
  return {
    metadata: { name: 'd' },
    spec: { group, names, versions: [] },
    status,
  } as unknown as CustomResourceDefinition
}

const accepted = (names: CustomResourceDefinitionNames): CustomResourceDefinition =>
  definition(names, { acceptedNames: names })

// Conditions of apiextensions-apiserver pkg/controller/{status,establish,nonstructuralschema}.
test('free names are accepted, and the definition is established afterwards', () => {
  const named = acceptNames(definition(NAMES), takenNames('x.y', []), T1)!
  const lastTransitionTime = '2026-01-01T00:00:01Z'
  expect(named.acceptedNames).toEqual(NAMES)
  expect(named.conditions).toEqual([
    {
      type: 'NamesAccepted',
      status: 'True',
      reason: 'NoConflicts',
      message: 'no conflicts found',
      lastTransitionTime,
    },
    {
      type: 'Established',
      status: 'False',
      reason: 'Installing',
      message: 'the initial names have been accepted',
      lastTransitionTime,
    },
  ])
  const established = establish(definition(NAMES, named), T2)!
  expect(established.conditions![1]).toEqual({
    type: 'Established',
    status: 'True',
    reason: 'InitialNamesAccepted',
    message: 'the initial names have been accepted',
    lastTransitionTime: '2026-01-01T00:00:02Z',
  })
  expect(acceptNames(definition(NAMES, established), takenNames('x.y', []), T2)).toBeUndefined()
  expect(establish(definition(NAMES, established), T2)).toBeUndefined()
})

test('names of another definition are refused, the others are taken over', () => {
  const other = accepted({ plural: 'others', shortNames: ['b'], kind: 'Bad' })
  const status = acceptNames(definition(NAMES), takenNames('x.y', [other]), T1)!
  expect(status.acceptedNames).toEqual({ plural: 'bads', singular: 'bad', kind: '', listKind: 'BadList' })
  expect(status.conditions).toMatchObject([
    { type: 'NamesAccepted', status: 'False', reason: 'KindConflict', message: '"Bad" is already in use' },
    { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
  ])
  expect(establish(definition(NAMES, status), T2)).toBeUndefined()
})

test('names of other groups are no conflict', () => {
  const other = definition(NAMES, { acceptedNames: NAMES }, 'z.y')
  expect(acceptNames(definition(NAMES), takenNames('x.y', [other]), T1)!.conditions![0]).toMatchObject({
    status: 'True',
  })
})

test('a conflict later leaves an established definition established', () => {
  const status: CustomResourceDefinitionStatus = {
    acceptedNames: NAMES,
    conditions: [
      { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'm', lastTransitionTime: 't' },
    ],
  }
  const renamed = { ...NAMES, shortNames: ['taken'] }
  const other = accepted({ plural: 'others', kind: 'Other', shortNames: ['taken'] })
  const next = acceptNames(definition(renamed, status), takenNames('x.y', [other]), T1)!
  expect(next.acceptedNames!.shortNames).toEqual(['b'])
  expect(next.conditions).toMatchObject([
    { type: 'Established', status: 'True', lastTransitionTime: 't' },
    { type: 'NamesAccepted', status: 'False', reason: 'ShortNamesConflict', message: '"taken" is already in use' },
  ])
})

test('a broken CA bundle of the conversion webhook keeps a definition from being established', () => {
  const crd = definition(NAMES, acceptNames(definition(NAMES), takenNames('x.y', []), T1))
  const clientConfig = { url: 'https://h', caBundle: Buffer.from('no PEM').toString('base64') }
  crd.spec.conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } }
  expect(establish(crd, T2)!.conditions![1]).toMatchObject({ status: 'False', reason: 'InvalidCABundle' })
})

test('the approval of protected groups', () => {
  expect(approvalCondition(definition(NAMES))).toBeUndefined()
  const type = 'KubernetesAPIApprovalPolicyConformant'
  expect(approvalCondition(definition(NAMES, undefined, 'a.k8s.io'))).toMatchObject({
    type,
    status: 'False',
    reason: 'MissingAnnotation',
  })
})

test('schemas that are not structural', () => {
  const crd = definition(NAMES)
  expect(nonStructuralCondition(crd)).toBeUndefined()
  const schema = { openAPIV3Schema: { type: 'object', properties: { a: {} } } }
  crd.spec.versions = [{ name: 'v1', served: true, storage: true, schema }]
  expect(nonStructuralCondition(crd)).toEqual({
    type: 'NonStructuralSchema',
    status: 'True',
    reason: 'Violations',
    message:
      'spec.versions[0].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
  })
})
