import { X509Certificate } from 'node:crypto'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { DerError, readDer } from './der.ts'
import { decodePem } from './pem.ts'

/**
 * Why PEM text is not a chain of certificates that a signer may hand out; undefined where it is one, or empty.
 *
 * @see kubernetes pkg/apis/certificates/validation/validation.go validateCertificate
 */
export function issuedCertificateProblem(pem: string): string | undefined {
  if (pem === '') return undefined
  let blocks = 0
  for (let block = decodePem(pem); block; block = decodePem(block.rest)) {
    if (block.type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(block.type)}`
    if (block.hasHeaders) return 'no PEM block headers are permitted'
    blocks++
    if (block.bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates'
    if (!areCertificates(block.bytes)) return 'x509: malformed certificate'
  }
  return blocks === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined
}

/** One or more certificates in DER, one behind the other. */
function areCertificates(bytes: Buffer): boolean {
  try {
    for (let offset = 0; offset < bytes.length; ) {
      const { raw } = readDer(bytes, offset)
      new X509Certificate(raw)
      offset += raw.length
    }
    return true
  } catch (error) {
    if (error instanceof DerError || (error instanceof Error && 'code' in error)) return false
    throw error
  }
}
