import type { SubresourceFact } from '../../openapi/data.ts'
import {
  badRequest,
  methodNotAllowed,
  methodNotSupported,
  resourceNotServed,
  type Status,
} from '../apimachinery/api-error.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { andThen, type MaybePromise } from '../apimachinery/maybe-promise.ts'
import { isPathSegmentName } from '../apimachinery/validation/names.ts'
import type { StoredObject } from '../registry/generic/stored-object.ts'
import type { ApiResource, VirtualHandlers } from './api-resource.ts'
import type { Call } from './call.ts'
import { admitConnect } from './handlers/connect.ts'
import { create } from './handlers/create.ts'
import { createVirtual } from './handlers/create-virtual.ts'
import { remove, removeCollection } from './handlers/delete.ts'
import { type Endpoint, endpointOf } from './handlers/endpoint.ts'
import { get } from './handlers/get.ts'
import { encodeEntries, encodeObjectList, type ListAnswer, list } from './handlers/list.ts'
import { patch, patchTypeOf } from './handlers/patch.ts'
import { SCALE_TABLE, scaleOf } from './handlers/scale.ts'
import type { HandlerServices } from './handlers/services.ts'
import { update } from './handlers/update.ts'
import { type WatchHost, watch } from './handlers/watch.ts'
import { negotiateOutput, type OutputFormat } from './negotiation/accept.ts'
import { encodeDocument, encodeObject, encodeStored, type Representation, wantsPretty } from './representation.ts'
import type { ResourceCatalog } from './resource-catalog.ts'

/** What a handler answers. Undefined: it has taken the response over. */
export type Answer = { readonly status: number; readonly body: ListAnswer | Representation } | undefined

export interface DispatchOptions {
  readonly catalog: ResourceCatalog
  readonly services: HandlerServices
  readonly watches: WatchHost
}

/** Finds what a resource request is for and has it handled. Errors: 404, 405, 406 and those of the handlers. */
export function dispatch(call: Call, options: DispatchOptions): MaybePromise<Answer> {
  const { info } = call
  const resource = options.catalog.find(info.apiGroup, info.apiVersion, info.resource)
  // Proxies in front of a resource (`/api/v1/proxy/…`) are long gone, but rules still tell them apart.
  if (!resource || info.verb === 'proxy') throw resourceNotServed()
  const { namespaced } = resource.fact
  if (info.parts.length > 3 && !proxiesPath(resource, info.subresource)) throw resourceNotServed()
  if (!namespaced && info.namespace !== '' && info.resource !== 'namespaces') throw resourceNotServed()
  const isItem = info.parts.length > 1
  if (isItem && namespaced && info.namespace === '') throw resourceNotServed()
  const deprecation = resource.backing?.entry.deprecation
  if (deprecation) call.warn(deprecation)
  if (info.subresource !== '') return dispatchSubresource(call, resource, options)
  checkRoute(call, isItem ? itemMethods(resource) : collectionMethods(resource, call))
  const output = outputOf(call, { list: !isItem && call.request.method === 'GET' })
  return isItem ? dispatchItem(call, resource, options, output) : dispatchCollection(call, resource, options, output)
}

/**
 * Whether there is a route for the request's method and type of body: what upstream's router finds out before it looks at
 * what the client accepts. Errors: 405, 415.
 */
function checkRoute(call: Call, methods: readonly string[]): void {
  const { method } = call.request
  if (!methods.includes(method) || (call.info.verb === 'watch' && method !== 'GET')) throw methodNotAllowed()
  if (method === 'PATCH') patchTypeOf(call.contentType)
}

/** HEAD is for proxies and paths that are no resources. */
const METHOD_OF_ITEM_VERB: Readonly<Record<string, string>> = {
  get: 'GET',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
}

const METHOD_OF_COLLECTION_VERB: Readonly<Record<string, string>> = {
  list: 'GET',
  create: 'POST',
  deletecollection: 'DELETE',
}

