import type { ResourceCatalog } from '../api/resource-catalog.ts'
import { isNotFound } from '../apimachinery/api-error.ts'
import { parseApiVersion } from '../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../apimachinery/kube-object.ts'
import type {
  Client,
  DeleteOptions,
  ListQuery,
  ObjectKey,
  PatchType,
  ResourceRef,
  WatchEvent,
  WriteOptions,
} from '../controllers/runtime/client.ts'
import { InProcessClient, type InProcessClientOptions } from './in-process-client.ts'
import type { ClusterClient, Draft, InNamespace, ObjectOf, ResourceClient } from './library-api.ts'

/** A client in this process that knows kinds by name. */
export class InProcessClusterClient extends InProcessClient implements ClusterClient {
  readonly #options: InProcessClientOptions

  constructor(options: InProcessClientOptions) {
    super(options)
    this.#options = options
  }

  resource<V extends string, K extends string>(apiVersion: V, kind: K): ResourceClient<ObjectOf<V, K>> {
    const ref = resourceOfKind(this.#options.catalog, apiVersion, kind)
    return new KindClient(this, ref as ResourceRef<ObjectOf<V, K>>)
  }

  override as(userName: string, groups: readonly string[] = []): ClusterClient {
    const user = { name: userName, uid: '', groups, extra: {} }
    return new InProcessClusterClient({ ...this.#options, user })
  }
}

/** Throws where no resource of this kind is served. */
export function resourceOfKind(catalog: ResourceCatalog, apiVersion: string, kind: string): ResourceRef {
  const ref = findResource(catalog, apiVersion, kind)
  if (!ref) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`)
  return ref
}

/** Undefined where no resource of this kind is served. */
export function findResource(catalog: ResourceCatalog, apiVersion: string, kind: string): ResourceRef | undefined {
  const { group = '', version = '' } = parseApiVersion(apiVersion) ?? {}
  const served = catalog.resourcesOf(group, version)?.find(({ fact }) => fact.kind === kind)
  return served && { group, version, resource: served.fact.resource, kind, namespaced: served.fact.namespaced }
}

/** Where an object of this resource lives. */
export function keyFor({ namespaced }: ResourceRef, name: string, namespace: string | undefined): ObjectKey {
  return { namespace: namespaced ? (namespace ?? 'default') : '', name }
}

class KindClient<T extends KubeObject> implements ResourceClient<T> {
  readonly ref: ResourceRef<T>
  readonly #client: Client

  constructor(client: Client, ref: ResourceRef<T>) {
    this.#client = client
    this.ref = ref
  }

  get(name: string, { namespace }: InNamespace = {}): Promise<T> {
    return this.#client.get(this.ref, keyFor(this.ref, name, namespace))
  }

  async find(name: string, options: InNamespace = {}): Promise<T | undefined> {
    try {
      return await this.get(name, options)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async list(query: ListQuery = {}): Promise<readonly T[]> {
    return (await this.#client.list(this.ref, query)).items
  }

  async create(object: Draft<T>, options: WriteOptions = {}): Promise<T> {
    return await this.#client.create(this.ref, this.#whole(object), options)
  }

  async update(object: Draft<T>, options: WriteOptions = {}): Promise<T> {
    return await this.#client.update(this.ref, this.#whole(object), options)
  }

  async updateStatus(object: Draft<T>, options: WriteOptions = {}): Promise<T> {
    return await this.#client.updateSubresource(this.ref, 'status', this.#whole(object), options)
  }

  async patch(
    name: string,
    patch: JsonObject | readonly JsonObject[],
    options: InNamespace & WriteOptions & { readonly type?: PatchType; readonly subresource?: string } = {},
  ): Promise<T> {
    const { namespace, type = 'merge', ...rest } = options
    return await this.#client.patch(this.ref, keyFor(this.ref, name, namespace), type, patch, rest)
  }

  async apply(object: Draft<T>, options: WriteOptions & { readonly force?: boolean } = {}): Promise<T> {
    const whole = this.#whole(object)
    const { name = '', namespace } = whole.metadata
    const key = keyFor(this.ref, name, namespace)
    return await this.#client.patch(this.ref, key, 'apply', whole, { ...APPLY_DEFAULTS, ...options })
  }

  async delete(name: string, options: InNamespace & DeleteOptions = {}): Promise<void> {
    const { namespace, ...rest } = options
    await this.#client.delete(this.ref, keyFor(this.ref, name, namespace), rest)
  }

  watch(
    query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    event: (event: Exclude<WatchEvent<T>, { type: 'BOOKMARK' }>) => void,
  ): () => void {
    return followObjects(this.#client, this.ref, query, event)
  }

  #whole(object: Draft<T>): T {
    const { group, version, kind, namespaced } = this.ref
    const { metadata } = object
    return {
      ...object,
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
      metadata: namespaced && !metadata.namespace ? { ...metadata, namespace: 'default' } : metadata,
    } as unknown as T
  }
}

/** Whose fields an apply owns, unless it says otherwise. */
export const APPLY_DEFAULTS = { fieldManager: 'kubemu', force: true } as const

/**
 * Calls back for each object that there is, as ADDED, and for each change after it; begins anew, with what is different
 * by then, where the history is gone. `listed` is called when all that there is has been told.
 */
export function followObjects<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  query: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>,
  event: (event: Exclude<WatchEvent<T>, { type: 'BOOKMARK' }>) => void,
  listed: () => void = () => {},
): () => void {
  const known = new Map<string, T>()
  let stopWatch: (() => void) | undefined
  let isStopped = false
  const tell = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void => {
    if (type === 'DELETED') known.delete(nameOf(object))
    else known.set(nameOf(object), object)
    event({ type, object })
  }
  const begin = async (): Promise<void> => {
    const { items, resourceVersion } = await client.list(ref, query)
    if (isStopped) return
    const present = new Set(items.map(nameOf))
    for (const [name, object] of known) if (!present.has(name)) tell('DELETED', object)
    for (const object of items) {
      const before = known.get(nameOf(object))
      if (before?.metadata.resourceVersion === object.metadata.resourceVersion) continue
      tell(before ? 'MODIFIED' : 'ADDED', object)
    }
    listed()
    if (isStopped) return
    stopWatch = client.watch<T>(
      ref,
      { ...query, resourceVersion },
      {
        event: (e) => {
          if (e.type !== 'BOOKMARK' && !isStopped) tell(e.type, e.object)
        },
        end: () => {
          if (!isStopped) start()
        },
      },
    )
  }
  // A list in this process fails only when the cluster has stopped.
  const start = (): void => void begin().catch(() => {})
  start()
  return () => {
    isStopped = true
    stopWatch?.()
  }
}

const nameOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
