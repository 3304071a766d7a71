import { Readable } from 'node:stream'
import { badRequest, notAcceptable, resourceExpired, timeoutError } from '../../apimachinery/api-error.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { apiVersionOf } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ObjectEntry, ResourceBacking, SelectableAttributes } from '../../registry/generic/registry.ts'
import { collectionPrefix } from '../../registry/generic/resource-identity.ts'
import { isStorageError } from '../../storage/storage-error.ts'
import { TooLargeRevisionError } from '../../storage/watch-cache/freshness.ts'
import type { ListOptions as CacheListOptions, ListResult } from '../../storage/watch-cache/watch-cache.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { type ContinueToken, decodeContinue, encodeContinue } from '../continue-token.ts'
import { type ListOptions, parseListOptions } from '../list-options.ts'
import { CONTENT_TYPES, type Conversion, type OutputFormat } from '../negotiation/accept.ts'
import { encodeDocument, internalGoType, type Representation, servedObject } from '../representation.ts'
import { fieldLabelConverter, filterOf } from '../selection.ts'
import {
  columnDefinitions,
  includeObjectOf,
  partialObjectMetadata,
  rowWithoutObject,
  tableOf,
  tableRow,
} from '../table.ts'

/** Items that are joined into one chunk of a streamed list. */
const CHUNK_ITEMS = 64
/** Lists up to this size are sent in one piece. */
const MAX_WHOLE_ITEMS = 256

/** What a list answers: whole, or as a stream where it is long. */
export type ListAnswer = Representation | { readonly contentType: string; readonly stream: Readable }

/** LIST of a stored resource. Errors: 400, 406, 410, 422, 504. */
export async function list(call: Call, resource: ApiResource, output: OutputFormat): Promise<ListAnswer> {
  const backing = resource.backing!
  const options = parseListOptions(call.query, fieldLabelConverter(resource))
  return encodeEntries(call, resource, await selectPage(call, backing, options), output)
}

/** Encodes entries that were chosen already (the answer to a deletecollection). */
export function encodeEntries(call: Call, resource: ApiResource, page: Page, output: OutputFormat): ListAnswer {
  if (output.convert) return encodeConverted(call, resource, page, output, output.convert)
  return isServedAsStored(resource, output) ? joinBytes(call, resource, page) : encodeList(resource, page, output)
}

/** Metadata goes out as the bytes that are stored; objects are read only as far as cells are made of them. */
function encodeConverted(
  call: Call,
  resource: ApiResource,
  page: Page,
  output: OutputFormat,
  { kind, version }: Conversion,
): ListAnswer {
  const { codec, entry: resourceEntry } = resource.backing!
  const table = tableOf(resourceEntry)
  const isEmpty = page.entries.length === 0
  if (!isServedAsStored(resource, output) || kind === 'PartialObjectMetadata' || table.compareRows || isEmpty) {
    return encodeObjectList(call, resource, objectsOf(page), output)
  }
  const head = `{"kind":${JSON.stringify(kind)},"apiVersion":"meta.k8s.io/${version}","metadata":${JSON.stringify(page.metadata)},`
  const partial = `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":`
  if (kind === 'PartialObjectMetadataList') {
    const items = (entry: ObjectEntry): Buffer[] => [Buffer.from(partial), codec.metadata(entry.bytes), CLOSE_OBJECT]
    return joinParts(call, page, `${head}"items":[`, items)
  }
  const includeObject = includeObjectOf(call.query)
  const now = resource.now()
  const columns = JSON.stringify(columnDefinitions(table))
  return joinParts(call, page, `${head}"columnDefinitions":${columns},"rows":[`, (entry) => {
    const object = entry.parsed ?? codec.parseWithoutManagedFields(entry.bytes)
    const row = JSON.stringify(rowWithoutObject(table, object, now)).slice(0, -1)
    if (includeObject === 'None') return [Buffer.from(`${row},"object":null}`)]
    if (includeObject === 'Object') return [Buffer.from(`${row},"object":`), entry.bytes, CLOSE_OBJECT]
    return [Buffer.from(`${row},"object":${partial}`), codec.metadata(entry.bytes), CLOSE_OBJECTS]
  })
}

const isServedAsStored = (resource: ApiResource, output: OutputFormat): boolean =>
  output.format === 'json' && !output.pretty && !resource.view && !resource.backing!.entry.decorate

/** A page of entries with the metadata of the list that they make. */
export interface Page {
  readonly entries: readonly ObjectEntry[]
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
}

