import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
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
    if (known && !this.#isStale(known) && all.every((name) => isFor(known.certificate, name))) {
      if (await this.#isOfAuthority(known)) return known
    }
    const authority = await this.authority()
    const pair = await authority.issueServing({
      commonName: 'kube-apiserver',
      dnsNames: all.filter((n) => isIP(n) === 0),
      ipAddresses: all.filter((n) => isIP(n) !== 0),
    })
    return await this.#write('apiserver', pair)
  }

  /** A client certificate that is kept under a name. */
  async client(name: string, subject: ClientSubject): Promise<KeyPair> {
    const known = await this.#read(name)
    if (known && !this.#isStale(known) && (await this.#isOfAuthority(known))) return known
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
    if (known && !belongTogether(known.certificate, known.privateKey)) {
      throw new Error(`${CA}.key is not the key of ${CA}.crt: put back the one that belongs to it, or remove both`)
    }
    if (known) return await CertificateAuthority.load(known, this.#now)
    const authority = await CertificateAuthority.create('kubernetes', this.#now)
    await this.#write(CA, authority.pair)
    return authority
  }

  /** False as well where key and certificate are of two pairs: a write that was cut off, or two servers at once. */
  async #isOfAuthority({ certificate, privateKey }: KeyPair): Promise<boolean> {
    if (!belongTogether(certificate, privateKey)) return false
    const { pair } = await this.authority()
    return new X509Certificate(certificate).verify(new X509Certificate(pair.certificate).publicKey)
  }

  #isStale({ certificate }: KeyPair): boolean {
    return isDueForRenewal(certificate, this.#now())
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

function belongTogether(certificate: string, privateKey: string): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))
  } catch {
    return false
  }
}

function isFor(certificate: string, name: string): boolean {
  const parsed = new X509Certificate(certificate)
  return (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined
}
