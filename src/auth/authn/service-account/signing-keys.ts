import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** A public key that tokens may be signed for, and how. */
interface VerificationKey {
  /** `kid`: base64url of the SHA-256 of the key's DER form. */
  readonly id: string
  readonly key: KeyObject
  readonly algorithm: string
}

/** The keys of the tokens of service accounts: one signs, several (older ones among them) verify. */
export interface ServiceAccountKeys {
  /** Undefined where this server issues no tokens. */
  readonly signing: (VerificationKey & { readonly privateKey: KeyObject }) | undefined
  readonly verification: readonly VerificationKey[]
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/**
 * Keys from PEM texts: `signingPem` holds one private key, the others any number of private keys, public keys and
 * certificates. The signing key itself always verifies. Throws where a key is neither RSA nor on a NIST curve.
 */
export function loadServiceAccountKeys(
  signingPem: string | undefined,
  verificationPems: readonly string[],
): ServiceAccountKeys {
  const privateKey = signingPem === undefined ? undefined : createPrivateKey(signingPem)
  const signing = privateKey && { ...verificationKeyOf(createPublicKey(privateKey)), privateKey }
  const verification = new Map<string, VerificationKey>()
  const given = verificationPems.flatMap(pemBlocks).map((pem) => verificationKeyOf(createPublicKey(pem)))
  for (const key of [...given, ...(signing ? [signing] : [])]) verification.set(key.id, key)
  return { signing, verification: [...verification.values()] }
}

function pemBlocks(text: string): string[] {
  const blocks = text.match(/-----BEGIN [A-Z0-9 ]+-----[\s\S]+?-----END [A-Z0-9 ]+-----/g) ?? []
  return blocks.filter((block) => !block.startsWith('-----BEGIN EC PARAMETERS-----'))
}

function verificationKeyOf(key: KeyObject): VerificationKey {
  const der = key.export({ type: 'spki', format: 'der' })
  const id = createHash('sha256').update(der).digest('base64url')
  return { id, key, algorithm: algorithmOf(key) }
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  const algorithm = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (!algorithm) throw new Error(`service account keys must be RSA or EC, not ${key.asymmetricKeyType}`)
  return algorithm
}

/** Keys that may have signed a token with this `kid`: all of them where it names none. */
export function keysFor({ verification }: ServiceAccountKeys, keyId: string | undefined): readonly VerificationKey[] {
  return keyId ? verification.filter((k) => k.id === keyId) : verification
}

/** The JSON Web Key Set that relying parties verify with (RFC 7517). */
export function jwksOf({ verification }: ServiceAccountKeys): { readonly keys: readonly JsonWebKey[] } {
  return {
    keys: verification.map(({ id, key, algorithm }) => {
      const { kty, ...parameters } = key.export({ format: 'jwk' })
      return { use: 'sig', kty, kid: id, alg: algorithm, ...parameters }
    }),
  }
}
