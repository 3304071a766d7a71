import type { webcrypto } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeObject } from '../../src/apimachinery/kube-object.ts'
import { x509Library } from '../../src/cluster/pki/x509-library.ts'

/** Certificate and key of a server, in PEM, with the authority that signed it. */
export interface ServingCertificate {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** The authority as `caBundle` takes it. */
  readonly caBundle: string
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])

/** A certificate for these DNS names and for 127.0.0.1, for servers and clients, valid for a day. */
export async function servingCertificate(...dnsNames: readonly string[]): Promise<ServingCertificate> {
  const x509 = await x509Library()
  const [caKeys, keys] = await Promise.all([newKeys(), newKeys()])
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) }
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test-ca',
    keys: caKeys,
    ...validity,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=test',
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    ...validity,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ]),
    ],
  })
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  const ca = authority.toString('pem')
  return {
    ca,
    cert: certificate.toString('pem'),
    key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
    caBundle: Buffer.from(ca).toString('base64'),
  }
}

/** A certificate in memory and as files. */
interface CertificateFiles {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  remove(): Promise<void>
}

export async function certificateFiles(): Promise<CertificateFiles> {
  const made = await servingCertificate()
  const [ca, cert, key] = [Buffer.from(made.ca), Buffer.from(made.cert), Buffer.from(made.key)]
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-certs-'))
  const [caFile, certFile, keyFile] = [join(folder, 'ca.pem'), join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await Promise.all([writeFile(caFile, ca), writeFile(certFile, cert), writeFile(keyFile, key, { mode: 0o600 })])
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  return { ca, cert, key, caFile, certFile, keyFile, remove }
}

/** The CertificateSigningRequest `csr-1` of the kubelet of node n1, for its client certificate. */
export async function kubeletCertificateRequest(): Promise<KubeObject> {
  const x509 = await x509Library()
  const pkcs10 = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }],
    keys: await newKeys(),
    signingAlgorithm: ALGORITHM,
  })
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr-1' },
    spec: {
      request: Buffer.from(`${pkcs10.toString('pem')}\n`).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['client auth', 'digital signature'],
    },
  }
}
