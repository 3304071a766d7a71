import { goQuote } from '../../apimachinery/go-quote.ts'
import type { CertificateSigningRequest } from '../../apimachinery/types/certificates-v1.ts'
import type { Authorizer } from '../../auth/authz/authorizer.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'
import { isAuthorizedForSigner } from './signer-authorization.ts'

/**
 * Whoever approves a request for a certificate must have the right to approve for its signer.
 *
 * @see kubernetes plugin/pkg/admission/certificates/approval/admission.go
 */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (operation) => operation === 'UPDATE',
    async validate(attributes) {
      const { subresource, user, oldObject } = attributes
      if (subresource !== 'approval' || !user) return
      if (!isFor(attributes, 'certificates.k8s.io', 'certificatesigningrequests')) return
      const signer = (oldObject as unknown as CertificateSigningRequest).spec.signerName
      if (await isAuthorizedForSigner(authorizer, user, 'approve', signer)) return
      throw refused(attributes, `user not permitted to approve requests with signerName ${goQuote(signer)}`)
    },
  }
}
