import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Listener } from '../../api/listener.ts'
import { asApiError } from '../../apimachinery/api-error.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Client } from '../../controllers/runtime/client.ts'
import { DelegatedAccess } from '../delegated-access.ts'
import { CertificateAuthority, type KeyPair } from '../pki/certificate-authority.ts'
import { type KubeletHost, kubeletApp, NODE_HEADER, sendPlain } from './kubelet-app.ts'
import { kubeletSubresources } from './kubelet-subresources.ts'

interface KubeletServerOptions {
  readonly bindAddress: string
  readonly port: number
  /** Names and addresses that the server's certificate is for. */
  readonly hosts: readonly string[]
  /** PEM: whose client certificates count. */
  readonly clientCa: string
  /** May create SubjectAccessReviews. */
  readonly client: Client
  /** The nodes that run here; undefined while another process runs them. */
  host(): KubeletHost | undefined
}

interface KubeletServer {
  readonly port: number
  close(): Promise<void>
}

/**
 * Serves the kubelet's own API for all nodes of a fleet. Clients show a certificate or a bearer token, and may do what the
 * API server says: `get nodes/metrics` for `/metrics`, `nodes/stats` for `/stats`, `nodes/proxy` for most of the rest.
 *
 * @see kubernetes pkg/kubelet/server/server.go, auth.go
 */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { certificate, privateKey } = await selfSigned(options.hosts)
  const access = new DelegatedAccess(options.client)
  let listener: Listener | undefined
  const app = kubeletApp({
    host: options.host,
    nodeName: nodeNameOf,
    authorize: (request, reply) => authorize(access, request, reply),
    serverFactory: (handler) => {
      const tls = {
        cert: certificate,
        key: privateKey,
        ca: options.clientCa,
        requestCert: true,
        rejectUnauthorized: false,
      }
      listener = new Listener({ handler, tls, http2: false })
      return listener.server
    },
  })
  await app.listen({ host: options.bindAddress, port: options.port })
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      listener?.destroy()
      await app.close()
    },
  }
}

/** The node that a request names in its header. */
function nodeNameOf({ headers }: IncomingMessage): string | undefined {
  const name = headers[NODE_HEADER.toLowerCase()]
  return typeof name === 'string' && name !== '' ? name : undefined
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** True where a request may go on; else it has been answered. */
async function authorize(access: DelegatedAccess, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  const path = request.url.split('?', 1)[0]!
  // Differs from kubelet, whose open health check has a port of its own.
  if (path === '/healthz') return true
  const user = peerUser(request.raw.socket as TLSSocket) ?? (await access.userOfToken(request.headers).catch(refused))
  if (!user) {
    sendPlain(reply, 401, 'Unauthorized')
    return false
  }
  const verb = VERBS[request.method] ?? ''
  const name = nodeNameOf(request.raw)
  const subresources = kubeletSubresources(path)
  const common = { verb, version: 'v1', resource: 'nodes', ...(name === undefined ? {} : { name }) }
  for (const subresource of subresources) {
    if (await access.isAllowed(user, { resourceAttributes: { ...common, subresource } })) return true
  }
  const what = `user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}]`
  sendPlain(reply, 403, `Forbidden (${what})`)
  return false
}

/** An unknown token is as good as none. */
function refused(error: unknown): undefined {
  if (asApiError(error)?.code === 401) return undefined
  throw error
}

/** Nobody checks a kubelet's certificate unless told to: without one of its own it signs one itself. */
async function selfSigned(hosts: readonly string[]): Promise<KeyPair> {
  const authority = await CertificateAuthority.create('kubelet-ca')
  const isIp = (host: string): boolean => /^[\d.]+$|:/.test(host)
  return await authority.issueServing({
    commonName: hosts[0] ?? 'kubelet',
    dnsNames: hosts.filter((host) => !isIp(host)),
    ipAddresses: hosts.filter(isIp),
  })
}

/** Who the certificate of a connection is for; undefined where there is none, or none that counts. */
function peerUser(socket: TLSSocket): UserInfo | undefined {
  if (!socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate() as DetailedPeerCertificate
  const all = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat())
  const name = all(subject.CN as string | string[] | undefined).at(-1)
  if (!name) return undefined
  return {
    name,
    uid: '',
    groups: [...all(subject.O as string | string[] | undefined), 'system:authenticated'],
    extra: {},
  }
}
