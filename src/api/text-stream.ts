import { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import { ApiError } from '../apimachinery/api-error.ts'
import type { Call } from './call.ts'
import { isWebSocketRequest, offeredProtocols, openWebSocket } from './upgrade.ts'

/** Subprotocols of a stream in one direction, and whether bytes go as they are: otherwise as text in base64. */
const PROTOCOLS: Readonly<Record<string, boolean>> = { '': true, 'binary.k8s.io': true, 'base64.binary.k8s.io': false }

/**
 * Begins a long answer of plain text and takes the response over: over a WebSocket where the client asks for one. The
 * stream is destroyed when the client has gone. Errors: 403 for subprotocols that are not spoken here.
 *
 * @see k8s.io/streaming pkg/httpstream/wsstream/stream.go; apiserver responsewriters StreamObject
 */
export function openTextStream(call: Call, contentType: string, status = 200): Writable {
  if (isWebSocketRequest(call)) return openSocketStream(call)
  const { reply } = call
  const headers = { ...reply.getHeaders(), 'content-type': contentType } as Record<string, string>
  reply.hijack()
  reply.raw.writeHead(status, headers)
  reply.raw.flushHeaders()
  return reply.raw
}

function openSocketStream(call: Call): Writable {
  const offered = offeredProtocols(call)
  const protocol = offered.length === 0 ? '' : offered.find((name) => Object.hasOwn(PROTOCOLS, name))
  if (protocol === undefined) {
    const supported = Object.keys(PROTOCOLS).join(' ')
    const message = `requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${supported}]`
    throw new ApiError({ code: 403, reason: 'Forbidden', message })
  }
  return new SocketStream(openWebSocket(call, protocol), PROTOCOLS[protocol]!)
}

/** Writes messages. What the client sends is passed over. */
class SocketStream extends Writable {
  readonly #socket: WebSocket
  readonly #isBinary: boolean

  constructor(socket: WebSocket, isBinary: boolean) {
    super({ decodeStrings: true })
    this.#socket = socket
    this.#isBinary = isBinary
    socket.on('error', () => socket.terminate())
    socket.on('close', () => this.destroy())
    // An empty message says that the stream has begun.
    socket.send(isBinary ? Buffer.alloc(0) : '')
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.send(this.#isBinary ? chunk : chunk.toString('base64'), (error) => done(error))
  }

  override _final(done: () => void): void {
    this.#socket.close(1000)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (error) this.#socket.terminate()
    done(error)
  }
}
