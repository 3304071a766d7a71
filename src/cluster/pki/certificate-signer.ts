import { readFile } from 'node:fs/promises'
import type {
  CertificateSigner,
  RequestedCertificate,
} from '../../controllers/cluster/certificates/certificate-signer.ts'
import {
  CLIENT_SIGNER,
  KUBELET_CLIENT_SIGNER,
  KUBELET_SERVING_SIGNER,
  LEGACY_SIGNER,
} from '../../controllers/cluster/certificates/signer-rules.ts'
import { CertificateAuthority } from './certificate-authority.ts'
import { x509Library } from './x509-library.ts'

/** Upstream's cluster-signing-duration. */
const MAX_DURATION_MS = 365 * 24 * 3_600_000

/** Files of a certificate authority. */
interface SigningFiles {
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

/** `--cluster-signing-*` */
export interface SigningOptions {
  /** Signs for all of the built-in signers. */
  readonly all: SigningFiles
  readonly kubeletServing: SigningFiles
  readonly kubeletClient: SigningFiles
  readonly apiserverClient: SigningFiles
  readonly legacyUnknown: SigningFiles
  readonly durationMs: number
}

/** One authority for all of the built-in signers. */
export function clusterSigners(authority: CertificateAuthority): ReadonlyMap<string, CertificateSigner> {
  const signer: CertificateSigner = {
    maxDurationMs: MAX_DURATION_MS,
    signRequest: (request, options) => authority.signRequest(request, options),
  }
  const names = [KUBELET_SERVING_SIGNER, KUBELET_CLIENT_SIGNER, CLIENT_SIGNER, LEGACY_SIGNER]
  return new Map(names.map((name) => [name, signer]))
}

/**
 * Signers with the authorities that files hold, which are read anew where they have changed. Errors: files that cannot be
 * read or do not go together; an authority for all and others for some.
 *
 * @see kubernetes cmd/kube-controller-manager/app/certificates.go
 */
export async function fileSigners(options: SigningOptions): Promise<ReadonlyMap<string, CertificateSigner>> {
  const specific: readonly (readonly [name: string, files: SigningFiles])[] = [
    [KUBELET_SERVING_SIGNER, options.kubeletServing],
    [KUBELET_CLIENT_SIGNER, options.kubeletClient],
    [CLIENT_SIGNER, options.apiserverClient],
    [LEGACY_SIGNER, options.legacyUnknown],
  ]
  const { certFile, keyFile } = options.all
  const hasAll = Boolean(certFile && keyFile)
  const given = specific.filter(([, files]) => files.certFile || files.keyFile)
  if (hasAll && given.length > 0) throw new Error('cannot specify default and per controller certs at the same time')
  const chosen = given.length > 0 ? given : hasAll ? specific.map(([name]) => [name, options.all] as const) : []
  const signers = new Map<string, CertificateSigner>()
  for (const [name, files] of chosen) {
    const authority = new FileAuthority(name, files)
    await authority.current()
    signers.set(name, {
      maxDurationMs: options.durationMs,
      signRequest: async (request, asked) => await (await authority.current()).signRequest(request, asked),
    })
  }
  return signers
}

/** An authority whose files may be replaced while it signs. */
class FileAuthority {
  readonly #signer: string
  readonly #files: SigningFiles
  #loaded: CertificateAuthority | undefined

  constructor(signer: string, files: SigningFiles) {
    this.#signer = signer
    this.#files = files
  }

  async current(): Promise<CertificateAuthority> {
    const { certFile = '', keyFile = '' } = this.#files
    try {
      const certificate = await readFile(certFile, 'utf8')
      const privateKey = await readFile(keyFile, 'utf8')
      const pair = this.#loaded?.pair
      if (pair?.certificate !== certificate || pair.privateKey !== privateKey) {
        this.#loaded = await CertificateAuthority.load({ certificate, privateKey })
      }
      return this.#loaded!
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const files = `CA cert file "${certFile}", CA key file "${keyFile}"`
      throw new Error(`error reading the authority of ${this.#signer}: ${files}: ${why}`, { cause: error })
    }
  }
}

/** What a certificate request in PEM asks for. Throws on what is none. */
export async function requestedCertificate(request: string): Promise<RequestedCertificate> {
  const { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } = await x509Library()
  const { subjectName, extensions } = new Pkcs10CertificateRequest(request)
  const alternatives = extensions.find((e) => e instanceof SubjectAlternativeNameExtension)
  const namesOf = (type: string): string[] =>
    alternatives?.names.items.filter((n) => n.type === type).map((n) => n.value) ?? []
  return {
    // Of several the last counts, as in Go.
    commonName: subjectName.getField('CN').at(-1) ?? '',
    organizations: subjectName.getField('O'),
    dnsNames: namesOf('dns'),
    emailAddresses: namesOf('email'),
    ipAddresses: namesOf('ip'),
    uris: namesOf('url'),
  }
}
