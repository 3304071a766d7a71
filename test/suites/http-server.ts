import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { apiserverOptions } from '../../src/cli/apiserver.ts'
import { type RunningServer, startServer } from '../../src/cluster/server.ts'

const TOKENS = ['admin-token,admin,1,"system:masters"', 'jane-token,jane,2,dev', 'bob-token,bob,3'].join('\n')

export const ADMIN = 'admin-token'

/** A server in this process for tests of connections, started with flags of its own. */
export interface HttpServer {
  readonly server: RunningServer
  readonly port: number
  /** Lines logged at `error` or above. */
  readonly errors: readonly string[]
  stop(): Promise<void>
}

/** In memory; plain HTTP on a free port unless the flags say otherwise. Everybody may do everything. */
export async function startHttpServer(...flags: readonly string[]): Promise<HttpServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kubemu-http-'))
  const tokens = join(folder, 'tokens.csv')
  await writeFile(tokens, TOKENS)
  const errors: string[] = []
  const port = flags.some((f) => f.startsWith('--secure-port')) ? [] : ['--insecure-port=0']
  const storage = flags.some((f) => f.startsWith('--data-dir')) ? [] : ['--memory']
  const options = apiserverOptions([...storage, ...port, `--token-auth-file=${tokens}`, ...flags])
  const server = await startServer(
    options,
    pino({ level: 'error' }, { write: (line: string) => void errors.push(line) }),
  )
  return {
    server,
    port: Number(new URL(server.url).port),
    errors,
    stop: async () => {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A connection without a client's conveniences: what is written is what is sent. */
export class RawConnection {
  readonly socket: Socket
  #text = ''
  #waiting: (() => void)[] = []
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.#text += chunk
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1')
    const connection = new RawConnection(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve())
      socket.once('error', reject)
    })
    return connection
  }

  /** All that has been received. */
  get text(): string {
    return this.#text
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  write(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** Resolves with all that has been received once it matches. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#text)) {
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.#text)}`)
      await this.#change()
    }
    return this.#text
  }

  /** Resolves with all that has been received once the server has closed the connection. */
  async closed(): Promise<string> {
    while (!this.#isClosed) await this.#change()
    return this.#text
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** The head of a request, with the blank line. */
export function head(method: string, path: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries({ host: 'test', authorization: `Bearer ${ADMIN}`, ...headers }).map((h) => h.join(': '))
  return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** A ConfigMap as JSON. */
export const configMap = (name: string, data: Readonly<Record<string, string>> = {}): string =>
  JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name }, data })

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
