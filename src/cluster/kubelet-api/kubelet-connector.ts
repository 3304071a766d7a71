import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Call } from '../../api/call.ts'
import { boolParameter } from '../../api/query-parameters.ts'
import type { ContainerConnection, ContainerConnector } from '../../api/virtual/pod-connect.ts'
import { ApiError, badRequest, serviceUnavailable, unknownError } from '../../apimachinery/api-error.ts'
import { transportMessage } from '../../apimachinery/transport-error.ts'
import type { Node } from '../../apimachinery/types/core-v1.ts'
import type { KeyPair } from '../pki/certificate-authority.ts'
import { isUpgrade, takeOver } from '../remote-channels.ts'
import { KUBELET_PARAMETERS } from './kubelet-parameters.ts'

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
/** Headers that end at this hop. */
const HOP_HEADERS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])
/** Headers of an upgrade that are for the kubelet. */
const UPGRADE_HEADERS = /^(connection|upgrade|sec-websocket-.*|x-stream-protocol-version)$/

/**
 * Reaches the containers of nodes whose kubelets run elsewhere, over the kubelet's own HTTPS API. Streams go through as
 * they are, in the protocol that the client chose.
 *
 * @see kubernetes pkg/kubelet/client/kubelet_client.go; pkg/registry/core/pod/strategy.go LogLocation, streamLocation
 */
export class KubeletConnector implements ContainerConnector {
  readonly #options: KubeletOptions
  readonly #node: (name: string) => Promise<Node | undefined>
  #agent: Promise<Agent> | undefined

  /** `node`: the node of this name, as the API has it. */
  constructor(options: KubeletOptions, node: (name: string) => Promise<Node | undefined>) {
    this.#options = options
    this.#node = node
  }

