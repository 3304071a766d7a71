import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

interface PemBlock {
  readonly type: string
  readonly text: string
}

const PEM_BLOCK = /-----BEGIN ([^\r\n]*?)-----[ \t]*\r?\n((?:[^-]|-(?!----))*)-----END \1-----/g

/** All PEM blocks of a text, in order; what lies between them is skipped. */
function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(PEM_BLOCK)].map(([block, type]) => ({ type: type!, text: `${block}\n` }))
}

/** Go prints a list of strings without quotes: `[A B]`. */
const goList = (texts: readonly string[]): string => `[${texts.join(' ')}]`

/**
 * Why a certificate and a private key, both PEM, do not make a pair; undefined where they do.
 *
 * @see Go crypto/tls X509KeyPair
 */
export function keyPairError(certificatePem: string, keyPem: string): string | undefined {
  const blocks = pemBlocks(certificatePem)
  const certificate = blocks.find(({ type }) => type === 'CERTIFICATE')
  if (!certificate) return noCertificate(blocks)
  const keyBlocks = pemBlocks(keyPem)
  const isKey = ({ type }: PemBlock): boolean => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY')
  const keyBlock = keyBlocks.find(isKey)
  if (!keyBlock) return noKey(keyBlocks)
  let leaf: X509Certificate
  try {
    leaf = new X509Certificate(certificate.text)
  } catch {
    return 'x509: malformed certificate'
  }
  let key: KeyObject
  try {
    key = createPrivateKey(keyBlock.text)
  } catch {
    return 'tls: failed to parse private key'
  }
  if (!['rsa', 'ec', 'ed25519'].includes(key.asymmetricKeyType ?? '')) {
    return 'tls: found unknown private key type in PKCS#8 wrapping'
  }
  if (leaf.publicKey.asymmetricKeyType !== key.asymmetricKeyType) {
    return 'tls: private key type does not match public key type'
  }
  return leaf.checkPrivateKey(key) ? undefined : 'tls: private key does not match public key'
}

function noCertificate(blocks: readonly PemBlock[]): string {
  if (blocks.length === 0) return 'tls: failed to find any PEM data in certificate input'
  const first = blocks[0]!.type
  if (blocks.length === 1 && first.endsWith('PRIVATE KEY')) {
    return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched'
  }
  const types = goList(blocks.map(({ type }) => type))
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${types}`
}

function noKey(blocks: readonly PemBlock[]): string {
  if (blocks.length === 0) return 'tls: failed to find any PEM data in key input'
  if (blocks.length === 1 && blocks[0]!.type === 'CERTIFICATE') {
    return 'tls: found a certificate rather than a key in the PEM for the private key'
  }
  const types = goList(blocks.map(({ type }) => type))
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${types}`
}
