import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Call } from '../api/call.ts'
import { badRequest } from '../apimachinery/api-error.ts'

/** Subprotocols, the best first. @see k8s.io/streaming pkg/httpstream/wsstream, remotecommand/constants.go */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']
/** Says that one channel is over (v5). */
const CLOSE_CHANNEL = 255
/** Longest message that is taken: kubectl sends 32 KiB. */
const MAX_MESSAGE = 4 * 1024 * 1024
/** A client that does not read is cut off with so much waiting for it. */
const MAX_BUFFERED = 16 * 1024 * 1024

interface Upgrade {
  readonly socket: Duplex
  readonly head: Buffer
}

const UPGRADES: WeakMap<IncomingMessage, Upgrade> = new WeakMap()

/**
 * Lets requests that want another protocol go through the pipeline like all others: authenticated, authorized, and
 * answered in HTTP where they are refused.
 */
export function acceptUpgrades(app: FastifyInstance): void {
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const response = new ServerResponse(request)
    response.assignSocket(socket as never)
    response.on('finish', () => {
      if (!UPGRADES.has(request)) return
      response.detachSocket(socket as never)
      socket.end()
    })
    socket.on('error', () => socket.destroy())
    UPGRADES.set(request, { socket, head })
    app.routing(request, response)
  })
}

/** Several streams over one WebSocket: the first byte of a message says which. */
export interface RemoteChannels {
  send(channel: number, data: Buffer): void
  onData(channel: number, receive: (data: Buffer) => void): void
  /** The other side has ended a channel. */
  onEnd(channel: number, ended: () => void): void
  onClose(closed: () => void): void
  /** Tells the outcome on a channel, as JSON, and closes. */
  end(channel: number, outcome: object): void
}

/** Turns a request into channels. Errors: 400 where it asks for no upgrade, or for a protocol that is not spoken here. */
export async function openChannels(call: Call): Promise<RemoteChannels> {
  const { raw } = call.request
  const upgrade = UPGRADES.get(raw)
  if (!upgrade || (raw.headers.upgrade ?? '').toLowerCase() !== 'websocket')
    throw badRequest('Upgrade request required')
  const asked = (raw.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim())
  const protocol = PROTOCOLS.find((p) => asked.includes(p)) ?? (asked[0] === '' ? '' : undefined)
  if (protocol === undefined) {
    throw badRequest(
      `unable to upgrade: unable to negotiate protocol: client supports [${asked.join(' ')}], server supports [${PROTOCOLS.join(' ')}]`,
    )
  }
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE,
    perMessageDeflate: false,
    handleProtocols: () => protocol || false,
  })
  const response = call.reply.raw
  call.reply.hijack()
  response.detachSocket(upgrade.socket as never)
  UPGRADES.delete(raw)
  return await new Promise<RemoteChannels>((resolve) => {
    server.handleUpgrade(raw, upgrade.socket, upgrade.head, (socket) => {
      // The response went by the WebSocket: whoever waits for its end is told when that is over.
      response.statusCode = 101
      socket.on('close', () => response.emit('finish'))
      resolve(new SocketChannels(socket, protocol))
    })
  })
}

class SocketChannels implements RemoteChannels {
  readonly #socket: WebSocket
  readonly #tellsOutcome: boolean
  readonly #receivers: Map<number, (data: Buffer) => void> = new Map()
  readonly #endings: Map<number, () => void> = new Map()
  readonly #early: [channel: number, data: Buffer][] = []

  constructor(socket: WebSocket, protocol: string) {
    this.#socket = socket
    this.#tellsOutcome = !['channel.k8s.io', ''].includes(protocol)
    socket.on('message', (message) => this.#message(message))
    socket.on('error', () => socket.terminate())
  }

  #message(message: RawData): void {
    const data = Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message as Buffer)
    const channel = data[0]
    if (channel === undefined) return
    if (channel === CLOSE_CHANNEL) {
      this.#endings.get(data[1] ?? -1)?.()
      return
    }
    const receive = this.#receivers.get(channel)
    if (receive) receive(data.subarray(1))
    else this.#early.push([channel, data.subarray(1)])
  }

  send(channel: number, data: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (this.#socket.bufferedAmount > MAX_BUFFERED) {
      this.#socket.terminate()
      return
    }
    this.#socket.send(Buffer.concat([Buffer.from([channel]), data]))
  }

  onData(channel: number, receive: (data: Buffer) => void): void {
    this.#receivers.set(channel, receive)
    for (const [of, data] of this.#early.splice(0)) {
      if (of === channel) receive(data)
      else this.#early.push([of, data])
    }
  }

  onEnd(channel: number, ended: () => void): void {
    this.#endings.set(channel, ended)
  }

  onClose(closed: () => void): void {
    this.#socket.on('close', closed)
  }

  end(channel: number, outcome: object): void {
    if (this.#tellsOutcome) this.send(channel, Buffer.from(JSON.stringify(outcome)))
    this.#socket.close(1000)
  }
}
