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

/** Reads and signs certificate requests, in PEM. It has the key: controllers never see it. */
export interface CertificateSigner {
  /** Throws on what is no certificate request. */
  requested(request: string): Promise<RequestedCertificate>
  /** The certificate in PEM. Throws where the request's own signature is wrong. */
  signRequest(
    request: string,
    options: { readonly usages: readonly string[]; readonly durationMs: number },
  ): Promise<string>
}
