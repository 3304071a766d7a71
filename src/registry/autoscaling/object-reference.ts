import { type FieldError, invalid, required } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { parseApiVersion } from '../../apimachinery/group-version.ts'
import type { CrossVersionObjectReference } from '../../apimachinery/types/autoscaling-v2.ts'
import { invalidEach, isPathSegmentName } from '../../apimachinery/validation/names.ts'

/** How strictly the apiVersion of a reference is looked at. */
export interface ReferenceOptions {
  readonly allowEmptyApiGroup: boolean
  /** The stored object is no better. */
  readonly allowInvalidApiVersion: boolean
}

/** What is wrong with the apiVersion; undefined where nothing is. */
export function validateApiVersion(
  { apiVersion = '' }: CrossVersionObjectReference,
  { allowEmptyApiGroup, allowInvalidApiVersion }: ReferenceOptions,
): string | undefined {
  if (allowInvalidApiVersion) return undefined
  const groupVersion = parseApiVersion(apiVersion)
  if (!groupVersion) return `unexpected GroupVersion string: ${apiVersion}`
  return allowEmptyApiGroup || groupVersion.group !== '' ? undefined : 'apiVersion must specify API group'
}

const validateSegment = (name: string, path: FieldPath): FieldError[] =>
  name === '' ? [required(path, '')] : invalidEach(path, name, isPathSegmentName(name))

/** @see pkg/apis/autoscaling/validation/validation.go ValidateCrossVersionObjectReference */
export function validateObjectReference(
  reference: CrossVersionObjectReference | undefined,
  path: FieldPath,
  options: ReferenceOptions,
): FieldError[] {
  const { kind = '', name = '', apiVersion = '' } = reference ?? {}
  const problem = validateApiVersion({ kind, name, apiVersion }, options)
  return [
    ...validateSegment(kind, path.child('kind')),
    ...validateSegment(name, path.child('name')),
    ...(problem === undefined ? [] : [invalid(path.child('apiVersion'), apiVersion, problem)]),
  ]
}
