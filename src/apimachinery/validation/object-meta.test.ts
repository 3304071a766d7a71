import { expect, test } from 'vitest'
import { type FieldError, fieldErrorMessage } from '../field-error.ts'
import { FieldPath } from '../field-path.ts'
import type { ObjectMeta } from '../types/meta-v1.ts'
import {
  nameIsDNSLabel,
  nameIsDNSSubdomain,
  validateAnnotations,
  validateConditions,
  validateCreateOptions,
  validateDeleteOptions,
  validateImmutableField,
  validateLabelSelector,
  validateObjectMeta,
  validateObjectMetaUpdate,
  validateOwnerReferences,
  validatePatchOptions,
} from './object-meta.ts'

const METADATA = FieldPath.of('metadata')
const messages = (errors: readonly FieldError[]): string[] => errors.map(fieldErrorMessage)
const validate = (meta: ObjectMeta, namespaced = true): string[] =>
  messages(validateObjectMeta(meta, namespaced, nameIsDNSSubdomain, METADATA))

test('a name may end in a dash only as the start of a generated one', () => {
  expect(nameIsDNSLabel('a-', true)).toEqual([])
  expect(nameIsDNSLabel('a-', false)).toHaveLength(1)
  expect(nameIsDNSLabel('-', true)).toHaveLength(1)
})

test('metadata without a name or a namespace is refused in that order', () => {
  expect(validate({})).toEqual([
    'metadata.name: Required value: name or generateName is required',
    'metadata.namespace: Required value',
  ])
  expect(validate({ name: 'a', namespace: 'b' }, false)).toEqual([
    'metadata.namespace: Forbidden: not allowed on this type',
  ])
})

test('labels, annotations, owners, finalizers and managed fields are each looked at', () => {
  const meta: ObjectMeta = {
    name: 'a',
    namespace: 'b',
    generation: -1,
    labels: { a: 'b c' },
    annotations: { 'A/B/C': '' },
    ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }],
    finalizers: ['orphan', 'foregroundDeletion', '/'],
    managedFields: [{ manager: 'm', operation: 'Sing', fieldsType: 'V2' }],
  }
  expect(validate(meta).map((message) => message.slice(0, 62))).toEqual([
    'metadata.generation: Invalid value: -1: must be greater than o',
    'metadata.labels: Invalid value: "b c": a valid label must be a',
    'metadata.annotations: Invalid value: "A/B/C": a valid label ke',
    'metadata.ownerReferences.apiVersion: Invalid value: "": versio',
    'metadata.ownerReferences.kind: Invalid value: "": must not be ',
    'metadata.ownerReferences.name: Invalid value: "": must not be ',
    'metadata.ownerReferences.uid: Invalid value: "": must not be e',
    'metadata.finalizers: Invalid value: "/": prefix part must be n',
    'metadata.finalizers: Invalid value: "/": name part must be non',
    'metadata.finalizers: Invalid value: "/": name part must consis',
    'metadata.finalizers: Invalid value: ["orphan","foregroundDelet',
    'metadata.managedFields[0].operation: Invalid value: "Sing": mu',
    'metadata.managedFields[0].fieldsType: Invalid value: "V2": mus',
  ])
})

test('annotations of more than 256 KiB in all are too long; upper case is fine', () => {
  expect(validateAnnotations({ 'Example.com/A': 'x'.repeat(262_131) }, METADATA)).toEqual([])
  expect(messages(validateAnnotations({ 'Example.com/A': 'x'.repeat(262_132) }, METADATA))).toEqual([
    'metadata: Too long: may not be more than 262144 bytes',
  ])
})

test('an object has one controller, and no event owns anything', () => {
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'u', controller: true }
  expect(messages(validateOwnerReferences([owner, { ...owner, name: 'b' }], METADATA))).toEqual([
    'metadata: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"a","uid":"u","controller":true},{"apiVersion":"v1","kind":"Pod","name":"b","uid":"u","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b',
  ])
  expect(messages(validateOwnerReferences([{ ...owner, kind: 'Event' }], METADATA))[0]).toContain(
    '/v1, Kind=Event is disallowed from being an owner',
  )
})

