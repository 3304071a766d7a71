import { type FieldError, invalid, required, tooLong } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { byteLength, invalidEach, isDNS1123Subdomain, isQualifiedName } from '../../apimachinery/validation/names.ts'

const MAX_PARAMETERS = 512
const MAX_PARAMETERS_BYTES = 256 * 1024
const MAX_DRIVER_NAME_BYTES = 63

/** A provisioner: a qualified name in either case. */
export function validateProvisioner(provisioner: string | undefined, path: FieldPath): FieldError[] {
  if (!provisioner) return [required(path, '')]
  const lower = provisioner.toLowerCase()
  return invalidEach(path, lower, isQualifiedName(lower))
}

/** Parameters for a driver; an empty key is refused and the whole may not grow without end. */
export function validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  { allowEmpty }: { readonly allowEmpty: boolean },
  path: FieldPath,
): FieldError[] {
  const entries = Object.entries(parameters ?? {})
  if (entries.length > MAX_PARAMETERS) return [tooLong(path, MAX_PARAMETERS)]
  const errors: FieldError[] = []
  let bytes = 0
  for (const [key, value] of entries) {
    if (key === '') errors.push(invalid(path, key, 'field can not be empty.'))
    bytes += byteLength(key) + byteLength(value)
  }
  if (bytes > MAX_PARAMETERS_BYTES) errors.push(tooLong(path, MAX_PARAMETERS_BYTES))
  if (!allowEmpty && entries.length === 0) errors.push(required(path, 'must contain at least one key/value pair'))
  return errors
}

/** @see kubernetes pkg/apis/core/validation/validation.go ValidateCSIDriverName */
export function validateCsiDriverName(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path, '')]
  const errors: FieldError[] = []
  if (byteLength(name) > MAX_DRIVER_NAME_BYTES) errors.push(tooLong(path, MAX_DRIVER_NAME_BYTES))
  return errors.concat(invalidEach(path, name, isDNS1123Subdomain(name.toLowerCase())))
}
