import { describe, expect, test } from 'vitest'
import { LABEL, NAME_PART, StrategyMessages, SUBDOMAIN } from '../../test/suites/strategy-messages.ts'
import { VALID_OBJECTS } from '../../test/suites/valid-objects.ts'
import type { JsonObject } from '../apimachinery/kube-object.ts'
import { applyMergePatch } from '../apimachinery/patch/merge-patch.ts'
import { builtinEntries } from './builtin-entries.ts'

/**
 * What every kind holds its metadata to: apimachinery pkg/api/validation/objectmeta.go ValidateObjectMeta and
 * pkg/apis/meta/v1/validation; name rules: pkg/apis/<group>/validation/validation.go Validate<Kind>Name.
 */
const VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const NEITHER = 'name is neither a standard finalizer name nor is it fully qualified'

/** Groups that use apimachinery's check of metadata, not that of pkg/apis/core. */
const OTHER_GROUPS: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
])

const OWNER = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' }

/** Validation of these leaves metadata to the generic registry (registry/rest BeforeCreate). */
const GENERIC: ReadonlySet<string> = new Set(['events', 'poddisruptionbudgets'])

/** Bindings have no metadata of their own that lasts, componentstatuses are only read. */
const NEVER_WRITTEN: ReadonlySet<string> = new Set(['bindings', 'componentstatuses'])

/** Kinds that the table has no object of would not be tried at all. */
test('every stored kind is here', () => {
  const tried = VALID_OBJECTS.map(({ group, resource }) => `${resource}.${group}`)
  expect([...tried].sort()).toEqual(
    builtinEntries
      .filter(({ resource }) => !NEVER_WRITTEN.has(resource))
      .map(({ group, resource }) => `${resource}.${group}`)
      .sort(),
  )
})

describe.each(VALID_OBJECTS.filter(({ resource }) => !GENERIC.has(resource)))(
  '$kind of $group',
  ({ group, resource, kind, manifest, namespaced, nameRule }) => {
    const messages = new StrategyMessages(
      builtinEntries.filter((entry) => entry.group === group),
      resource,
      kind,
      namespaced,
    )
    const errorsOf = (metadata: JsonObject): string[] => messages.createErrors(applyMergePatch(manifest, { metadata }))

    test('the valid object', () => {
      expect(errorsOf({})).toEqual([])
    })

    test('labels', () => {
      expect(errorsOf({ labels: { 'a b': 'c', d: '-' } })).toEqual([
        `metadata.labels: Invalid value: "a b": ${NAME_PART}`,
        `metadata.labels: Invalid value: "-": ${VALUE}`,
      ])
    })

    test('annotations', () => {
      expect(errorsOf({ annotations: { 'a b': 'any text' } })).toEqual([
        `metadata.annotations: Invalid value: "a b": ${NAME_PART}`,
      ])
    })

    test('owners', () => {
      expect(errorsOf({ ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }] })).toEqual([
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
      ])
      const controller = { ...OWNER, controller: true }
      expect(errorsOf({ ownerReferences: [controller, { ...controller, kind: 'Node', name: 'n' }] })).toEqual([
        expect.stringMatching(
          /^metadata\.ownerReferences: Invalid value: \[.*\]: Only one reference can have Controller set to true\. Found "true" in references for Pod\/p and Node\/n$/,
        ),
      ])
    })

    test('finalizers', () => {
      const isOfCore = !OTHER_GROUPS.has(group)
      expect(errorsOf({ finalizers: ['a b'] })).toEqual([
        `metadata.finalizers: Invalid value: "a b": ${NAME_PART}`,
        ...(isOfCore ? [`metadata.finalizers[0]: Invalid value: "a b": ${NEITHER}`] : []),
      ])
    })

    test.skipIf(nameRule === 'none')('name', () => {
      const expected = {
        subdomain: [`metadata.name: Invalid value: "A_b": ${SUBDOMAIN}`],
        label: [`metadata.name: Invalid value: "A_b": ${LABEL}`],
        path: [],
        none: [],
      }[nameRule]
      expect(errorsOf({ name: 'A_b' })).toEqual(expected)
      if (nameRule === 'path') {
        expect(errorsOf({ name: 'a/b%' })).toEqual([
          'metadata.name: Invalid value: "a/b%": may not contain \'/\'',
          'metadata.name: Invalid value: "a/b%": may not contain \'%\'',
        ])
      }
    })
  },
)