test('an update changes neither identity nor times, and brings a resourceVersion', () => {
  const old: ObjectMeta = {
    name: 'a',
    namespace: 'n',
    uid: 'u',
    generation: 3,
    creationTimestamp: '2026-01-01T00:00:00Z',
  }
  const meta: ObjectMeta = { name: 'b', namespace: 'n', generation: 2, deletionGracePeriodSeconds: 5 }
  expect(messages(validateObjectMetaUpdate(meta, old, METADATA))).toEqual([
    'metadata.resourceVersion: Invalid value: "": must be specified for an update',
    'metadata.generation: Invalid value: 2: must not be decremented',
    'metadata.name: Invalid value: "b": field is immutable',
    'metadata.uid: Invalid value: "": field is immutable',
    'metadata.creationTimestamp: Invalid value: null: field is immutable',
    'metadata.deletionGracePeriodSeconds: Invalid value: 5: field is immutable',
  ])
})

test('an object that is being deleted takes no new finalizers', () => {
  const old: ObjectMeta = {
    name: 'a',
    resourceVersion: '1',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    finalizers: ['x/y'],
  }
  expect(messages(validateObjectMetaUpdate({ ...old, finalizers: ['z/b', 'x/y', 'z/a'] }, old, METADATA))).toEqual([
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"z/a", "z/b"}',
  ])
})

test('an empty list and none are the same, an empty object and none are not', () => {
  expect(validateImmutableField([], undefined, METADATA)).toEqual([])
  expect(messages(validateImmutableField(undefined, {}, METADATA))).toEqual([
    'metadata: Invalid value: null: field is immutable',
  ])
})

test('a label selector says what is wrong with each requirement', () => {
  const matchExpressions = [
    { key: 'a', operator: 'In' },
    { key: 'b', operator: 'Exists', values: ['x'] },
    { key: '', operator: 'Gt', values: ['-'] },
  ]
  const errors = messages(validateLabelSelector({ matchExpressions }, {}, FieldPath.of('s')))
  expect(errors.slice(0, 3)).toEqual([
    "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "s.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    's.matchExpressions[2].operator: Invalid value: "Gt": not a valid selector operator',
  ])
  expect(errors[3]).toBe('s.matchExpressions[2].key: Invalid value: "": name part must be non-empty')
  expect(errors[5]).toMatch(/^s\.matchExpressions\[2\]\.values\[0\]: Invalid value: "-": a valid label must be/)
})

test('options of a write', () => {
  expect(messages(validateCreateOptions({ fieldManager: `${'x'.repeat(129)}`, dryRun: ['Some'] }))).toEqual([
    'fieldManager: Too long: may not be more than 128 bytes',
    'dryRun: Unsupported value: ["Some"]: supported values: "All"',
  ])
  expect(messages(validateCreateOptions({ fieldManager: 'a\u0001', fieldValidation: 'Hard' }))).toEqual([
    'fieldManager: Invalid value: "a\\x01": invalid character U+0001 (at position 1)',
    'fieldValidation: Unsupported value: "Hard": supported values: "", "Ignore", "Strict", "Warn"',
  ])
  expect(messages(validatePatchOptions({}, { apply: true }))).toEqual([
    'fieldManager: Required value: is required for apply patch',
  ])
  expect(messages(validatePatchOptions({ force: true }, { apply: false }))).toEqual([
    'force: Forbidden: may not be specified for non-apply patch',
  ])
})

test('options of a delete', () => {
  expect(messages(validateDeleteOptions({ orphanDependents: true, propagationPolicy: 'Maybe' }))).toEqual([
    'propagationPolicy: Invalid value: "Maybe": orphanDependents and deletionPropagation cannot be both set',
    'propagationPolicy: Unsupported value: "Maybe": supported values: "Foreground", "Background", "Orphan", "nil"',
  ])
})

test('conditions are one of each type and complete', () => {
  const condition = { type: 'Ready', status: 'Maybe', reason: '', message: '', lastTransitionTime: '' }
  expect(messages(validateConditions([condition, condition], FieldPath.of('c'))).slice(0, 4)).toEqual([
    'c[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
    'c[0].lastTransitionTime: Required value',
    'c[0].reason: Required value',
    'c[1].type: Duplicate value: "Ready"',
  ])
})
