import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  CustomResourceValidation,
  JSONSchemaProps,
  SelectableField,
  WebhookClientConfig,
} from '../../apimachinery/types/apiextensions-v1.ts'

/**
 * The spec as upstream's validation sees it: what is the same in all versions stands at the top and nowhere else. Errors
 * name these places (`spec.validation.openAPIV3Schema`), not those of v1.
 *
 * @see apiextensions-apiserver pkg/apis/apiextensions/v1/conversion.go
 */
export interface InternalSpec {
  readonly group: string
  readonly names: CustomResourceDefinitionNames
  readonly scope: string
  readonly preserveUnknownFields: boolean | undefined
  /** Name of the first version. */
  readonly version: string
  readonly versions: readonly CustomResourceDefinitionVersion[]
  /** `versions` as given: nil and an empty list print differently. */
  readonly hasVersions: boolean
  readonly validation: CustomResourceValidation | undefined
  readonly subresources: CustomResourceSubresources | undefined
  readonly additionalPrinterColumns: readonly CustomResourceColumnDefinition[]
  readonly selectableFields: readonly SelectableField[]
  readonly conversion: InternalConversion | undefined
}

export interface InternalConversion {
  readonly strategy: string
  readonly webhookClientConfig: WebhookClientConfig | undefined
  readonly conversionReviewVersions: readonly string[]
}

const HOISTED = ['subresources', 'schema', 'additionalPrinterColumns', 'selectableFields'] as const

export function internalSpecOf({ spec }: CustomResourceDefinition): InternalSpec {
  const versions = spec?.versions ?? []
  const first = versions[0]
  const same = HOISTED.filter((field) => versions.every((version) => semanticEqual(version[field], first?.[field])))
  const hoisted: Partial<CustomResourceDefinitionVersion> = Object.fromEntries(
    same.map((field) => [field, first?.[field]]),
  )
  const conversion = spec?.conversion
  return {
    group: spec?.group ?? '',
    names: spec?.names ?? { plural: '', kind: '' },
    scope: spec?.scope ?? '',
    preserveUnknownFields: spec?.preserveUnknownFields,
    version: first?.name ?? '',
    versions: versions.map((version) => withoutFields(version, same)),
    hasVersions: Array.isArray(spec?.versions),
    validation: hoisted.schema,
    subresources: hoisted.subresources,
    additionalPrinterColumns: hoisted.additionalPrinterColumns ?? [],
    selectableFields: hoisted.selectableFields ?? [],
    conversion: conversion && {
      strategy: conversion.strategy ?? '',
      webhookClientConfig: conversion.webhook?.clientConfig,
      conversionReviewVersions: conversion.webhook?.conversionReviewVersions ?? [],
    },
  }
}

function withoutFields(
  version: CustomResourceDefinitionVersion,
  fields: readonly (typeof HOISTED)[number][],
): CustomResourceDefinitionVersion {
  const copy = { ...version }
  for (const field of fields) delete copy[field]
  return copy
}

/** All schemas of a spec, wherever they stand. */
export function schemasOf(spec: InternalSpec): JSONSchemaProps[] {
  return [spec.validation, ...spec.versions.map(({ schema }) => schema)].flatMap(
    (validation) => validation?.openAPIV3Schema ?? [],
  )
}

/** The schema of a version as it is stored, wherever it stands. */
export function schemaOfVersion(crd: CustomResourceDefinition, name: string): CustomResourceValidation | undefined {
  return crd.spec?.versions?.find((version) => version.name === name)?.schema
}
