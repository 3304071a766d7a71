import { type FieldError, invalid, required, tooLong } from '../../apimachinery/field-error.ts'
import type { FieldPath } from '../../apimachinery/field-path.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import {
  byteLength,
  DNS1123_LABEL_MAX_LENGTH,
  DNS1123_SUBDOMAIN_MAX_LENGTH,
  isDNS1123Label,
  isDNS1123Subdomain,
} from '../../apimachinery/validation/names.ts'

const MAX_PATH_LENGTH = DNS1123_SUBDOMAIN_MAX_LENGTH + DNS1123_LABEL_MAX_LENGTH + 1
const MAX_LENGTH = DNS1123_SUBDOMAIN_MAX_LENGTH + MAX_PATH_LENGTH + 1

/**
 * A signer is a domain and a path: `example.com/signer-name`.
 *
 * @see kubernetes pkg/apis/core/validation/names.go ValidateSignerName
 */
export function validateSignerName(signerName: string, path: FieldPath): FieldError[] {
  if (signerName === '') return [required(path, '')]
  const segments = signerName.split('/')
  if (segments.length !== 2) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
    return [invalid(path, signerName, detail)]
  }
  const [domain, name] = segments as [string, string]
  const errors: FieldError[] = []
  if (byteLength(domain) > DNS1123_SUBDOMAIN_MAX_LENGTH) errors.push(tooLong(path, DNS1123_SUBDOMAIN_MAX_LENGTH))
  errors.push(...validateLabels(domain, isDNS1123Label, path))
  if (!domain.includes('.')) {
    errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'))
  }
  errors.push(...validateLabels(name, isDNS1123Subdomain, path))
  if (byteLength(signerName) > MAX_LENGTH) errors.push(tooLong(path, MAX_LENGTH))
  return errors
}

/** Only the first bad label is reported. */
function validateLabels(segment: string, check: (label: string) => string[], path: FieldPath): FieldError[] {
  for (const label of segment.split('.')) {
    const messages = check(label)
    if (messages.length === 0) continue
    return messages.map((message) => invalid(path, segment, `validating label ${goQuote(label)}: ${message}`))
  }
  return []
}
