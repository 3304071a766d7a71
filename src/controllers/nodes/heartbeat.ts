import { isConflict, isNotFound } from '../../apimachinery/api-error.ts'
import { formatMicroTime } from '../../apimachinery/clock.ts'
import type { Lease } from '../../apimachinery/types/coordination-v1.ts'
import type { Node } from '../../apimachinery/types/core-v1.ts'
import type { Client, Typed } from '../runtime/client.ts'
import { LEASES } from '../runtime/resources.ts'

const NAMESPACE = 'kube-node-lease'
/** How long a kubelet's Lease holds, and how often it is renewed: `nodeLeaseDurationSeconds` and a quarter of it. */
const LEASE_SECONDS = 40
const RENEW_MS = 10_000
/** Beyond so many nodes each is renewed less often, always within the 50 s that the node lifecycle controller waits. */
const SLOWER: readonly { readonly nodes: number; readonly renewMs: number }[] = [
  { nodes: 1000, renewMs: 35_000 },
  { nodes: 200, renewMs: 20_000 },
]

/** How long to wait before a node's next heartbeat. A little earlier or later each time, so that they spread out. */
export function renewAfterMs(nodeCount: number): number {
  const base = SLOWER.find(({ nodes }) => nodeCount > nodes)?.renewMs ?? RENEW_MS
  return base * (1 + (Math.random() - 0.5) * 0.08)
}

/**
 * Keeps one node's Lease: created with the node as its owner, then renewed with what was written last.
 *
 * @see component-helpers apimachinery/lease/controller.go
 */
export class Heartbeat {
  readonly #client: Client
  readonly #node: Node
  #lease: Typed<Lease> | undefined

  constructor(client: Client, node: Node) {
    this.#client = client
    this.#node = node
  }

  /** Errors: the API's, to be tried again at the next beat. */
  async beat(nowMs: number): Promise<void> {
    const renewTime = formatMicroTime(nowMs)
    if (!this.#lease) this.#lease = await this.#find()
    if (!this.#lease) {
      this.#lease = await this.#client.create(LEASES, this.#fresh(renewTime))
      return
    }
    try {
      const spec = { ...this.#lease.spec, renewTime }
      this.#lease = await this.#client.update(LEASES, { ...this.#lease, spec })
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) this.#lease = undefined
      throw error
    }
  }

  async #find(): Promise<Typed<Lease> | undefined> {
    try {
      return await this.#client.get(LEASES, { namespace: NAMESPACE, name: this.#node.metadata.name ?? '' })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  #fresh(renewTime: string): Typed<Lease> {
    const { name = '', uid = '' } = this.#node.metadata
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name,
        namespace: NAMESPACE,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
      },
      spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime },
    }
  }
}
