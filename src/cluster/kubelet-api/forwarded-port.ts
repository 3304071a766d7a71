import { Duplex } from 'node:stream'
import { type RawData, WebSocket } from 'ws'
import type { Kubelet } from '../../api/virtual/pod-connect.ts'
import type { Pod } from '../../apimachinery/types/core-v1.ts'

const DATA = 0
const ERROR = 1
/** Each channel begins with the number of its port. */
const PORT_BYTES = 2

/**
 * A connection to a pod's port through its kubelet's port forwarding. Rejects where the kubelet can't be reached, or
 * refuses.
 *
 * @see kubernetes staging kubelet pkg/cri/streaming/portforward/websocket.go
 */
export async function openForwardedPort(kubelet: Kubelet, { metadata }: Pod, port: number): Promise<Duplex> {
  const connection = await kubelet.connect()
  const path = `/portForward/${metadata.namespace}/${metadata.name}?port=${port}`
  const socket = new WebSocket(`ws://${kubelet.host}${path}`, ['v4.channel.k8s.io'], {
    headers: kubelet.headers as Record<string, string>,
    perMessageDeflate: false,
    createConnection: () => connection as never,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      reject(new Error(`unexpected status from kubelet: ${response.statusCode}`))
      connection.destroy()
    })
  })
  return new ForwardedPort(socket)
}

class ForwardedPort extends Duplex {
  readonly #socket: WebSocket
  readonly #headLeft = [PORT_BYTES, PORT_BYTES]
  #refusal = ''

  constructor(socket: WebSocket) {
    super()
    this.#socket = socket
    socket.on('message', (message) => this.#message(message))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.push(null))
  }

  #message(message: RawData): void {
    const bytes = Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message as Buffer)
    const channel = bytes[0]
    if (channel !== DATA && channel !== ERROR) return
    const skipped = Math.min(this.#headLeft[channel]!, bytes.length - 1)
    this.#headLeft[channel]! -= skipped
    const data = bytes.subarray(1 + skipped)
    if (data.length === 0) return
    if (channel === DATA) {
      if (!this.push(data)) this.#socket.pause()
      return
    }
    this.#refusal += data.toString()
    this.destroy(new Error(this.#refusal))
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.send(Buffer.concat([Buffer.from([DATA]), chunk]), (error) => done(error))
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.terminate()
    done(error)
  }
}
