import { readFile } from 'node:fs/promises'
import type { ServerOptions as HttpsOptions, Server as HttpsServer } from 'node:https'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { formatIp, parseCidr } from '../apimachinery/validation/ip.ts'
import { writeKubeconfig } from './kubeconfig/kubeconfig.ts'
import type { CertificateAuthority, KeyPair } from './pki/certificate-authority.ts'
import { ClusterPki } from './pki/cluster-pki.ts'
import { memoryPki, openPkiDirectory, type PkiFiles } from './pki/pki-files.ts'
import type { ServerOptions } from './server-options.ts'

/** How often the serving certificate is looked at; one that a third of its life is left to is made anew. */
const RENEWAL_CHECK_MS = 12 * 3_600_000

/** Name of cluster and context in the kubeconfig that a server writes. */
const CLUSTER_NAME = 'kubemu'
const ADMIN = 'kubernetes-admin'

/** The TLS side of one server: its certificates, and those that it makes for its clients. */
export class Serving {
  readonly pki: ClusterPki
  readonly #options: ServerOptions
  #renewal: NodeJS.Timeout | undefined

  private constructor(pki: ClusterPki, options: ServerOptions) {
    this.pki = pki
    this.#options = options
  }

  /** `files`: where certificates are kept, instead of where the options say. */
  static async open(options: ServerOptions, files?: PkiFiles): Promise<Serving> {
    const directory = pkiDirectory(options)
    return new Serving(new ClusterPki(files ?? (directory ? await openPkiDirectory(directory) : memoryPki())), options)
  }

  /** Options of the HTTPS server; undefined where only plain HTTP is asked for. `clientCas`: PEM bundles. */
  async tls(clientCas: readonly string[]): Promise<HttpsOptions | undefined> {
    if (this.#options.securePort === undefined) return undefined
    const { certificate, privateKey } = await this.#certificate()
    return {
      cert: certificate,
      key: privateKey,
      ca: [...clientCas],
      // Who shows no certificate, or one of another CA, may still have a token.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    }
  }

  /** The CA of this cluster's clients; undefined where nobody can show a certificate. */
  async clientAuthority(): Promise<CertificateAuthority | undefined> {
    return this.#options.securePort === undefined ? undefined : await this.pki.authority()
  }

  /** Has to be called once the app listens: keeps its certificate fresh. */
  started(app: FastifyInstance): void {
    if (this.#options.securePort === undefined) return
    this.#renewal = setInterval(() => void this.#renew(app.server as HttpsServer), RENEWAL_CHECK_MS)
    this.#renewal.unref()
  }

  close(): void {
    clearInterval(this.#renewal)
  }

  /** Writes the administrator's kubeconfig, merging it into what is there. */
  async writeAdminKubeconfig(path: string, server: string): Promise<void> {
    if (!server.startsWith('https:'))
      throw new Error('a kubeconfig needs the secure port: certificates are its credentials')
    const { tlsCertFile } = this.#options
    await writeKubeconfig(path, {
      clusterName: CLUSTER_NAME,
      userName: `${CLUSTER_NAME}-admin`,
      contextName: CLUSTER_NAME,
      server,
      certificateAuthority: tlsCertFile
        ? await readFile(tlsCertFile, 'utf8')
        : (await this.pki.authority()).pair.certificate,
      credentials: await this.pki.client('admin', { user: ADMIN, groups: ['system:masters'] }),
    })
  }

  async #certificate(): Promise<KeyPair> {
    const { tlsCertFile, tlsPrivateKeyFile } = this.#options
    if (tlsCertFile && tlsPrivateKeyFile) {
      return {
        certificate: await readFile(tlsCertFile, 'utf8'),
        privateKey: await readFile(tlsPrivateKeyFile, 'utf8'),
      }
    }
    return await this.pki.serving(servingNames(this.#options))
  }

  async #renew(server: HttpsServer): Promise<void> {
    const { certificate, privateKey } = await this.#certificate()
    server.setSecureContext({ cert: certificate, key: privateKey })
  }
}

/** Where certificates are kept: the folder that a flag names, or one beside the data; undefined: in memory. */
function pkiDirectory({ certDir, storage }: ServerOptions): string | undefined {
  if (certDir) return certDir
  return storage.kind === 'leveldb' ? join(storage.dataDir, 'pki') : undefined
}

/** Names and addresses under which clients may reach the server. */
function servingNames({ bindAddress, tlsSans, serviceClusterIpRanges }: ServerOptions): string[] {
  const isWildcard = bindAddress === '0.0.0.0' || bindAddress === '::'
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map((a) => a.address) ?? [])
  const network = parseCidr(serviceClusterIpRanges[0] ?? '')
  return [
    hostname().toLowerCase(),
    ...(isWildcard ? addresses.filter((a) => !a.includes('%')) : [bindAddress]),
    ...(network ? [formatIp({ ...network.base, value: network.base.value + 1n })] : []),
    ...tlsSans,
  ]
}
