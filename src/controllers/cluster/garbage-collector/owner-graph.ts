import { equalJson } from '../../../apimachinery/clone.ts'
import { apiVersionOf } from '../../../apimachinery/group-version.ts'
import type { KubeObject } from '../../../apimachinery/kube-object.ts'
import type { ObjectMeta, OwnerReference } from '../../../apimachinery/types/meta-v1.ts'
import type { ResourceRef } from '../../runtime/client.ts'

export const FOREGROUND_FINALIZER = 'foregroundDeletion'
export const ORPHAN_FINALIZER = 'orphan'

/** An object as the collector last heard of it. */
export interface GraphNode {
  readonly uid: string
  readonly resource: ResourceRef
  readonly metadata: ObjectMeta
}

/** Is told what changes of the graph mean. */
interface GraphListener {
  /** The object may have to go, or be let go: look at it. */
  attemptToDelete(uid: string): void
  /** The object goes and leaves its dependents behind. */
  attemptToOrphan(uid: string): void
  /** The object has dependents and is gone. */
  absent(node: GraphNode): void
  /** A dependent names an owner that lives in another namespace. */
  invalidNamespace(dependent: GraphNode, reference: OwnerReference): void
}

export function isDeletingDependents({ metadata }: Pick<GraphNode, 'metadata'>): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(FOREGROUND_FINALIZER) ?? false)
}

/**
 * Who owns whom, by uid, for all objects of all resources.
 *
 * Upstream keeps "virtual" nodes for owners that it has not seen; here a dependent of such an owner is looked at by
 * itself, and again until the owner is seen or known to be absent.
 *
 * @see pkg/controller/garbagecollector/graph_builder.go
 */
export class OwnerGraph {
  readonly #listener: GraphListener
  readonly #nodes = new Map<string, GraphNode>()
  /** Owner's uid, seen or not → uids of those that name it. */
  readonly #dependents = new Map<string, Set<string>>()

  constructor(listener: GraphListener) {
    this.#listener = listener
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  dependentsOf(uid: string): readonly GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].map((d) => this.#nodes.get(d)!)
  }

  /** Dependents whose reference keeps the owner from going in foreground deletion. */
  blockingDependentsOf(uid: string): readonly GraphNode[] {
    return this.dependentsOf(uid).filter((d) =>
      d.metadata.ownerReferences?.some((r) => r.uid === uid && r.blockOwnerDeletion),
    )
  }

  /** True where every owner that the object names has been seen just as it names it. */
  knowsOwnersOf(node: GraphNode): boolean {
    return ownersOf(node.metadata).every((r) => {
      const owner = this.#nodes.get(r.uid)
      return owner !== undefined && isReferenceTo(node, r, owner)
    })
  }

  /** True where every owner's uid has been seen, under whatever name. */
  hasSeenOwnersOf({ metadata }: GraphNode): boolean {
    return ownersOf(metadata).every((r) => this.#nodes.has(r.uid))
  }

  set(resource: ResourceRef, { metadata }: KubeObject): void {
    const uid = metadata.uid!
    const old = this.#nodes.get(uid)
    const node: GraphNode = { uid, resource, metadata }
    this.#nodes.set(uid, node)
    this.#relink(old, node)
    if (!old) this.#checkDependents(node)
    this.#transitions(old, node)
  }

  remove(uid: string): void {
    const node = this.#nodes.get(uid)
    if (!node) return
    this.#nodes.delete(uid)
    for (const { uid: owner } of ownersOf(node.metadata)) this.#unlink(owner, uid)
    const dependents = this.#dependents.get(uid)
    if (dependents) {
      this.#listener.absent(node)
      for (const dependent of dependents) this.#listener.attemptToDelete(dependent)
    }
    for (const { uid: ownerUid } of ownersOf(node.metadata)) {
      const owner = this.#nodes.get(ownerUid)
      if (owner && isDeletingDependents(owner)) this.#listener.attemptToDelete(ownerUid)
    }
  }

  #relink(old: GraphNode | undefined, node: GraphNode): void {
    const before = ownersOf(old?.metadata ?? {})
    const now = ownersOf(node.metadata)
    if (old && equalJson(before, now)) return
    const kept = new Set(now.map((r) => r.uid))
    for (const reference of before) {
      const next = now.find((r) => r.uid === reference.uid)
      // An owner that waited for this object in foreground deletion may not have to any more.
      if (reference.blockOwnerDeletion && !next?.blockOwnerDeletion && this.#nodes.has(reference.uid)) {
        this.#listener.attemptToDelete(reference.uid)
      }
      if (!kept.has(reference.uid)) this.#unlink(reference.uid, node.uid)
    }
    for (const reference of now) this.#link(reference, node)
    if (!this.knowsOwnersOf(node)) this.#listener.attemptToDelete(node.uid)
  }

  #link(reference: OwnerReference, node: GraphNode): void {
    const known = this.#dependents.get(reference.uid)
    if (known) known.add(node.uid)
    else this.#dependents.set(reference.uid, new Set([node.uid]))
    const owner = this.#nodes.get(reference.uid)
    if (owner) this.#checkNamespace(node, reference, owner)
  }

  #unlink(owner: string, dependent: string): void {
    const dependents = this.#dependents.get(owner)
    if (dependents?.delete(dependent) && dependents.size === 0) this.#dependents.delete(owner)
  }

  /** An owner turns up after its dependents: they may have named it wrongly. */
  #checkDependents(owner: GraphNode): void {
    for (const dependent of this.dependentsOf(owner.uid)) {
      for (const reference of ownersOf(dependent.metadata)) {
        if (reference.uid !== owner.uid || isReferenceTo(dependent, reference, owner)) continue
        this.#checkNamespace(dependent, reference, owner)
        this.#listener.attemptToDelete(dependent.uid)
      }
    }
  }

  #checkNamespace(dependent: GraphNode, reference: OwnerReference, owner: GraphNode): void {
    const { namespace } = owner.metadata
    if (namespace && namespace !== dependent.metadata.namespace) this.#listener.invalidNamespace(dependent, reference)
  }

  #transitions(old: GraphNode | undefined, node: GraphNode): void {
    if (beginsDeletionWith(ORPHAN_FINALIZER, old, node)) {
      this.#listener.attemptToOrphan(node.uid)
      return
    }
    if (!beginsDeletionWith(FOREGROUND_FINALIZER, old, node)) return
    for (const dependent of this.#dependents.get(node.uid) ?? []) this.#listener.attemptToDelete(dependent)
    this.#listener.attemptToDelete(node.uid)
  }
}

function ownersOf(metadata: ObjectMeta): readonly OwnerReference[] {
  return metadata.ownerReferences ?? []
}

/** Upstream compares the version as well: an owner named by another one is looked up rather than taken for it. */
function isReferenceTo(dependent: GraphNode, reference: OwnerReference, owner: GraphNode): boolean {
  const { kind, namespaced } = owner.resource
  if (reference.kind !== kind || reference.name !== owner.metadata.name) return false
  if (reference.apiVersion !== apiVersionOf(owner.resource)) return false
  return !namespaced || dependent.metadata.namespace === owner.metadata.namespace
}

function beginsDeletionWith(finalizer: string, old: GraphNode | undefined, node: GraphNode): boolean {
  const goesWith = ({ metadata }: GraphNode): boolean =>
    metadata.deletionTimestamp !== undefined && (metadata.finalizers?.includes(finalizer) ?? false)
  return goesWith(node) && !(old && goesWith(old))
}
