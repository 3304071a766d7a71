import { expect, test } from 'vitest'
import { DNS1035, StrategyMessages, SUBDOMAIN } from '../../../test/suites/strategy-messages.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import { apiextensionsEntries } from './entries.ts'

/** Messages that a kube-apiserver v1.36 answered with. */
const definitions = new StrategyMessages(apiextensionsEntries, 'customresourcedefinitions', 'CustomResourceDefinition')

const SCHEMA = {
  openAPIV3Schema: {
    type: 'object',
    properties: { spec: { type: 'object', properties: { x: { type: 'string' } } } },
  },
}
const VERSION = { name: 'v1', served: true, storage: true, schema: SCHEMA }
const SPEC = {
  group: 'example.com',
  scope: 'Namespaced',
  names: { plural: 'bads', kind: 'Bad' },
  versions: [VERSION],
}

const manifestOf = (spec: object, metadata: object = {}): JsonObject =>
  ({ metadata: { name: 'bads.example.com', ...metadata }, spec: { ...SPEC, ...spec } }) as JsonObject
const errorsOf = (spec: object, metadata?: object): string[] => definitions.createErrors(manifestOf(spec, metadata))
const versionErrors = (...versions: object[]): string[] =>
  errorsOf({ versions: versions.map((change, i) => ({ ...VERSION, name: `v${i + 1}`, storage: i === 0, ...change })) })
const schemaErrors = (properties: object): string[] =>
  versionErrors({ schema: { openAPIV3Schema: { type: 'object', properties } } })

test('the name is made of plural and group', () => {
  expect(errorsOf({})).toEqual([])
  expect(errorsOf({}, { name: 'other.example.com' })).toEqual([
    'metadata.name: Invalid value: "other.example.com": must be spec.names.plural+"."+spec.group',
  ])
  expect(errorsOf({ group: 'Nodots', scope: 'Global' }, { name: 'bads.Nodots' })).toEqual([
    `metadata.name: Invalid value: "bads.Nodots": ${SUBDOMAIN}`,
    `spec.group: Invalid value: "Nodots": ${SUBDOMAIN}`,
    'spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"',
  ])
})

test('an empty definition', () => {
  expect(definitions.createErrors({ metadata: { name: 'x.example.com' }, spec: {} })).toEqual([
    'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
    'spec.group: Required value',
    'spec.scope: Required value',
    'spec.versions: Invalid value: null: must have exactly one version marked as storage version',
    'spec.names.plural: Required value',
    'spec.names.singular: Required value',
    'spec.names.kind: Required value',
    'spec.names.listKind: Required value',
    'status.storedVersions: Invalid value: null: must have at least one stored version',
  ])
})

test('names', () => {
  const names = {
    plural: 'bads',
    kind: 'bad kind',
    singular: 'Bad_One',
    listKind: '1List',
    shortNames: ['B'],
    categories: ['All'],
  }
  const mixed = `may have mixed case, but should otherwise match: ${DNS1035}`
  expect(errorsOf({ names })).toEqual([
    `spec.names.singular: Invalid value: "Bad_One": ${DNS1035}`,
    `spec.names.kind: Invalid value: "bad kind": ${mixed}`,
    `spec.names.listKind: Invalid value: "1List": ${mixed}`,
    `spec.names.shortNames[0]: Invalid value: "B": ${DNS1035}`,
    `spec.names.categories[0]: Invalid value: "All": ${DNS1035}`,
  ])
  expect(errorsOf({ names: { plural: 'bads', kind: 'Same', listKind: 'Same' } })).toEqual([
    'spec.names.listKind: Invalid value: "Same": kind and listKind may not be the same',
  ])
})

test('a protected group needs an approval', () => {
  const at = 'metadata.annotations[api-approved.kubernetes.io]'
  const needs = 'protected groups must have approval annotation "api-approved.kubernetes.io"'
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111'
  const approvedBy = (value?: string): string[] =>
    errorsOf(
      { group: 'x.k8s.io' },
      { name: 'bads.x.k8s.io', annotations: value ? { 'api-approved.kubernetes.io': value } : {} },
    )
  expect(approvedBy()).toEqual([`${at}: Required value: ${needs}, ${see}`])
  expect(approvedBy('yes')).toEqual([
    `${at}: Invalid value: "yes": ${needs} with either a URL or a reason starting with "unapproved", ${see}`,
  ])
  expect(approvedBy('https://github.com/kubernetes/kubernetes/pull/1')).toEqual([])
  expect(approvedBy('unapproved, an experiment')).toEqual([])
})

