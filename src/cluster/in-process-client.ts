import type { ApiResource } from '../api/api-resource.ts'
import type { Call } from '../api/call.ts'
import { defaultedHub } from '../api/handlers/body.ts'
import { createDecoded } from '../api/handlers/create.ts'
import { createVirtual } from '../api/handlers/create-virtual.ts'
import { remove } from '../api/handlers/delete.ts'
import { type Endpoint, endpointOf } from '../api/handlers/endpoint.ts'
import { patch as patchObject } from '../api/handlers/patch.ts'
import type { HandlerServices } from '../api/handlers/services.ts'
import { updateDecoded } from '../api/handlers/update.ts'
import { servedObject } from '../api/representation.ts'
import type { ResourceCatalog } from '../api/resource-catalog.ts'
import { fieldLabelConverter, filterOf } from '../api/selection.ts'
import type { TraceRecorder } from '../api/trace/trace-recorder.ts'
import type { WriteOptions as ParsedWriteOptions } from '../api/write-options.ts'
import { asApiError, methodNotAllowed, resourceNotServed } from '../apimachinery/api-error.ts'
import type { Cause } from '../apimachinery/cause.ts'
import { cloneJson } from '../apimachinery/clone.ts'
import { parseFieldSelector } from '../apimachinery/field-selector.ts'
import { apiVersionOf } from '../apimachinery/group-version.ts'
import type { JsonObject, KubeObject } from '../apimachinery/kube-object.ts'
import { parseLabelSelector } from '../apimachinery/label-selector.ts'
import { normalize } from '../apimachinery/schema/normalize.ts'
import type { UserInfo } from '../apimachinery/user-info.ts'
import { alwaysAllowAuthorizer } from '../auth/authz/always.ts'
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
import { collectionPrefix } from '../registry/generic/resource-identity.ts'
import type { StoredObject } from '../registry/generic/stored-object.ts'
import { inProcessCall } from './in-process-call.ts'
import { InProcessWatch } from './in-process-watch.ts'

export interface InProcessClientOptions {
  readonly catalog: ResourceCatalog
  readonly services: HandlerServices
  readonly recorder: TraceRecorder
  readonly user: UserInfo
  /** As HTTP clients send it: the part before the slash owns the fields that are written. */
  readonly userAgent: string
  /** What causes the writes; undefined where nothing in the cluster does. */
  readonly cause?: Cause
}

const PATCH_CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/**
 * The API without a connection: straight to the handlers, with admission, field managers and the caller's identity as
 * a request has them. Authorization and flow control are left out: what runs in the server's process is trusted.
 */
export class InProcessClient implements Client {
  readonly #options: InProcessClientOptions
  readonly #services: HandlerServices

  constructor(options: InProcessClientOptions) {
    this.#options = options
    this.#services = { admission: options.services.admission, authorizer: alwaysAllowAuthorizer }
  }

  async get<T extends KubeObject>(resource: ResourceRef<T>, key: ObjectKey): Promise<T> {
    const api = this.#resource(resource)
    const call = this.#call('get', resource, key)
    return served(api, await api.backing!.store.get(call.context(), key.name)) as T
  }

  async getSubresource(resource: ResourceRef, key: ObjectKey, subresource: string): Promise<KubeObject> {
    const api = this.#resource(resource)
    const endpoint = endpointFor(api, subresource)
    const call = this.#call('get', resource, key, {}, { subresource })
    const { object } = await api.backing!.store.get(call.context(), key.name)
    return endpoint.served(endpoint.open(object))
  }

  async list<T extends KubeObject>(resource: ResourceRef<T>, query: ListQuery = {}): Promise<ObjectList<T>> {
    const api = this.#resource(resource)
    const measured = api.backing ? undefined : api.virtual.get('')?.list
    if (measured) {
      const key = { namespace: query.namespace ?? '', name: '' }
      const { labelSelector } = query
      const call = this.#call('list', resource, key, labelSelector ? { labelSelector } : {})
      return { items: (await measured(call)) as readonly T[], resourceVersion: '' }
    }
    const { cache, identity } = api.backing!
    const filter = selection(api, query)
    const revision = Number(query.resourceVersion ?? '')
    const token = query.continueToken
      ? (JSON.parse(query.continueToken) as [revision: number, start: string])
      : undefined
    const result = await cache.list({
      prefix: collectionPrefix(identity, query.namespace ?? ''),
      ...(filter ? { filter } : {}),
      ...(query.limit ? { limit: query.limit } : {}),
      ...(token ? { start: token[1], at: { exactly: token[0] } } : {}),
      ...(!token && query.resourceVersion === '0' ? { at: 'any' as const } : {}),
      ...(!token && revision > 0 ? { at: { notOlderThan: revision } } : {}),
    })
    return {
      items: result.entries.map((entry) => servedObject(api, entry.object) as T),
      resourceVersion: String(result.revision),
      ...(result.next === undefined ? {} : { continueToken: JSON.stringify([result.revision, result.next]) }),
    }
  }

