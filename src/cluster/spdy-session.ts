import type { Duplex } from 'node:stream'
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib'
import { SPDY_DICTIONARY } from './spdy-dictionary.ts'

const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const PING = 6
const GOAWAY = 7
const VERSION = 3
const FIN = 1
const HEAD_BYTES = 8
/** Longest frame that is taken: clients send 32 KiB at a time. */
const MAX_FRAME = 1024 * 1024
const MAX_STREAMS = 1000
/** RST_STREAM's status: the client is not interested any more, or has done something wrong. */
const PROTOCOL_ERROR = 1

/** One stream of a session, opened by the client. */
export class SpdyStream {
  readonly id: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly #session: SpdySession
  readonly #early: Buffer[] = []
  #receive: ((data: Buffer) => void) | undefined
  #ended: (() => void) | undefined
  #isEnded = false

  constructor(session: SpdySession, id: number, headers: ReadonlyMap<string, string>) {
    this.#session = session
    this.id = id
    this.headers = headers
  }

  write(data: Buffer): void {
    this.#session.data(this.id, data, false)
  }

  /** Nothing more is written. */
  end(): void {
    this.#session.data(this.id, Buffer.alloc(0), true)
  }

  onData(receive: (data: Buffer) => void): void {
    this.#receive = receive
    for (const data of this.#early.splice(0)) receive(data)
  }

  onEnd(ended: () => void): void {
    this.#ended = ended
    if (this.#isEnded) ended()
  }

  received(data: Buffer): void {
    if (data.length === 0) return
    if (this.#receive) this.#receive(data)
    else this.#early.push(data)
  }

  finished(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#ended?.()
  }
}

/**
 * The server's side of SPDY/3.1 as Kubernetes' clients speak it: streams that the client opens, without flow control.
 *
 * @see draft-mbelshe-httpbis-spdy-00; moby/spdystream is what the clients use
 */
export class SpdySession {
  readonly #connection: Duplex
  readonly #inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY })
  readonly #deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY })
  readonly #streams: Map<number, SpdyStream> = new Map()
  readonly #opened: (stream: SpdyStream) => void
  #buffer: Buffer = Buffer.alloc(0)
  #work: Promise<void> = Promise.resolve()

  constructor(connection: Duplex, opened: (stream: SpdyStream) => void) {
    this.#connection = connection
    this.#opened = opened
    this.#inflate.on('error', () => connection.destroy())
    connection.on('data', (chunk: Buffer) => this.#take(chunk))
    connection.on('error', () => connection.destroy())
    connection.on('close', () => {
      for (const stream of this.#streams.values()) stream.finished()
      this.#inflate.close()
      this.#deflate.close()
    })
  }

  onClose(closed: () => void): void {
    this.#connection.on('close', closed)
  }

  /** Ends the connection behind what has been written. */
  close(): void {
    this.#connection.end()
  }

  data(id: number, data: Buffer, isLast: boolean): void {
    if (this.#connection.writableEnded || this.#connection.destroyed) return
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt32BE(id & 0x7fffffff, 0)
    head.writeUInt32BE(((isLast ? FIN : 0) << 24) | data.length, 4)
    this.#connection.write(data.length > 0 ? Buffer.concat([head, data]) : head)
  }

  #control(type: number, payload: Buffer): void {
    if (this.#connection.writableEnded || this.#connection.destroyed) return
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt16BE(0x8000 | VERSION, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt32BE(payload.length, 4)
    this.#connection.write(Buffer.concat([head, payload]))
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    while (this.#buffer.length >= HEAD_BYTES) {
      const length = this.#buffer.readUInt32BE(4) & 0xffffff
      if (length > MAX_FRAME) {
        this.#connection.destroy()
        return
      }
      if (this.#buffer.length < HEAD_BYTES + length) return
      const frame = this.#buffer.subarray(0, HEAD_BYTES + length)
      this.#buffer = this.#buffer.subarray(HEAD_BYTES + length)
      // One after the other: headers are decompressed off the main path, and depend on those before.
      this.#work = this.#work.then(() => this.#frame(frame)).catch(() => void this.#connection.destroy())
    }
  }

  async #frame(frame: Buffer): Promise<void> {
    const first = frame.readUInt32BE(0)
    const flags = frame[4]!
    const payload = frame.subarray(HEAD_BYTES)
    if ((first & 0x80000000) === 0) {
      const stream = this.#streams.get(first)
      stream?.received(payload)
      if (flags & FIN) stream?.finished()
      return
    }
    switch (first & 0xffff) {
      case SYN_STREAM:
        await this.#open(payload, flags)
        return
      case RST_STREAM: {
        const id = payload.readUInt32BE(0) & 0x7fffffff
        this.#streams.get(id)?.finished()
        this.#streams.delete(id)
        return
      }
      case PING:
        this.#control(PING, payload)
        return
      case GOAWAY:
        this.close()
    }
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff
    const headers = parseHeaders(await this.#inflated(payload.subarray(10)))
    if (this.#streams.size >= MAX_STREAMS) {
      const refusal = Buffer.alloc(8)
      refusal.writeUInt32BE(id, 0)
      refusal.writeUInt32BE(PROTOCOL_ERROR, 4)
      this.#control(RST_STREAM, refusal)
      return
    }
    const stream = new SpdyStream(this, id, headers)
    this.#streams.set(id, stream)
    const reply = Buffer.alloc(4)
    reply.writeUInt32BE(id, 0)
    this.#control(SYN_REPLY, Buffer.concat([reply, await this.#deflated(Buffer.alloc(4))]))
    if (flags & FIN) stream.finished()
    this.#opened(stream)
  }

  async #inflated(block: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve, reject) => {
      this.#inflate.write(block, (error) => (error ? reject(error) : resolve()))
    })
    return (this.#inflate.read() as Buffer | null) ?? Buffer.alloc(0)
  }

  async #deflated(block: Buffer): Promise<Buffer> {
    this.#deflate.write(block)
    await new Promise<void>((resolve) => {
      this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve)
    })
    return (this.#deflate.read() as Buffer | null) ?? Buffer.alloc(0)
  }
}

/** Errors: throws for a block that is cut off. */
function parseHeaders(block: Buffer): Map<string, string> {
  let at = 4
  const text = (): string => {
    const length = block.readUInt32BE(at)
    const value = block.toString('utf8', at + 4, at + 4 + length)
    at += 4 + length
    return value
  }
  const headers: Map<string, string> = new Map()
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = text().toLowerCase()
    headers.set(name, text())
  }
  return headers
}
