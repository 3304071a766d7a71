import { goQuote } from '../../apimachinery/go-quote.ts'
import { semanticEqual } from '../../apimachinery/semantic-equal.ts'
import type { CertificateSigningRequest } from '../../apimachinery/types/certificates-v1.ts'
import type { Authorizer } from '../../auth/authz/authorizer.ts'
import type { AdmissionPlugin } from '../admission.ts'
import { isFor } from '../attribute-tests.ts'
import { refused } from '../refusal.ts'
import { isAuthorizedForSigner } from './signer-authorization.ts'

/**
 * Whoever hands in a certificate must have the right to sign for the request's signer.
 *
 * @see kubernetes plugin/pkg/admission/certificates/signing/admission.go
 */
export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (operation) => operation === 'UPDATE',
    async validate(attributes) {
      const { subresource, user, object, oldObject } = attributes
      if (subresource !== 'status' || !user) return
      if (!isFor(attributes, 'certificates.k8s.io', 'certificatesigningrequests')) return
      const { status } = object as unknown as CertificateSigningRequest
      const old = oldObject as unknown as CertificateSigningRequest
      const sameCertificate = (status?.certificate ?? '') === (old.status?.certificate ?? '')
      if (sameCertificate && semanticEqual(status?.conditions, old.status?.conditions)) return
      const signer = old.spec.signerName
      if (await isAuthorizedForSigner(authorizer, user, 'sign', signer)) return
      throw refused(attributes, `user not permitted to sign requests with signerName ${goQuote(signer)}`)
    },
  }
}
