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
  const segments = splitPath(path)
  const apiPrefix = segments[0]
  if (segments.length < 3 || (apiPrefix !== 'api' && apiPrefix !== 'apis')) {
    return nonResourceInfo(method.toLowerCase(), path)
  }
  if (apiPrefix === 'apis' && segments.length < 4) return nonResourceInfo(method.toLowerCase(), path)
  const versionAt = apiPrefix === 'apis' ? 2 : 1
  const first = segments[versionAt + 1]!
  const special = SPECIAL_VERBS.has(first)
  if (special && segments.length < versionAt + 3) return undefined
  const { namespace, parts } = splitNamespace(segments, versionAt + (special ? 2 : 1))
  const asked = special ? first : (VERB_OF_METHOD[method] ?? '')
  const isCollection = parts.length < 2 || parts[1] === ''
  const verb = isCollection ? collectionVerb(asked, query) : asked
  const selects = !special && VERBS_WITH_SELECTORS.has(verb)
  return {
    isResourceRequest: true,
    path,
    verb,
    apiPrefix,
    apiGroup: apiPrefix === 'apis' ? segments[1]! : '',
    apiVersion: segments[versionAt]!,
    namespace,
    resource: parts[0] ?? '',
    subresource: asked === 'proxy' || asked === 'watch' ? '' : (parts[2] ?? ''),
    name: isCollection && asked === 'get' ? selectedName(query) : (parts[1] ?? ''),
    parts,
    fieldSelector: selects ? (query.get('fieldSelector') ?? '') : '',
    labelSelector: selects ? (query.get('labelSelector') ?? '') : '',
  }
}

/** A get without a name is a list or a watch, a delete a deletecollection. */
function collectionVerb(verb: string, query: QueryParameters): string {
  if (verb === 'delete') return 'deletecollection'
  if (verb !== 'get') return verb
  return boolParameter(query, 'watch') ? 'watch' : 'list'
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

/** The segments from `start` on, without the namespace where something in it is asked for. */
function splitNamespace(
  segments: readonly string[],
  start: number,
): { readonly namespace: string; readonly parts: readonly string[] } {
  const count = segments.length - start
  if (segments[start] !== 'namespaces' || count < 2) return { namespace: '', parts: segments.slice(start) }
  const namespace = segments[start + 1]!
  const isResourceInNamespace = count > 2 && !NAMESPACE_SUBRESOURCES.has(segments[start + 2]!)
  return { namespace, parts: segments.slice(isResourceInNamespace ? start + 2 : start) }
}

/** Segments of a path without its outer slashes. */
function splitPath(path: string): string[] {
  let start = 0
  let end = path.length
  while (start < end && path[start] === '/') start++
  while (end > start && path[end - 1] === '/') end--
  return start === end ? [] : path.slice(start, end).split('/')
}