/** What the options choose of a collection. Errors: 400, 410, 504. */
export async function selectPage(call: Call, backing: ResourceBacking, options: ListOptions): Promise<Page> {
  const query = cacheQuery(call, backing, options)
  const result = await read(backing, query, options)
  const { next, remaining, revision } = result
  const isFiltered = query.filter !== undefined || query.index !== undefined
  const more = next !== undefined
  return {
    entries: result.entries,
    metadata: {
      resourceVersion: String(revision),
      ...(more
        ? { continue: encodeContinue({ revision, startKey: next.slice(backing.identity.keyPrefix.length) }) }
        : {}),
      ...(more && !isFiltered && remaining !== undefined ? { remainingItemCount: remaining } : {}),
    },
  }
}

/** Where a list goes on; undefined: it begins. Errors: 400. */
function continueTokenOf(options: ListOptions): ContinueToken | undefined {
  if (options.continue === '') return undefined
  const token = decodeContinue(options.continue)
  if (options.resourceVersion === '' || options.resourceVersion === '0') return token
  throw badRequest('specifying resource version is not allowed when using continue')
}

type Query = CacheListOptions<SelectableAttributes, KubeObject>

function cacheQuery(call: Call, backing: ResourceBacking, options: ListOptions): Query {
  const { identity } = backing
  const namespace =
    call.info.namespace !== ''
      ? call.info.namespace
      : (options.fieldSelector?.requiresExactMatch('metadata.namespace') ?? '')
  const prefix = collectionPrefix(identity, identity.namespaced ? namespace : '')
  const filter = filterOf(options)
  const token = continueTokenOf(options)
  // Out of the watch cache ("any" version) the whole list comes at once, as upstream has it.
  const limit = options.resourceVersion === '0' && !token ? 0 : options.limit
  return {
    prefix,
    ...(filter ? { filter } : {}),
    ...(limit > 0 ? { limit } : {}),
    ...(token ? { start: identity.keyPrefix + token.startKey } : {}),
    at: token ? (token.revision < 0 ? 'latest' : { exactly: token.revision }) : freshness(options),
  }
}

function freshness(options: ListOptions): Query['at'] {
  const { resourceVersion, resourceVersionMatch, limit } = options
  if (resourceVersion === '') return 'latest'
  const revision = parseResourceVersion(resourceVersion)
  if (revision === 0) return 'any'
  const exact = resourceVersionMatch === 'Exact' || (resourceVersionMatch === '' && limit > 0)
  return exact ? { exactly: revision } : { notOlderThan: revision }
}

/** Errors: 400. */
function parseResourceVersion(text: string): number {
  if (/^\d{1,19}$/.test(text)) return Number(text)
  throw badRequest(`invalid resource version: ${resourceVersionSyntaxError(text)}`)
}

/** Upstream's words for a resourceVersion that is no number. */
export function resourceVersionSyntaxError(text: string): string {
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax'
  return `resourceVersion: Invalid value: ${goQuote(text)}: strconv.ParseUint: parsing ${goQuote(text)}: ${why}`
}

async function read(
  backing: ResourceBacking,
  query: Query,
  options: ListOptions,
): Promise<ListResult<SelectableAttributes, KubeObject>> {
  try {
    return (await readSingle(backing, query, options)) ?? (await backing.cache.list(query))
  } catch (error) {
    throw readError(error, options)
  }
}

/** A list of one name looks at one key only; undefined where the name or its namespace is open, or the past is asked. */
async function readSingle(
  { cache, identity }: ResourceBacking,
  query: Query,
  options: ListOptions,
): Promise<ListResult<SelectableAttributes, KubeObject> | undefined> {
  const name = options.fieldSelector?.requiresExactMatch('metadata.name')
  const { at = 'latest', prefix = cache.prefix } = query
  if (name === undefined || name === '' || name.includes('/')) return undefined
  if (options.continue !== '' || (typeof at === 'object' && 'exactly' in at)) return undefined
  if (identity.namespaced && prefix === identity.keyPrefix) return undefined
  const { entry, revision } = await cache.get(prefix + name, at)
  const entries = entry && (query.filter?.(entry) ?? true) ? [entry] : []
  return { entries, revision, next: undefined, remaining: 0 }
}

/** Storage errors of a read as the client sees them. */
function readError(error: unknown, options: ListOptions): unknown {
  if (error instanceof TooLargeRevisionError) return tooLargeRevision(error)
  if (!isStorageError(error, 'Compacted')) return error
  if (options.continue === '') {
    return resourceExpired('The resourceVersion for the provided list is too old.')
  }
  const { startKey } = decodeContinue(options.continue)
  return resourceExpired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    encodeContinue({ revision: -1, startKey }),
  )
}

/** 504 with the cause that clients look for. */
export function tooLargeRevision(error: TooLargeRevisionError): Error {
  return timeoutError(error.message, error.retryAfterSeconds, [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ])
}