  watch<T extends KubeObject>(resource: ResourceRef<T>, query: WatchQuery, receiver: WatchReceiver<T>): () => void {
    const api = this.#resource(resource)
    const { cache, identity } = api.backing!
    const filter = selection(api, query)
    const watch = new InProcessWatch(receiver as unknown as WatchReceiver, (object) => servedObject(api, object))
    watch.begin((consumer) =>
      cache.watch(
        {
          key: collectionPrefix(identity, query.namespace ?? ''),
          from: { revision: Number(query.resourceVersion) },
          bookmarks: true,
          readsObjects: true,
          ...(filter ? { filter } : {}),
        },
        consumer,
      ),
    )
    return watch.stop
  }

  async create<T extends KubeObject>(resource: ResourceRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const api = this.#resource(resource)
    const key = { namespace: object.metadata.namespace ?? '', name: '' }
    const virtual = api.virtual.get('')
    if (!api.backing && virtual?.create) {
      const call = this.#call('create', resource, key, options, { body: object })
      return (await traced(call, () => createVirtual(call, api, virtual, this.#services))).object as T
    }
    const call = this.#call('create', resource, key, options)
    const own = defaultedHub(api, ownObject(api, object))
    const stored = await traced(call, () => createDecoded(call, api, this.#services, parsed(options), own))
    return served(api, stored) as T
  }

  async update<T extends KubeObject>(resource: ResourceRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return await this.updateSubresource(resource, '', object, options)
  }

  async updateSubresource<T extends KubeObject>(
    resource: ResourceRef<T>,
    subresource: string,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const api = this.#resource(resource)
    const endpoint = endpointFor(api, subresource)
    const { namespace = '', name = '' } = object.metadata
    const call = this.#call('update', resource, { namespace, name }, options, { subresource })
    const own = (): KubeObject => endpoint.defaulted(ownObject(endpoint, object))
    const { stored } = await traced(call, () => updateDecoded(call, endpoint, this.#services, parsed(options), own))
    return served(api, stored) as T
  }

  async patch<T extends KubeObject>(
    resource: ResourceRef<T>,
    key: ObjectKey,
    type: PatchType,
    patch: JsonObject | readonly JsonObject[],
    options: WriteOptions & { readonly subresource?: string; readonly force?: boolean } = {},
  ): Promise<T> {
    const api = this.#resource(resource)
    const { subresource = '' } = options
    const endpoint = endpointFor(api, subresource)
    const contentType = PATCH_CONTENT_TYPES[type]
    const call = this.#call('patch', resource, key, options, { subresource, contentType, body: patch })
    return served(api, (await traced(call, () => patchObject(call, endpoint, this.#services))).stored) as T
  }

  async createSubresource(
    resource: ResourceRef,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<KubeObject> {
    const api = this.#resource(resource)
    const virtual = api.virtual.get(subresource)
    if (!virtual?.create) throw methodNotAllowed()
    const call = this.#call('create', resource, key, options, { subresource, body })
    const { object } = await traced(call, () => createVirtual(call, api, virtual, this.#services))
    return object
  }

  async delete(resource: ResourceRef, key: ObjectKey, options: DeleteOptions = {}): Promise<KubeObject> {
    const api = this.#resource(resource)
    const { gracePeriodSeconds, propagationPolicy, preconditions } = options
    const hasOptions =
      gracePeriodSeconds !== undefined || propagationPolicy !== undefined || preconditions !== undefined
    const body = {
      gracePeriodSeconds,
      propagationPolicy,
      preconditions,
      ...(options.dryRun ? { dryRun: ['All'] } : {}),
    }
    const call = this.#call('delete', resource, key, options, hasOptions ? { body } : {})
    const { result } = await traced(call, () => remove(call, api, this.#services))
    return 'bytes' in result ? served(api, result) : (result as unknown as KubeObject)
  }

  async resources(): Promise<readonly ResourceRef[]> {
    return preferredResources(this.#options.catalog)
  }

  as(userName: string, groups: readonly string[] = []): Client {
    return new InProcessClient({ ...this.#options, user: { name: userName, uid: '', groups, extra: {} } })
  }

  causedBy(cause: Cause): Client {
    return new InProcessClient({ ...this.#options, cause })
  }

  /** Errors: 404. */
  #resource({ group, version, resource }: ResourceRef): ApiResource {
    const found = this.#options.catalog.find(group, version, resource)
    if (!found) throw resourceNotServed()
    return found
  }

  #call(
    verb: string,
    { group, version, resource }: ResourceRef,
    { namespace, name }: ObjectKey,
    options: CallOptions = {},
    request: { readonly subresource?: string; readonly contentType?: string; readonly body?: unknown } = {},
  ): Call {
    const { user, userAgent, cause } = this.#options
    const { subresource = '', contentType, body } = request
    const call = {
      user,
      userAgent,
      verb,
      group,
      version,
      resource,
      subresource,
      namespace,
      name,
      ...(contentType === undefined ? {} : { contentType }),
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
      query: queryOf(options),
      cause,
    }
    return inProcessCall(call, this.#options.recorder)
  }
}

type CallOptions = WriteOptions & { readonly force?: boolean; readonly labelSelector?: string }

/** Runs the work of a call and tells its trace how it ended. */
async function traced<T>({ trace, info }: Call, work: () => Promise<T>): Promise<T> {
  if (!trace) return await work()
  try {
    const result = await work()
    trace.end(info.verb === 'create' ? 201 : 200)
    return result
  } catch (error) {
    const { code = 500, reason = '', message } = asApiError(error) ?? { message: String(error) }
    trace.failed(reason, message)
    trace.end(code)
    throw error
  }
}

const DELETABLE_VERBS = ['list', 'watch', 'delete']

function preferredResources(catalog: ResourceCatalog): ResourceRef[] {
  const found: ResourceRef[] = []
  for (const { name: group, versions } of catalog.groups) {
    const names = new Set<string>()
    for (const version of versions) {
      for (const { fact } of catalog.resourcesOf(group, version) ?? []) {
        const { resource, kind, namespaced, verbs } = fact
        if (names.has(resource)) continue
        names.add(resource)
        if (DELETABLE_VERBS.every((v) => verbs.includes(v))) found.push({ group, version, resource, kind, namespaced })
      }
    }
  }
  return found
}

function queryOf({ dryRun, fieldManager, force, labelSelector }: CallOptions): string {
  if (!dryRun && !fieldManager && !force && !labelSelector) return ''
  const parameters = new URLSearchParams()
  if (dryRun) parameters.set('dryRun', 'All')
  if (fieldManager) parameters.set('fieldManager', fieldManager)
  if (force) parameters.set('force', 'true')
  if (labelSelector) parameters.set('labelSelector', labelSelector)
  return parameters.toString()
}

function parsed({ dryRun = false, fieldManager = '' }: WriteOptions): ParsedWriteOptions {
  return { dryRun, fieldManager, fieldValidation: 'Ignore', force: false }
}

/** Errors: 405. */
function endpointFor(api: ApiResource, subresource: string): Endpoint {
  const endpoint = endpointOf(api, subresource)
  if (!endpoint) throw methodNotAllowed()
  return endpoint
}

/** A copy in normal form of what the caller hands in: what decoding its JSON would give. */
function ownObject({ gvk, node }: Pick<Endpoint, 'gvk' | 'node'>, object: KubeObject): KubeObject {
  const own = cloneJson(object)
  own.kind = gvk.kind
  own.apiVersion = apiVersionOf(gvk)
  normalize(own, node)
  return own
}

function served(api: ApiResource, stored: StoredObject): KubeObject {
  return servedObject(api, stored.object)
}

function selection(api: ApiResource, query: Pick<ListQuery, 'labelSelector' | 'fieldSelector'>) {
  const { labelSelector, fieldSelector } = query
  return filterOf({
    labelSelector: labelSelector ? parseLabelSelector(labelSelector) : undefined,
    fieldSelector: fieldSelector ? parseFieldSelector(fieldSelector).transform(fieldLabelConverter(api)) : undefined,
  })
}
