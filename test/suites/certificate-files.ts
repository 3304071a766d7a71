import type { webcrypto } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { x509Library } from '../../src/cluster/pki/x509-library.ts'

/** A certificate for 127.0.0.1 that serves as server's and client's, with its authority, in memory and as files. */
interface CertificateFiles {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  remove(): Promise<void>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Makes one, valid for a day. */
export async function certificateFiles(): Promise<CertificateFiles> {
  const x509 = await x509Library()
  const generate = (): Promise<webcrypto.CryptoKeyPair> =>
    crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const [caKeys, keys] = await Promise.all([generate(), generate()])
  const notBefore = new Date(Date.now() - 60_000)
  const notAfter = new Date(Date.now() + 86_400_000)
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test-ca',
    keys: caKeys,
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=etcd',
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    notBefore,
    notAfter,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
    ],
  })
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  const ca = Buffer.from(authority.toString('pem'))
  const cert = Buffer.from(certificate.toString('pem'))
  const key = Buffer.from(x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'))
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-certs-'))
  const [caFile, certFile, keyFile] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await Promise.all([writeFile(caFile, ca), writeFile(certFile, cert), writeFile(keyFile, key, { mode: 0o600 })])
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  return { ca, cert, key, caFile, certFile, keyFile, remove }
}