function listHead(resource: ApiResource, page: Page): string {
  const kind = JSON.stringify(`${resource.gvk.kind}List`)
  const apiVersion = JSON.stringify(apiVersionOf(resource.gvk))
  return `{"kind":${kind},"apiVersion":${apiVersion},"metadata":${JSON.stringify(page.metadata)},"items":[`
}

/** The stored bytes of the items, joined: no item is parsed. */
function joinBytes(call: Call, resource: ApiResource, page: Page): ListAnswer {
  const { codec } = resource.backing!
  return joinParts(call, page, listHead(resource, page), (entry) => [OPEN, codec.listItem(entry.bytes)])
}

/** What the entries are served as, joined behind the beginning of a document that `]}` ends. */
function joinParts(
  call: Call,
  page: Page,
  head: string,
  partsOf: (entry: ObjectEntry) => readonly Buffer[],
): ListAnswer {
  const contentType = CONTENT_TYPES.json
  const chunks = function* (): Generator<Buffer> {
    yield Buffer.from(head)
    const { entries } = page
    for (let i = 0; i < entries.length; i += CHUNK_ITEMS) {
      const parts: Buffer[] = []
      const end = Math.min(entries.length, i + CHUNK_ITEMS)
      for (let j = i; j < end; j++) {
        if (j > 0) parts.push(COMMA)
        parts.push(...partsOf(entries[j]!))
      }
      const chunk = Buffer.concat(parts)
      call.sentBytes += chunk.length
      yield chunk
    }
    yield CLOSE
  }
  if (page.entries.length <= MAX_WHOLE_ITEMS) return { contentType, body: Buffer.concat([...chunks()]) }
  return { contentType, stream: Readable.from(chunks(), { objectMode: false, highWaterMark: 1 << 20 }) }
}

const OPEN = Buffer.from('{')
const COMMA = Buffer.from(',')
const CLOSE_OBJECT = Buffer.from('}')
const CLOSE_OBJECTS = Buffer.from('}}')
const CLOSE = Buffer.from(']}\n')

function encodeList(resource: ApiResource, page: Page, output: OutputFormat): Representation {
  const items = page.entries.map((entry) => listItem(servedObject(resource, entry.object), output))
  const document = {
    kind: `${resource.gvk.kind}List`,
    apiVersion: apiVersionOf(resource.gvk),
    metadata: page.metadata,
    items,
  }
  return encodeDocument(document, output)
}

/** In a list only the list says of what kind its items are; messages have no kinds anyway. */
function listItem(object: KubeObject, { format }: OutputFormat): object {
  if (format === 'protobuf') return object
  const { kind, apiVersion, ...item } = object
  return item
}

const objectsOf = ({ entries, metadata }: Page): ObjectPage => ({ objects: entries.map((e) => e.object), metadata })

/** A page of objects; those of virtual resources have no revision. */
interface ObjectPage {
  readonly objects: readonly KubeObject[]
  readonly metadata: Partial<Page['metadata']>
}

/** Encodes objects that are in no store, or any in another form than they are stored in. Errors: 406. */
export function encodeObjectList(
  call: Call,
  resource: ApiResource,
  page: ObjectPage,
  output: OutputFormat,
): Representation {
  if (!output.convert) {
    const head = { kind: `${resource.gvk.kind}List`, apiVersion: apiVersionOf(resource.gvk) }
    const items = page.objects.map((object) => listItem(object, output))
    return encodeDocument({ ...head, metadata: page.metadata, items }, output)
  }
  const { kind, version } = output.convert
  const apiVersion = `meta.k8s.io/${version}`
  if (kind === 'PartialObjectMetadata') {
    throw notAcceptable(
      `you requested PartialObjectMetadata, but the requested object is a list (*${internalGoType(resource)}List)`,
    )
  }
  if (kind === 'PartialObjectMetadataList') {
    const items = page.objects.map((object) => partialObjectMetadata(object, version))
    // Go's list of nothing, which nobody made.
    const document = { kind, apiVersion, metadata: page.metadata, items: items.length > 0 ? items : null }
    return encodeDocument(document, output)
  }
  const table = resource.virtual.get('')?.table ?? tableOf(resource.backing?.entry)
  const options = { version, includeObject: includeObjectOf(call.query), now: resource.now() }
  const { compareRows } = table
  const objects = compareRows ? [...page.objects].sort(compareRows) : page.objects
  const rows = objects.map((object) => tableRow(table, object, servedObject(resource, object), options))
  const document = { kind, apiVersion, metadata: page.metadata, columnDefinitions: columnDefinitions(table), rows }
  return encodeDocument(document, output)
}
