import { request } from 'node:https'
import { transportMessage } from '../apimachinery/transport-error.ts'
import type { ComponentHealth } from '../registry/core/component-status.ts'
import type { Store } from '../storage/store.ts'

type ComponentName = 'controller-manager' | 'scheduler'

/** Upstream's ports of the components that it looks at. */
const PORTS: Readonly<Record<ComponentName, number>> = { 'controller-manager': 10257, scheduler: 10259 }
/** How long a component may take to answer. */
const PROBE_TIMEOUT_MS = 20_000
/** Longest text that is read of an answer. */
const MAX_TEXT = 10_240

/**
 * What componentstatuses are made of: the store's servers, and the components that run in this process or at their ports
 * on this machine.
 *
 * @see kubernetes pkg/registry/core/componentstatus/validator.go; pkg/registry/core/rest/storage_core.go
 */
export class ComponentHealthChecks {
  readonly #store: Pick<Store, 'currentRevision' | 'checkServers'>
  readonly #ports: Readonly<Record<ComponentName, number>>
  readonly #running = new Set<string>()

  constructor(store: Pick<Store, 'currentRevision' | 'checkServers'>, ports = PORTS) {
    this.#store = store
    this.#ports = ports
  }

  /** `name` runs here from now on; the returned function says that it does no more. */
  started(name: ComponentName): () => void {
    this.#running.add(name)
    return () => this.#running.delete(name)
  }

  /** A look at all of them, as upstream names them. */
  readonly look = async (): Promise<readonly ComponentHealth[]> => {
    const components = Object.entries(this.#ports).map(([name, port]) => this.#component(name, port))
    const [own, servers] = await Promise.all([Promise.all(components), this.#servers()])
    return [
      ...own,
      ...servers.map((error, i) => ({
        name: `etcd-${i}`,
        healthy: error === undefined,
        message: error === undefined ? 'ok' : '',
        error: error?.message ?? '',
      })),
    ]
  }

  async #component(name: string, port: number): Promise<ComponentHealth> {
    if (this.#running.has(name)) return { name, healthy: true, message: 'ok', error: '' }
    return { name, error: '', ...(await probe(port)) }
  }

  async #servers(): Promise<readonly (Error | undefined)[]> {
    if (this.#store.checkServers) return await this.#store.checkServers()
    return [
      await this.#store.currentRevision().then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      ),
    ]
  }
}

/** Asks for the health at a port of this machine, whoever's certificate it shows. @see kubernetes pkg/probe/http */
async function probe(port: number): Promise<{ readonly healthy: boolean; readonly message: string }> {
  const address = `127.0.0.1:${port}`
  return await new Promise((resolve) => {
    const failed = (why: string): void =>
      resolve({ healthy: false, message: `Get "https://${address}/healthz": ${why}` })
    const asked = request(
      { host: '127.0.0.1', port, path: '/healthz', agent: false, rejectUnauthorized: false, timeout: PROBE_TIMEOUT_MS },
      (response) => {
        const { statusCode = 0 } = response
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text = (text + part).slice(0, MAX_TEXT)
        })
        response.on('error', (error) => failed(transportMessage(error)))
        response.on('end', () => {
          const healthy = statusCode >= 200 && statusCode < 400
          resolve({ healthy, message: healthy ? text : `HTTP probe failed with statuscode: ${statusCode}` })
        })
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('context deadline exceeded')))
    asked.on('error', (error) => failed(transportMessage(error)))
    asked.end()
  })
}
