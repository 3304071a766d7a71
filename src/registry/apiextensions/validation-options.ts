import { FieldPath } from '../../apimachinery/field-path.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { CustomResourceDefinition, JSONSchemaProps } from '../../apimachinery/types/apiextensions-v1.ts'
import { validateCaBundle } from '../webhook-client-config.ts'
import { type InternalSpec, schemaOfVersion, schemasOf } from './internal-spec.ts'
import { allSchemas, anySchema, itemsSchema, sortedEntries } from './json-schema.ts'
import { MAX_SELECTABLE_FIELDS } from './names-and-columns.ts'
import { hasNonAtomicItems, OPENAPI_TYPES, type SchemaRules, validateMapListKeysMapSet } from './open-api-schema.ts'
import { prune } from './pruning.ts'
import type { RuleChecker } from './rule-checker.ts'
import { structuralProblem, validateStructural } from './structural-schema.ts'

/** Which rules hold: a new definition has to keep them all, a stored one those that it keeps already. */
export interface Options extends SchemaRules {
  readonly rules: RuleChecker
  readonly requireRecognizedReviewVersion: boolean
  /** Scope and kind may not change once names are accepted. */
  readonly requireImmutableNames: boolean
  readonly requireOpenApiSchema: boolean
  readonly requireStructuralSchema: boolean
  readonly requirePrunedDefaults: boolean
  readonly storedRules: ReadonlySet<string>
  readonly storedMessageExpressions: ReadonlySet<string>
  /** Versions whose schema is that of the stored definition. */
  readonly unchangedVersions: ReadonlySet<string>
  readonly allowInvalidCaBundle: boolean
  /** Versions that have too many already; '' stands for the fields that all share. */
  readonly allowTooManySelectableFields: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()

export function createOptions(rules: RuleChecker): Options {
  return {
    rules,
    requireRecognizedReviewVersion: true,
    requireImmutableNames: false,
    requireOpenApiSchema: true,
    requireValidPropertyType: true,
    requireStructuralSchema: true,
    requirePrunedDefaults: true,
    requireAtomicSetType: true,
    requireMapListKeysMapSetValidation: true,
    storedRules: NONE,
    storedMessageExpressions: NONE,
    unchangedVersions: NONE,
    allowInvalidCaBundle: true,
    allowTooManySelectableFields: NONE,
  }
}

interface Update {
  readonly crd: CustomResourceDefinition
  readonly spec: InternalSpec
  readonly old: CustomResourceDefinition
  readonly oldSpec: InternalSpec
}

/** @see apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go ValidateCustomResourceDefinitionUpdate */
export function updateOptions(rules: RuleChecker, { crd, spec, old, oldSpec }: Update): Options {
  const schemas = schemasOf(oldSpec)
  const somewhere = (test: (schema: JSONSchemaProps) => boolean): boolean =>
    schemas.some((schema) => anySchema(schema, test))
  const established = isEstablished(old)
  const reviewVersions = oldSpec.conversion?.conversionReviewVersions ?? []
  const stored = schemas.flatMap((schema) =>
    [...allSchemas(schema)].flatMap((s) => s['x-kubernetes-validations'] ?? []),
  )
  const path = FieldPath.of('')
  return {
    rules,
    requireRecognizedReviewVersion:
      reviewVersions.length === 0 || reviewVersions.some((version) => version === 'v1' || version === 'v1beta1'),
    requireImmutableNames: established,
    requireOpenApiSchema:
      oldSpec.validation?.openAPIV3Schema !== undefined ||
      oldSpec.versions.every(({ schema }) => schema?.openAPIV3Schema !== undefined),
    requireValidPropertyType: !somewhere(({ type }) => Boolean(type) && !OPENAPI_TYPES.includes(type!)),
    requireStructuralSchema: !schemas.some(isNonStructural),
    requirePrunedDefaults: !schemas.some(hasUnprunedDefaults),
    requireAtomicSetType: !somewhere(hasNonAtomicItems),
    requireMapListKeysMapSetValidation: !somewhere((schema) => validateMapListKeysMapSet(schema, path).length > 0),
    storedRules: new Set(stored.map(({ rule }) => rule ?? '')),
    storedMessageExpressions: new Set(stored.flatMap(({ messageExpression }) => messageExpression || [])),
    unchangedVersions: unchangedVersions(crd, old),
    allowInvalidCaBundle: !established || hasInvalidCaBundle(oldSpec),
    allowTooManySelectableFields: tooManySelectableFields(spec, oldSpec),
  }
}

function isEstablished({ status }: CustomResourceDefinition): boolean {
  return status?.conditions?.find(({ type }) => type === 'Established')?.status === 'True'
}

function isNonStructural(schema: JSONSchemaProps): boolean {
  return structuralProblem(schema) !== undefined || validateStructural(schema, FieldPath.of('schema')).length > 0
}

function hasUnprunedDefaults(schema: JSONSchemaProps): boolean {
  if (isNonStructural(schema)) return false
  const isUnpruned = (node: JSONSchemaProps): boolean =>
    node.default !== undefined && !semanticEqual(prune(node.default, node), node.default)
  const visit = (node: JSONSchemaProps): boolean => {
    const items = itemsSchema(node.items)
    return (
      isUnpruned(node) ||
      (items !== undefined && visit(items)) ||
      sortedEntries(node.properties).some(([, property]) => visit(property))
    )
  }
  return visit(schema)
}

function unchangedVersions(crd: CustomResourceDefinition, old: CustomResourceDefinition): Set<string> {
  const oldNames = new Set((old.spec?.versions ?? []).map(({ name }) => name))
  const names = (crd.spec?.versions ?? []).map(({ name }) => name).filter((name) => oldNames.has(name))
  return new Set(names.filter((name) => semanticEqual(schemaOfVersion(crd, name), schemaOfVersion(old, name))))
}

function hasInvalidCaBundle({ conversion }: InternalSpec): boolean {
  const caBundle = conversion?.webhookClientConfig?.caBundle
  return Boolean(caBundle) && validateCaBundle(caBundle!, FieldPath.of('caBundle')).length > 0
}

function tooManySelectableFields(spec: InternalSpec, old: InternalSpec): Set<string> {
  const names = new Set<string>()
  const tooMany = (fields: InternalSpec['selectableFields'] | undefined): boolean =>
    (fields?.length ?? 0) > MAX_SELECTABLE_FIELDS
  if (tooMany(old.selectableFields) && semanticEqual(spec.selectableFields, old.selectableFields)) names.add('')
  for (const { name, selectableFields } of spec.versions) {
    const before = old.versions.find((version) => version.name === name)?.selectableFields
    if (tooMany(before) && semanticEqual(selectableFields, before)) names.add(name)
  }
  return names
}
