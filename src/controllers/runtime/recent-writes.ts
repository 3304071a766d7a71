import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Client, ObjectKey, ResourceRef } from './client.ts'
import type { InformerSet } from './informer-set.ts'
import { keyText } from './object-key.ts'
import { resourceId } from './resources.ts'
import { type ClientCall, wrapClient } from './wrapped-client.ts'

/** What one key's reconciles wrote and the cache may not show yet. */
class Written {
  /** By resource: the newest revision written. */
  readonly revisions = new Map<string, { readonly resource: ResourceRef; revision: number }>()
  /** Objects that were deleted, by resource and key. */
  readonly deletions = new Map<
    string,
    { readonly resource: ResourceRef; readonly key: ObjectKey; readonly uid: string }
  >()
}

/**
 * Makes sure that a key is not reconciled on a cache that lacks its own earlier writes: without it a controller would
 * create a pod twice. In place of upstream's expectations; like its consistency store it relies on resourceVersions of
 * one resource being comparable (KEP-5504, KEP-5647).
 */
export class RecentWrites {
  readonly #informers: InformerSet
  readonly #written = new Map<string, Written>()

  constructor(informers: InformerSet) {
    this.#informers = informers
  }

  /**
   * True where the cache shows all that the key wrote. Otherwise `ready` is called once, when there is a point in
   * asking again.
   */
  isVisible(key: string, ready: () => void): boolean {
    const written = this.#written.get(key)
    if (!written) return true
    for (const [id, { resource, revision }] of written.revisions) {
      const informer = this.#informers.find(resource)
      if (informer && informer.revision < revision) {
        informer.whenAt(revision, ready)
        return false
      }
      written.revisions.delete(id)
    }
    for (const [id, { resource, key: deleted, uid }] of written.deletions) {
      const informer = this.#informers.find(resource)
      const object = informer?.get(deleted)
      if (informer && object && object.metadata.uid === uid && !object.metadata.deletionTimestamp) {
        informer.whenChanged(deleted, ready)
        return false
      }
      written.deletions.delete(id)
    }
    this.#written.delete(key)
    return true
  }

  /** The client with which a key's reconcile writes. */
  client(key: string, inner: Client): Client {
    return wrapClient(inner, {
      request: async (call, send) => {
        const result = await send()
        this.#sent(key, call, result as KubeObject)
        return result
      },
    })
  }

  #sent(key: string, { verb, resource, key: object, subresource, options }: ClientCall, result: KubeObject): void {
    if (options?.dryRun) return
    if (verb === 'delete') this.#deleted(key, resource, object)
    else if (verb === 'update' || verb === 'patch') this.#wrote(key, resource, result)
    // What is posted to a subresource (a binding, an eviction) is no object of the resource.
    else if (verb === 'create' && subresource === '') this.#wrote(key, resource, result)
  }

  #of(key: string): Written {
    let written = this.#written.get(key)
    if (!written) {
      written = new Written()
      this.#written.set(key, written)
    }
    return written
  }

  #wrote(key: string, resource: ResourceRef, object: KubeObject): void {
    const informer = this.#informers.find(resource)
    const revision = Number(object.metadata.resourceVersion)
    if (!informer || !(revision > informer.revision)) return
    const { revisions } = this.#of(key)
    const id = resourceId(resource)
    const known = revisions.get(id)
    if (!known) revisions.set(id, { resource, revision })
    else if (known.revision < revision) known.revision = revision
  }

  #deleted(key: string, resource: ResourceRef, deleted: ObjectKey): void {
    const object = this.#informers.find(resource)?.get(deleted)
    if (!object || object.metadata.deletionTimestamp) return
    const id = `${resourceId(resource)}/${keyText(deleted)}`
    this.#of(key).deletions.set(id, { resource, key: deleted, uid: object.metadata.uid ?? '' })
  }
}
