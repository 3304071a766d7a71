import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type Duplex, pipeline } from 'node:stream'
import { type ConnectionOptions, createSecureContext } from 'node:tls'
import type { Call } from '../../api/call.ts'
import { authority, dialTcp, isProxyableHost } from '../../api/proxy/dial.ts'
import { proxyUpgrade } from '../../api/proxy/upgrade-aware-proxy.ts'
import { boolParameter } from '../../api/query-parameters.ts'
import { openTextStream } from '../../api/text-stream.ts'
import { isUpgrade } from '../../api/upgrade.ts'
import type { ContainerConnection, DialTarget, Kubelet, NodeConnector } from '../../api/virtual/pod-connect.ts'
import type { NodeUsage } from '../../api/virtual/resource-metrics.ts'
import { ApiError, badRequest, unknownError } from '../../apimachinery/api-error.ts'
import { transportMessage } from '../../apimachinery/transport-error.ts'
import type { Node, Pod } from '../../apimachinery/types/core-v1.ts'
import type { StatsSummary } from '../../controllers/kubelet/stats-summary.ts'
import { SIMULATED_LABEL } from '../../controllers/nodes/node-object.ts'
import type { KeyPair } from '../pki/certificate-authority.ts'
import { openForwardedPort } from './forwarded-port.ts'
import { NODE_HEADER } from './kubelet-app.ts'
import { KUBELET_PARAMETERS } from './kubelet-parameters.ts'
import { usageOf } from './summary-usage.ts'

/** `--kubelet-*`: how this server reaches kubelets. */
export interface KubeletOptions {
  /** What it shows them; undefined: nothing. */
  readonly credentials: () => Promise<KeyPair | undefined>
  /** PEM of the authorities that their certificates are verified with; undefined: they are not. */
  readonly certificateAuthority: string | undefined
  /** Kinds of node addresses, the first that a node has is used. */
  readonly preferredAddressTypes: readonly string[]
  /** Longest wait for a connection. */
  readonly timeoutMs: number
}

/** Upstream's `--kubelet-preferred-address-types`. */
export const PREFERRED_ADDRESS_TYPES: readonly string[] = [
  'Hostname',
  'InternalDNS',
  'InternalIP',
  'ExternalDNS',
  'ExternalIP',
]

/** Where a kubelet listens that does not say so. */
const DEFAULT_PORT = 10250
/** Parameters of the logs that a kubelet knows. */
const LOG_PARAMETERS = ['follow', 'previous', 'timestamps', 'sinceSeconds', 'sinceTime', 'tailLines', 'limitBytes']
/** Longest text of a refusal that is handed on. */
const MAX_REFUSAL = 64 * 1024
/** Longest summary that is read: that of a thousand pods has half a MiB. */
const MAX_SUMMARY = 16 * 1024 * 1024
/** Reads that come within this share what was measured. */
const USAGE_FRESH_MS = 1000

/**
 * Reaches nodes whose kubelets run elsewhere, over the kubelet's own HTTPS API. Streams go through as they are, in the
 * protocol that the client chose. Pods are reached at their addresses, those of simulated nodes, which lead nowhere,
 * through port forwarding.
 *
 * @see kubernetes pkg/kubelet/client/kubelet_client.go; pkg/registry/core/pod/strategy.go LogLocation, streamLocation
 */
export class KubeletConnector implements NodeConnector {
  readonly #options: KubeletOptions
  readonly #node: (name: string) => Promise<Node | undefined>
  #tls: Promise<ConnectionOptions> | undefined
  readonly #usages: Map<string, { readonly atMs: number; readonly usage: Promise<NodeUsage | undefined> }> = new Map()

  /** `node`: the node of this name, as the API has it. */
  constructor(options: KubeletOptions, node: (name: string) => Promise<Node | undefined>) {
    this.#options = options
    this.#node = node
  }

