import { randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import type { Name } from '@peculiar/x509'
import { type X509Library, x509Library } from './x509-library.ts'

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
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

const DAY_MS = 86_400_000
const CA_DAYS = 3650
const LEAF_DAYS = 365
/** Certificates begin a little in the past, for clients whose clock is behind. */
const BACKDATE_MS = 5 * 60_000
/** Object identifier under which upstream reads a user's uid from a certificate. */
const UID_OID = '1.3.6.1.4.1.57683.2'

/** Signs certificates. The private key never leaves the process except by {@link CertificateAuthority.pair}. */
export class CertificateAuthority {
  /** Certificate and key, to be kept. */
  readonly pair: KeyPair
  readonly #x509: X509Library
  readonly #key: webcrypto.CryptoKey
  readonly #now: () => number

  private constructor(pair: KeyPair, x509: X509Library, key: webcrypto.CryptoKey, now: () => number) {
    this.pair = pair
    this.#x509 = x509
    this.#key = key
    this.#now = now
  }

  /** A new authority with its own key. `now`: milliseconds since the epoch. */
  static async create(commonName: string, now: () => number = Date.now): Promise<CertificateAuthority> {
    const x509 = await x509Library()
    const keys = await generateKeys()
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ CN: [commonName] }],
      ...validity(now(), CA_DAYS * DAY_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    const pair = { certificate: certificate.toString('pem'), privateKey: await exportKey(keys.privateKey) }
    return new CertificateAuthority(pair, x509, keys.privateKey, now)
  }

  /** An authority that exists. Throws where the key is not an EC key on P-256 in PKCS#8. */
  static async load(pair: KeyPair, now: () => number = Date.now): Promise<CertificateAuthority> {
    const x509 = await x509Library()
    const [der] = x509.PemConverter.decode(pair.privateKey)
    if (!der) throw new Error('no private key in PEM')
    const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
    return new CertificateAuthority(pair, x509, key, now)
  }

  async issueClient({ user, groups = [], uid }: ClientSubject): Promise<KeyPair> {
    // Typed values: plain text would be read for escapes.
    const text = (value: string): { utf8String: string }[] => [{ utf8String: value }]
    const subject = new this.#x509.Name([
      ...groups.map((group) => ({ O: text(group) })),
      { CN: text(user) },
      ...(uid ? [{ [UID_OID]: text(uid) }] : []),
    ])
    return await this.#issue(subject, ['client auth', 'digital signature'], [])
  }

  async issueServing({ commonName, dnsNames, ipAddresses }: ServingSubject): Promise<KeyPair> {
    const names = [
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ]
    const extension = new this.#x509.SubjectAlternativeNameExtension(names)
    return await this.#issue(
      new this.#x509.Name([{ CN: [commonName] }]),
      ['server auth', 'digital signature'],
      [extension],
    )
  }

  /** A certificate for a signing request (PEM), as a CertificateSigningRequest's signer makes it. Throws on a bad one. */
  async signRequest(
    request: string,
    { usages, durationMs }: { readonly usages: readonly string[]; readonly durationMs: number },
  ): Promise<string> {
    const csr = new this.#x509.Pkcs10CertificateRequest(request)
    if (!(await csr.verify())) throw new Error('the signature of the certificate request is wrong')
    const { SubjectAlternativeNameExtension } = this.#x509
    const alternatives = csr.extensions.find((e) => e instanceof SubjectAlternativeNameExtension)
    const publicKey = await csr.publicKey.export()
    const subject = csr.subjectName
    return await this.#sign({ subject, publicKey, usages, durationMs, extensions: alternatives ? [alternatives] : [] })
  }

  async #issue(
    subject: Name,
    usages: readonly CertificateUsage[],
    extensions: readonly InstanceType<X509Library['Extension']>[],
  ): Promise<KeyPair> {
    const { publicKey, privateKey } = await generateKeys()
    const durationMs = LEAF_DAYS * DAY_MS
    const certificate = await this.#sign({ subject, publicKey, usages, durationMs, extensions })
    return { certificate, privateKey: await exportKey(privateKey) }
  }

  async #sign(asked: {
    readonly subject: Name
    readonly publicKey: webcrypto.CryptoKey
    readonly usages: readonly string[]
    readonly durationMs: number
    readonly extensions: readonly InstanceType<X509Library['Extension']>[]
  }): Promise<string> {
    const x509 = this.#x509
    const issuer = new x509.X509Certificate(this.pair.certificate)
    const { notBefore, notAfter } = validity(this.#now(), asked.durationMs)
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: asked.subject,
      issuer: issuer.subjectName,
      notBefore,
      // No certificate outlives the one that vouches for it.
      notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
      publicKey: asked.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...usageExtensions(x509, asked.usages),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false),
        ...asked.extensions,
      ],
    })
    return certificate.toString('pem')
  }
}

function usageExtensions(x509: X509Library, usages: readonly string[]): InstanceType<X509Library['Extension']>[] {
  const { KeyUsageFlags, ExtendedKeyUsage } = x509
  let flags = 0
  if (usages.includes('digital signature')) flags |= KeyUsageFlags.digitalSignature
  if (usages.includes('key encipherment')) flags |= KeyUsageFlags.keyEncipherment
  const extended = [
    ...(usages.includes('client auth') ? [ExtendedKeyUsage.clientAuth] : []),
    ...(usages.includes('server auth') ? [ExtendedKeyUsage.serverAuth] : []),
  ]
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
  ]
}

/** True where a third of the certificate's life, or less, is left, or nothing can be read of it. */
export function isDueForRenewal(certificate: string, now: number): boolean {
  try {
    const { validFrom, validTo } = new X509Certificate(certificate)
    const end = Date.parse(validTo)
    return now >= end - (end - Date.parse(validFrom)) / 3
  } catch {
    return true
  }
}

function validity(now: number, durationMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + durationMs) }
}

/** Positive and random: 127 bits. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x01
  return bytes.toString('hex')
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`
}
