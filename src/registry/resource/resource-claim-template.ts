import { type FieldError, forbidden, invalid } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import type { ResourceClaimTemplate } from '../../apimachinery/types/resource-v1.ts'
import {
  FIELD_IMMUTABLE_MESSAGE,
  nameIsDNSSubdomain,
  validateAnnotations,
  validateLabels,
} from '../../apimachinery/validation/object-meta.ts'
import { validateObjectMeta, validateObjectMetaUpdate } from '../core/core-object-meta.ts'
import { type AnyResourceEntry, defineResource } from '../resource.ts'
import { age, ageColumn, nameColumn } from '../table-cells.ts'
import { setClaimSpecDefaults, validateAdminAccess, validateClaimSpec } from './claim-spec.ts'
import type { DeviceEnvironment } from './device-environment.ts'
import { goClaimTemplateSpec } from './go-types.ts'

const METADATA = FieldPath.of('metadata')
const SPEC = FieldPath.of('spec')

function validateTemplate(template: ResourceClaimTemplate, environment: DeviceEnvironment): FieldError[] {
  const { metadata, spec } = template.spec ?? {}
  return [
    ...validateObjectMeta(template.metadata, true, nameIsDNSSubdomain, METADATA),
    ...validateTemplateMetadata(metadata, SPEC.child('metadata')),
    ...validateClaimSpec(spec, { environment, isStored: false }, SPEC.child('spec')),
  ]
}

/** Claims that are made of a template get labels and annotations from it and nothing else; in upstream's order. */
const NOT_IN_TEMPLATE = [
  ['name', 'name'],
  ['generateName', 'generateName'],
  ['namespace', 'namespace'],
  ['selfLink', 'selfLink'],
  ['uid', 'uID'],
  ['resourceVersion', 'resourceVersion'],
  ['generation', 'generation'],
  ['creationTimestamp', 'creationTimestamp'],
  ['deletionTimestamp', 'deletionTimestamp'],
  ['deletionGracePeriodSeconds', 'deletionGracePeriodSeconds'],
  ['ownerReferences', 'ownerReferences'],
  ['finalizers', 'finalizers'],
  ['managedFields', 'managedFields'],
] as const

/** @see kubernetes pkg/apis/core/validation/validation.go ValidateTemplateObjectMeta */
function validateTemplateMetadata(metadata: ObjectMeta | undefined, path: FieldPath): FieldError[] {
  const errors = [
    ...validateAnnotations(metadata?.annotations, path.child('annotations')),
    ...validateLabels(metadata?.labels, path.child('labels')),
  ]
  for (const [field, shown] of NOT_IN_TEMPLATE) {
    const value = metadata?.[field]
    if (value !== undefined && value !== null) errors.push(forbidden(path.child(shown), 'cannot be set'))
  }
  return errors
}

function validateUpdate(
  template: ResourceClaimTemplate,
  old: ResourceClaimTemplate,
  environment: DeviceEnvironment,
): FieldError[] {
  const errors = [
    ...validateTemplate(template, environment),
    ...validateObjectMetaUpdate(template.metadata, old.metadata, METADATA),
  ]
  if (semanticEqual(template.spec, old.spec)) return errors
  return [...errors, invalid(SPEC, goStructValue(goClaimTemplateSpec, template.spec), FIELD_IMMUTABLE_MESSAGE)]
}

export function resourceClaimTemplates(environment: DeviceEnvironment): AnyResourceEntry {
  return defineResource<ResourceClaimTemplate>({
    group: 'resource.k8s.io',
    resource: 'resourceclaimtemplates',
    hubVersion: 'v1',
    deletion: { returnsObject: true },
    defaults: (template) => setClaimSpecDefaults(template.spec?.spec),
    strategy: {
      validate: (template) => [
        ...validateAdminAccess(template.spec?.spec?.devices?.requests, template.metadata.namespace ?? '', environment),
        ...validateTemplate(template, environment),
      ],
      validateUpdate: (template, old) => validateUpdate(template, old, environment),
    },
    table: {
      columns: [nameColumn, ageColumn],
      cells: (template, now) => [template.metadata.name ?? '', age(template, now)],
    },
  })
}
