import type {
  CertificateSigner,
  RequestedCertificate,
} from '../../controllers/cluster/certificates/certificate-signer.ts'
import type { CertificateAuthority } from './certificate-authority.ts'
import { x509Library } from './x509-library.ts'

/** What controllers sign certificate requests with: a certificate authority. */
export function certificateSigner(authority: CertificateAuthority): CertificateSigner {
  return {
    requested: requestedCertificate,
    signRequest: (request, options) => authority.signRequest(request, options),
  }
}

async function requestedCertificate(request: string): Promise<RequestedCertificate> {
  const { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } = await x509Library()
  const { subjectName, extensions } = new Pkcs10CertificateRequest(request)
  const alternatives = extensions.find((e) => e instanceof SubjectAlternativeNameExtension)
  const namesOf = (type: string): string[] =>
    alternatives?.names.items.filter((n) => n.type === type).map((n) => n.value) ?? []
  return {
    // Of several the last counts, as in Go.
    commonName: subjectName.getField('CN').at(-1) ?? '',
    organizations: subjectName.getField('O'),
    dnsNames: namesOf('dns'),
    emailAddresses: namesOf('email'),
    ipAddresses: namesOf('ip'),
    uris: namesOf('url'),
  }
}
