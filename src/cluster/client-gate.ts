import { serviceUnavailable } from '../apimachinery/api-error.ts'
import type { Cause } from '../apimachinery/cause.ts'
import type { JsonObject, KubeObject } from '../apimachinery/kube-object.ts'
import type {
  Client,
  DeleteOptions,
  ListQuery,
  ObjectKey,
  ObjectList,
  PatchType,
  ResourceRef,
  WatchQuery,
  WatchReceiver,
  WriteOptions,
} from '../controllers/runtime/client.ts'

/**
 * Stands between the API and what runs in the cluster's process, so that all of it can be cut off at once: before the
 * state below it is replaced, nothing that was decided on the old state may be written into the new one.
 */
export class ClientGate {
  readonly #watches = new Set<() => void>()
  #underWay = 0
  #isClosed = false
  #onIdle: (() => void)[] = []

  /** A client that goes through the gate, as do those made of it. */
  client(inner: Client): Client {
    return new GatedClient(this, inner)
  }

  /** True while no call is under way. */
  get isIdle(): boolean {
    return this.#underWay === 0
  }

  /** Ends watches and refuses calls from now on; resolves once those under way have come to their end. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#watches) stop()
    this.#watches.clear()
    if (this.isIdle) return
    await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  /** Runs a call, and counts it. Errors: 503 once the gate is closed. */
  call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(cutOff())
    this.#underWay++
    const result = work()
    result.then(this.#done, this.#done)
    return result
  }

  watch(begin: () => () => void, receiver: Pick<WatchReceiver, 'end'>): () => void {
    if (this.#isClosed) {
      queueMicrotask(() => receiver.end(cutOff()))
      return () => {}
    }
    const stop = begin()
    this.#watches.add(stop)
    return () => {
      this.#watches.delete(stop)
      stop()
    }
  }

  readonly #done = (): void => {
    this.#underWay--
    if (this.#underWay > 0 || this.#onIdle.length === 0) return
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}

function cutOff(): Error {
  return serviceUnavailable('the cluster has been taken to another state')
}

class GatedClient implements Client {
  readonly #gate: ClientGate
  readonly #inner: Client

  constructor(gate: ClientGate, inner: Client) {
    this.#gate = gate
    this.#inner = inner
  }

  get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): Promise<T> {
    return this.#gate.call(() => this.#inner.get(resource, key))
  }

  list<T extends KubeObject>(resource: ResourceRef<T>, query?: ListQuery): Promise<ObjectList<T>> {
    return this.#gate.call(() => this.#inner.list(resource, query))
  }

  watch<T extends KubeObject>(resource: ResourceRef<T>, query: WatchQuery, receiver: WatchReceiver<T>): () => void {
    return this.#gate.watch(() => this.#inner.watch(resource, query, receiver), receiver)
  }

  create<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#gate.call(() => this.#inner.create(resource, object, options))
  }

  update<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T> {
    return this.#gate.call(() => this.#inner.update(resource, object, options))
  }

  updateSubresource<T extends KubeObject>(
    resource: ResourceRef<T>,
    subresource: string,
    object: T,
    options?: WriteOptions,
  ): Promise<T> {
    return this.#gate.call(() => this.#inner.updateSubresource(resource, subresource, object, options))
  }

  patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    type: PatchType,
    patch: JsonObject | readonly JsonObject[],
    options?: WriteOptions & { readonly subresource?: string; readonly force?: boolean },
  ): Promise<T> {
    return this.#gate.call(() => this.#inner.patch(resource, key, type, patch, options))
  }

  createSubresource(
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<KubeObject> {
    return this.#gate.call(() => this.#inner.createSubresource(resource, key, subresource, body, options))
  }

  delete(resource: ResourceRef, key: ObjectKey, options?: DeleteOptions): Promise<KubeObject> {
    return this.#gate.call(() => this.#inner.delete(resource, key, options))
  }

  resources(): Promise<readonly ResourceRef[]> {
    return this.#gate.call(() => this.#inner.resources())
  }

  as(userName: string, groups?: readonly string[]): Client {
    return this.#gate.client(this.#inner.as(userName, groups))
  }

  causedBy(cause: Cause): Client {
    return this.#gate.client(this.#inner.causedBy(cause))
  }
}
