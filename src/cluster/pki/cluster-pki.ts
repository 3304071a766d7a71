import { createPrivateKey, X509Certificate } from 'node:crypto'
import { parseIp } from '../../apimachinery/validation/ip.ts'
import { CertificateAuthority, type ClientSubject, isDueForRenewal, type KeyPair } from './certificate-authority.ts'
import type { PkiFiles } from './pki-files.ts'

const CA = 'ca'

/** Names under which pods reach the API server. */
const SERVICE_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
]

/**
 * The certificates of a cluster: its authority, the server's own certificate and those of its clients. Made when first
 * wanted, kept, and made anew before they expire. Files are named as kubeadm's.
 */
export class ClusterPki {
  readonly #files: PkiFiles
  readonly #now: () => number
  #authority: Promise<CertificateAuthority> | undefined

  constructor(files: PkiFiles, now: () => number = Date.now) {
    this.#files = files
    this.#now = now
  }

  /** Signs servers and clients. */
  authority(): Promise<CertificateAuthority> {
    this.#authority ??= this.#openAuthority()
    return this.#authority
  }

  /** The API server's certificate for these names and addresses besides the usual ones. */
  async serving(names: readonly string[]): Promise<KeyPair> {
    const all = [...new Set([...SERVICE_NAMES, '127.0.0.1', '::1', ...names.filter((n) => n !== '')])]
    const known = await this.#read('apiserver')
    if (known && (await this.#isGood(known, all))) return known
    const authority = await this.authority()
    const pair = await authority.issueServing({
      commonName: 'kube-apiserver',
      dnsNames: all.filter((n) => !isAddress(n)),
      ipAddresses: all.filter(isAddress),
    })
    return await this.#write('apiserver', pair)
  }

  /** A client certificate that is kept under a name. */
  async client(name: string, subject: ClientSubject): Promise<KeyPair> {
    const known = await this.#read(name)
    if (known && (await this.#isGood(known))) return known
    return await this.#write(name, await (await this.authority()).issueClient(subject))
  }

  /** The key that signs tokens of service accounts, made by `create` the first time. */
  async serviceAccountKey(create: () => Promise<string>): Promise<string> {
    const known = await this.#files.read('sa.key')
    if (known !== undefined) return known
    const key = await create()
    await this.#files.write('sa.key', key)
    return key
  }

  async #openAuthority(): Promise<CertificateAuthority> {
    const known = await this.#read(CA)
    if (known && !belongTogether(parsed(known.certificate), known.privateKey)) {
      throw new Error(`${CA}.key is not the key of ${CA}.crt: put back the one that belongs to it, or remove both`)
    }
    if (known) return await CertificateAuthority.load(known, this.#now)
    const authority = await CertificateAuthority.create('kubernetes', this.#now)
    await this.#write(CA, authority.pair)
    return authority
  }

  /**
   * True for a certificate of the authority that lasts for a while and is for all these names. False as well where key
   * and certificate are of two pairs: a write that was cut off, or two servers at once.
   */
  async #isGood({ certificate, privateKey }: KeyPair, names: readonly string[] = []): Promise<boolean> {
    const known = parsed(certificate)
    if (!known || isDueForRenewal(known, this.#now())) return false
    if (!names.every((n) => isFor(known, n)) || !belongTogether(known, privateKey)) return false
    return (await this.authority()).hasSigned(known)
  }

  async #read(name: string): Promise<KeyPair | undefined> {
    const certificate = await this.#files.read(`${name}.crt`)
    const privateKey = await this.#files.read(`${name}.key`)
    return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey }
  }

  async #write(name: string, pair: KeyPair): Promise<KeyPair> {
    await this.#files.write(`${name}.key`, pair.privateKey)
    await this.#files.write(`${name}.crt`, pair.certificate)
    return pair
  }
}

/** Undefined where nothing can be read of it. */
function parsed(certificate: string): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate)
  } catch {
    return undefined
  }
}

function belongTogether(certificate: X509Certificate | undefined, privateKey: string): boolean {
  try {
    return certificate?.checkPrivateKey(createPrivateKey(privateKey)) ?? false
  } catch {
    return false
  }
}

function isFor(certificate: X509Certificate, name: string): boolean {
  return (isAddress(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined
}

const isAddress = (name: string): boolean => parseIp(name)?.leadingZeros === false
