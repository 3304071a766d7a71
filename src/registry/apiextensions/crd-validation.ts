import { type FieldError, invalid, notSupported, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  JSONSchemaProps,
} from '../../apimachinery/types/apiextensions-v1.ts'
import { isDNS1035Label, isDNS1123Subdomain } from '../../apimachinery/validation/names.ts'
import {
  nameIsDNSSubdomain,
  validateImmutableField,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '../../apimachinery/validation/object-meta.ts'
import { validateApiApproval } from './api-approval.ts'
import { validateConversion } from './conversion-validation.ts'
import { deprecationWarningProblems } from './deprecation-warning.ts'
import { goVersions } from './go-types.ts'
import { type InternalSpec, internalSpecOf, schemasOf } from './internal-spec.ts'
import { anySchema } from './json-schema.ts'
import { validateColumn, validateNames, validateSelectableFields, validateSubresources } from './names-and-columns.ts'
import type { RuleChecker } from './rule-checker.ts'
import { structuralProblem } from './structural-schema.ts'
import { createOptions, type Options, updateOptions } from './validation-options.ts'
import { validateVersionSchema } from './version-schema.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')
const STATUS = FieldPath.of('status')

/** @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go ValidateCustomResourceDefinition */
export function validateCreate(crd: CustomResourceDefinition, rules: RuleChecker): FieldError[] {
  const requiredName = `${crd.spec?.names?.plural ?? ''}.${crd.spec?.group ?? ''}`
  const nameFn = (name: string, prefix: boolean): string[] => {
    const problems = nameIsDNSSubdomain(name, prefix)
    return name === requiredName ? problems : [...problems, 'must be spec.names.plural+"."+spec.group']
  }
  const spec = internalSpecOf(crd)
  return [
    ...validateObjectMeta(crd.metadata, false, nameFn, METADATA),
    ...validateSpec(spec, createOptions(rules)),
    ...validateRest(crd, undefined, spec),
  ]
}

export function validateUpdate(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition,
  rules: RuleChecker,
): FieldError[] {
  const spec = internalSpecOf(crd)
  const oldSpec = internalSpecOf(old)
  const options = updateOptions(rules, { crd, spec, old, oldSpec })
  const errors = [...validateObjectMetaUpdate(crd.metadata, old.metadata, METADATA), ...validateSpec(spec, options)]
  if (options.requireImmutableNames) {
    errors.push(
      ...validateImmutableField(spec.scope, oldSpec.scope, SPEC.child('scope')),
      ...validateImmutableField(spec.names.kind, oldSpec.names.kind, SPEC.child('names', 'kind')),
    )
  }
  return [
    ...errors,
    ...validateImmutableField(spec.group, oldSpec.group, SPEC.child('group')),
    ...validateImmutableField(spec.names.plural, oldSpec.names.plural, SPEC.child('names', 'plural')),
    ...validateRest(crd, old, spec),
  ]
}

export function validateStatusUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  return [
    ...validateObjectMetaUpdate(crd.metadata, old.metadata, METADATA),
    ...validateNames(crd.status?.acceptedNames, STATUS.child('acceptedNames')),
  ]
}

/** What is looked at besides metadata and spec, in creates and updates alike. */
function validateRest(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  spec: InternalSpec,
): FieldError[] {
  const errors = [
    ...validateNames(crd.status?.acceptedNames, STATUS.child('acceptedNames')),
    ...validateStoredVersions(crd.status?.storedVersions ?? [], spec, STATUS.child('storedVersions')),
    ...validateApiApproval(crd, old),
  ]
  if (!spec.preserveUnknownFields || old?.spec?.preserveUnknownFields) return errors
  const detail =
    'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'
  return [...errors, invalid(SPEC.child('preserveUnknownFields'), true, detail)]
}

