import { type FieldError, invalid, required, tooLong } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import {
  byteLength,
  DNS1123_SUBDOMAIN_MAX_LENGTH,
  invalidEach,
  isCIdentifier,
  isDNS1123Label,
  isDNS1123Subdomain,
} from '../../apimachinery/validation/names.ts'
import { validateCsiDriverName } from '../storage/driver-parameters.ts'

const MAX_DOMAIN_LENGTH = 63
const MAX_ID_LENGTH = 32

/** Longest key of attributes and capacities that is shown whole. */
export const QUALIFIED_NAME_MAX_LENGTH: number = MAX_DOMAIN_LENGTH + 1 + MAX_ID_LENGTH

export const validateDriverName = validateCsiDriverName

/** Names of devices, requests and counters. */
export function validateLabelName(name: string | undefined, path: FieldPath): FieldError[] {
  return invalidEach(path, name ?? '', isDNS1123Label(name ?? ''))
}

/** Subdomains with slashes between them. */
export function validatePoolName(name: string | undefined, path: FieldPath): FieldError[] {
  if (!name) return [required(path, '')]
  const errors: FieldError[] = []
  if (byteLength(name) > DNS1123_SUBDOMAIN_MAX_LENGTH) errors.push(tooLong(path, DNS1123_SUBDOMAIN_MAX_LENGTH))
  return errors.concat(name.split('/').flatMap((part) => invalidEach(path, part, isDNS1123Subdomain(part))))
}

/** Name of an attribute or a capacity: a C identifier, with a domain before it or not. */
export function validateQualifiedName(name: string, path: FieldPath): FieldError[] {
  const parts = name.split('/')
  if (parts.length === 1) return validateIdentifier(name, path)
  if (parts.length > 2) return []
  const [domain, id] = parts as [string, string]
  return [
    ...(domain === '' ? [invalid(path, '', 'the domain must not be empty')] : validateDriverName(domain, path)),
    ...(id === '' ? [invalid(path, '', 'the name must not be empty')] : validateIdentifier(id, path)),
  ]
}

export function validateFullyQualifiedName(name: string, path: FieldPath): FieldError[] {
  const errors = validateQualifiedName(name, path)
  if (!name.includes('/')) {
    errors.push(invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash'))
  }
  return errors
}

function validateIdentifier(id: string, path: FieldPath): FieldError[] {
  const errors = byteLength(id) > MAX_ID_LENGTH ? [tooLong(path, MAX_ID_LENGTH)] : []
  return errors.concat(invalidEach(path, id, isCIdentifier(id)))
}

const UUID = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/

/** A UUID in its normal form; other forms get the words of the parser. @see RFC 9562, github.com/google/uuid Validate */
export function validateUid(uid: string, path: FieldPath): FieldError[] {
  const problem = uuidProblem(uid)
  if (problem) return [invalid(path, uid, `error validating uid: ${problem}`)]
  if (UUID.test(uid) && uid === uid.toLowerCase()) return []
  const form = '`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'
  return [invalid(path, uid, `uid must be in RFC 4122 normalized form, ${form}`)]
}

function uuidProblem(uid: string): string | undefined {
  switch (byteLength(uid)) {
    case 36:
      return UUID.test(uid) ? undefined : 'invalid UUID format'
    case 36 + 9:
      if (uid.slice(0, 9).toLowerCase() !== 'urn:uuid:') return `invalid urn prefix: ${JSON.stringify(uid.slice(0, 9))}`
      return UUID.test(uid.slice(9)) ? undefined : 'invalid UUID format'
    case 36 + 2:
      if (!uid.startsWith('{') || !uid.endsWith('}')) return 'invalid bracketed UUID format'
      return UUID.test(uid.slice(1, -1)) ? undefined : 'invalid UUID format'
    case 32:
      return /^[0-9a-fA-F]{32}$/.test(uid) ? undefined : 'invalid UUID format'
    default:
      return `invalid UUID length: ${byteLength(uid)}`
  }
}
