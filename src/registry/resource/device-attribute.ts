import { type FieldError, invalid, tooLong } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goStructValue } from '../../apimachinery/go-struct.ts'
import type { DeviceAttribute } from '../../apimachinery/types/resource-v1.ts'
import { byteLength } from '../../apimachinery/validation/names.ts'
import { goDeviceAttribute } from './go-types.ts'

const MAX_VALUE_BYTES = 64
const NUMERIC = '(0|[1-9]\\d*)'
const PRE_RELEASE = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)'
const BUILD = '[0-9a-zA-Z-]+'

/** @see https://semver.org/spec/v2.0.0.html */
const SEMVER = new RegExp(
  `^${NUMERIC}\\.${NUMERIC}\\.${NUMERIC}(-${PRE_RELEASE}(\\.${PRE_RELEASE})*)?(\\+${BUILD}(\\.${BUILD})*)?$`,
)

/** Fields with one value, then fields with a list of them, in the order in which upstream looks at them. */
const LISTS = ['bools', 'ints', 'strings', 'versions'] as const
const FIELDS = ['bool', 'int', 'string', 'version', ...LISTS] as const

/** @see kubernetes pkg/apis/resource/validation/validation.go validateDeviceAttribute */
export function validateDeviceAttribute(attribute: DeviceAttribute, path: FieldPath): FieldError[] {
  const errors = [
    ...validateText(attribute.string, path.child('string')),
    ...validateVersion(attribute.version, path.child('version')),
  ]
  for (const field of LISTS) {
    const values = attribute[field]
    const at = path.child(field)
    if (values?.length === 0) errors.push(invalid(at, values, 'must not be empty if specified'))
    if (field === 'strings')
      attribute.strings?.forEach((text, i) => void errors.push(...validateText(text, at.index(i))))
    if (field === 'versions') {
      attribute.versions?.forEach((text, i) => void errors.push(...validateVersion(text, at.index(i))))
    }
  }
  const given = FIELDS.filter((field) => attribute[field] !== undefined).length
  if (given === 1) return errors
  const value = given === 0 ? '' : goStructValue(goDeviceAttribute, attribute)
  return [...errors, invalid(path, value, 'exactly one value must be specified')]
}

function validateText(text: string | undefined, path: FieldPath): FieldError[] {
  return text !== undefined && byteLength(text) > MAX_VALUE_BYTES ? [tooLong(path, MAX_VALUE_BYTES)] : []
}

function validateVersion(text: string | undefined, path: FieldPath): FieldError[] {
  if (text === undefined) return []
  // A longer text than the limit is matched as well: the expression is linear in its length.
  const errors = SEMVER.test(text)
    ? []
    : [invalid(path, text, 'must be a string compatible with semver.org spec 2.0.0')]
  return [...errors, ...validateText(text, path)]
}

/** How many values the attributes of a device have, an attribute without a list counting as one. */
export function countAttributeValues(attributes: Readonly<Record<string, DeviceAttribute>> | undefined): number {
  return Object.values(attributes ?? {}).reduce((sum, attribute) => {
    const listed = LISTS.reduce((n, field) => n + (attribute[field]?.length ?? 0), 0)
    return sum + (listed === 0 ? 1 : listed)
  }, 0)
}