function validateStoredVersions(stored: readonly string[], spec: InternalSpec, path: FieldPath): FieldError[] {
  if (stored.length === 0) return [invalid(path, undefined, 'must have at least one stored version')]
  const errors: FieldError[] = []
  const missing = new Set(stored)
  for (const { name, storage } of spec.versions) {
    if (storage && !missing.has(name)) errors.push(invalid(path, stored, `must have the storage version ${name}`))
    missing.delete(name)
  }
  stored.forEach((name, i) => {
    if (spec.versions.some((version) => version.name === name)) return
    const detail = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`
    errors.push(invalid(path.index(i), name, detail))
  })
  return errors
}

function validateSpec(spec: InternalSpec, given: Options): FieldError[] {
  const { errors, options } = validateSchemaPresence(spec, given)
  return [
    ...validateGroup(spec.group, SPEC.child('group')),
    ...validateScope(spec.scope, SPEC.child('scope')),
    ...errors,
    ...validateVersions(spec, options),
    ...validateTopLevel(spec, options),
    ...validateConversion(spec, options, SPEC.child('conversion')),
  ]
}

function validateGroup(group: string, path: FieldPath): FieldError[] {
  if (group === '') return [required(path, '')]
  const problems = isDNS1123Subdomain(group)
  if (problems.length > 0) return [invalid(path, group, problems.join(','))]
  return group.includes('.') ? [] : [invalid(path, group, 'should be a domain with at least one dot')]
}

function validateScope(scope: string, path: FieldPath): FieldError[] {
  if (scope === '') return [required(path, '')]
  return scope === 'Cluster' || scope === 'Namespaced' ? [] : [notSupported(path, scope, ['Cluster', 'Namespaced'])]
}

const hasDefault = (schema: JSONSchemaProps): boolean => schema.default !== undefined && schema.default !== null

const EXTENSIONS = [
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
] as const

function hasExtension(schema: JSONSchemaProps): boolean {
  return (
    EXTENSIONS.some((name) => schema[name] !== undefined) ||
    (schema['x-kubernetes-list-map-keys'] ?? []).length > 0 ||
    (schema['x-kubernetes-validations'] ?? []).length > 0
  )
}

/** Which schemas must be there, and whether they must be structural. */
function validateSchemaPresence(
  spec: InternalSpec,
  given: Options,
): { readonly errors: FieldError[]; readonly options: Options } {
  const prunes = !spec.preserveUnknownFields
  const schemas = schemasOf(spec)
  const usesDefaults = schemas.some((schema) => anySchema(schema, hasDefault))
  const errors: FieldError[] = []
  const lacksTopLevel = !spec.validation?.openAPIV3Schema
  spec.versions.forEach(({ schema, served }, i) => {
    if (!lacksTopLevel || schema?.openAPIV3Schema) return
    const path = SPEC.child('versions').index(i).child('schema', 'openAPIV3Schema')
    if (given.requireOpenApiSchema) errors.push(required(path, ''))
    else if (prunes && served) errors.push(required(path, 'because otherwise all fields are pruned'))
  })
  if (usesDefaults && spec.preserveUnknownFields !== false && spec.preserveUnknownFields !== undefined) {
    const detail = 'must be false in order to use defaults in the schema'
    errors.push(invalid(SPEC.child('preserveUnknownFields'), true, detail))
  }
  const requireStructuralSchema =
    given.requireStructuralSchema || prunes || usesDefaults || schemas.some((schema) => anySchema(schema, hasExtension))
  return { errors, options: { ...given, requireStructuralSchema } }
}

function validateVersions(spec: InternalSpec, options: Options): FieldError[] {
  const path = SPEC.child('versions')
  const errors = spec.versions.flatMap((version, i) => {
    const problems = isDNS1035Label(version.name ?? '')
    const own =
      problems.length > 0 ? [invalid(path.index(i).child('name'), version.name ?? '', problems.join(','))] : []
    return [...own, ...validateVersion(version, spec, options, path.index(i))]
  })
  const names = spec.versions.map(({ name }) => name)
  const value = goStructValue(goVersions, spec.hasVersions ? spec.versions : undefined)
  if (new Set(names).size < names.length) errors.push(invalid(path, value, 'must contain unique version names'))
  if (spec.versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(invalid(path, value, 'must have exactly one version marked as storage version'))
  }
  const problems = spec.version === '' ? [] : isDNS1035Label(spec.version)
  if (problems.length > 0) errors.push(invalid(SPEC.child('version'), spec.version, problems.join(',')))
  return errors
}

const hasStatus = (subresources: CustomResourceSubresources | undefined): boolean => subresources?.status !== undefined

function validateVersion(
  version: CustomResourceDefinitionVersion,
  spec: InternalSpec,
  options: Options,
  path: FieldPath,
): FieldError[] {
  const { name, schema, deprecationWarning, selectableFields = [] } = version
  const perVersion = spec.versions.some(({ subresources }) => subresources !== undefined)
  const statusEnabled = hasStatus(perVersion ? version.subresources : spec.subresources)
  const errors = deprecationWarningProblems(version.deprecated ?? false, deprecationWarning).map((problem) =>
    invalid(path.child('deprecationWarning'), deprecationWarning, problem),
  )
  errors.push(
    ...validateVersionSchema(schema, { options, statusEnabled, version: name }, path.child('schema')),
    ...validateSubresources(version.subresources, path.child('subresources')),
    ...(version.additionalPrinterColumns ?? []).flatMap((column, i) =>
      validateColumn(column, path.child('additionalPrinterColumns').index(i)),
    ),
  )
  if (selectableFields.length === 0) return errors
  const fieldsPath = path.child('selectableFields')
  const root = schema?.openAPIV3Schema
  if (!root) {
    const detail = 'may only be set when `version.schema.openAPIV3Schema` is not included'
    return [...errors, invalid(fieldsPath, '', detail)]
  }
  const problem = structuralProblem(root)
  if (problem) errors.push(invalid(path.child('schema.openAPIV3Schema'), '', problem))
  const allowTooMany = options.allowTooManySelectableFields.has(name)
  return errors.concat(validateSelectableFields(selectableFields, root, { allowTooMany }, fieldsPath))
}

/** What all versions share. */
function validateTopLevel(spec: InternalSpec, options: Options): FieldError[] {
  const errors: FieldError[] = []
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!spec.names[field]) errors.push(required(SPEC.child('names', field), ''))
  }
  const statusEnabled = hasStatus(spec.subresources) || spec.versions.some((version) => hasStatus(version.subresources))
  const context = { options, statusEnabled, version: spec.version }
  errors.push(
    ...validateNames(spec.names, SPEC.child('names')),
    ...validateVersionSchema(spec.validation, context, SPEC.child('validation')),
    ...validateSubresources(spec.subresources, SPEC.child('subresources')),
    ...spec.additionalPrinterColumns.flatMap((column, i) =>
      validateColumn(column, SPEC.child('additionalPrinterColumns').index(i)),
    ),
  )
  if (spec.selectableFields.length === 0) return errors
  const path = SPEC.child('selectableFields')
  if (!spec.validation) {
    return [...errors, invalid(path, '', 'may only be set when validations.schema is included')]
  }
  const root = spec.validation.openAPIV3Schema ?? {}
  const problem = structuralProblem(root)
  if (problem) errors.push(invalid(SPEC.child('schema.openAPIV3Schema'), '', problem))
  const allowTooMany = options.allowTooManySelectableFields.has('')
  return errors.concat(validateSelectableFields(spec.selectableFields, root, { allowTooMany }, path))
}
