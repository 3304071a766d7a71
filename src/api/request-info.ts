import { FieldSelectorError, parseFieldSelector } from '../apimachinery/field-selector.ts'
import { isPathSegmentName } from '../apimachinery/validation/names.ts'
import { boolParameter, type QueryParameters } from './query-parameters.ts'

/**
 * What a request is about, read off its method, path and query: what authentication, authorization, audit and routing
 * speak of.
 *
 * @see apiserver pkg/endpoints/request/requestinfo.go
 */
export interface RequestInfo {
  readonly isResourceRequest: boolean
  /** Decoded path. */
  readonly path: string
  /** Lower-case method of a request that is not for a resource; else create, get, list, watch, update, … */
  readonly verb: string
  /** 'api' or 'apis' of a resource request. */
  readonly apiPrefix: string
  readonly apiGroup: string
  readonly apiVersion: string
  readonly namespace: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  /** Segments from the resource on: resource, name, subresource and what follows. */
  readonly parts: readonly string[]
  readonly fieldSelector: string
  readonly labelSelector: string
}

/** Segments that stand in front of the resource and are verbs (deprecated paths, and proxies). */
const SPECIAL_VERBS: ReadonlySet<string> = new Set(['proxy', 'watch'])
/** Subresources of namespaces; anything else behind a namespace's name is a resource in it. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize'])
const VERBS_WITH_SELECTORS: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection'])
const VERB_OF_METHOD: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** A request for a path that is no resource's. */
export function nonResourceInfo(verb: string, path: string): RequestInfo {
  return {
    isResourceRequest: false,
    path,
    verb,
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
    fieldSelector: '',
    labelSelector: '',
  }
}

/** Reads a request. Undefined where a special verb stands with nothing behind it. */
export function requestInfo(method: string, path: string, query: QueryParameters): RequestInfo | undefined {
  const nonResource = nonResourceInfo(method.toLowerCase(), path)
  const segments = splitPath(path)
  const apiPrefix = segments[0]
  if (segments.length < 3 || (apiPrefix !== 'api' && apiPrefix !== 'apis')) return nonResource
  if (apiPrefix === 'apis' && segments.length < 4) return nonResource
  const apiGroup = apiPrefix === 'apis' ? segments[1]! : ''
  const rest = segments.slice(apiPrefix === 'apis' ? 2 : 1)
  return resourceInfo(
    { ...nonResource, isResourceRequest: true, apiPrefix, apiGroup, apiVersion: rest[0]! },
    method,
    rest.slice(1),
    query,
  )
}

function resourceInfo(
  base: RequestInfo,
  method: string,
  segments: readonly string[],
  query: QueryParameters,
): RequestInfo | undefined {
  const special = SPECIAL_VERBS.has(segments[0]!)
  if (special && segments.length < 2) return undefined
  const verb = special ? segments[0]! : (VERB_OF_METHOD[method] ?? '')
  const { namespace, parts } = splitNamespace(special ? segments.slice(1) : segments)
  const name = parts[1] ?? ''
  const subresource = verb === 'proxy' || verb === 'watch' ? '' : (parts[2] ?? '')
  const info = { ...base, verb, namespace, parts, resource: parts[0] ?? '', name, subresource }
  const final = name === '' ? collectionInfo(info, query) : info
  if (special || !VERBS_WITH_SELECTORS.has(final.verb)) return final
  return { ...final, fieldSelector: query.get('fieldSelector') ?? '', labelSelector: query.get('labelSelector') ?? '' }
}

/** A get without a name is a list or a watch, a delete a deletecollection. */
function collectionInfo(info: RequestInfo, query: QueryParameters): RequestInfo {
  if (info.verb === 'delete') return { ...info, verb: 'deletecollection' }
  if (info.verb !== 'get') return info
  const verb = boolParameter(query, 'watch') ? 'watch' : 'list'
  return { ...info, verb, name: selectedName(query) }
}

/** The one name that the field selector asks for, '' where it asks for none. */
function selectedName(query: QueryParameters): string {
  const text = query.get('fieldSelector')
  if (!text?.includes('metadata.name')) return ''
  try {
    const name = parseFieldSelector(text).requiresExactMatch('metadata.name')
    return name !== undefined && isPathSegmentName(name).length === 0 ? name : ''
  } catch (error) {
    if (error instanceof FieldSelectorError) return ''
    throw error
  }
}

function splitNamespace(segments: readonly string[]): {
  readonly namespace: string
  readonly parts: readonly string[]
} {
  if (segments[0] !== 'namespaces' || segments.length < 2) return { namespace: '', parts: segments }
  const namespace = segments[1]!
  const isResourceInNamespace = segments.length > 2 && !NAMESPACE_SUBRESOURCES.has(segments[2]!)
  return { namespace, parts: isResourceInNamespace ? segments.slice(2) : segments }
}

/** Segments of a path without its outer slashes. */
function splitPath(path: string): string[] {
  let start = 0
  let end = path.length
  while (start < end && path[start] === '/') start++
  while (end > start && path[end - 1] === '/') end--
  return start === end ? [] : path.slice(start, end).split('/')
}
