import { invalid, required, tooLong } from '../../../apimachinery/field-error.ts'
import type { FieldPath } from '../../../apimachinery/field-path.ts'
import { goQuote } from '../../../apimachinery/go-quote.ts'
import {
  byteLength,
  DNS1123_LABEL_MAX_LENGTH,
  DNS1123_SUBDOMAIN_MAX_LENGTH,
  isDNS1123Label,
  isDNS1123Subdomain,
} from '../../../apimachinery/validation/names.ts'
import { nameIsDNSSubdomain } from '../../../apimachinery/validation/object-meta.ts'
import { addInvalid, type Errors } from './field-checks.ts'

/** A domain, a slash, a namespace, a dot, a name: the longest that a signer can be called. */
const SIGNER_NAME_MAX_LENGTH = 2 * DNS1123_SUBDOMAIN_MAX_LENGTH + DNS1123_LABEL_MAX_LENGTH + 2

/** Signers of the domain kubernetes.io belong to Kubernetes. */
export function isKubernetesSignerName(signerName: string): boolean {
  const host = signerName.split('/', 1)[0]!
  return host === 'kubernetes.io' || host.endsWith('.kubernetes.io')
}

/**
 * `domain/path`, as a certificate signer is called.
 *
 * @see kubernetes pkg/apis/core/validation/names.go ValidateSignerName
 */
export function checkSignerName(errors: Errors, signerName: string, path: FieldPath): void {
  if (signerName === '') return void errors.push(required(path, ''))
  const segments = signerName.split('/')
  if (segments.length !== 2) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
    return void errors.push(invalid(path, signerName, detail))
  }
  const [domain, name] = segments as [string, string]
  if (byteLength(domain) > DNS1123_SUBDOMAIN_MAX_LENGTH) errors.push(tooLong(path, DNS1123_SUBDOMAIN_MAX_LENGTH))
  const labels = domain.split('.')
  checkLabels(errors, labels, domain, path, isDNS1123Label)
  if (labels.length < 2) {
    errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'))
  }
  checkLabels(errors, name.split('.'), name, path, isDNS1123Subdomain)
  if (byteLength(signerName) > SIGNER_NAME_MAX_LENGTH) errors.push(tooLong(path, SIGNER_NAME_MAX_LENGTH))
}

/** Reports the first label that is wrong. */
function checkLabels(
  errors: Errors,
  labels: readonly string[],
  whole: string,
  path: FieldPath,
  check: (label: string) => string[],
): void {
  for (const label of labels) {
    const messages = check(label)
    for (const message of messages) errors.push(invalid(path, whole, `validating label ${goQuote(label)}: ${message}`))
    if (messages.length > 0) return
  }
}

/** A trust bundle of a signer is called after it: the signer's name with colons for slashes, a colon, a name. */
export function checkClusterTrustBundleName(errors: Errors, name: string, path: FieldPath): void {
  const messages = clusterTrustBundleNameErrors(name).map((m) => `not a valid clustertrustbundlename: ${m}`)
  addInvalid(errors, path, name, messages)
}

function clusterTrustBundleNameErrors(name: string): string[] {
  const colon = name.lastIndexOf(':')
  const signerName = colon < 0 ? '' : name.slice(0, colon).replaceAll(':', '/')
  if (signerName === '') {
    return name.includes(':')
      ? ['ClusterTrustBundle without signer name must not have ":" in its name']
      : nameIsDNSSubdomain(name, false)
  }
  if (name.slice(0, colon).includes('/')) {
    return [
      `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${signerName.replaceAll('/', ':')}:`,
    ]
  }
  return nameIsDNSSubdomain(name.slice(colon + 1), false)
}
