import { type KeyObject, sign } from 'node:crypto'
import { nullValue, objectIdentifier, sequence } from './der.ts'

/** How a key signs certificates: the AlgorithmIdentifier in DER, and the signature of some bytes. */
export interface SignatureScheme {
  readonly algorithm: Buffer
  sign(contents: Buffer): Buffer
}

/** By curve, as Node names it. @see RFC 5758 */
const OF_CURVES: Readonly<Record<string, readonly [oid: string, hash: string]>> = {
  prime256v1: ['1.2.840.10045.4.3.2', 'sha256'],
  secp384r1: ['1.2.840.10045.4.3.3', 'sha384'],
  secp521r1: ['1.2.840.10045.4.3.4', 'sha512'],
}
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11'
const ED25519 = '1.3.101.112'

/** As Go's x509 chooses for a private key. Errors: a key of another kind. */
export function signatureSchemeOf(key: KeyObject): SignatureScheme {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return {
        algorithm: sequence(objectIdentifier(SHA256_WITH_RSA), nullValue),
        sign: (contents) => sign('sha256', contents, key),
      }
    case 'ed25519':
      return { algorithm: sequence(objectIdentifier(ED25519)), sign: (contents) => sign(null, contents, key) }
    case 'ec': {
      const scheme = OF_CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
      if (!scheme) break
      const [oid, hash] = scheme
      return { algorithm: sequence(objectIdentifier(oid)), sign: (contents) => sign(hash, contents, key) }
    }
  }
  throw new Error('the key of an authority must be of RSA, Ed25519 or ECDSA on P-256, P-384 or P-521')
}
