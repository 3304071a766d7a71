import type { Duplex } from 'node:stream'
import { createWebSocketStream, type RawData, type WebSocket } from 'ws'
import type { Call } from '../api/call.ts'
import { boolParameter } from '../api/query-parameters.ts'
import { isUpgrade, offeredProtocols, openWebSocket, takeOver, wantsProtocol } from '../api/upgrade.ts'
import { badRequest } from '../apimachinery/api-error.ts'
import { SpdySession, type SpdyStream } from './spdy-session.ts'

/** Subprotocols, the best first. @see k8s.io/streaming pkg/httpstream/wsstream, remotecommand/constants.go */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']
/** Says that one channel is over (v5). */
const CLOSE_CHANNEL = 255
/** A client that does not read is cut off with so much waiting for it. */
const MAX_BUFFERED = 16 * 1024 * 1024

/** Several streams over one WebSocket: the first byte of a message says which. */
interface RemoteChannels {
  send(channel: number, data: Buffer): void
  onData(channel: number, receive: (data: Buffer) => void): void
  /** The other side has ended a channel. */
  onEnd(channel: number, ended: () => void): void
  onClose(closed: () => void): void
  /** Tells the outcome on a channel, as JSON, and closes. */
  end(channel: number, outcome: object): void
  /** Closes without a word. */
  close(): void
}

/** Protocol of port forwarding over SPDY, and what stands before it where SPDY goes through a WebSocket. */
const PORT_FORWARD = 'portforward.k8s.io'
const TUNNELED = `SPDY/3.1+${PORT_FORWARD}`

/** A connection to speak SPDY on, where a request asks for one: in a WebSocket, as kubectl does, or by itself. */
export async function openSpdy(call: Call): Promise<Duplex | undefined> {
  if (!isUpgrade(call)) return undefined
  if (wantsProtocol(call, 'websocket') && offeredProtocols(call).includes(TUNNELED)) {
    return createWebSocketStream(openWebSocket(call, TUNNELED))
  }
  if (!wantsProtocol(call, 'spdy/3.1')) return undefined
  const versions = String(call.request.raw.headers['x-stream-protocol-version'] ?? '')
    .split(',')
    .map((v) => v.trim())
  const version = [PORT_FORWARD, ...PROTOCOLS.slice(1)].find((p) => versions.includes(p)) ?? ''
  const { socket, head } = takeOver(call)
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1']
  if (version !== '') lines.push(`X-Stream-Protocol-Version: ${version}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
  return socket
}

/** Turns a request into channels. Errors: 400 where it asks for no upgrade, or for a protocol that is not spoken here. */
export async function openChannels(call: Call): Promise<RemoteChannels> {
  if (!isUpgrade(call)) throw badRequest('Upgrade request required')
  if (wantsProtocol(call, 'spdy/3.1')) {
    const expected = expectedStreams(call)
    const channels = new SpdyChannels((await openSpdy(call))!)
    await channels.opened(expected)
    return channels
  }
  if (!wantsProtocol(call, 'websocket')) throw badRequest('Upgrade request required')
  const asked = offeredProtocols(call)
  const protocol = PROTOCOLS.find((p) => asked.includes(p)) ?? (asked.length === 0 ? '' : undefined)
  if (protocol === undefined) {
    throw badRequest(
      `unable to upgrade: unable to negotiate protocol: client supports [${asked.join(' ')}], server supports [${PROTOCOLS.join(' ')}]`,
    )
  }
  return new SocketChannels(openWebSocket(call, protocol), protocol)
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
    this.close()
  }

  close(): void {
    this.#socket.close(1000)
  }
}

/** Channels by the names that SPDY streams give themselves. */
const STREAM_CHANNELS: Readonly<Record<string, number>> = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 }

/** Streams that a client of exec or attach opens before it expects anything. */
function expectedStreams({ query }: Call): readonly number[] {
  const isAsked = (name: string): boolean => boolParameter(query, name) ?? false
  const isTerminal = isAsked('tty')
  const names = ['error', ...['stdin', 'stdout', 'stderr'].filter(isAsked), ...(isTerminal ? ['resize'] : [])]
  return names.filter((name) => !(isTerminal && name === 'stderr')).map((name) => STREAM_CHANNELS[name]!)
}

/** The same over SPDY: a stream per channel, in whatever order they come. */
class SpdyChannels implements RemoteChannels {
  readonly #session: SpdySession
  readonly #streams: Map<number, SpdyStream> = new Map()
  readonly #waiting: Map<number, ((stream: SpdyStream) => void)[]> = new Map()

  constructor(connection: Duplex) {
    this.#session = new SpdySession(connection, (stream) => this.#opened(stream))
  }

  #opened(stream: SpdyStream): void {
    const channel = STREAM_CHANNELS[stream.headers.get('streamtype') ?? '']
    if (channel === undefined) return
    this.#streams.set(channel, stream)
    for (const use of this.#waiting.get(channel) ?? []) use(stream)
    this.#waiting.delete(channel)
  }

  /** Resolves once all of these are there, or the client has gone. */
  async opened(channels: readonly number[]): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#session.onClose(resolve))
    const all = channels.map((channel) => new Promise<void>((resolve) => this.#with(channel, () => resolve())))
    await Promise.race([gone, Promise.all(all)])
  }

  /** Now, or when the client has opened it. */
  #with(channel: number, use: (stream: SpdyStream) => void): void {
    const stream = this.#streams.get(channel)
    if (stream) use(stream)
    else this.#waiting.set(channel, [...(this.#waiting.get(channel) ?? []), use])
  }

  send(channel: number, data: Buffer): void {
    this.#with(channel, (stream) => stream.write(data))
  }

  onData(channel: number, receive: (data: Buffer) => void): void {
    this.#with(channel, (stream) => stream.onData(receive))
  }

  onEnd(channel: number, ended: () => void): void {
    this.#with(channel, (stream) => stream.onEnd(ended))
  }

  onClose(closed: () => void): void {
    this.#session.onClose(closed)
  }

  end(channel: number, outcome: object): void {
    this.#with(channel, (stream) => {
      stream.write(Buffer.from(JSON.stringify(outcome)))
      this.close()
    })
  }

  close(): void {
    for (const open of this.#streams.values()) open.end()
    this.#session.close()
  }
}
