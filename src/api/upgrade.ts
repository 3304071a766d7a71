import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { badRequest, methodNotAllowed } from '../apimachinery/api-error.ts'
import type { Call } from './call.ts'

/** Longest message that a client may send: kubectl's have 32 KiB. */
const MAX_MESSAGE = 4 * 1024 * 1024

/** A connection that is to speak another protocol, and what has been read of that already. */
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

/** True where a request asks for another protocol, and its connection can speak one. */
export function isUpgrade(call: Call): boolean {
  return UPGRADES.has(call.request.raw)
}

/** True where a request asks for a WebSocket. */
export function isWebSocketRequest(call: Call): boolean {
  return isUpgrade(call) && wantsProtocol(call, 'websocket')
}

/** Whether a request names a protocol, in small letters, in its header `Upgrade`. */
export function wantsProtocol(call: Call, protocol: string): boolean {
  return (call.request.raw.headers.upgrade ?? '').toLowerCase() === protocol
}

/** The subprotocols that a client offers, the best first; none: []. */
export function offeredProtocols(call: Call): readonly string[] {
  const text = (call.request.raw.headers['sec-websocket-protocol'] ?? '').trim()
  return text === '' ? [] : text.split(',').map((p) => p.trim())
}

/** Takes the connection out of HTTP's hands. */
export function takeOver(call: Call): Upgrade {
  const { raw } = call.request
  const upgrade = UPGRADES.get(raw)!
  const response = call.reply.raw
  call.reply.hijack()
  response.detachSocket(upgrade.socket as never)
  response.statusCode = 101
  call.audit?.responseStarted(101)
  UPGRADES.delete(raw)
  // The response goes by what follows: whoever waits for its end is told when that is over.
  upgrade.socket.on('close', () => response.emit('finish'))
  return upgrade
}

/**
 * Speaks WebSocket on the connection. `protocol`: the subprotocol to name; '' for none. Errors: 400, 405 where the request
 * is no handshake.
 */
export function openWebSocket(call: Call, protocol: string): WebSocket {
  checkHandshake(call)
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE,
    perMessageDeflate: false,
    handleProtocols: () => protocol || false,
  })
  const { raw } = call.request
  const { socket, head } = takeOver(call)
  let opened: WebSocket | undefined
  server.handleUpgrade(raw, socket, head, (webSocket) => {
    opened = webSocket
  })
  // Called back at once, as the handshake has been checked.
  if (!opened) throw badRequest('the connection is gone')
  return opened
}

/** What Go's x/net/websocket looks at before it answers. Errors: 400, 405. */
export function checkHandshake({ request, reply }: Call): void {
  const { method, headers } = request.raw
  if (method !== 'GET') throw methodNotAllowed()
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) throw badRequest('mismatch challenge/response')
  if (headers['sec-websocket-version'] === '13') return
  reply.header('sec-websocket-version', '13')
  throw badRequest('missing or bad WebSocket Version')
}