const printed = (...versions: (readonly [name: string, isStored: boolean])[]): string =>
  `[${versions
    .map(
      ([name, isStored]) =>
        `{"Name":"${name}","Served":true,"Storage":${isStored},"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}`,
    )
    .join()}]`

test('one version is stored', () => {
  const message = 'must have exactly one version marked as storage version'
  expect(versionErrors({ storage: false }, {})).toEqual([
    `spec.versions: Invalid value: ${printed(['v1', false], ['v2', false])}: ${message}`,
    'status.storedVersions: Invalid value: null: must have at least one stored version',
  ])
  expect(versionErrors({}, { storage: true })).toEqual([
    `spec.versions: Invalid value: ${printed(['v1', true], ['v2', true])}: ${message}`,
    'status.storedVersions: Invalid value: ["v1"]: must have the storage version v2',
  ])
})

test('names and schemas of versions', () => {
  const versions = [{ name: 'V1' }, { name: 'v1' }, { name: 'v1' }]
  expect(versionErrors(...versions)).toEqual([
    `spec.versions[0].name: Invalid value: "V1": ${DNS1035}`,
    `spec.versions: Invalid value: ${printed(['V1', true], ['v1', false], ['v1', false])}: must contain unique version names`,
    `spec.version: Invalid value: "V1": ${DNS1035}`,
  ])
  expect(versionErrors({ schema: undefined })).toEqual(['spec.versions[0].schema.openAPIV3Schema: Required value'])
})

test('deprecations', () => {
  const errors = versionErrors(
    { deprecationWarning: 'w' },
    { deprecated: true, deprecationWarning: 'a\nb' },
    { deprecated: true, deprecationWarning: '' },
  )
  expect(errors).toEqual([
    'spec.versions[0].deprecationWarning: Invalid value: "w": can only be set for deprecated versions',
    'spec.versions[1].deprecationWarning: Invalid value: "a\\nb": must only contain printable UTF-8 characters; non-printable character found at index 1',
    'spec.versions[2].deprecationWarning: Invalid value: "": must not be an empty string',
  ])
})

test('paths of scaling', () => {
  const scale = {
    specReplicasPath: '.replicas',
    statusReplicasPath: '.spec.n[0]',
    labelSelectorPath: '.metadata.labels',
  }
  const empty = { specReplicasPath: '', statusReplicasPath: '' }
  expect(versionErrors({ subresources: { scale } }, { subresources: { scale: empty } })).toEqual([
    'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec',
    'spec.versions[0].subresources.scale.statusReplicasPath: Invalid value: ".spec.n[0]": should be a json path under .status',
    'spec.versions[0].subresources.scale.labelSelectorPath: Invalid value: ".metadata.labels": should be a json path under either .spec or .status',
    'spec.versions[1].subresources.scale.specReplicasPath: Required value',
    'spec.versions[1].subresources.scale.statusReplicasPath: Required value',
  ])
})

test('conversions', () => {
  const conversionErrors = (conversion: object): string[] => errorsOf({ conversion })
  const clientConfig = { url: 'https://h/x' }
  const webhook = { conversionReviewVersions: ['v1'], clientConfig }
  expect(conversionErrors({ strategy: 'Webhook', webhook })).toEqual([])
  expect(conversionErrors({ strategy: 'None', webhook })).toEqual([
    'spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook',
    'spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
  ])
  expect(conversionErrors({ strategy: 'Webhook' })).toEqual([
    'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
    'spec.conversion.conversionReviewVersions: Required value',
  ])
  const both = { url: 'http://h', service: { namespace: 'n', name: 's' } }
  const strange = { conversionReviewVersions: ['v9', 'V_'], clientConfig: both }
  expect(conversionErrors({ strategy: 'Webhook', webhook: strange })).toEqual([
    'spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required',
    `spec.conversion.conversionReviewVersions[1]: Invalid value: "V_": ${DNS1035}`,
    'spec.conversion.conversionReviewVersions: Invalid value: ["v9","V_"]: must include at least one of v1, v1beta1',
  ])
  expect(conversionErrors({ strategy: 'Magic' })).toEqual([
    'spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"',
  ])
})

test('what is not structural', () => {
  const at = 'spec.validation.openAPIV3Schema.properties'
  expect(schemaErrors({ a: {} })).toEqual([
    `${at}[a].type: Required value: must not be empty for specified object fields`,
  ])
  expect(schemaErrors({ a: { type: 'array', items: {} } })).toEqual([
    `${at}[a].items.type: Required value: must not be empty for specified array items`,
  ])
  expect(schemaErrors({ a: { type: 'string', anyOf: [{ type: 'string' }] } })).toEqual([
    `${at}[a].anyOf[0].type: Forbidden: must be empty to be structural`,
  ])
})

test('schemas that differ between versions are named by their version', () => {
  const schemaOf = (properties: object): object => ({ schema: { openAPIV3Schema: { type: 'object', properties } } })
  expect(versionErrors(schemaOf({ a: { type: 'string' } }), schemaOf({ a: {} }))).toEqual([
    'spec.versions[1].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
  ])
})

test('unknown fields are kept by schemas, never by the whole definition', () => {
  expect(errorsOf({ preserveUnknownFields: true })).toEqual([
    'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
  ])
})

test('defaults', () => {
  const at = 'spec.validation.openAPIV3Schema.properties'
  expect(schemaErrors({ a: { type: 'string', default: 'x' } })).toEqual([])
  expect(schemaErrors({ a: { type: 'string', default: 5 } })).toEqual([
    `${at}[a].default: Invalid value: "integer":  in body must be of type string: "integer"`,
  ])
})

test('an established definition keeps scope, kind, group and plural', () => {
  const { object } = definitions.create(manifestOf({}))
  const conditions = [{ type: 'Established', status: 'True', lastTransitionTime: null, reason: '', message: '' }]
  Object.assign(object, { status: { ...((object as unknown as JsonObject).status as JsonObject), conditions } })
  const patch = { spec: { group: 'other.example.com', scope: 'Cluster', names: { plural: 'others', kind: 'Other' } } }
  expect(definitions.patch(object, patch).errors).toEqual([
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Other": field is immutable',
    'spec.group: Invalid value: "other.example.com": field is immutable',
    'spec.names.plural: Invalid value: "others": field is immutable',
  ])
})

test('a version that was stored stays', () => {
  const { object } = definitions.create(manifestOf({}))
  const versions = [{ ...VERSION, name: 'v2' }]
  expect(definitions.patch(object, { spec: { versions } }).errors).toEqual([
    'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
  ])
})
