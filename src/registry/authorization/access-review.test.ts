import { expect, test } from 'vitest'
import { fieldErrorMessage } from '../../apimachinery/field-error.ts'
import {
  validateLocalSubjectAccessReview,
  validateSelfSubjectAccessReview,
  validateSubjectAccessReview,
} from './access-review.ts'

const review = (spec: object, metadata: object = {}) => ({ metadata, spec }) as never
const subjectErrors = (spec: object, metadata?: object): string[] =>
  validateSubjectAccessReview(review(spec, metadata)).map(fieldErrorMessage)
const RESOURCE = { namespace: 'n', verb: 'get', resource: 'pods' }
const URL_ATTRIBUTES = { path: '/x', verb: 'get' }

// Words of kubernetes pkg/apis/authorization/validation/validation.go.
test('a review names a subject and one thing', () => {
  expect(subjectErrors({ user: 'u', resourceAttributes: RESOURCE })).toEqual([])
  expect(subjectErrors({ groups: ['g'], nonResourceAttributes: URL_ATTRIBUTES })).toEqual([])
  expect(subjectErrors({})).toEqual([
    'spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    'spec.user: Invalid value: "": at least one of user or group must be specified',
  ])
  const both = { user: 'u', resourceAttributes: RESOURCE, nonResourceAttributes: URL_ATTRIBUTES }
  expect(subjectErrors(both)).toEqual([
    'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: cannot be specified in combination with resourceAttributes',
  ])
})

test('a review has no metadata', () => {
  const errors = subjectErrors({ user: 'u', resourceAttributes: RESOURCE }, { name: 'x' })
  expect(errors).toEqual(['metadata: Invalid value: {"name":"x"}: must be empty'])
  const managedFields = [{ apiVersion: 'v1', manager: 'm', operation: 'Update' }]
  expect(subjectErrors({ user: 'u', resourceAttributes: RESOURCE }, { managedFields, namespace: 'n' })).toEqual([
    'metadata: Invalid value: {"namespace":"n","managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1"}]}: must be empty',
  ])
  expect(subjectErrors({ user: 'u', resourceAttributes: RESOURCE }, { managedFields: [] })).toEqual([])
})

test('a local review stays in its namespace', () => {
  const localErrors = (spec: object): string[] =>
    validateLocalSubjectAccessReview(review({ user: 'u', ...spec }, { namespace: 'm' })).map(fieldErrorMessage)
  expect(localErrors({ resourceAttributes: { ...RESOURCE, namespace: 'm' } })).toEqual([])
  expect(localErrors({ resourceAttributes: RESOURCE })).toEqual([
    'spec.resourceAttributes.namespace: Invalid value: "n": must match metadata.namespace',
  ])
  expect(localErrors({ nonResourceAttributes: URL_ATTRIBUTES })).toEqual([
    'spec.nonResourceAttributes: Invalid value: {"Path":"/x","Verb":"get"}: disallowed on this kind of request',
  ])
})

test('selectors are raw or made of requirements', () => {
  const at = 'spec.resourceAttributes.fieldSelector'
  const selfErrors = (fieldSelector: object): string[] =>
    validateSelfSubjectAccessReview(review({ resourceAttributes: { ...RESOURCE, fieldSelector } })).map(
      fieldErrorMessage,
    )
  const requirements = [{ key: 'a', operator: 'In', values: ['b'] }]
  expect(selfErrors({ requirements })).toEqual([])
  expect(selfErrors({ rawSelector: 'a=b' })).toEqual([])
  expect(selfErrors({ rawSelector: 'a=b', requirements })).toEqual([
    `${at}.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements`,
  ])
  expect(selfErrors({})).toEqual([
    `${at}.requirements: Required value: when ${at} is specified, requirements or rawSelector is required`,
  ])
})
