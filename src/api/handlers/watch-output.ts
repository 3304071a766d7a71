import type { ServerResponse } from 'node:http'
import type { WebSocket } from 'ws'
import { ApiError, badRequest } from '../../apimachinery/api-error.ts'
import type { Call } from '../call.ts'
import { checkHandshake, isWebSocketRequest, offeredProtocols, openWebSocket } from '../upgrade.ts'

/** Events as one piece of bytes, and the size of each. */
interface EventFrames {
  readonly bytes: Buffer
  readonly sizes: readonly number[]
}

/** Where the events of one watch go. */
export interface WatchOutput {
  /** Nobody takes events any more. */
  readonly isGone: boolean
  /** Answers the request; to be called once, before anything is sent. */
  open(): void
  /** False: nothing more is to be sent until it has drained. */
  send(frames: EventFrames): boolean
  end(): void
  /** `closed`: the client has gone. */
  listen(closed: () => void, drained: () => void): void
}

type WatchFormat = 'json' | 'protobuf'

/** The response itself, or a WebSocket where the client asks for one. Errors: 400, 403, 405 where it is no handshake. */
export function watchOutput(call: Call, format: WatchFormat, contentType: string): WatchOutput {
  return isWebSocketRequest(call) ? new SocketOutput(call, format) : new ResponseOutput(call, contentType)
}

class ResponseOutput implements WatchOutput {
  readonly #call: Call
  readonly #raw: ServerResponse
  readonly #contentType: string

  constructor(call: Call, contentType: string) {
    this.#call = call
    this.#raw = call.reply.raw
    this.#contentType = contentType
  }

  get isGone(): boolean {
    return this.#raw.destroyed
  }

  open(): void {
    const { reply } = this.#call
    reply.hijack()
    const headers = { ...reply.getHeaders(), 'content-type': this.#contentType } as Record<string, string>
    this.#raw.writeHead(200, headers)
    this.#raw.flushHeaders()
  }

  send({ bytes }: EventFrames): boolean {
    return this.#raw.write(bytes)
  }

  end(): void {
    if (!this.#raw.writableEnded) this.#raw.end()
  }

  listen(closed: () => void, drained: () => void): void {
    this.#raw.on('close', closed)
    this.#raw.on('drain', drained)
    this.#raw.on('error', closed)
  }
}

/** Bytes that may wait for a client before it is given no more until they are gone. */
const MAX_WAITING = 64 * 1024
/** Events in protobuf have their length in front, which messages have of their own. */
const LENGTH_BYTES = 4
/** How long a client may take to say goodbye. */
const CLOSE_MS = 5_000

/**
 * One message for each event: text for JSON, binary for protobuf. What the client sends is passed over.
 *
 * @see apiserver pkg/endpoints/handlers/watch.go HandleWS; golang.org/x/net/websocket
 */
class SocketOutput implements WatchOutput {
  readonly #call: Call
  readonly #isBinary: boolean
  readonly #protocol: string
  #socket: WebSocket | undefined
  #isGone = false
  #isFull = false
  #drained = (): void => {}
  #closed = (): void => {}

  constructor(call: Call, format: WatchFormat) {
    this.#call = call
    this.#isBinary = format === 'protobuf'
    checkHandshake(call)
    if (!URL.canParse(call.request.raw.headers.origin ?? '')) {
      throw new ApiError({ code: 403, reason: 'Forbidden', message: 'null origin' })
    }
    const [protocol = '', ...others] = offeredProtocols(call)
    if (others.length > 0) throw badRequest('missing or bad WebSocket-Protocol')
    this.#protocol = protocol
  }

  get isGone(): boolean {
    return this.#isGone
  }

  open(): void {
    const socket = openWebSocket(this.#call, this.#protocol)
    this.#socket = socket
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      this.#isGone = true
      this.#closed()
    })
  }

  send({ bytes, sizes }: EventFrames): boolean {
    const socket = this.#socket!
    let at = 0
    for (const size of sizes) {
      const message = bytes.subarray(this.#isBinary ? at + LENGTH_BYTES : at, at + size)
      socket.send(message, { binary: this.#isBinary }, () => this.#sent(socket))
      at += size
    }
    this.#isFull = socket.bufferedAmount > MAX_WAITING
    return !this.#isFull
  }

  #sent(socket: WebSocket): void {
    if (!this.#isFull || socket.bufferedAmount > 0) return
    this.#isFull = false
    this.#drained()
  }

  end(): void {
    const socket = this.#socket
    if (!socket || this.#isGone) return
    socket.close(1000)
    const timer = setTimeout(() => socket.terminate(), CLOSE_MS)
    socket.once('close', () => clearTimeout(timer))
  }

  listen(closed: () => void, drained: () => void): void {
    this.#closed = closed
    this.#drained = drained
    if (this.#isGone) closed()
  }
}
