import { asApiError, resourceExpired, type Status, unknownError } from '../../apimachinery/api-error.ts'
import { apiVersionOf, type GroupVersionResource } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import { encodeProtobufWatchEvent } from '../../apimachinery/protobuf/encode.ts'
import { normalize } from '../../apimachinery/schema/normalize.ts'
import type { SelectableAttributes } from '../../registry/generic/registry.ts'
import { collectionPrefix, objectKey } from '../../registry/generic/resource-identity.ts'
import { isStorageError } from '../../storage/storage-error.ts'
import type { CacheWatcher } from '../../storage/watch-cache/cache-watcher.ts'
import { TooLargeRevisionError } from '../../storage/watch-cache/freshness.ts'
import type { CacheWatchOptions, WatchFrom } from '../../storage/watch-cache/watch-cache.ts'
import type { WatchItem } from '../../storage/watch-cache/watch-item.ts'
import type { ApiResource } from '../api-resource.ts'
import type { Call } from '../call.ts'
import { type ListOptions, parseListOptions } from '../list-options.ts'
import { type OutputFormat, STREAM_CONTENT_TYPES, streamNotAcceptable } from '../negotiation/accept.ts'
import { servedObject } from '../representation.ts'
import { fieldLabelConverter, filterOf } from '../selection.ts'
import {
  columnDefinitions,
  type IncludeObject,
  includeObjectOf,
  partialObjectMetadata,
  tableOf,
  tableRow,
} from '../table.ts'
import { resourceVersionSyntaxError, tooLargeRevision } from './list.ts'
import { type WatchOutput, watchOutput } from './watch-output.ts'

/** How watches are kept track of: a server that stops ends them all. */
export interface WatchHost {
  /** Watches end by themselves after a random time between this and twice as long (`--min-request-timeout`). */
  readonly minTimeoutMs: number
  /** Where the sizes of a resource's events, in bytes, are counted. */
  eventSizes(resource: GroupVersionResource): SizeCounter
  /** Called when a stream begins; the returned function when it is over. `end` asks the stream to end. */
  opened(end: () => void): () => void
}

interface SizeCounter {
  observe(bytes: number): void
}

/** WATCH of a stored resource: takes over the response. Errors before the stream begins: 400, 406, 422, 500, 504. */
export async function watch(
  call: Call,
  resource: ApiResource,
  output: OutputFormat,
  host: WatchHost,
  force?: { readonly watch: boolean },
): Promise<void> {
  const options = parseListOptions(call.query, fieldLabelConverter(resource), force)
  if (output.format === 'yaml') throw streamNotAcceptable()
  const frames = new FrameEncoder(call, resource, output)
  const deadline = Date.now() + timeoutOf(options, host.minTimeoutMs)
  const from = startOf(options)
  const out = watchOutput(call, output.format, STREAM_CONTENT_TYPES[output.format])
  const stream = new WatchStream(out, frames, host.eventSizes(resource.gvr))
  if (output.convert?.kind === 'PartialObjectMetadataList') {
    // No event of a watch is a list: upstream's stream ends at the first that it can't turn into one.
    stream.finishEmpty()
    return
  }
  const watcher = await open(call, resource, options, { from, deadline }, stream)
  if (!watcher) return
  stream.begin(watcher, deadline - Date.now(), host)
}

function timeoutOf({ timeoutSeconds }: ListOptions, minTimeoutMs: number): number {
  if (timeoutSeconds !== undefined && timeoutSeconds !== 0) return Math.max(0, timeoutSeconds) * 1000
  return minTimeoutMs * (1 + Math.random())
}

function startOf(options: ListOptions): WatchFrom {
  const { resourceVersion, sendInitialEvents, allowWatchBookmarks } = options
  const revision = revisionOf(resourceVersion)
  const freshness = resourceVersion === '' ? 'latest' : revision === 0 ? 'any' : ({ notOlderThan: revision } as const)
  if (sendInitialEvents) return { initial: freshness, endBookmark: allowWatchBookmarks }
  if (revision > 0) return { revision }
  return { now: freshness }
}

function revisionOf(text: string): number {
  if (text === '') return 0
  if (/^\d{1,19}$/.test(text)) return Number(text)
  throw unknownError(resourceVersionSyntaxError(text))
}

