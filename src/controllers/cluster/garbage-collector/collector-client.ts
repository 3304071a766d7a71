import { asApiError, isConflict, isNotFound } from '../../../apimachinery/api-error.ts'
import { equalJson } from '../../../apimachinery/clone.ts'
import type { JsonObject, KubeObject } from '../../../apimachinery/kube-object.ts'
import type { OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import type { Client, DeleteOptions, ObjectKey } from '../../runtime/client.ts'
import { keyOf } from '../../runtime/object-key.ts'
import type { GraphNode } from './owner-graph.ts'

/** Attempts at taking a finalizer off, upstream's default back-off. */
const FINALIZER_ATTEMPTS = 5

/**
 * The writes of the garbage collector.
 *
 * @see pkg/controller/garbagecollector/operations.go, patch.go
 */
export class CollectorClient {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** The object as it is now; undefined where it is gone or another one has its name. */
  async live(node: GraphNode): Promise<KubeObject | undefined> {
    try {
      const object = await this.#client.get(node.resource, keyOfNode(node))
      return object.metadata.uid === node.uid ? object : undefined
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** Deletes the object as it was read; one that changed since is only deleted where it has the same owners. */
  async delete(
    { resource, uid }: GraphNode,
    read: KubeObject,
    propagationPolicy: NonNullable<DeleteOptions['propagationPolicy']>,
  ): Promise<void> {
    const key = keyOf(read)
    const { resourceVersion, ownerReferences } = read.metadata
    const preconditions = { uid, ...(resourceVersion ? { resourceVersion } : {}) }
    try {
      await this.#client.delete(resource, key, { propagationPolicy, preconditions })
    } catch (error) {
      if (isNotFound(error)) return
      if (!isConflict(error)) throw error
      const now = await this.#client.get(resource, key).catch(undefinedIfNotFound)
      if (!now) return
      if (now.metadata.uid !== uid || !equalJson(now.metadata.ownerReferences, ownerReferences)) throw error
      await this.#client.delete(resource, key, { propagationPolicy, preconditions: { uid } }).catch(undefinedIfNotFound)
    }
  }

  /** Takes references to owners off a dependent. */
  async removeOwners(node: GraphNode, ownerUids: readonly string[]): Promise<void> {
    const ownerReferences = ownerUids.map((uid) => ({ $patch: 'delete', uid }))
    await this.#patch(node, { metadata: { uid: node.uid, ownerReferences } }, (now) =>
      now.filter((r) => !ownerUids.includes(r.uid)),
    )
  }

  /** Makes a dependent's references such that they hold no owner up. */
  async unblockOwners(node: GraphNode): Promise<void> {
    const blocking = (node.metadata.ownerReferences ?? []).filter((r) => r.blockOwnerDeletion)
    const ownerReferences = blocking.map((r) => ({ ...r, blockOwnerDeletion: false }))
    await this.#patch(node, { metadata: { uid: node.uid, ownerReferences } }, (now) =>
      now.map((r) => ({ ...r, blockOwnerDeletion: false })),
    )
  }

  /** Takes a finalizer off, with which a deletion may end. */
  async removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const object = await this.live(node)
      if (!object?.metadata.finalizers?.includes(finalizer)) return
      const { resourceVersion } = object.metadata
      const finalizers = object.metadata.finalizers.filter((f) => f !== finalizer)
      try {
        await this.#client.patch(node.resource, keyOfNode(node), 'merge', { metadata: { resourceVersion, finalizers } })
        return
      } catch (error) {
        if (isNotFound(error)) return
        if (!isConflict(error) || attempt === FINALIZER_ATTEMPTS) throw error
      }
    }
  }

  /** Custom resources know no strategic merge patch: they get their whole list of owners. */
  async #patch(
    node: GraphNode,
    strategic: JsonObject,
    next: (now: readonly OwnerReference[]) => readonly OwnerReference[],
  ): Promise<void> {
    const key = keyOfNode(node)
    try {
      await this.#client.patch(node.resource, key, 'strategic', strategic)
    } catch (error) {
      if (asApiError(error)?.reason !== 'UnsupportedMediaType') throw error
      const { resourceVersion, ownerReferences = [] } = (await this.#client.get(node.resource, key)).metadata
      const metadata = { resourceVersion, ownerReferences: next(ownerReferences) }
      await this.#client.patch(node.resource, key, 'merge', { metadata })
    }
  }
}

function keyOfNode({ metadata: { namespace = '', name = '' } }: GraphNode): ObjectKey {
  return { namespace, name }
}

function undefinedIfNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
  return undefined
}
