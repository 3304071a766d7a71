import type { Cause } from '../../apimachinery/cause.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { Client, DeleteOptions, ListQuery, ObjectKey, PatchType, ResourceRef, WriteOptions } from './client.ts'
import type { InformerSet } from './informer-set.ts'
import { keyText } from './object-key.ts'
import { resourceId } from './resources.ts'

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
    return new RecordingClient(inner, {
      wrote: (resource, object) => this.#wrote(key, resource, object),
      deleted: (resource, object) => this.#deleted(key, resource, object),
    })
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

interface WriteListener {
  wrote(resource: ResourceRef, object: KubeObject): void
  deleted(resource: ResourceRef, key: ObjectKey): void
}

/** A client that tells of its writes. */
class RecordingClient implements Client {
  readonly #inner: Client
  readonly #listener: WriteListener

  constructor(inner: Client, listener: WriteListener) {
    this.#inner = inner
    this.#listener = listener
  }

  get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): Promise<T> {
    return this.#inner.get(resource, key)
  }

  list<T extends KubeObject>(resource: ResourceRef<T>, query?: ListQuery) {
    return this.#inner.list(resource, query)
  }

  watch: Client['watch'] = (resource, query, receiver) => this.#inner.watch(resource, query, receiver)

  async create<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#wrote(resource, await this.#inner.create(resource, object, options))
  }

  async update<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#wrote(resource, await this.#inner.update(resource, object, options))
  }

  async updateSubresource<T extends KubeObject>(
    resource: ResourceRef<T>,
    subresource: string,
    object: T,
    options?: WriteOptions,
  ): Promise<T> {
    const result = await this.#inner.updateSubresource(resource, subresource, object, options)
    return this.#wrote(resource, result)
  }

  async patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    type: PatchType,
    patch: Parameters<Client['patch']>[3],
    options?: Parameters<Client['patch']>[4],
  ): Promise<T> {
    const result = await this.#inner.patch(resource, key, type, patch, options)
    return options?.dryRun ? result : this.#wrote(resource, result)
  }

  createSubresource(
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<KubeObject> {
    return this.#inner.createSubresource(resource, key, subresource, body, options)
  }

  async delete(resource: ResourceRef, key: ObjectKey, options?: DeleteOptions): Promise<KubeObject> {
    const result = await this.#inner.delete(resource, key, options)
    this.#listener.deleted(resource, key)
    return result
  }

  resources(): Promise<readonly ResourceRef[]> {
    return this.#inner.resources()
  }

  as(userName: string, groups?: readonly string[]): Client {
    return new RecordingClient(this.#inner.as(userName, groups), this.#listener)
  }

  causedBy(cause: Cause): Client {
    return new RecordingClient(this.#inner.causedBy(cause), this.#listener)
  }

  #wrote<T extends KubeObject>(resource: ResourceRef<T>, object: T): T {
    this.#listener.wrote(resource, object)
    return object
  }
}
