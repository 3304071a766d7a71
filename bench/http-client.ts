import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where requests go and as whom. */
export interface Target {
  readonly host: string
  readonly port: number
  /** Undefined: plain HTTP. */
  readonly ca?: Buffer
  readonly token: string
  /** Default: JSON. */
  readonly accept?: string
}

interface Reply {
  readonly status: number
  /** Bytes of the body as they came. */
  readonly bytes: number
  readonly body: Buffer | undefined
}

/**
 * One keep-alive connection with one request in flight: as little work as can be on the generator's side, which shares
 * the machine with the server.
 */
export class Connection {
  readonly #socket: Socket
  readonly #head: string
  #parser: ReplyParser | undefined
  #failed: Error | undefined

  private constructor(socket: Socket, target: Target) {
    this.#socket = socket
    this.#head = `host: ${target.host}:${target.port}\r\nauthorization: Bearer ${target.token}\r\naccept: ${target.accept ?? 'application/json'}\r\n`
    socket.on('data', (chunk: Buffer) => this.#parser?.push(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('connection closed')))
  }

  static async open(target: Target): Promise<Connection> {
    const { host, port, ca } = target
    const socket = ca ? connectTls({ host, port, ca, servername: 'localhost' }) : connect({ host, port })
    await new Promise<void>((resolve, reject) => {
      socket.once(ca ? 'secureConnect' : 'connect', () => resolve())
      socket.once('error', reject)
    })
    socket.setNoDelay(true)
    return new Connection(socket, target)
  }

  send(
    method: string,
    path: string,
    body?: string,
    contentType = 'application/json',
    keepBody = false,
  ): Promise<Reply> {
    const length =
      body === undefined ? '' : `content-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
    return new Promise((resolve, reject) => {
      if (this.#failed) {
        reject(this.#failed)
        return
      }
      this.#parser = new ReplyParser(keepBody, resolve, reject)
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.#head}${length}\r\n${body ?? ''}`)
    })
  }

  /** Sends a GET whose answer is a stream; `onData` sees its bytes. */
  stream(path: string, onData: (chunk: Buffer) => void): void {
    this.#socket.removeAllListeners('data')
    this.#socket.on('data', onData)
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${this.#head}\r\n`)
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #fail(error: Error): void {
    this.#failed = error
    this.#parser?.fail(error)
  }
}

const HEAD_END = Buffer.from('\r\n\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** Reads one reply: a body of known length, or chunks until the last. */
class ReplyParser {
  readonly #keepBody: boolean
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: Error) => void
  #pending: Buffer | undefined
  #status = 0
  #remaining = -1
  #bytes = 0
  #tail: Buffer = Buffer.alloc(0)
  readonly #chunks: Buffer[] = []

  constructor(keepBody: boolean, resolve: (reply: Reply) => void, reject: (error: Error) => void) {
    this.#keepBody = keepBody
    this.#resolve = resolve
    this.#reject = reject
  }

  fail(error: Error): void {
    this.#reject(error)
  }

  push(chunk: Buffer): void {
    if (this.#status > 0) {
      this.#body(chunk)
      return
    }
    const head = this.#pending ? Buffer.concat([this.#pending, chunk]) : chunk
    const end = head.indexOf(HEAD_END)
    if (end < 0) {
      this.#pending = head
      return
    }
    const text = head.toString('latin1', 0, end)
    this.#status = Number(text.slice(9, 12))
    const length = /\r\ncontent-length: (\d+)/i.exec(text)
    this.#remaining = length ? Number(length[1]) : -1
    this.#body(head.subarray(end + HEAD_END.length))
  }

  #body(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#keepBody) this.#chunks.push(chunk)
    if (this.#remaining >= 0) {
      this.#remaining -= chunk.length
      if (this.#remaining <= 0) this.#done()
      return
    }
    this.#tail = chunk.length >= LAST_CHUNK.length ? chunk : Buffer.concat([this.#tail, chunk])
    if (this.#tail.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) this.#done()
  }

  #done(): void {
    const body = this.#keepBody ? Buffer.concat(this.#chunks) : undefined
    this.#resolve({ status: this.#status, bytes: this.#bytes, body })
  }
}
