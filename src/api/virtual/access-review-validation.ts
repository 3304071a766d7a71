import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '../../apimachinery/types/authorization-v1.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import {
  validateFieldSelectorRequirement,
  validateLabelSelectorRequirement,
} from '../../apimachinery/validation/object-meta.ts'

const SPEC = FieldPath.of('spec')
const NON_RESOURCE = goStruct(['Path', 'path', goString], ['Verb', 'verb', goString])
/** Newer clients may know operators that this server does not. */
const OPTIONS = { allowUnknownOperatorInRequirement: true }

/** @see kubernetes pkg/apis/authorization/validation/validation.go */
export function validateSubjectAccessReview({ metadata, spec }: SubjectAccessReview): FieldError[] {
  return [...validateSubjectSpec(spec), ...validateEmptyMetadata(metadata)]
}

export function validateSelfSubjectAccessReview(review: {
  readonly metadata: ObjectMeta
  readonly spec: SelfSubjectAccessReviewSpec
}): FieldError[] {
  const { metadata, spec } = review
  return [
    ...validateAttributes(spec),
    ...validateResourceAttributes(spec.resourceAttributes),
    ...validateEmptyMetadata(metadata),
  ]
}

export function validateLocalSubjectAccessReview({ metadata, spec }: LocalSubjectAccessReview): FieldError[] {
  const errors = validateSubjectSpec(spec)
  const { namespace, ...rest } = metadata
  if (!isEmptyMetadata(rest))
    errors.push(invalid(FieldPath.of('metadata'), metadata, 'must be empty except for namespace'))
  const { resourceAttributes, nonResourceAttributes } = spec
  if (resourceAttributes && (resourceAttributes.namespace ?? '') !== (namespace ?? '')) {
    const path = SPEC.child('resourceAttributes').child('namespace')
    errors.push(invalid(path, resourceAttributes.namespace ?? '', 'must match metadata.namespace'))
  }
  if (nonResourceAttributes) {
    const path = SPEC.child('nonResourceAttributes')
    errors.push(invalid(path, goStructValue(NON_RESOURCE, nonResourceAttributes), 'disallowed on this kind of request'))
  }
  return errors
}

function validateSubjectSpec(spec: SubjectAccessReviewSpec): FieldError[] {
  const errors = validateAttributes(spec)
  if (!spec.user && !spec.groups?.length) {
    errors.push(invalid(SPEC.child('user'), '', 'at least one of user or group must be specified'))
  }
  return [...errors, ...validateResourceAttributes(spec.resourceAttributes)]
}

function validateAttributes({ resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const shown = goStructValue(NON_RESOURCE, nonResourceAttributes)
    const detail = 'cannot be specified in combination with resourceAttributes'
    return [invalid(SPEC.child('nonResourceAttributes'), shown, detail)]
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    return [invalid(SPEC.child('resourceAttributes'), null, detail)]
  }
  return []
}

function validateResourceAttributes(attributes: ResourceAttributes | undefined): FieldError[] {
  if (!attributes) return []
  const path = SPEC.child('resourceAttributes')
  const { fieldSelector, labelSelector } = attributes
  const errors: FieldError[] = []
  if (fieldSelector) {
    const at = path.child('fieldSelector')
    errors.push(...validateSelector(fieldSelector, at))
    fieldSelector.requirements?.forEach((r, i) => {
      errors.push(...validateFieldSelectorRequirement(r, OPTIONS, at.child('requirements').index(i)))
    })
  }
  if (labelSelector) {
    const at = path.child('labelSelector')
    errors.push(...validateSelector(labelSelector, at))
    labelSelector.requirements?.forEach((r, i) => {
      errors.push(...validateLabelSelectorRequirement(r, OPTIONS, at.child('requirements').index(i)))
    })
  }
  return errors
}

function validateSelector(
  { rawSelector, requirements }: FieldSelectorAttributes | LabelSelectorAttributes,
  path: FieldPath,
): FieldError[] {
  if (rawSelector && requirements?.length) {
    return [invalid(path.child('rawSelector'), rawSelector, 'may not specified at the same time as requirements')]
  }
  if (!rawSelector && !requirements?.length) {
    return [required(path.child('requirements'), `when ${path} is specified, requirements or rawSelector is required`)]
  }
  return []
}

function validateEmptyMetadata(metadata: ObjectMeta): FieldError[] {
  return isEmptyMetadata(metadata) ? [] : [invalid(FieldPath.of('metadata'), metadata, 'must be empty')]
}

function isEmptyMetadata({ managedFields: _managedFields, ...rest }: ObjectMeta): boolean {
  return Object.values(rest).every((v) => v === undefined)
}
