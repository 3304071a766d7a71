import { goQuote } from '../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionStatus,
} from '../../apimachinery/types/apiextensions-v1.ts'
import { type AnyResourceEntry, defineResource, type Strategy, type UpdateStrategy } from '../resource.ts'
import { validateCreate, validateStatusUpdate, validateUpdate } from './crd-validation.ts'
import { internalSpecOf, schemasOf } from './internal-spec.ts'
import { allSchemas } from './json-schema.ts'
import type { RuleChecker } from './rule-checker.ts'
import { isKnownFormat } from './value-formats.ts'

/** @see apiextensions-apiserver pkg/apis/apiextensions/v1/defaults.go */
function setDefaults(crd: CustomResourceDefinition): void {
  const spec = crd.spec
  if (spec) {
    const names = spec.names
    if (names && !names.singular && names.kind) names.singular = names.kind.toLowerCase()
    if (names && !names.listKind && names.kind) names.listKind = `${names.kind}List`
    spec.conversion ??= { strategy: 'None' }
    const service = spec.conversion.webhook?.clientConfig?.service
    if (service) service.port ??= 443
  }
  const storage = storageVersionOf(crd)
  if (storage === undefined || crd.status?.storedVersions?.length) return
  crd.status = { ...crd.status, storedVersions: [storage] }
}

function storageVersionOf({ spec }: CustomResourceDefinition): string | undefined {
  return spec?.versions?.find(({ storage }) => storage)?.name
}

/** The storage version is one that objects may lie in the store in. */
function noteStorageVersion(crd: CustomResourceDefinition): void {
  const storage = storageVersionOf(crd)
  const stored = crd.status?.storedVersions ?? []
  if (storage === undefined || stored.includes(storage)) return
  crd.status = { ...crd.status, storedVersions: [...stored, storage] }
}

/** The status of a definition that no controller has seen yet, as the typed server prints it. */
function newStatus(): CustomResourceDefinitionStatus {
  const status: unknown = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: null }
  return status as CustomResourceDefinitionStatus
}

/** Formats that values are not checked against, with the definition's own words for them. */
function unknownFormats(crd: CustomResourceDefinition): string[] {
  return schemasOf(internalSpecOf(crd)).flatMap((schema) =>
    [...allSchemas(schema)].flatMap(({ type = '', format }) =>
      format && !isKnownFormat(type, format) ? [format] : [],
    ),
  )
}

const warn = (format: string): string => `unrecognized format ${goQuote(format)}`

function mainStrategy(rules: RuleChecker): Strategy<CustomResourceDefinition> {
  return {
    prepareForCreate(crd) {
      crd.status = newStatus()
      crd.metadata.generation = 1
      noteStorageVersion(crd)
    },
    prepareForUpdate(crd, old) {
      crd.status = old.status
      if (!semanticEqual(old.spec, crd.spec)) crd.metadata.generation = (old.metadata.generation ?? 0) + 1
      noteStorageVersion(crd)
    },
    validate: (crd) => validateCreate(crd, rules),
    validateUpdate: (crd, old) => validateUpdate(crd, old, rules),
    warningsOnCreate: (crd) => unknownFormats(crd).map(warn),
    warningsOnUpdate(crd, old) {
      const known = new Set(unknownFormats(old))
      return unknownFormats(crd)
        .filter((format) => !known.has(format))
        .map(warn)
    },
  }
}

/** Metadata of a write to status is taken as it comes: upstream resets it from the new object itself. */
const statusStrategy: UpdateStrategy<CustomResourceDefinition> = {
  prepareForUpdate(crd, old) {
    crd.spec = old.spec
  },
  validateUpdate: validateStatusUpdate,
}

export function customResourceDefinitions(rules: RuleChecker): AnyResourceEntry {
  return defineResource<CustomResourceDefinition>({
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    hubVersion: 'v1',
    defaults: setDefaults,
    strategy: mainStrategy(rules),
    subresourceStrategies: { status: statusStrategy },
  })
}
