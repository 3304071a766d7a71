import type { ComponentHealth } from '../registry/core/component-status.ts'
import type { Store } from '../storage/store.ts'

/** Upstream's ports of the components that it looks at. */
const PORTS: Readonly<Record<string, number>> = { 'controller-manager': 10257, scheduler: 10259 }

/** What componentstatuses are made of: the store, and the parts of the cluster that run in this process. */
export class ComponentHealthChecks {
  readonly #store: Store
  readonly #running = new Set<string>()

  constructor(store: Store) {
    this.#store = store
  }

  /** `name` runs from now on; the returned function says that it does no more. */
  started(name: 'controller-manager' | 'scheduler'): () => void {
    this.#running.add(name)
    return () => this.#running.delete(name)
  }

  /** A look at all of them, as upstream names them; those in other processes can't be seen. */
  readonly look = async (): Promise<readonly ComponentHealth[]> => [
    ...Object.entries(PORTS).map(([name, port]) => this.#component(name, port)),
    await this.#etcd(),
  ]

  /** Who does not run here answers as upstream's probe of a port where nobody listens. */
  #component(name: string, port: number): ComponentHealth {
    if (this.#running.has(name)) return { name, healthy: true, message: 'ok', error: '' }
    const address = `127.0.0.1:${port}`
    const message = `Get "https://${address}/healthz": dial tcp ${address}: connect: connection refused`
    return { name, healthy: false, message, error: '' }
  }

  async #etcd(): Promise<ComponentHealth> {
    try {
      await this.#store.currentRevision()
      return { name: 'etcd-0', healthy: true, message: 'ok', error: '' }
    } catch (error) {
      return {
        name: 'etcd-0',
        healthy: false,
        message: '',
        error: error instanceof Error ? error.message : String(error),
      }
    }
  }
}
