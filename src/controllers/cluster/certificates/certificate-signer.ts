/** What a certificate request asks for. */
export interface RequestedCertificate {
  /** '' where there is none. */
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly uris: readonly string[]
}

/** What a certificate request, in PEM, asks for. Throws on what is none. */
export type ReadCertificateRequest = (request: string) => Promise<RequestedCertificate>

/** Signs certificate requests, in PEM. It has the key: controllers never see it. */
export interface CertificateSigner {
  /** Longest life of what it signs: upstream's cluster-signing-duration. */
  readonly maxDurationMs: number
  /** The certificate in PEM. Throws where the request's own signature is wrong. */
  signRequest(
    request: string,
    options: { readonly usages: readonly string[]; readonly durationMs: number },
  ): Promise<string>
}