  async reaches(nodeName: string): Promise<boolean> {
    return (await this.#node(nodeName)) !== undefined
  }

  async logs(connection: ContainerConnection): Promise<void> {
    const { call, pod, container } = connection
    const parameters = new URLSearchParams()
    for (const name of LOG_PARAMETERS) {
      const value = call.query.get(name)
      if (value !== undefined) parameters.append(name, value)
    }
    const { namespace, name } = pod.metadata
    const url = await this.#url(connection, `/containerLogs/${namespace}/${name}/${container}`, parameters)
    const response = await this.#get(url, call)
    const { statusCode = 500 } = response
    if (statusCode > 206) throw refusal(statusCode, await textOf(response), name ?? '')
    call.reply.hijack()
    const { raw } = call.reply
    raw.writeHead(statusCode, { 'content-type': response.headers['content-type'] ?? 'text/plain' })
    raw.flushHeaders()
    raw.on('close', () => response.destroy())
    response.on('error', () => raw.destroy())
    response.pipe(raw)
  }

  async exec(connection: ContainerConnection): Promise<void> {
    await this.#stream(connection, 'exec')
  }

  async attach(connection: ContainerConnection): Promise<void> {
    await this.#stream(connection, 'attach')
  }

  async portForward(connection: ContainerConnection): Promise<void> {
    const { namespace, name } = connection.pod.metadata
    const ports = connection.call.query.all('ports').join(',')
    const parameters = new URLSearchParams(ports === '' ? {} : { [KUBELET_PARAMETERS['ports']!]: ports })
    await this.#upgrade(connection, await this.#url(connection, `/portForward/${namespace}/${name}`, parameters))
  }

  /** A kubelet hands no requests on to its pods, and the addresses of simulated pods lead nowhere. */
  async proxy({ pod }: ContainerConnection): Promise<void> {
    throw serviceUnavailable(
      `error trying to reach service: dial tcp ${pod.status?.podIP ?? ''}: connect: no route to host`,
    )
  }

  /** Lets go of idle connections. */
  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined)
    agent?.destroy()
  }

  async #stream(connection: ContainerConnection, action: 'exec' | 'attach'): Promise<void> {
    const { call, pod, container } = connection
    const parameters = new URLSearchParams()
    for (const stream of ['stdin', 'stdout', 'stderr', 'tty']) {
      if (boolParameter(call.query, stream) ?? false) parameters.append(KUBELET_PARAMETERS[stream]!, '1')
    }
    for (const word of call.query.all('command')) parameters.append('command', word)
    const { namespace, name } = pod.metadata
    await this.#upgrade(
      connection,
      await this.#url(connection, `/${action}/${namespace}/${name}/${container}`, parameters),
    )
  }

  /** Errors: 500 where the node has no address to reach it at. */
  async #url({ pod }: ContainerConnection, path: string, parameters: URLSearchParams): Promise<URL> {
    const node = await this.#node(pod.spec?.nodeName ?? '')
    const addresses = node?.status?.addresses ?? []
    const address = this.#options.preferredAddressTypes
      .map((type) => addresses.find((a) => a.type === type)?.address)
      .find((found) => found !== undefined)
    if (address === undefined) {
      const known = addresses.map((a) => `{${a.type} ${a.address}}`).join(' ')
      throw unknownError(`no preferred addresses found; known addresses: [${known}]`)
    }
    const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port || DEFAULT_PORT
    const host = address.includes(':') ? `[${address}]` : address
    const query = parameters.toString()
    return new URL(`https://${host}:${port}${path}${query === '' ? '' : `?${query}`}`)
  }

  async #get(url: URL, call: Call): Promise<IncomingMessage> {
    const agent = await this.#connections()
    return await new Promise((resolve, reject) => {
      const request = httpsRequest(url, { agent, timeout: this.#options.timeoutMs })
      // The timeout is for the connection: logs that are followed may say nothing for long.
      request.on('socket', (socket) => socket.once('secureConnect', () => request.setTimeout(0)))
      request.on('timeout', () => request.destroy(new Error('i/o timeout')))
      request.on('error', (error) => reject(unknownError(`Get "${url}": ${transportMessage(error)}`)))
      request.on('response', resolve)
      call.reply.raw.on('close', () => request.destroy())
      request.end()
    })
  }

  /** Joins the client's connection with one to the kubelet. Errors: what the kubelet answers in place of an upgrade. */
  async #upgrade({ call }: ContainerConnection, url: URL): Promise<void> {
    if (!isUpgrade(call)) throw badRequest('Upgrade request required')
    const agent = await this.#connections()
    const { method, headers } = call.request
    const request = httpsRequest(url, {
      agent,
      method,
      headers: upgradeHeaders(headers),
      timeout: this.#options.timeoutMs,
    })
    request.on('timeout', () => request.destroy(new Error('i/o timeout')))
    const answer = await new Promise<IncomingMessage | Upgraded>((resolve, reject) => {
      request.on('error', (error) => reject(unknownError(`error dialing backend: ${transportMessage(error)}`)))
      request.on('response', resolve)
      request.on('upgrade', (response, socket, head) => resolve({ response, socket, head }))
      request.end()
    })
    if (!('socket' in answer && 'head' in answer)) {
      await handOn(answer as IncomingMessage, call)
      return
    }
    const { response, socket: kubelet, head } = answer
    const { socket: client, head: early } = takeOver(call)
    client.write(headOf(response))
    if (head.length > 0) client.write(head)
    if (early.length > 0) kubelet.write(early)
    join(client, kubelet)
  }

  #connections(): Promise<Agent> {
    this.#agent ??= this.#connect().catch((error: unknown) => {
      this.#agent = undefined
      throw error
    })
    return this.#agent
  }

  async #connect(): Promise<Agent> {
    const { credentials, certificateAuthority } = this.#options
    const own = await credentials()
    return new Agent({
      rejectUnauthorized: certificateAuthority !== undefined,
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      ...(own ? { cert: own.certificate, key: own.privateKey } : {}),
    })
  }
}

interface Upgraded {
  readonly response: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** Whatever ends one side ends the other. */
function join(client: Duplex, kubelet: Duplex): void {
  for (const [from, to] of [
    [client, kubelet],
    [kubelet, client],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
    from.pipe(to)
  }
}

function headOf({ statusCode = 101, statusMessage = 'Switching Protocols', rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`]
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

function upgradeHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && UPGRADE_HEADERS.test(name))
  return Object.fromEntries(kept) as Record<string, string | string[]>
}

/** A kubelet's answer as it is. */
async function handOn(response: IncomingMessage, { reply }: Call): Promise<void> {
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined && !HOP_HEADERS.has(name)) reply.header(name, value)
  }
  await reply.code(response.statusCode ?? 500).send(await textOf(response))
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) {
    text += chunk as string
    if (text.length > MAX_REFUSAL) break
  }
  return text.slice(0, MAX_REFUSAL).trimEnd()
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
