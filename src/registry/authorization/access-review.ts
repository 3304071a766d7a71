import { type FieldError, invalid, type LiteralValue, required } from '../../apimachinery/field-error.ts'
import { FieldPath } from '../../apimachinery/field-path.ts'
import { goObjectMeta, goPointer, goString, goStruct, goStructValue } from '../../apimachinery/go-struct.ts'
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  LocalSubjectAccessReview,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReview,
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
const ONE_OF = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
const BOTH_SELECTORS = 'may not specified at the same time as requirements'
const SELECTOR_OPTIONS = { allowUnknownOperatorInRequirement: true }

/**
 * Reviews are answered, not stored: their errors are reported for a kind and a name of ''.
 *
 * @see kubernetes pkg/apis/authorization/validation/validation.go
 */
export function validateSubjectAccessReview(review: SubjectAccessReview): FieldError[] {
  return [...validateSubjectSpec(review.spec ?? {}), ...validateMetadata(review.metadata, 'must be empty')]
}

export function validateSelfSubjectAccessReview(review: SelfSubjectAccessReview): FieldError[] {
  const spec = review.spec ?? {}
  return [
    ...validateAttributes(spec),
    ...validateResourceAttributes(spec.resourceAttributes),
    ...validateMetadata(review.metadata, 'must be empty'),
  ]
}

export function validateLocalSubjectAccessReview(review: LocalSubjectAccessReview): FieldError[] {
  const spec = review.spec ?? {}
  const { namespace = '', ...metadata } = review.metadata
  const errors = [
    ...validateSubjectSpec(spec),
    ...validateMetadata(metadata, 'must be empty except for namespace', review.metadata),
  ]
  const reviewed = spec.resourceAttributes?.namespace ?? ''
  if (spec.resourceAttributes && reviewed !== namespace) {
    const path = FieldPath.of('spec.resourceAttributes.namespace')
    errors.push(invalid(path, reviewed, 'must match metadata.namespace'))
  }
  if (spec.nonResourceAttributes) {
    const value = nonResourceValue(spec.nonResourceAttributes)
    errors.push(invalid(FieldPath.of('spec.nonResourceAttributes'), value, 'disallowed on this kind of request'))
  }
  return errors
}

function validateSubjectSpec(spec: SubjectAccessReviewSpec): FieldError[] {
  const errors = validateAttributes(spec)
  if (!spec.user && !spec.groups?.length) {
    errors.push(invalid(SPEC.child('user'), '', 'at least one of user or group must be specified'))
  }
  return errors.concat(validateResourceAttributes(spec.resourceAttributes))
}

function validateAttributes(spec: SelfSubjectAccessReviewSpec): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec
  if (resourceAttributes && nonResourceAttributes) {
    const detail = 'cannot be specified in combination with resourceAttributes'
    return [invalid(SPEC.child('nonResourceAttributes'), nonResourceValue(nonResourceAttributes), detail)]
  }
  if (resourceAttributes || nonResourceAttributes) return []
  return [invalid(SPEC.child('resourceAttributes'), undefined, ONE_OF)]
}

const goNonResourceAttributes = goPointer(goStruct(['Path', 'path', goString], ['Verb', 'verb', goString]))
const nonResourceValue = (attributes: NonResourceAttributes): LiteralValue =>
  goStructValue(goNonResourceAttributes, attributes)

/** `metadata` must hold nothing but managedFields; `printed` is what the message shows. */
function validateMetadata(metadata: ObjectMeta | undefined, detail: string, printed = metadata): FieldError[] {
  const { managedFields: _, ...rest } = metadata ?? {}
  if (Object.values(rest).every((value) => value === undefined || value === null)) return []
  return [invalid(FieldPath.of('metadata'), goStructValue(goObjectMeta, printed), detail)]
}

function validateResourceAttributes(attributes: ResourceAttributes | undefined): FieldError[] {
  const path = FieldPath.of('spec.resourceAttributes')
  const { fieldSelector, labelSelector } = attributes ?? {}
  return [
    ...validateSelector(fieldSelector, path.child('fieldSelector'), (requirement, at) =>
      validateFieldSelectorRequirement(requirement, SELECTOR_OPTIONS, at),
    ),
    ...validateSelector(labelSelector, path.child('labelSelector'), (requirement, at) =>
      validateLabelSelectorRequirement(requirement, SELECTOR_OPTIONS, at),
    ),
  ]
}

type SelectorAttributes = FieldSelectorAttributes | LabelSelectorAttributes
type Requirement = NonNullable<SelectorAttributes['requirements']>[number]

function validateSelector(
  selector: SelectorAttributes | undefined,
  path: FieldPath,
  validateRequirement: (requirement: Requirement, path: FieldPath) => FieldError[],
): FieldError[] {
  if (!selector) return []
  const { rawSelector = '', requirements = [] } = selector
  const errors: FieldError[] = []
  if (rawSelector !== '' && requirements.length > 0) {
    errors.push(invalid(path.child('rawSelector'), rawSelector, BOTH_SELECTORS))
  }
  if (rawSelector === '' && requirements.length === 0) {
    const detail = `when ${path} is specified, requirements or rawSelector is required`
    errors.push(required(path.child('requirements'), detail))
  }
  return errors.concat(
    requirements.flatMap((item, i) => validateRequirement(item, path.child('requirements').index(i))),
  )
}
