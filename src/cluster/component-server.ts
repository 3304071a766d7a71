import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { TLSSocket } from 'node:tls'
import { EXPOSITION_CONTENT_TYPE, type Metric } from '../api/metrics/exposition.ts'
import { exposition } from '../api/metrics/metrics-path.ts'
import { peerOf } from '../api/tls-peer.ts'
import { asApiError, internalError } from '../apimachinery/api-error.ts'
import type { Clock } from '../apimachinery/clock.ts'
import type { Client } from '../controllers/runtime/client.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { DelegatedAuth, type DelegatedAuthOptions } from './delegated-auth.ts'
import { CertificateAuthority, type KeyPair } from './pki/certificate-authority.ts'

/** Where a component serves, and whom. */
export interface ComponentServing {
  readonly bindAddress: string
  /** 0: any that is free. */
  readonly port: number
  /** Undefined: a certificate of its own, which nobody can verify. */
  readonly tlsCertFile: string | undefined
  readonly tlsPrivateKeyFile: string | undefined
  readonly auth: DelegatedAuthOptions
}

interface ComponentServerOptions extends ComponentServing {
  /** Asks the API server who somebody is and what they may do. */
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  metrics(): Iterable<Metric>
}

const HEALTH: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz'])

/**
 * The port of a component that is no API server: its health and its metrics, for whom the API server lets.
 *
 * @see kubernetes cmd/kube-controller-manager/app/serve.go
 */
export class ComponentServer {
  readonly #options: ComponentServerOptions
  readonly #pair: KeyPair
  readonly #auth: DelegatedAuth
  readonly #server: Server

  private constructor(options: ComponentServerOptions, pair: KeyPair) {
    this.#options = options
    this.#pair = pair
    const { client, clock, logger } = options
    const changed = (): void => this.#server.setSecureContext(this.#context())
    this.#auth = new DelegatedAuth(options.auth, { client, clock, logger, changed })
    // Who shows no certificate, or one of another CA, may still have a token.
    const tls = { ...this.#context(), requestCert: true, rejectUnauthorized: false }
    this.#server = createServer(tls, (request, response) => void this.#answer(request, response))
  }

  /** Resolves once it listens. Errors: the port is taken, files that cannot be read. */
  static async start(options: ComponentServerOptions): Promise<ComponentServer> {
    const server = new ComponentServer(options, await certificateOf(options))
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject)
      server.#server.listen(options.port, options.bindAddress, resolve)
    })
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#auth.close()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #context(): ServerOptions {
    const { certificate, privateKey } = this.#pair
    return { cert: certificate, key: privateKey, ca: [...this.#auth.clientCas], minVersion: 'TLSv1.2' }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]!
    try {
      const { headers, rawHeaders, method = 'GET' } = request
      const user = await this.#auth.userOf({ headers, rawHeaders, ...peerOf(request.socket as TLSSocket) })
      await this.#auth.authorize(user, method.toLowerCase(), path)
      if (HEALTH.has(path)) send(response, 200, 'text/plain; charset=utf-8', 'ok')
      else if (path !== '/metrics') send(response, 404, 'text/plain; charset=utf-8', '404 page not found\n')
      else send(response, 200, EXPOSITION_CONTENT_TYPE, await exposition(this.#options.metrics()))
    } catch (error) {
      const refusal = asApiError(error) ?? internalError('')
      if (refusal.code === 500) this.#options.logger.error({ err: error, path }, 'request failed')
      send(response, refusal.code, 'application/json', JSON.stringify(refusal.toStatus()))
    }
  }
}

function send(response: ServerResponse, code: number, contentType: string, body: string): void {
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

async function certificateOf({ tlsCertFile, tlsPrivateKeyFile }: ComponentServerOptions): Promise<KeyPair> {
  if (tlsCertFile && tlsPrivateKeyFile) {
    return {
      certificate: await readFile(tlsCertFile, 'utf8'),
      privateKey: await readFile(tlsPrivateKeyFile, 'utf8'),
    }
  }
  const name = hostname().toLowerCase()
  const authority = await CertificateAuthority.create(`${name}-ca`)
  return await authority.issueServing({
    commonName: name,
    dnsNames: [name, 'localhost'],
    ipAddresses: ['127.0.0.1', '::1'],
  })
}