  async reaches(nodeName: string): Promise<boolean> {
    return (await this.#node(nodeName)) !== undefined
  }

  async logs({ call, pod, container }: ContainerConnection): Promise<void> {
    const parameters = new URLSearchParams()
    for (const name of LOG_PARAMETERS) {
      const value = call.query.get(name)
      if (value !== undefined) parameters.append(name, value)
    }
    const { namespace, name } = pod.metadata
    const kubelet = await this.#kubeletOf(pod)
    const path = withQuery(`/containerLogs/${namespace}/${name}/${container}`, parameters)
    const response = await get(kubelet, path, (end) => call.onEnd(end))
    const { statusCode = 500 } = response
    if (statusCode > 206) throw refusal(statusCode, await textOf(response, MAX_REFUSAL), name ?? '')
    const out = openTextStream(call, response.headers['content-type'] ?? 'text/plain', statusCode)
    pipeline(response, out, (error) => error && out.destroy())
  }

  async exec(connection: ContainerConnection): Promise<void> {
    await this.#stream(connection, 'exec')
  }

  async attach(connection: ContainerConnection): Promise<void> {
    await this.#stream(connection, 'attach')
  }

  async portForward({ call, pod }: ContainerConnection): Promise<void> {
    const { namespace, name } = pod.metadata
    const ports = call.query.all('ports').join(',')
    const parameters = new URLSearchParams(ports === '' ? {} : { [KUBELET_PARAMETERS['ports']!]: ports })
    await this.#upgrade(call, pod, withQuery(`/portForward/${namespace}/${name}`, parameters))
  }

  kubelet({ metadata, status }: Node): Kubelet {
    const addresses = status?.addresses ?? []
    const hostname = this.#options.preferredAddressTypes
      .map((type) => addresses.find((a) => a.type === type)?.address)
      .find((found) => found !== undefined)
    if (hostname === undefined) {
      const known = addresses.map((a) => `{${a.type} ${a.address}}`).join(' ')
      throw unknownError(`no preferred addresses found; known addresses: [${known}]`)
    }
    const port = status?.daemonEndpoints?.kubeletEndpoint?.Port || DEFAULT_PORT
    return {
      hostname,
      port,
      host: authority(hostname, port),
      headers: { [NODE_HEADER]: metadata.name },
      connect: async () => {
        this.#tls ??= this.#tlsOptions()
        const { timeoutMs } = this.#options
        return await dialTcp(hostname, port, { tls: await this.#tls, timeoutMs })
      },
    }
  }

  async dialPod(pod: Pod, ip: string, { port, secure }: DialTarget): Promise<Duplex> {
    const node = await this.#node(pod.spec?.nodeName ?? '')
    if (node?.metadata.labels?.[SIMULATED_LABEL] === 'true') {
      return await openForwardedPort(this.kubelet(node), pod, port)
    }
    return await dialTcp(ip, port, secure ? { tls: UNVERIFIED } : {})
  }

  async dialNode(node: Node, { port, secure }: DialTarget): Promise<Duplex> {
    const { hostname } = this.kubelet(node)
    if (!(await isProxyableHost(hostname))) throw badRequest('address not allowed')
    return await dialTcp(hostname, port, secure ? { tls: UNVERIFIED } : {})
  }

  /** As a metrics server asks for it. */
  async usage(nodeName: string): Promise<NodeUsage | undefined> {
    const now = performance.now()
    for (const [name, { atMs }] of this.#usages) if (now - atMs >= USAGE_FRESH_MS) this.#usages.delete(name)
    let known = this.#usages.get(nodeName)
    if (!known) {
      known = { atMs: now, usage: this.#measure(nodeName).catch(() => undefined) }
      this.#usages.set(nodeName, known)
    }
    return await known.usage
  }

  async #measure(nodeName: string): Promise<NodeUsage | undefined> {
    const node = await this.#node(nodeName)
    if (!node) return undefined
    let end: (() => void) | undefined
    const timer = setTimeout(() => end?.(), this.#options.timeoutMs)
    try {
      const response = await get(this.kubelet(node), '/stats/summary?only_cpu_and_memory=true', (abort) => {
        end = abort
      })
      const text = await textOf(response, MAX_SUMMARY)
      return response.statusCode === 200 ? usageOf(JSON.parse(text) as StatsSummary) : undefined
    } finally {
      clearTimeout(timer)
    }
  }

  async #stream({ call, pod, container }: ContainerConnection, action: 'exec' | 'attach'): Promise<void> {
    const parameters = new URLSearchParams()
    for (const stream of ['stdin', 'stdout', 'stderr', 'tty']) {
      if (boolParameter(call.query, stream) ?? false) parameters.append(KUBELET_PARAMETERS[stream]!, '1')
    }
    for (const word of call.query.all('command')) parameters.append('command', word)
    const { namespace, name } = pod.metadata
    await this.#upgrade(call, pod, withQuery(`/${action}/${namespace}/${name}/${container}`, parameters))
  }

  async #upgrade(call: Call, pod: Pod, target: string): Promise<void> {
    const kubelet = await this.#kubeletOf(pod)
    if (!isUpgrade(call)) throw badRequest('Upgrade request required')
    await proxyUpgrade(call, kubelet, target)
  }

  /** Errors: 500 where the node has no address to reach it at. */
  async #kubeletOf({ spec }: Pod): Promise<Kubelet> {
    const name = spec?.nodeName ?? ''
    return this.kubelet((await this.#node(name)) ?? { metadata: { name } })
  }

  async #tlsOptions(): Promise<ConnectionOptions> {
    const { credentials, certificateAuthority } = this.#options
    try {
      const own = await credentials()
      const secureContext = createSecureContext({
        ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
        ...(own ? { cert: own.certificate, key: own.privateKey } : {}),
      })
      return { secureContext, rejectUnauthorized: certificateAuthority !== undefined }
    } catch (error) {
      this.#tls = undefined
      throw error
    }
  }
}

/** Addresses are no names that a certificate could be for. */
const UNVERIFIED: ConnectionOptions = { rejectUnauthorized: false }

function withQuery(path: string, parameters: URLSearchParams): string {
  const query = parameters.toString()
  return query === '' ? path : `${path}?${query}`
}

/** Asks a kubelet; resolves with the head of its answer. `onAbort` is given what breaks the request off. Errors: 500. */
async function get(kubelet: Kubelet, path: string, onAbort: (abort: () => void) => void): Promise<IncomingMessage> {
  const failed = (error: unknown): never => {
    throw unknownError(`Get "https://${kubelet.host}${path}": ${transportMessage(error)}`)
  }
  const connection = await kubelet.connect().catch(failed)
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest({
      path,
      headers: { host: kubelet.host, ...kubelet.headers },
      createConnection: () => connection,
    })
    onAbort(() => request.destroy())
    request.on('error', reject)
    request.on('response', resolve)
    request.end()
  }).catch(failed)
}

async function textOf(response: IncomingMessage, maxLength: number): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk as string
    if (text.length > maxLength) break
  }
  return text.slice(0, maxLength).trimEnd()
}

const REASONS: Readonly<Record<number, ApiError['reason']>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

/** @see apimachinery pkg/api/errors/errors.go NewGenericServerResponse; apiserver pkg/registry/generic/rest/response_checker.go */
function refusal(code: number, text: string, name: string): ApiError {
  const message = text === '' ? 'the server responded with an error' : text
  const causes = [{ reason: 'UnexpectedServerResponse', message: text === '' ? 'unknown' : text }]
  return new ApiError({ code, reason: REASONS[code] ?? '', message, details: { name, kind: 'pods/log', causes } })
}
