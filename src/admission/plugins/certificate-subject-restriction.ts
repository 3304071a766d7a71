import type { CertificateSigningRequest } from '../../apimachinery/types/certificates-v1.ts'
import { DerError } from '../../registry/certificates/der.ts'
import type { AdmissionAttributes, AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'
import { type CertificateSubject, certificateRequestSubject } from './certificate-request-subject.ts'

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client'
const MASTERS = 'system:masters'

/**
 * Nobody gets a client certificate of the group that may do everything.
 *
 * @see kubernetes plugin/pkg/admission/certificates/subjectrestriction/admission.go
 */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  handles: (operation) => operation === 'CREATE',
  validate(attributes) {
    const { subresource, object } = attributes
    if (subresource !== '' || !isFor(attributes, 'certificates.k8s.io', 'certificatesigningrequests')) return
    const { spec } = object as unknown as CertificateSigningRequest
    if (spec.signerName !== CLIENT_SIGNER) return
    if (!subjectOf(attributes, spec.request).organizations.includes(MASTERS)) return
    throw refused(attributes, `use of ${CLIENT_SIGNER} signer with ${MASTERS} group is not allowed`)
  },
}

function subjectOf(attributes: AdmissionAttributes, request: string): CertificateSubject {
  try {
    return certificateRequestSubject(request)
  } catch (error) {
    if (error instanceof DerError) throw refused(attributes, `failed to parse CSR: ${error.message}`)
    throw error
  }
}