/** Starts the watch; undefined where it could not be and the client has been told inside the stream. */
async function open(
  call: Call,
  resource: ApiResource,
  options: ListOptions,
  start: { readonly from: WatchFrom; readonly deadline: number },
  stream: WatchStream,
): Promise<CacheWatcher<SelectableAttributes, KubeObject> | undefined> {
  const { cache, identity } = resource.backing!
  const filter = filterOf(options)
  const namespace = call.info.namespace || (options.fieldSelector?.requiresExactMatch('metadata.namespace') ?? '')
  const prefix = collectionPrefix(identity, namespace)
  // A name in the path (the old /watch/ paths) is as good as one in the selector.
  const name = call.info.parts[1] ?? options.fieldSelector?.requiresExactMatch('metadata.name')
  const isSingle = name && !name.includes('/') && (!identity.namespaced || prefix !== identity.keyPrefix)
  const watchOptions: CacheWatchOptions<SelectableAttributes, KubeObject> = {
    ...start,
    key: isSingle ? objectKey(identity, namespace, name) : prefix,
    ...(filter ? { filter } : {}),
    bookmarks: options.allowWatchBookmarks,
  }
  try {
    return await cache.watch(watchOptions, stream)
  } catch (error) {
    if (error instanceof TooLargeRevisionError) throw tooLargeRevision(error)
    if (!isStorageError(error, 'Compacted')) throw error
    stream.refuse(resourceExpired(error.message).toStatus())
    return undefined
  }
}

/** Encodes the items of one watch. Frames that others want as well are kept with the event. */
class FrameEncoder {
  readonly #resource: ApiResource
  readonly #output: OutputFormat
  readonly #includeObject: IncludeObject
  readonly #representation: string
  /** Only the first Table of a stream has columns. */
  #sentColumns = false

  constructor(call: Call, resource: ApiResource, output: OutputFormat) {
    this.#resource = resource
    this.#output = output
    this.#includeObject = output.convert?.kind === 'Table' ? includeObjectOf(call.query) : 'Metadata'
    const { convert, format } = output
    const { group, version, resource: name } = resource.gvr
    // With the resource: periodic bookmarks are one item for the watchers of all caches.
    this.#representation = `${format}/${group}/${version}/${name}/${convert?.kind ?? ''}/${convert?.version ?? ''}/${this.#includeObject}`
  }

