import {
  createHash,
  createPrivateKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { promisify } from 'node:util'
import { parseIp } from '../../apimachinery/validation/ip.ts'
import {
  bitString,
  bytesOf,
  explicit,
  membersOf,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  tagged,
  time,
  trueValue,
  unsigned,
  utf8String,
} from './der.ts'
import { keyUsagesOf } from './key-usages.ts'
import { type SignatureScheme, signatureSchemeOf } from './signature.ts'
import { x509Library } from './x509-library.ts'

/** Certificate and private key in PEM. */
export interface KeyPair {
  readonly certificate: string
  readonly privateKey: string
}

/** Who a client certificate is for. */
export interface ClientSubject {
  readonly user: string
  readonly groups?: readonly string[]
  readonly uid?: string
}

export interface ServingSubject {
  readonly commonName: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

export type CertificateUsage = 'client auth' | 'server auth' | 'digital signature' | 'key encipherment'

/** P-256: as good as RSA-3072, and made in a millisecond. */
const CURVE = 'prime256v1'
const generateKeys = promisify(generateKeyPair)

const DAY_MS = 86_400_000
const CA_DAYS = 3650
const LEAF_DAYS = 365
/** Certificates begin a little in the past, for clients whose clock is behind. */
const BACKDATE_MS = 5 * 60_000
/** Those that were asked for and last less than this are not made shorter by it. */
const SHORT_MS = 8 * 3_600_000

/** Object identifiers: RFC 5280, X.520; `uid` is where upstream reads a user's uid from. */
const OIDS = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  uid: '1.3.6.1.4.1.57683.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const

/** Tag of the extensions in a certificate. */
const EXTENSIONS = 0xa3
/** Tags of GeneralName. */
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

/** What a certificate says. Names, keys and extensions are DER. */
interface CertificateContents {
  readonly issuer: Buffer
  readonly subject: Buffer
  readonly publicKey: Buffer
  readonly notBefore: number
  readonly notAfter: number
  readonly extensions: readonly Buffer[]
}

/** Signs certificates. The private key never leaves the process except by {@link CertificateAuthority.pair}. */
export class CertificateAuthority {
  /** Certificate and key, to be kept. */
  readonly pair: KeyPair
  readonly #certificate: X509Certificate
  readonly #scheme: SignatureScheme
  readonly #now: () => number

  private constructor(pair: KeyPair, key: KeyObject, now: () => number) {
    this.pair = pair
    this.#certificate = new X509Certificate(pair.certificate)
    this.#scheme = signatureSchemeOf(key)
    this.#now = now
  }

  /** A new authority with its own key. `now`: milliseconds since the epoch. */
  static async create(commonName: string, now: () => number = Date.now): Promise<CertificateAuthority> {
    const keys = await generateKeys('ec', { namedCurve: CURVE })
    const name = nameOf([[OIDS.commonName, commonName]])
    const publicKey = spkiOf(keys.publicKey)
    const certificate = signed(
      {
        issuer: name,
        subject: name,
        publicKey,
        notBefore: now() - BACKDATE_MS,
        notAfter: now() + CA_DAYS * DAY_MS,
        extensions: [
          extension(OIDS.basicConstraints, { critical: true }, sequence(trueValue)),
          ...usageExtensions(['digital signature', 'cert sign']),
          extension(OIDS.subjectKeyIdentifier, {}, octetString(keyIdentifier(publicKey))),
        ],
      },
      signatureSchemeOf(keys.privateKey),
    )
    return new CertificateAuthority({ certificate, privateKey: privatePem(keys.privateKey) }, keys.privateKey, now)
  }

  /** An authority that exists. Throws where the key is of a kind that Go does not sign with either. */
  static async load(pair: KeyPair, now: () => number = Date.now): Promise<CertificateAuthority> {
    return new CertificateAuthority(pair, createPrivateKey(pair.privateKey), now)
  }

  hasSigned(certificate: X509Certificate): boolean {
    return certificate.verify(this.#certificate.publicKey)
  }

  async issueClient({ user, groups = [], uid }: ClientSubject): Promise<KeyPair> {
    const subject = nameOf([
      ...groups.map((group) => [OIDS.organization, group] as const),
      [OIDS.commonName, user],
      ...(uid ? [[OIDS.uid, uid] as const] : []),
    ])
    return await this.#issue(subject, ['client auth', 'digital signature'], [])
  }

  async issueServing({ commonName, dnsNames, ipAddresses }: ServingSubject): Promise<KeyPair> {
    const names = [...dnsNames.map((name) => tagged(DNS_NAME, Buffer.from(name))), ...ipAddresses.map(ipAddress)]
    return await this.#issue(
      nameOf([[OIDS.commonName, commonName]]),
      ['server auth', 'digital signature'],
      [extension(OIDS.subjectAlternativeName, {}, sequence(...names))],
    )
  }

  /** A certificate for a signing request (PEM), as a CertificateSigningRequest's signer makes it. Throws on a bad one. */
  async signRequest(
    request: string,
    { usages, durationMs }: { readonly usages: readonly string[]; readonly durationMs: number },
  ): Promise<string> {
    const { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } = await x509Library()
    const csr = new Pkcs10CertificateRequest(request)
    if (!(await csr.verify())) throw new Error('the signature of the certificate request is wrong')
    const alternatives = csr.extensions.find((e) => e instanceof SubjectAlternativeNameExtension)
    if (this.#now() >= Date.parse(this.#certificate.validTo)) {
      throw new Error(`refusing to sign a certificate that expired in the past: NotAfter=${this.#certificate.validTo}`)
    }
    return this.#sign({
      subject: Buffer.from(csr.subjectName.toArrayBuffer()),
      publicKey: Buffer.from(csr.publicKey.rawData),
      usages,
      durationMs: durationMs < SHORT_MS ? durationMs : durationMs - BACKDATE_MS,
      extensions: alternatives ? [Buffer.from(alternatives.rawData)] : [],
    })
  }

  async #issue(subject: Buffer, usages: readonly CertificateUsage[], extensions: readonly Buffer[]): Promise<KeyPair> {
    const { publicKey, privateKey } = await generateKeys('ec', { namedCurve: CURVE })
    const durationMs = LEAF_DAYS * DAY_MS
    const certificate = this.#sign({ subject, publicKey: spkiOf(publicKey), usages, durationMs, extensions })
    return { certificate, privateKey: privatePem(privateKey) }
  }

  #sign(asked: {
    readonly subject: Buffer
    readonly publicKey: Buffer
    readonly usages: readonly string[]
    readonly durationMs: number
    readonly extensions: readonly Buffer[]
  }): string {
    const now = this.#now()
    const contents: CertificateContents = {
      issuer: subjectOf(this.#certificate),
      subject: asked.subject,
      publicKey: asked.publicKey,
      notBefore: now - BACKDATE_MS,
      // No certificate outlives the one that vouches for it.
      notAfter: Math.min(now + asked.durationMs, Date.parse(this.#certificate.validTo)),
      extensions: [
        extension(OIDS.basicConstraints, { critical: true }, sequence()),
        ...usageExtensions(asked.usages),
        ...authorityKeyIdentifier(this.#certificate),
        ...asked.extensions,
      ],
    }
    return signed(contents, this.#scheme)
  }
}

/** A certificate in PEM. @see RFC 5280 4.1 */
function signed(
  { issuer, subject, publicKey, notBefore, notAfter, extensions }: CertificateContents,
  scheme: SignatureScheme,
): string {
  const version3 = explicit(0, unsigned(Buffer.from([2])))
  const contents = sequence(
    version3,
    unsigned(serialNumber()),
    scheme.algorithm,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey,
    explicit(3, sequence(...extensions)),
  )
  return pem('CERTIFICATE', sequence(contents, scheme.algorithm, bitString(scheme.sign(contents))))
}

/** A distinguished name with one attribute in each of its parts. */
function nameOf(attributes: readonly (readonly [oid: string, value: string])[]): Buffer {
  return sequence(...attributes.map(([oid, value]) => setOf(sequence(objectIdentifier(oid), utf8String(value)))))
}

/** The name in a certificate, byte by byte as it stands there: clients compare it with the issuer's. */
function subjectOf({ raw }: X509Certificate): Buffer {
  const [contents = Buffer.alloc(0)] = membersOf(raw)
  // Version, serial number, algorithm, issuer, validity, subject.
  const subject = membersOf(contents)[5]
  if (!subject) throw new Error('the certificate has no subject')
  return subject
}

function extension(oid: string, { critical = false }: { readonly critical?: boolean }, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [trueValue] : []), octetString(value))
}

/** `bits` of two bytes. Those at the end that are not set don't count: DER of a named bit list. */
function keyUsage(bits: number): Buffer {
  const bytes = bits & 0xff ? [bits >> 8, bits & 0xff] : [bits >> 8]
  let unused = 0
  while (unused < 7 && ((bytes.at(-1)! >> unused) & 1) === 0) unused++
  return extension(OIDS.keyUsage, { critical: true }, bitString(Buffer.from(bytes), unused))
}

function usageExtensions(usages: readonly string[]): Buffer[] {
  const { bits, extended } = keyUsagesOf(usages)
  return [
    ...(bits === 0 ? [] : [keyUsage(bits)]),
    ...(extended.length === 0
      ? []
      : [extension(OIDS.extendedKeyUsage, {}, sequence(...extended.map(objectIdentifier)))]),
  ]
}

/** Names the authority's key as its own certificate does; nothing where that has no name for it. */
function authorityKeyIdentifier({ raw }: X509Certificate): Buffer[] {
  const wanted = objectIdentifier(OIDS.subjectKeyIdentifier)
  const [contents = Buffer.alloc(0)] = membersOf(raw)
  const list = membersOf(contents).find(([tag]) => tag === EXTENSIONS)
  const found = (list ? membersOf(membersOf(list)[0]!) : [])
    .map(membersOf)
    .find(([oid]) => oid?.equals(wanted))
    ?.at(-1)
  if (!found) return []
  // An octet string within the octet string of the extension.
  const identifier = bytesOf(bytesOf(found))
  return [extension(OIDS.authorityKeyIdentifier, {}, sequence(tagged(0x80, identifier)))]
}

/** SHA-1 of the key's bits (RFC 5280 4.2.1.2, method 1). */
function keyIdentifier(spki: Buffer): Buffer {
  const bits = membersOf(spki)[1]
  if (!bits) throw new Error('the public key has no bits')
  // Behind the count of unused bits.
  return createHash('sha1').update(bytesOf(bits).subarray(1)).digest()
}

function ipAddress(text: string): Buffer {
  const ip = parseIp(text)
  if (!ip) throw new Error(`${text} is no address`)
  const digits = ip.family === 4 ? 8 : 32
  return tagged(IP_ADDRESS, Buffer.from(ip.value.toString(16).padStart(digits, '0'), 'hex'))
}

/** True where a third of the certificate's life, or less, is left. */
export function isDueForRenewal({ validFrom, validTo }: X509Certificate, now: number): boolean {
  const end = Date.parse(validTo)
  return now >= end - (end - Date.parse(validFrom)) / 3
}

/** Positive and random: 127 bits. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x01
  return bytes
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
