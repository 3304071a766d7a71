import { X509Certificate } from 'node:crypto'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const ANY_USAGE = '2.5.29.37.0'
/** Longest chain that is tried, leaf and root included. */
const MAX_DEPTH = 8

/** The certificates of a text in PEM, each as a text of its own. */
export function certificateBlocks(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
}

/** The span of time in which a whole chain is valid, in milliseconds since the epoch. */
export interface ChainValidity {
  readonly from: number
  readonly to: number
}

/** Certificate authorities that client certificates may come from. */
export class CertificateVerifier {
  readonly #roots: readonly X509Certificate[]

  /** `bundles`: one or more certificates in PEM each. Throws where there is none. */
  constructor(bundles: readonly string[]) {
    this.#roots = bundles.flatMap((bundle) => {
      const blocks = certificateBlocks(bundle)
      if (blocks.length === 0) throw new Error('the CA bundle holds no certificate')
      return blocks.map((pem) => new X509Certificate(pem))
    })
  }

  /**
   * When the chain from a client's certificate to one of the roots is valid; undefined where there is no such chain, or
   * a certificate on it is not for clients. The caller compares with the time.
   */
  verify(leaf: X509Certificate, intermediates: readonly X509Certificate[]): ChainValidity | undefined {
    return this.#extend([leaf], intermediates)
  }

  #extend(chain: readonly X509Certificate[], intermediates: readonly X509Certificate[]): ChainValidity | undefined {
    const last = chain.at(-1)!
    if (!allowsClients(last)) return undefined
    for (const root of this.#roots) {
      if (last.raw.equals(root.raw)) return validityOf(chain)
      if (isIssuedBy(last, root) && allowsClients(root)) return validityOf([...chain, root])
    }
    if (chain.length >= MAX_DEPTH) return undefined
    for (const candidate of intermediates) {
      if (chain.some((c) => c.raw.equals(candidate.raw)) || !isIssuedBy(last, candidate)) continue
      const validity = this.#extend([...chain, candidate], intermediates)
      if (validity) return validity
    }
    return undefined
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

/** A certificate without extended key usages may be used for anything (RFC 5280, 4.2.1.12). */
function allowsClients({ keyUsage }: X509Certificate): boolean {
  const usages = keyUsage as readonly string[] | undefined
  return usages === undefined || usages.length === 0 || usages.includes(CLIENT_AUTH) || usages.includes(ANY_USAGE)
}

function validityOf(chain: readonly X509Certificate[]): ChainValidity {
  return {
    from: Math.max(...chain.map((c) => Date.parse(c.validFrom))),
    to: Math.min(...chain.map((c) => Date.parse(c.validTo))),
  }
}

/** Attributes of a certificate's subject in their order, by short name (CN, O) or object identifier. */
export function subjectAttributes({ subject }: X509Certificate): readonly (readonly [name: string, value: string])[] {
  // OpenSSL writes one RDN a line, joins several attributes of one with ' + ', and escapes all else (RFC 2253).
  return subject
    .split('\n')
    .flatMap((line) => line.split(/(?<=(?:^|[^\\])(?:\\\\)*) \+ /))
    .map((attribute) => {
      const at = attribute.indexOf('=')
      return [attribute.slice(0, at), unescaped(attribute.slice(at + 1))] as const
    })
}

function unescaped(value: string): string {
  if (!value.includes('\\')) return value
  return value.replace(/(?:\\[0-9A-Fa-f]{2})+|\\(.)/g, (all, char: string | undefined) =>
    char === undefined ? Buffer.from(all.replaceAll('\\', ''), 'hex').toString('utf8') : char,
  )
}
