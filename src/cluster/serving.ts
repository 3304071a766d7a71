import { readFile } from 'node:fs/promises'
import type { ServerOptions as HttpsOptions, Server as HttpsServer } from 'node:https'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type Clock, every, type Timer } from '../apimachinery/clock.ts'
import { formatIp, parseCidr } from '../apimachinery/validation/ip.ts'
import { writeKubeconfig } from './kubeconfig/kubeconfig.ts'
import type { CertificateAuthority, KeyPair } from './pki/certificate-authority.ts'
import { ClusterPki } from './pki/cluster-pki.ts'
import { memoryPki, openPkiDirectory, type PkiFiles } from './pki/pki-files.ts'
import type { ServerOptions } from './server-options.ts'
import { WatchedFiles } from './watched-files.ts'

/** How often the serving certificate is looked at; one that a third of its life is left to is made anew. */
const RENEWAL_CHECK_MS = 12 * 3_600_000

/** Name of cluster and context in the kubeconfig that a server writes. */
const CLUSTER_NAME = 'kubemu'
const ADMIN = 'kubernetes-admin'

/** The TLS side of one server: its certificates, and those that it makes for its clients. */
export class Serving {
  readonly pki: ClusterPki
  readonly #options: ServerOptions
  readonly #clock: Clock
  #server: HttpsServer | undefined
  #pair: KeyPair | undefined
  #clientCas: readonly string[] = []
  #kubeconfig: { readonly path: string; readonly server: string; readonly credentials: KeyPair } | undefined
  #renewal: Timer | undefined
  #renewing: Promise<void> | undefined
  #files: WatchedFiles | undefined

  private constructor(pki: ClusterPki, options: ServerOptions, clock: Clock) {
    this.pki = pki
    this.#options = options
    this.#clock = clock
  }

  /** `pki`: certificates, instead of those where the options say. */
  static async open(options: ServerOptions, clock: Clock, pki?: ClusterPki): Promise<Serving> {
    const directory = pkiDirectory(options)
    const now = (): number => clock.now()
    if (pki || !directory) return new Serving(pki ?? new ClusterPki(memoryPki(), now), options, clock)
    const own = await openPkiDirectory(directory)
    // Certificates that somebody else has put there are used, and left alone.
    if (await isOthers(own)) {
      const { tlsCertFile, tlsPrivateKeyFile } = options
      const pair = tlsCertFile
        ? { tlsCertFile, tlsPrivateKeyFile }
        : { tlsCertFile: join(directory, 'apiserver.crt'), tlsPrivateKeyFile: join(directory, 'apiserver.key') }
      return new Serving(new ClusterPki(memoryPki(), now), { ...options, ...pair }, clock)
    }
    return new Serving(new ClusterPki(own, now), options, clock)
  }

  /** Options of the HTTPS server; undefined where only plain HTTP is asked for. `clientCas`: PEM bundles. */
  async tls(clientCas: readonly string[]): Promise<HttpsOptions | undefined> {
    if (this.#options.securePort === undefined) return undefined
    this.#pair = await this.#certificate()
    this.#clientCas = clientCas
    return {
      ...this.#context(),
      // Who shows no certificate, or one of another CA, may still have a token.
      requestCert: true,
      rejectUnauthorized: false,
    }
  }

  /** The CA of this cluster's clients; undefined where nobody can show a certificate. */
  async clientAuthority(): Promise<CertificateAuthority | undefined> {
    return this.#options.securePort === undefined ? undefined : await this.pki.authority()
  }

  /**
   * Has to be called once the server listens: keeps its certificate fresh, and the administrator's. `onError` hears of
   * certificates that can't be used: the former ones stay.
   */
  started(server: unknown, onError: (error: unknown) => void): void {
    if (this.#options.securePort === undefined) return
    this.#server = server as HttpsServer
    this.#renewal = every(this.#clock, RENEWAL_CHECK_MS, () => this.#renewOnce(onError))
    const { tlsCertFile, tlsPrivateKeyFile } = this.#options
    if (!tlsCertFile || !tlsPrivateKeyFile) return
    const onChange = ([certificate = '', privateKey = '']: readonly string[]): void => {
      this.#use({ certificate, privateKey })
    }
    const paths = [tlsCertFile, tlsPrivateKeyFile]
    this.#files = new WatchedFiles({ paths, clock: this.#clock, onChange, onError })
  }

  /** Certificates of these CAs (PEM bundles) are asked for from now on. */
  trust(clientCas: readonly string[]): void {
    this.#clientCas = clientCas
    this.#server?.setSecureContext(this.#context())
  }

  close(): void {
    this.#renewal?.cancel()
    this.#files?.close()
  }

  /** Writes the administrator's kubeconfig, merging it into what is there; its certificate is kept fresh from then on. */
  async writeAdminKubeconfig(path: string, server: string): Promise<void> {
    if (!server.startsWith('https:'))
      throw new Error('a kubeconfig needs the secure port: certificates are its credentials')
    const credentials = await this.#adminCredentials()
    await this.#writeKubeconfig(path, server, credentials, 'current')
    this.#kubeconfig = { path, server, credentials }
  }

  async #writeKubeconfig(
    path: string,
    server: string,
    credentials: KeyPair,
    context: 'current' | 'another',
  ): Promise<void> {
    const { tlsCertFile } = this.#options
    await writeKubeconfig(path, {
      clusterName: CLUSTER_NAME,
      userName: `${CLUSTER_NAME}-admin`,
      contextName: CLUSTER_NAME,
      server,
      certificateAuthority: tlsCertFile
        ? await readFile(tlsCertFile, 'utf8')
        : (await this.pki.authority()).pair.certificate,
      credentials,
      keepsCurrentContext: context === 'another',
    })
  }

  #adminCredentials(): Promise<KeyPair> {
    return this.pki.client('admin', { user: ADMIN, groups: ['system:masters'] })
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

  /** One at a time: two would write the same files. */
  #renewOnce(onError: (error: unknown) => void): void {
    this.#renewing ??= this.#renew()
      .catch(onError)
      .finally(() => {
        this.#renewing = undefined
      })
  }

  async #renew(): Promise<void> {
    const pair = await this.#certificate()
    if (pair.certificate !== this.#pair?.certificate) this.#use(pair)
    if (!this.#kubeconfig) return
    const { path, server } = this.#kubeconfig
    const credentials = await this.#adminCredentials()
    if (credentials.certificate === this.#kubeconfig.credentials.certificate) return
    await this.#writeKubeconfig(path, server, credentials, 'another')
    this.#kubeconfig = { path, server, credentials }
  }

  /** New connections get this certificate. Throws where its key is another one. */
  #use(pair: KeyPair): void {
    createSecureContext({ cert: pair.certificate, key: pair.privateKey })
    this.#pair = pair
    this.#server?.setSecureContext(this.#context())
  }

  /** All that a context says: what is left out when it is replaced is gone. */
  #context(): { cert: string; key: string; ca: string[]; minVersion: 'TLSv1.2' } {
    const { certificate, privateKey } = this.#pair!
    return { cert: certificate, key: privateKey, ca: [...this.#clientCas], minVersion: 'TLSv1.2' }
  }
}

/** True for a server's certificate whose authority is not here: kube-apiserver's `--cert-dir` as others fill it. */
async function isOthers(files: PkiFiles): Promise<boolean> {
  const [certificate, key, authority] = await Promise.all(
    ['apiserver.crt', 'apiserver.key', 'ca.key'].map((name) => files.read(name)),
  )
  return certificate !== undefined && key !== undefined && authority === undefined
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
