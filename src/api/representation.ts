import { notAcceptable, type Status } from '../apimachinery/api-error.ts'
import { cloneJson } from '../apimachinery/clone.ts'
import { apiVersionOf } from '../apimachinery/group-version.ts'
import type { KubeObject } from '../apimachinery/kube-object.ts'
import { encodeProtobuf } from '../apimachinery/protobuf/encode.ts'
import { normalize } from '../apimachinery/schema/normalize.ts'
import type { StoredObject } from '../registry/generic/stored-object.ts'
import type { TableDefinition } from '../registry/resource.ts'
import type { ApiResource } from './api-resource.ts'
import type { Call } from './call.ts'
import { CONTENT_TYPES, type Format, type OutputFormat } from './negotiation/accept.ts'
import { columnDefinitions, includeObjectOf, partialObjectMetadata, tableOf, tableRow } from './table.ts'
import { toYaml } from './yaml-output.ts'

/** An answer's body with the content type that says what it is. */
export interface Representation {
  readonly contentType: string
  readonly body: Buffer
}

/** Any object without metadata of an object: Status, Table, discovery documents. */
export type Document = Readonly<Record<string, unknown>>

/** Encodes a document that is served as it is. */
export function encodeDocument(document: Document, output: Pick<OutputFormat, 'format' | 'pretty'>): Representation {
  const contentType = CONTENT_TYPES[output.format]
  return { contentType, body: encodeAs(document, output.format, output.pretty) }
}

function encodeAs(document: Document, format: Format, pretty: boolean): Buffer {
  if (format === 'protobuf') return encodeProtobuf(document as unknown as KubeObject)
  if (format === 'yaml') return Buffer.from(toYaml(document))
  return Buffer.from(pretty ? JSON.stringify(document, undefined, 2) : `${JSON.stringify(document)}\n`)
}

/** Encodes a Status for a client whose Accept header may be unusable: indented JSON then. */
export function encodeStatus(status: Status, output: OutputFormat | undefined): Representation {
  return encodeDocument(status as unknown as Document, output ?? { format: 'json', pretty: true })
}

/**
 * Encodes one stored object as the client wants it. JSON of the stored version costs nothing: the bytes are there.
 * Errors: 400, 406.
 */
export function encodeStored(
  call: Call,
  resource: ApiResource,
  stored: StoredObject,
  output: OutputFormat,
): Representation {
  const contentType = CONTENT_TYPES[output.format]
  const asStored = output.format === 'json' && !output.convert && !output.pretty && !resource.view
  if (asStored && !resource.backing?.entry.decorate) return { contentType, body: stored.bytes }
  const served = servedObject(resource, stored.object)
  if (output.convert?.kind !== 'Table') return encodeObject(call, resource, served, output)
  const table = tableOf(resource.backing?.entry)
  return encodeDocument(
    tableOfObject(call, table, stored.object, served, { version: output.convert.version, now: resource.now() }),
    output,
  )
}

/** The object in the served version; its own copy where anything had to be changed. */
export function servedObject(resource: ApiResource, hub: KubeObject): KubeObject {
  const decorate = resource.backing?.entry.decorate
  if (!resource.view && !decorate) return hub
  const copy = cloneJson(hub)
  decorate?.(copy)
  if (!resource.view) return copy
  const served = resource.view.fromHub(copy)
  served.apiVersion = apiVersionOf(resource.gvk)
  served.kind = resource.gvk.kind
  normalize(served, resource.node)
  return served
}

/**
 * Encodes an object that is already in the served version, converted where the client asked for that; `table` says how
 * it looks as one, unless it looks like the resource.
 */
export function encodeObject(
  call: Call,
  resource: ApiResource,
  object: KubeObject,
  output: OutputFormat,
  table?: TableDefinition<KubeObject>,
): Representation {
  const { convert } = output
  if (!convert) return encodeDocument(object, output)
  switch (convert.kind) {
    case 'PartialObjectMetadata':
      return encodeDocument(partialObjectMetadata(object, convert.version), output)
    case 'PartialObjectMetadataList':
      throw notAcceptable(
        `you requested PartialObjectMetadataList, but the requested object is not a list (*${internalGoType(resource)})`,
      )
    case 'Table':
      return encodeDocument(
        tableOfObject(call, table ?? tableOf(resource.backing?.entry), object, object, {
          version: convert.version,
          now: resource.now(),
        }),
        output,
      )
  }
}

/** Go's name of the internal type, as some messages carry it: `core.ConfigMap`. */
export function internalGoType({ gvk }: ApiResource): string {
  const group = gvk.group === '' ? 'core' : gvk.group.split('.')[0]!
  return `${group}.${gvk.kind}`
}

function tableOfObject(
  call: Call,
  table: TableDefinition<KubeObject>,
  hub: KubeObject,
  object: KubeObject,
  { version, now }: { readonly version: string; readonly now: number },
): Document {
  const includeObject = includeObjectOf(call.query)
  const row = tableRow(table, hub, object, { version, includeObject, now })
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { resourceVersion: object.metadata.resourceVersion },
    columnDefinitions: columnDefinitions(table),
    rows: [row],
  }
}

/** True where the client is one that a person reads with (curl, a browser), or asks for indented JSON. */
export function wantsPretty(call: Call): boolean {
  const asked = call.query.get('pretty')
  if (asked !== undefined && asked !== '') return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(asked)
  const agent = call.userAgent
  return agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0')
}
