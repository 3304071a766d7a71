import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { startCluster } from '../../src/cluster/cluster.ts'
import { CertificateAuthority, type KeyPair } from '../../src/cluster/pki/certificate-authority.ts'
import { ClusterPki } from '../../src/cluster/pki/cluster-pki.ts'
import { openPkiDirectory } from '../../src/cluster/pki/pki-files.ts'
import { type RunningServer, startServer } from '../../src/cluster/server.ts'

/** An answer as a client that trusts nothing reads it. */
interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body where it is JSON; else undefined. */
  readonly body: Readonly<Record<string, unknown>> | undefined
}

interface Ask {
  readonly method?: string
  /** Sent as it is, without any normalization. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders | readonly string[]
  readonly body?: unknown
  readonly token?: string
  readonly certificate?: KeyPair
}

export const ADMIN = 'admin-token-0001'
export const JANE = 'jane-token-0002'
export const BOB = 'bob-token-0003'

/** A server behind TLS with every way in switched on, and the keys to make one's own credentials with. */
export class AuthServer {
  readonly folder: string
  readonly url: string
  readonly #server: Pick<RunningServer, 'close'>
  readonly pki: ClusterPki
  readonly frontProxy: CertificateAuthority
  readonly #ca: string

  private constructor(
    folder: string,
    server: Pick<RunningServer, 'url' | 'close'>,
    pki: ClusterPki,
    frontProxy: CertificateAuthority,
    ca: string,
  ) {
    this.folder = folder
    this.#server = server
    this.url = server.url
    this.pki = pki
    this.frontProxy = frontProxy
    this.#ca = ca
  }

  /** `flags`: further ones of kube-apiserver's. `files`: written into the folder first; `{folder}` in flags is its path. */
  static async start(
    flags: readonly string[] = ['--authorization-mode=Node,RBAC'],
    files: Readonly<Record<string, string>> = {},
    { controllers = false }: { readonly controllers?: boolean } = {},
  ): Promise<AuthServer> {
    const folder = await mkdtemp(join(tmpdir(), 'kubemu-auth-'))
    const frontProxy = await CertificateAuthority.create('front-proxy-ca')
    const all: Readonly<Record<string, string>> = {
      'tokens.csv': `${ADMIN},admin,uid-admin,"system:masters"\n${JANE},jane,uid-jane,"dev,qa"\n${BOB},bob,uid-bob\n`,
      'passwords.csv': 'carols-password,carol,uid-carol,"dev"\n',
      'front-proxy-ca.crt': frontProxy.pair.certificate,
      ...files,
    }
    await Promise.all(Object.entries(all).map(([name, text]) => writeFile(join(folder, name), text)))
    const given = [
      '--memory',
      '--secure-port=0',
      `--cert-dir=${join(folder, 'pki')}`,
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--token-auth-file={folder}/tokens.csv',
      '--basic-auth-file={folder}/passwords.csv',
      '--enable-bootstrap-token-auth',
      '--requestheader-client-ca-file={folder}/front-proxy-ca.crt',
      '--requestheader-allowed-names=proxy',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      '--service-cluster-ip-range=10.0.0.0/24',
      ...flags,
    ].map((flag) => flag.replaceAll('{folder}', folder))
    const options = apiserverOptions(given)
    const logger = pino({ level: 'silent' })
    const server = controllers
      ? await startCluster({ server: options, scheduler: false }, logger)
      : await startServer(options, logger)
    const pki = new ClusterPki(await openPkiDirectory(join(folder, 'pki')))
    const ca = await readFile(join(folder, 'pki/ca.crt'), 'utf8')
    return new AuthServer(folder, server, pki, frontProxy, ca)
  }

  get kubeconfig(): string {
    return join(this.folder, 'kubeconfig')
  }

  get ca(): string {
    return this.#ca
  }

  async stop(): Promise<void> {
    await this.#server.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** One request on a connection of its own, its path and headers sent as they are. */
  ask({ method = 'GET', path, headers = {}, body, token, certificate }: Ask): Promise<RawAnswer> {
    const { hostname, port, protocol } = new URL(this.url)
    const text = body === undefined ? undefined : JSON.stringify(body)
    const list = Array.isArray(headers) ? [...(headers as readonly string[])] : pairsOf(headers as OutgoingHttpHeaders)
    if (token !== undefined) list.push('authorization', `Bearer ${token}`)
    list.push('host', `${hostname}:${port}`)
    if (text !== undefined) {
      if (!list.includes('content-type')) list.push('content-type', 'application/json')
      list.push('content-length', String(Buffer.byteLength(text)))
    }
    const send = protocol === 'https:' ? httpsRequest : httpRequest
    const tls = {
      ca: this.#ca,
      ...(certificate ? { cert: certificate.certificate, key: certificate.privateKey } : {}),
    }
    return new Promise((resolve, reject) => {
      const request = send({ hostname, port, method, path, headers: list, agent: false, ...tls }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: answer, body: jsonOf(answer) })
        })
      })
      request.on('error', reject)
      // As bytes: together with a text the head would be written as UTF-8.
      request.end(text === undefined ? undefined : Buffer.from(text))
    })
  }

  /** The same as the administrator, which has to succeed. */
  async admin(method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.ask({ method, path, token: ADMIN, ...(body === undefined ? {} : { body }) })
    if (answer.status > 299) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.body ?? {}
  }

  /** Lets a subject do what the rules say in a namespace. */
  async grant(namespace: string, name: string, subject: object, rules: readonly object[]): Promise<void> {
    const base = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`
    await this.admin('POST', `${base}/roles`, { metadata: { name }, rules })
    await this.admin('POST', `${base}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [subject],
    })
  }

  /** A token of a service account. */
  async token(namespace: string, account: string, spec: object = {}): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
    const answer = (await this.admin('POST', path, { spec })) as { readonly status?: { readonly token?: string } }
    return answer.status?.token ?? ''
  }

  /** Who a credential stands for; the status code where it is refused. */
  async whoAmI(credential: Omit<Ask, 'path'>): Promise<string | number> {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
    const { status, body } = await this.ask({ ...credential, method: 'POST', path, body: {} })
    const review = body as { readonly status?: { readonly userInfo?: { readonly username?: string } } } | undefined
    return status === 201 ? (review?.status?.userInfo?.username ?? '') : status
  }
}

function pairsOf(headers: OutgoingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((v) => [name, String(v)]),
  )
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