  /** Items as one piece: watchers that are at the same place share it. */
  batch(items: Items): Batch {
    const last = lastBatch
    if (last?.representation === this.#representation && sameItems(last.items, items)) return last
    const frames = items.map((item) => this.frame(item))
    const sizes = frames.map((frame) => frame.length)
    const bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames)
    const batch = { representation: this.#representation, items, bytes, sizes }
    if (this.#output.convert?.kind !== 'Table' && bytes.length <= MAX_SHARED_BATCH) lastBatch = batch
    return batch
  }

  frame(item: WatchItem<SelectableAttributes, KubeObject>): Buffer {
    if (this.#output.convert?.kind === 'Table' && !this.#sentColumns) {
      this.#sentColumns = true
      return this.#encode(item, { columns: true })
    }
    return item.memo(this.#representation, () => this.#encode(item, { columns: false }))
  }

  /** An ERROR event. */
  error(status: Status): Buffer {
    return this.#event('ERROR', status as unknown as KubeObject)
  }

  #encode(item: WatchItem<SelectableAttributes, KubeObject>, options: { readonly columns: boolean }): Buffer {
    if (item.type === 'BOOKMARK') return this.#bookmarkFrame(item.revision, item.initialEventsEnd, options)
    const resource = this.#resource
    const { entry } = item
    const asStored =
      this.#output.format === 'json' && !this.#output.convert && !resource.view && !resource.backing!.entry.decorate
    if (asStored) return Buffer.concat([EVENT_HEAD[item.type], entry.bytes, EVENT_END])
    return this.#convert(item.type, entry.object, servedObject(resource, entry.object), options)
  }

  #convert(type: string, hub: KubeObject, object: KubeObject, { columns }: { readonly columns: boolean }): Buffer {
    const convert = this.#output.convert
    if (convert?.kind === 'PartialObjectMetadata')
      return this.#event(type, partialObjectMetadata(object, convert.version))
    if (convert?.kind !== 'Table') return this.#event(type, object)
    const table = tableOf(this.#resource.backing?.entry)
    const { version } = convert
    return this.#event(type, {
      kind: 'Table',
      apiVersion: `meta.k8s.io/${version}`,
      metadata: { resourceVersion: object.metadata.resourceVersion ?? '' },
      columnDefinitions: columns ? columnDefinitions(table) : null,
      rows: [tableRow(table, hub, object, { version, includeObject: this.#includeObject, now: this.#resource.now() })],
    } as KubeObject)
  }

  #bookmarkFrame(revision: number, initialEventsEnd: boolean, options: { readonly columns: boolean }): Buffer {
    const object = this.#bookmark(revision, initialEventsEnd)
    return this.#convert('BOOKMARK', object, object, options)
  }

  #bookmark(revision: number, initialEventsEnd: boolean): KubeObject {
    const { gvk, node } = this.#resource
    const annotations = initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
    const metadata = { resourceVersion: String(revision), ...annotations }
    const object: KubeObject = { kind: gvk.kind, apiVersion: apiVersionOf(gvk), metadata }
    normalize(object, node)
    return object
  }

  #event(type: string, object: KubeObject): Buffer {
    if (this.#output.format === 'protobuf') return encodeProtobufWatchEvent(type, object)
    return Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`)
  }
}

type Items = readonly WatchItem<SelectableAttributes, KubeObject>[]

interface Batch {
  readonly representation: string
  readonly items: Items
  readonly bytes: Buffer
  /** Of each item, in bytes. */
  readonly sizes: readonly number[]
}

/** A larger one would be kept alive for too long. */
const MAX_SHARED_BATCH = 256 * 1024

/** What was joined last: in a fan-out the next watcher wants the very same. */
let lastBatch: Batch | undefined

function sameItems(a: Items, b: Items): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

const EVENT_HEAD = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
} as const
const EVENT_END = Buffer.from('}\n')

/**
 * The response of one watch. Holds no queue of its own: when the socket is full the watcher is paused and reads on from
 * the cache's window once it has drained.
 */
class WatchStream {
  readonly #output: WatchOutput
  readonly #frames: FrameEncoder
  readonly #sizes: SizeCounter
  #watcher: CacheWatcher<SelectableAttributes, KubeObject> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed: (() => void) | undefined
  #isOver = false
  #isOpen = false

  constructor(output: WatchOutput, frames: FrameEncoder, sizes: SizeCounter) {
    this.#output = output
    this.#frames = frames
    this.#sizes = sizes
  }

  begin(watcher: CacheWatcher<SelectableAttributes, KubeObject>, timeoutMs: number, host: WatchHost): void {
    this.#watcher = watcher
    this.#closed = host.opened(() => this.#finish())
    this.#output.listen(
      () => this.#finish(),
      () => watcher.resume(),
    )
    this.#timer = setTimeout(() => this.#finish(), Math.min(timeoutMs, MAX_TIMER_MS))
    this.#open()
    if (this.#output.isGone) this.#finish()
  }

  /** Takes items from the watcher; false asks it to wait until the socket has drained. */
  deliver(items: Items): boolean {
    if (this.#isOver || this.#output.isGone) return false
    this.#open()
    const batch = this.#frames.batch(items)
    for (const size of batch.sizes) this.#sizes.observe(size)
    return this.#output.send(batch)
  }

  /** The cache has ended the watch: the client is told why. */
  end(error: Error): void {
    if (this.#isOver) return
    if (!isStorageError(error, 'Closed')) {
      this.#sendError(asApiError(error)?.toStatus() ?? resourceExpired(error.message).toStatus())
    }
    this.#finish()
  }

  /** Answers with a stream that has no events. */
  finishEmpty(): void {
    this.#open()
    this.#output.end()
  }

  /** Answers with a stream of one ERROR event. */
  refuse(status: Status): void {
    this.#sendError(status)
    this.#output.end()
  }

  #sendError(status: Status): void {
    this.#open()
    const bytes = this.#frames.error(status)
    this.#output.send({ bytes, sizes: [bytes.length] })
  }

  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#output.open()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#watcher?.close()
    this.#closed?.()
    this.#output.end()
  }
}

/** Node's longest timer. */
const MAX_TIMER_MS = 2_147_483_647
