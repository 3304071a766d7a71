import type { Cause } from '../../apimachinery/cause.ts'
import type { JsonObject, KubeObject } from '../../apimachinery/kube-object.ts'
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
} from './client.ts'

/** A request as those see it who stand between a controller and the API. */
export interface ClientCall {
  readonly verb: 'get' | 'list' | 'create' | 'update' | 'patch' | 'delete'
  readonly resource: ResourceRef
  /** Of the object; its name is '' for lists, and for objects that are yet to be named. */
  readonly key: ObjectKey
  /** '' for the object itself. */
  readonly subresource: string
  readonly options: DeleteOptions | undefined
}

/** What is done around the requests of a client. */
export interface ClientLayer {
  /** Makes the request by `send`, or not. */
  request<T>(call: ClientCall, send: () => Promise<T>): Promise<T>
  /** Begins a watch by `begin`, which may be given another receiver; undefined: watches are left alone. */
  watch?<T extends KubeObject>(
    begin: (receiver: WatchReceiver<T>) => () => void,
    receiver: WatchReceiver<T>,
  ): () => void
}

/** A client, and those made of it, with a layer around each request. Discovery goes past it. */
export function wrapClient(inner: Client, layer: ClientLayer): Client {
  return new WrappedClient(inner, layer)
}

class WrappedClient implements Client {
  readonly #inner: Client
  readonly #layer: ClientLayer

  constructor(inner: Client, layer: ClientLayer) {
    this.#inner = inner
    this.#layer = layer
  }

  get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): Promise<T> {
    return this.#request('get', resource, key, '', undefined, () => this.#inner.get(resource, key))
  }

  getSubresource(resource: ResourceRef, key: ObjectKey, subresource: string): Promise<KubeObject> {
    const send = () => this.#inner.getSubresource(resource, key, subresource)
    return this.#request('get', resource, key, subresource, undefined, send)
  }

  list<T extends KubeObject>(resource: ResourceRef<T>, query?: ListQuery): Promise<ObjectList<T>> {
    const key = { namespace: query?.namespace ?? '', name: '' }
    return this.#request('list', resource, key, '', undefined, () => this.#inner.list(resource, query))
  }

  watch<T extends KubeObject>(resource: ResourceRef<T>, query: WatchQuery, receiver: WatchReceiver<T>): () => void {
    const begin = (own: WatchReceiver<T>) => this.#inner.watch(resource, query, own)
    return this.#layer.watch ? this.#layer.watch(begin, receiver) : begin(receiver)
  }

  create<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T> {
    const send = () => this.#inner.create(resource, object, options)
    return this.#request('create', resource, keyIn(object), '', options, send)
  }

  update<T extends KubeObject>(resource: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T> {
    const send = () => this.#inner.update(resource, object, options)
    return this.#request('update', resource, keyIn(object), '', options, send)
  }

  updateSubresource<T extends KubeObject>(
    resource: ResourceRef<T>,
    subresource: string,
    object: T,
    options?: WriteOptions,
  ): Promise<T> {
    const send = () => this.#inner.updateSubresource(resource, subresource, object, options)
    return this.#request('update', resource, keyIn(object), subresource, options, send)
  }

  patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    type: PatchType,
    patch: JsonObject | readonly JsonObject[],
    options?: WriteOptions & { readonly subresource?: string; readonly force?: boolean },
  ): Promise<T> {
    const send = () => this.#inner.patch(resource, key, type, patch, options)
    return this.#request('patch', resource, key, options?.subresource ?? '', options, send)
  }

  createSubresource(
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options?: WriteOptions,
  ): Promise<KubeObject> {
    const send = () => this.#inner.createSubresource(resource, key, subresource, body, options)
    return this.#request('create', resource, key, subresource, options, send)
  }

  delete(resource: ResourceRef, key: ObjectKey, options?: DeleteOptions): Promise<KubeObject> {
    return this.#request('delete', resource, key, '', options, () => this.#inner.delete(resource, key, options))
  }

  resources(): Promise<readonly ResourceRef[]> {
    return this.#inner.resources()
  }

  as(userName: string, groups?: readonly string[]): Client {
    return new WrappedClient(this.#inner.as(userName, groups), this.#layer)
  }

  causedBy(cause: Cause): Client {
    return new WrappedClient(this.#inner.causedBy(cause), this.#layer)
  }

  #request<T>(
    verb: ClientCall['verb'],
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    options: DeleteOptions | undefined,
    send: () => Promise<T>,
  ): Promise<T> {
    return this.#layer.request({ verb, resource, key, subresource, options }, send)
  }
}

function keyIn({ metadata: { namespace = '', name = '' } }: KubeObject): ObjectKey {
  return { namespace, name }
}