function methodsOf(verbs: readonly string[], methodOf: Readonly<Record<string, string>>): readonly string[] {
  return verbs.flatMap((verb) => methodOf[verb] ?? [])
}

const itemMethodsOf = new WeakMap<ApiResource, readonly string[]>()

/** A resource without any has no such paths (reviews). Errors: 404. */
function itemMethods(resource: ApiResource): readonly string[] {
  let methods = itemMethodsOf.get(resource)
  if (!methods) {
    methods = methodsOf(resource.fact.verbs, METHOD_OF_ITEM_VERB)
    itemMethodsOf.set(resource, methods)
  }
  if (methods.length === 0) throw resourceNotServed()
  return methods
}

function collectionMethods({ fact }: ApiResource, { info }: Call): readonly string[] {
  const isAcrossNamespaces = fact.namespaced && info.namespace === ''
  return methodsOf(isAcrossNamespaces ? fact.verbs.filter((v) => v === 'list') : fact.verbs, METHOD_OF_COLLECTION_VERB)
}

function proxiesPath(resource: ApiResource, subresource: string): boolean {
  return resource.subresources.get(subresource)?.proxiesPath ?? false
}

function outputOf(call: Call, { list: isList = false } = {}): OutputFormat {
  const stream = call.info.verb === 'watch'
  const output = negotiateOutput(call.request.headers.accept, { list: isList, stream })
  return !output.pretty && wantsPretty(call) ? { ...output, pretty: true } : output
}

async function dispatchCollection(
  call: Call,
  resource: ApiResource,
  options: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  const { method } = call.request
  if (method === 'GET') return await read(call, resource, options, output)
  if (method === 'POST') {
    const virtual = resource.virtual.get('')
    if (virtual?.create) return await virtualCreate(call, resource, virtual, options, output)
    return stored(201, call, resource, await create(call, resource, options.services), output)
  }
  const page = await removeCollection(call, resource, options.services)
  return { status: 200, body: encodeEntries(call, resource, page, output) }
}

async function read(
  call: Call,
  resource: ApiResource,
  options: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  const virtual = resource.virtual.get('')
  if (virtual?.list) {
    if (call.info.verb === 'watch') throw methodNotSupported(resource.gvr, 'watch')
    const items = await virtual.list(call)
    return { status: 200, body: encodeObjectList(call, resource, { objects: items, metadata: {} }, output) }
  }
  if (call.info.verb !== 'watch') return { status: 200, body: await list(call, resource, output) }
  await watch(call, resource, output, options.watches, { watch: true })
  return undefined
}

function dispatchItem(
  call: Call,
  resource: ApiResource,
  options: DispatchOptions,
  output: OutputFormat,
): MaybePromise<Answer> {
  switch (call.request.method) {
    case 'GET': {
      if (call.info.verb === 'watch') return watchItem(call, resource, options, output)
      const virtual = resource.virtual.get('')
      if (virtual?.get) {
        return andThen(virtual.get(call, call.info.name), (object) => ({
          status: 200,
          body: encodeObject(call, resource, object, output, virtual.table),
        }))
      }
      return andThen(get(call, resource), (object) => stored(200, call, resource, object, output))
    }
    case 'PUT':
      return updated(call, endpointOf(resource, '')!, options, output)
    case 'PATCH':
      return patched(call, endpointOf(resource, '')!, options, output)
    default:
      return removed(call, resource, options, output)
  }
}

async function removed(
  call: Call,
  resource: ApiResource,
  { services }: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  const { result, deleted, options: asked } = await remove(call, resource, services)
  // Clients that ask for dependents to go first, in the old way, are told that the object is still there.
  const status = !deleted && asked.orphanDependents === false ? 202 : 200
  return { status, body: encodeResult(call, resource, result, output) }
}

/** `/watch/…/name`: the old way to watch one object. */
async function watchItem(
  call: Call,
  resource: ApiResource,
  options: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  await watch(call, resource, output, options.watches, { watch: true })
  return undefined
}

