import type { AddressInfo } from 'node:net'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { Call } from '../../api/call.ts'
import { Listener } from '../../api/listener.ts'
import { QueryParameters } from '../../api/query-parameters.ts'
import { sendText } from '../../api/raw-answers.ts'
import { nonResourceInfo } from '../../api/request-info.ts'
import type { ContainerConnection, ContainerConnector } from '../../api/virtual/pod-connect.ts'
import { asApiError } from '../../apimachinery/api-error.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'
import type { UserInfo } from '../../apimachinery/user-info.ts'
import type { Client, ResourceRef } from '../../controllers/runtime/client.ts'
import { CertificateAuthority, type KeyPair } from '../pki/certificate-authority.ts'
import { acceptUpgrades } from '../remote-channels.ts'
import { KUBELET_PARAMETERS } from './kubelet-parameters.ts'

export interface KubeletServerOptions {
  readonly bindAddress: string
  readonly port: number
  /** Names and addresses that the server's certificate is for. */
  readonly hosts: readonly string[]
  /** PEM: whose client certificates count. */
  readonly clientCa: string
  /** May create SubjectAccessReviews. */
  readonly client: Client
  /** The nodes that run here; undefined while another process runs them. */
  fleet(): ServedFleet | undefined
}

/** What a kubelet's API leads to. */
export interface ServedFleet {
  readonly connector: ContainerConnector
  pod(namespace: string, name: string): Pod | undefined
}

export interface KubeletServer {
  readonly port: number
  close(): Promise<void>
}

interface PodParameters {
  readonly namespace: string
  readonly pod: string
  readonly container?: string
}

interface SubjectAccessReview extends KubeObject {
  readonly spec: object
  readonly status?: { readonly allowed: boolean; readonly reason?: string }
}

const REVIEWS: ResourceRef<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  resource: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
}

/** What is asked of the connector. */
type Action = 'logs' | 'exec' | 'attach' | 'portForward'

/**
 * Serves the kubelet's own API for all nodes of a fleet: what an API server in another process asks for `logs`, `exec`,
 * `attach` and `port-forward`. Clients show a certificate and need `nodes/proxy`.
 *
 * @see kubernetes pkg/kubelet/server/server.go, auth.go
 */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { certificate, privateKey } = await selfSigned(options.hosts)
  let listener: Listener | undefined
  const app = fastify({
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
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/healthz') return
    const user = peerUser(request.raw.socket as TLSSocket)
    if (!user) return await sendText(reply, 401, 'Unauthorized')
    const verb = request.method === 'GET' ? 'get' : 'create'
    if (!(await isAllowed(options.client, user, verb))) {
      return await sendText(
        reply,
        403,
        `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[proxy])`,
      )
    }
  })
  app.setErrorHandler((error, _request, reply) => answerError(error, reply))
  app.setNotFoundHandler((_request, reply) => sendText(reply, 404, '404 page not found'))
  app.get('/healthz', (_request, reply) => reply.send('ok'))
  const route = (method: readonly ('GET' | 'POST')[], url: string, action: Action): void => {
    app.route<{ Params: PodParameters }>({
      method: [...method],
      url,
      handler: async (request, reply) => {
        const { namespace, pod: name, container = '' } = request.params
        const fleet = options.fleet()
        const pod = fleet?.pod(namespace, name)
        if (!fleet || !pod) return await sendText(reply, 404, 'pod does not exist')
        await fleet.connector[action]({ ...connectionOf(request, reply), pod, container })
        return reply
      },
    })
  }
  route(['GET'], '/containerLogs/:namespace/:pod/:container', 'logs')
  route(['GET', 'POST'], '/exec/:namespace/:pod/:container', 'exec')
  route(['GET', 'POST'], '/attach/:namespace/:pod/:container', 'attach')
  route(['GET', 'POST'], '/portForward/:namespace/:pod', 'portForward')
  acceptUpgrades(app)
  await app.listen({ host: options.bindAddress, port: options.port })
  return {
    port: (app.server.address() as AddressInfo).port,
    close: async () => {
      listener?.destroy()
      await app.close()
    },
  }
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

async function isAllowed(client: Client, user: UserInfo, verb: string): Promise<boolean> {
  const review = await client.create(REVIEWS, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user: user.name,
      groups: [...user.groups],
      resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource: 'proxy' },
    },
  })
  return review.status?.allowed ?? false
}

function connectionOf(request: FastifyRequest, reply: FastifyReply): Pick<ContainerConnection, 'call' | 'pathBehind'> {
  const url = request.raw.url ?? '/'
  const at = url.indexOf('?')
  const call = new Call({
    request,
    reply,
    query: at < 0 ? QueryParameters.EMPTY : QueryParameters.parse(fromKubelet(url.slice(at + 1))),
    info: NO_RESOURCE,
    auditId: '',
    startedAt: performance.now(),
  })
  return { call, pathBehind: '' }
}

/** The kubelet's names of parameters as the API's. */
function fromKubelet(query: string): string {
  return query.replace(
    /(^|&)([a-z]+)(?==)/g,
    (_match, start: string, name: string) => start + (API_PARAMETERS[name] ?? name),
  )
}

const API_PARAMETERS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(KUBELET_PARAMETERS).map(([ofApi, ofKubelet]) => [ofKubelet, ofApi]),
)

const NO_RESOURCE = nonResourceInfo('get', '/')

/** A line of text, as a kubelet's; a Status where a client waits for an upgrade, which it shows as it is. */
function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  const known = asApiError(error)
  if (!known) return sendText(reply, 500, 'internal error')
  if (reply.request.headers.upgrade === undefined) return sendText(reply, known.code, known.message)
  return reply.code(known.code).send(known.toStatus())
}
