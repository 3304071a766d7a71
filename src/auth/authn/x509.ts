import { createHash, type X509Certificate } from 'node:crypto'
import type { Clock } from '../../apimachinery/clock.ts'
import {
  type Authenticated,
  AuthenticationError,
  type AuthenticationRequest,
  type Authenticator,
} from './authenticator.ts'
import { type CertificateVerifier, type ChainValidity, subjectAttributes } from './certificate-chain.ts'

const UID_OID = '1.3.6.1.4.1.57683.2'

/**
 * Clients that hold a certificate of one of the CAs: the common name is the user, organizations are its groups.
 *
 * @see apiserver pkg/authentication/request/x509/x509.go
 */
export class X509Authenticator implements Authenticator {
  readonly name = 'x509'
  readonly #verifier: () => CertificateVerifier
  readonly #clock: Clock
  /** What came of a connection's certificate: the signatures are checked once, the time always. */
  readonly #known = new WeakMap<X509Certificate, VerifiedCertificate>()

  /** `verifier`: as it is now; certificates that another one knew are verified anew. */
  constructor(verifier: () => CertificateVerifier, clock: Clock) {
    this.#verifier = verifier
    this.#clock = clock
  }

  authenticate(request: AuthenticationRequest): Authenticated | undefined {
    const certificate = request.peerCertificate
    if (!certificate) return undefined
    const verifier = this.#verifier()
    let verified = this.#known.get(certificate)
    if (verified?.verifier !== verifier) {
      verified = verifyCertificate(verifier, certificate, request)
      this.#known.set(certificate, verified)
    }
    const { validity, authenticated } = verified
    if (!validity) throw new AuthenticationError('certificate signed by unknown authority, or not for clients')
    const now = this.#clock.now()
    if (now < validity.from || now > validity.to) {
      throw new AuthenticationError('certificate has expired or is not yet valid')
    }
    return authenticated
  }
}

function verifyCertificate(
  verifier: CertificateVerifier,
  certificate: X509Certificate,
  { peerAuthorized, peerIntermediates }: AuthenticationRequest,
): VerifiedCertificate {
  const validity = peerAuthorized ? verifier.verify(certificate, peerIntermediates) : undefined
  return { verifier, validity, authenticated: validity && userOfCertificate(certificate) }
}

interface VerifiedCertificate {
  readonly verifier: CertificateVerifier
  readonly validity: ChainValidity | undefined
  /** Undefined where the certificate names nobody. */
  readonly authenticated: Authenticated | undefined
}

function userOfCertificate(certificate: X509Certificate): Authenticated | undefined {
  const attributes = subjectAttributes(certificate)
  const valuesOf = (name: string): string[] => attributes.filter(([n]) => n === name).map(([, value]) => value)
  const name = valuesOf('CN').at(-1) ?? ''
  if (name === '') return undefined
  const uids = valuesOf(UID_OID)
  if (uids.length > 1 || uids[0] === '') throw new AuthenticationError('the certificate must name at most one UID')
  const fingerprint = createHash('sha256').update(certificate.raw).digest('hex')
  return {
    isLasting: true,
    user: {
      name,
      uid: uids[0] ?? '',
      groups: valuesOf('O'),
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    },
  }
}

/** The common name of a certificate's subject, '' where it has none. */
export function commonNameOf(certificate: X509Certificate): string {
  return subjectAttributes(certificate).findLast(([name]) => name === 'CN')?.[1] ?? ''
}