async function dispatchSubresource(call: Call, resource: ApiResource, options: DispatchOptions): Promise<Answer> {
  const { subresource, name, parts } = call.info
  const fact = resource.subresources.get(subresource)
  if (!fact) throw resourceNotServed()
  const virtual = resource.virtual.get(subresource)
  if (virtual?.connect) {
    checkName(name)
    if (!connects(fact, call.request.method)) throw methodNotAllowed()
    if (call.query.all('dryRun').length > 0) throw badRequest('dryRun is not supported')
    const subpath = subpathOf(parts, call.info.path)
    await admitConnect(call, resource, subpath, options.services)
    await virtual.connect(call, name, subpath)
    return undefined
  }
  const { method } = call.request
  const endpoint = endpointOf(resource, subresource)
  const methods = methodsOf(fact.verbs, METHOD_OF_ITEM_VERB).filter((m) => m === 'GET' || endpoint)
  checkRoute(call, virtual?.create ? [...methods, 'POST'] : methods)
  const output = outputOf(call)
  if (method === 'POST') return await virtualCreate(call, resource, virtual!, options, output)
  if (method === 'PUT') return await updated(call, endpoint!, options, output)
  if (method === 'PATCH') return await patched(call, endpoint!, options, output)
  return endpointAnswer(200, call, resource, subresource, await get(call, resource), output)
}

const VERB_OF_METHOD: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

function connects({ verbs, proxiesPath = false }: SubresourceFact, method: string): boolean {
  return verbs.includes(VERB_OF_METHOD[method] ?? '') || (proxiesPath && (method === 'HEAD' || method === 'OPTIONS'))
}

/** What stands behind a subresource, with the slash before it: '' where nothing does, not even a slash. */
function subpathOf(parts: readonly string[], path: string): string {
  const segments = parts.slice(3)
  const subpath = segments.length === 0 ? '' : `/${segments.join('/')}`
  return path.endsWith('/') && !subpath.endsWith('/') ? `${subpath}/` : subpath
}

function checkName(name: string): void {
  const errors = isPathSegmentName(name)
  if (errors.length > 0) throw badRequest(`Name parameter invalid: "${name}": ${errors.join(';')}`)
}

async function updated(
  call: Call,
  endpoint: Endpoint,
  { services }: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  const outcome = await update(call, endpoint, services)
  const status = outcome.created ? 201 : 200
  return endpointAnswer(status, call, endpoint.resource, endpoint.subresource, outcome.stored, output)
}

async function patched(
  call: Call,
  endpoint: Endpoint,
  { services }: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  const outcome = await patch(call, endpoint, services)
  const status = outcome.created ? 201 : 200
  return endpointAnswer(status, call, endpoint.resource, endpoint.subresource, outcome.stored, output)
}

function endpointAnswer(
  status: number,
  call: Call,
  resource: ApiResource,
  subresource: string,
  object: StoredObject,
  output: OutputFormat,
): Answer {
  if (subresource !== 'scale') return stored(status, call, resource, object, output)
  const scale = scaleOf(resource.backing!.entry.scale!, object.object)
  return { status, body: encodeObject(call, resource, scale, output, SCALE_TABLE) }
}

async function virtualCreate(
  call: Call,
  resource: ApiResource,
  handlers: VirtualHandlers,
  { services }: DispatchOptions,
  output: OutputFormat,
): Promise<Answer> {
  const { object, status } = await createVirtual(call, resource, handlers, services)
  return {
    status,
    body: encodeObject(call, resource, object, object.kind === 'Status' ? { ...output, convert: undefined } : output),
  }
}

function stored(status: number, call: Call, resource: ApiResource, object: StoredObject, output: OutputFormat): Answer {
  return { status, body: encodeStored(call, resource, object, output) }
}

function encodeResult(
  call: Call,
  resource: ApiResource,
  result: StoredObject | Status,
  output: OutputFormat,
): Representation {
  if (isStatus(result)) return encodeDocument(result as unknown as KubeObject, output)
  return encodeStored(call, resource, result, output)
}

const isStatus = (result: StoredObject | Status): result is Status => 'kind' in result && result.kind === 'Status'
