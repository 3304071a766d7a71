import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  type DerElement,
  DerError,
  formatOid,
  readDer,
  readDerSequence,
  TAG_BIT_STRING,
  TAG_OID,
  TAG_SEQUENCE,
} from './der.ts'
import { decodePem } from './pem.ts'

/** How a signature of a certificate request is checked. */
interface SignatureAlgorithm {
  readonly name: string
  readonly keyType: 'rsa' | 'ec' | 'ed25519'
  /** Undefined for Ed25519, which hashes itself. */
  readonly hash: string | undefined
  readonly isInsecure?: boolean
}

/** @see Go crypto/x509 signatureAlgorithmDetails */
const ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['1.2.840.113549.1.1.4', { name: 'MD5-RSA', keyType: 'rsa', hash: 'md5', isInsecure: true }],
  ['1.2.840.113549.1.1.5', { name: 'SHA1-RSA', keyType: 'rsa', hash: 'sha1' }],
  ['1.2.840.113549.1.1.11', { name: 'SHA256-RSA', keyType: 'rsa', hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { name: 'SHA384-RSA', keyType: 'rsa', hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { name: 'SHA512-RSA', keyType: 'rsa', hash: 'sha512' }],
  ['1.2.840.10045.4.1', { name: 'ECDSA-SHA1', keyType: 'ec', hash: 'sha1' }],
  ['1.2.840.10045.4.3.2', { name: 'ECDSA-SHA256', keyType: 'ec', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { name: 'ECDSA-SHA384', keyType: 'ec', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { name: 'ECDSA-SHA512', keyType: 'ec', hash: 'sha512' }],
  ['1.3.101.112', { name: 'Ed25519', keyType: 'ed25519', hash: undefined }],
])

const OID_RSA_PSS = '1.2.840.113549.1.1.10'
const PSS_HASHES: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

const UNIMPLEMENTED = 'x509: cannot verify signature: algorithm unimplemented'
const FAILURES = {
  rsa: 'crypto/rsa: verification error',
  ec: 'x509: ECDSA verification failure',
  ed25519: 'x509: Ed25519 verification failure',
} as const

/**
 * Why PEM text is not a certificate request signed by its own key, in Go's words; undefined where it is one.
 *
 * @see RFC 2986, kubernetes pkg/apis/certificates/helpers.go ParseCSR
 */
export function certificateRequestProblem(pem: string): string | undefined {
  const block = decodePem(pem)
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST'
  try {
    return signatureProblem(block.bytes)
  } catch (error) {
    if (error instanceof DerError) return error.message
    throw error
  }
}

function signatureProblem(bytes: Buffer): string | undefined {
  const request = readDer(bytes)
  expectTag(request, TAG_SEQUENCE)
  if (request.raw.length !== bytes.length) throw new DerError('asn1: syntax error: trailing data')
  const [info, algorithm, signature] = readDerSequence(request.content)
  expectTag(info, TAG_SEQUENCE)
  expectTag(algorithm, TAG_SEQUENCE)
  expectTag(signature, TAG_BIT_STRING)
  const [, , publicKeyInfo] = readDerSequence(info.content)
  expectTag(publicKeyInfo, TAG_SEQUENCE)
  const key = publicKeyOf(publicKeyInfo)
  return verifySignature(info.raw, algorithm, signature.content.subarray(1), key)
}

function expectTag(element: DerElement | undefined, tag: number): asserts element is DerElement {
  if (!element) throw new DerError('asn1: syntax error: sequence truncated')
  if (element.tagClass === 0 && element.tag === tag) return
  const { tagClass, isCompound, content } = element
  const found = `{class:${tagClass} tag:${element.tag} length:${content.length} isCompound:${isCompound}}`
  const parameters =
    '{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}'
  throw new DerError(`asn1: structure error: tags don't match (${tag} vs ${found}) ${parameters} certificateRequest @2`)
}

function publicKeyOf(info: DerElement): KeyObject | undefined {
  try {
    return createPublicKey({ key: info.raw, format: 'der', type: 'spki' })
  } catch {
    // A key of a kind that is not known here: the signature cannot be checked.
    return undefined
  }
}

function verifySignature(
  signed: Buffer,
  algorithm: DerElement,
  signature: Buffer,
  key: KeyObject | undefined,
): string | undefined {
  const [oid, parameters] = readDerSequence(algorithm.content)
  expectTag(oid, TAG_OID)
  const id = formatOid(oid.content)
  const pssHash = id === OID_RSA_PSS ? pssHashOf(parameters) : undefined
  const details: SignatureAlgorithm | undefined = pssHash
    ? { name: `${pssHash.toUpperCase()}-RSAPSS`, keyType: 'rsa', hash: pssHash }
    : ALGORITHMS.get(id)
  if (!details || !key) return UNIMPLEMENTED
  if (details.isInsecure) return `x509: cannot verify signature: insecure algorithm ${details.name}`
  if (key.asymmetricKeyType !== details.keyType) return keyMismatch(details, key)
  const input = pssHash
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : key
  return verify(details.hash ?? null, signed, input, signature) ? undefined : FAILURES[details.keyType]
}

const KEY_NAMES = { rsa: 'RSA', ec: 'ECDSA', ed25519: 'Ed25519' } as const
const GO_KEY_TYPES: Readonly<Record<string, string>> = {
  rsa: '*rsa.PublicKey',
  ec: '*ecdsa.PublicKey',
  ed25519: 'ed25519.PublicKey',
}

function keyMismatch(details: SignatureAlgorithm, key: KeyObject): string {
  const goType = GO_KEY_TYPES[key.asymmetricKeyType ?? '']
  if (!goType) return UNIMPLEMENTED
  return `x509: signature algorithm specifies an ${KEY_NAMES[details.keyType]} public key, but have public key of type ${goType}`
}

/** Hash of RSASSA-PSS parameters, the only part of them that differs between the forms that Go accepts. */
function pssHashOf(parameters: DerElement | undefined): string | undefined {
  if (!parameters) return undefined
  const [hash] = readDerSequence(parameters.content)
  const [algorithm] = hash ? readDerSequence(hash.content) : []
  const [oid] = algorithm ? readDerSequence(algorithm.content) : []
  return oid && PSS_HASHES.get(formatOid(oid.content))
}
