import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { forbiddenMessage } from '../api/filters/authorization.ts'
import { EXPOSITION_CONTENT_TYPE, type Metric } from '../api/metrics/exposition.ts'
import { exposition } from '../api/metrics/metrics-path.ts'
import { asApiError, forbidden, internalError } from '../apimachinery/api-error.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import type { Client } from '../controllers/runtime/client.ts'
import type { Logger } from '../controllers/runtime/logger.ts'
import { DelegatedAccess } from './delegated-access.ts'
import { CertificateAuthority, type KeyPair } from './pki/certificate-authority.ts'

/** Where a component serves. */
export interface ComponentServing {
  readonly bindAddress: string
  /** 0: any that is free. */
  readonly port: number
  /** Undefined: a certificate of its own, which nobody can verify. */
  readonly tlsCertFile: string | undefined
  readonly tlsPrivateKeyFile: string | undefined
}

export interface ComponentServerOptions extends ComponentServing {
  /** Asks the API server who somebody is and what they may do. */
  readonly client: Client
  readonly logger: Logger
  metrics(): Iterable<Metric>
}

/** Upstream's `--authorization-always-allow-paths`. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz'])
const ANONYMOUS: UserInfo = { name: 'system:anonymous', uid: '', groups: ['system:unauthenticated'], extra: {} }

/**
 * The port of a component that is no API server: its health for everybody, its metrics for whom the API server lets.
 *
 * @see apiserver pkg/server/options authentication.go, authorization.go (delegating)
 */
export class ComponentServer {
  readonly #options: ComponentServerOptions
  readonly #access: DelegatedAccess
  readonly #server: Server

  private constructor(options: ComponentServerOptions, { certificate, privateKey }: KeyPair) {
    this.#options = options
    this.#access = new DelegatedAccess(options.client)
    this.#server = createServer({ cert: certificate, key: privateKey, minVersion: 'TLSv1.2' }, (request, response) => {
      void this.#answer(request, response)
    })
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
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]!
    try {
      if (OPEN_PATHS.has(path)) {
        send(response, 200, 'text/plain; charset=utf-8', 'ok')
        return
      }
      const user = (await this.#access.userOfToken(request.headers)) ?? ANONYMOUS
      await this.#authorize(user, (request.method ?? 'GET').toLowerCase(), path)
      if (path !== '/metrics') send(response, 404, 'text/plain; charset=utf-8', '404 page not found\n')
      else send(response, 200, EXPOSITION_CONTENT_TYPE, await exposition(this.#options.metrics()))
    } catch (error) {
      const refusal = asApiError(error) ?? internalError('')
      if (refusal.code === 500) this.#options.logger.error({ err: error, path }, 'request failed')
      send(response, refusal.code, 'application/json', JSON.stringify(refusal.toStatus()))
    }
  }

  /** Errors: 403. */
  async #authorize(user: UserInfo, verb: string, path: string): Promise<void> {
    if (await this.#access.isAllowed(user, { nonResourceAttributes: { path, verb } })) return
    throw forbidden({ group: '', resource: '' }, '', forbiddenMessage(pathAttributes(user, verb, path)))
  }
}

function pathAttributes(user: UserInfo, verb: string, path: string) {
  const none = { apiGroup: '', apiVersion: '', namespace: '', resource: '', subresource: '', name: '' }
  return { user, verb, path, isResourceRequest: false, ...none, fieldSelector: '', labelSelector: '' }
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
