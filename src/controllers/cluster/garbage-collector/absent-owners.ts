import { apiVersionOf } from '../../../apimachinery/group-version.ts'
import type { OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import { LruMap } from '../../runtime/lru-map.ts'
import type { GraphNode } from './owner-graph.ts'

/** As many as upstream remembers. */
const MAX_ABSENT = 500

/**
 * Owners that are known not to exist, so that the dependents of one that is gone do not each ask for it. A uid never
 * comes back.
 */
export class AbsentOwners {
  readonly #absent = new LruMap<string, true>(MAX_ABSENT)

  /** `namespace` is '' for cluster-scoped owners. */
  add(reference: OwnerReference, namespace: string): void {
    this.#absent.set(textOf(reference, namespace), true)
  }

  addNode({ uid, resource, metadata: { name = '', namespace = '' } }: GraphNode): void {
    this.add({ apiVersion: apiVersionOf(resource), kind: resource.kind, name, uid }, namespace)
  }

  /** True for an owner, cluster-scoped or of the dependent's namespace, that is known to be absent. */
  has(reference: OwnerReference, namespace: string): boolean {
    return (
      this.#absent.get(textOf(reference, '')) !== undefined ||
      this.#absent.get(textOf(reference, namespace)) !== undefined
    )
  }
}

function textOf({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): string {
  return `${apiVersion} ${kind} ${namespace}/${name} ${uid}`
}
