import type { RequestedCertificate } from './certificate-signer.ts'

export const KUBELET_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet'
export const KUBELET_SERVING_SIGNER = 'kubernetes.io/kubelet-serving'
export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'
export const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown'

/**
 * Why a signer refuses a request; undefined: it signs.
 *
 * @see pkg/controller/certificates/signer/signer.go, pkg/apis/certificates/helpers.go
 */
export function refusalOf(signer: string, asked: RequestedCertificate, usages: readonly string[]): string | undefined {
  switch (signer) {
    case KUBELET_CLIENT_SIGNER:
      return kubeletClientRefusal(asked, usages)
    case KUBELET_SERVING_SIGNER:
      return kubeletServingRefusal(asked, usages)
    case CLIENT_SIGNER:
      return clientRefusal(usages)
    default:
      return undefined
  }
}

const CLIENT_USAGES = ['client auth', 'digital signature', 'key encipherment']
const SERVING_USAGES = ['digital signature', 'key encipherment', 'server auth']

function kubeletClientRefusal(asked: RequestedCertificate, usages: readonly string[]): string | undefined {
  if (!isOfNodes(asked)) return 'subject organization is not system:nodes'
  if (asked.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (asked.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (asked.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed'
  if (asked.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return nameRefusal(asked) ?? usagesRefusal(usages, CLIENT_USAGES)
}

function kubeletServingRefusal(asked: RequestedCertificate, usages: readonly string[]): string | undefined {
  if (!isOfNodes(asked)) return 'subject organization is not system:nodes'
  if (asked.dnsNames.length === 0 && asked.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required'
  if (asked.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (asked.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return usagesRefusal(usages, SERVING_USAGES) ?? nameRefusal(asked)
}

function isOfNodes({ organizations }: RequestedCertificate): boolean {
  return organizations.length === 1 && organizations[0] === 'system:nodes'
}

function nameRefusal({ commonName }: RequestedCertificate): string | undefined {
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:'
}

/** Keys that are not RSA need no key encipherment. */
function usagesRefusal(usages: readonly string[], required: readonly string[]): string | undefined {
  const asked = [...new Set(usages)].sort().join()
  const withoutRsa = required.filter((u) => u !== 'key encipherment')
  if (asked === required.join() || asked === withoutRsa.join()) return undefined
  return `usages did not match [${required.join(' ')}]`
}

function clientRefusal(usages: readonly string[]): string | undefined {
  const wrong = usages.find((u) => !CLIENT_USAGES.includes(u))
  if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}
