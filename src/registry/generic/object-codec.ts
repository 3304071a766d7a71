import { managedFieldsJson } from '../../apimachinery/field-manager/managed-fields.ts'
import { apiVersionOf, type GroupVersionKind } from '../../apimachinery/group-version.ts'
import type { KubeObject } from '../../apimachinery/kube-object.ts'
import type { ObjectMeta } from '../../apimachinery/types/meta-v1.ts'
import { type MetadataSpan, metadataSpan } from './metadata-span.ts'

/**
 * Turns objects of one kind into the bytes that are stored, and these into the bytes that are served.
 *
 * Stored bytes are JSON without `metadata.resourceVersion`, which is not known before the write; they begin with kind,
 * apiVersion and metadata, so that the place where it goes is the same for every object of the kind and serving costs
 * one copy instead of a parse.
 */
export class ObjectCodec {
  readonly #head: string
  /** Offset of the byte behind `"metadata":{`. */
  readonly #spliceAt: number
  readonly #kind: string
  readonly #apiVersion: string

  constructor(gvk: GroupVersionKind) {
    this.#kind = gvk.kind
    this.#apiVersion = apiVersionOf(gvk)
    this.#head = `{"kind":${JSON.stringify(this.#kind)},"apiVersion":${JSON.stringify(this.#apiVersion)},"metadata":{`
    this.#spliceAt = Buffer.byteLength(this.#head)
  }

  /** Stored form of an object in normal form. Its kind and apiVersion are those of the codec. */
  encode(object: KubeObject): Buffer {
    let text = `${this.#head}${membersOf(object.metadata)}}`
    for (const key in object) {
      if (key === 'kind' || key === 'apiVersion' || key === 'metadata') continue
      const value = JSON.stringify(object[key])
      if (value !== undefined) text += `,${JSON.stringify(key)}:${value}`
    }
    return bytesOf(`${text}}`)
  }

  /** Served form: the stored bytes with the resourceVersion in place. Of served bytes: the same at another revision. */
  withRevision(bytes: Buffer, revision: number): Buffer {
    const at = this.#spliceAt
    const rest = at + this.#revisionLength(bytes)
    const insert = `${REVISION_MARK}${revision}"${bytes[rest] === CLOSING_BRACE ? '' : ','}`
    const out = Buffer.allocUnsafe(bytes.length - (rest - at) + insert.length)
    bytes.copy(out, 0, 0, at)
    out.write(insert, at, 'latin1')
    bytes.copy(out, at + insert.length, rest)
    return out
  }

  /** {@link withRevision} for stored bytes and any text, as a client may give one that nothing reads. */
  withResourceVersion(bytes: Buffer, resourceVersion: string): Buffer {
    const at = this.#spliceAt
    const member = `"resourceVersion":${JSON.stringify(resourceVersion)}${bytes[at] === CLOSING_BRACE ? '' : ','}`
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(member), bytes.subarray(at)])
  }

  /** Length of a resourceVersion member, comma included, that stands at the splice already. */
  #revisionLength(bytes: Buffer): number {
    const at = this.#spliceAt
    if (bytes[at + REVISION_MARK.length - 1] !== QUOTE) return 0
    if (bytes.toString('latin1', at, at + REVISION_MARK.length) !== REVISION_MARK) return 0
    const end = bytes.indexOf(QUOTE, at + REVISION_MARK.length) + 1
    return end - at + (bytes[end] === COMMA ? 1 : 0)
  }

  /** Served bytes from `"metadata"` on: an item of a list, which carries no kind, without its opening brace. */
  listItem(bytes: Buffer): Buffer {
    return bytes.subarray(this.#spliceAt - METADATA_MARK.length)
  }

  /** The JSON of an object's metadata, of served bytes. */
  metadata(bytes: Buffer): Buffer {
    return bytes.subarray(this.#spliceAt - 1, this.#locate(bytes).end)
  }

  /** The object of served bytes without its managedFields, which are often the greater part of it. */
  parseWithoutManagedFields(bytes: Buffer): KubeObject {
    const { fieldsStart, fieldsEnd } = this.#locate(bytes)
    if (fieldsStart === undefined) return this.parse(bytes)
    return JSON.parse(bytes.toString('utf8', 0, fieldsStart) + bytes.toString('utf8', fieldsEnd)) as KubeObject
  }

  #locate(bytes: Buffer): MetadataSpan {
    return metadataSpan(bytes, this.#spliceAt - 1)
  }

  /** An object in normal form as it reads at a revision: what `parse` would make of the served bytes. */
  adopt(object: KubeObject, revision: number): KubeObject {
    const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object
    const { resourceVersion: _, ...others } = metadata
    return {
      kind: this.#kind,
      apiVersion: this.#apiVersion,
      metadata: { resourceVersion: String(revision), ...others },
      ...rest,
    }
  }

  /** The object of stored or served bytes. */
  parse(bytes: Buffer): KubeObject {
    return JSON.parse(bytes.toString('utf8')) as KubeObject
  }
}

/** As `Buffer.from`, which reserves three bytes for each character of a long text and gives back what was too much. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

/** Members of metadata as JSON, ownership of fields last, as it stands in Go's type. */
function membersOf(metadata: ObjectMeta): string {
  let text = ''
  for (const key in metadata) {
    if (key === 'resourceVersion' || key === 'managedFields') continue
    const value = JSON.stringify(metadata[key as keyof ObjectMeta])
    if (value !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${value}`
  }
  const { managedFields } = metadata
  if (!managedFields) return text
  return `${text}${text === '' ? '' : ','}"managedFields":${managedFieldsJson(managedFields)}`
}

const METADATA_MARK = '"metadata":{'
const REVISION_MARK = '"resourceVersion":"'
const CLOSING_BRACE = 0x7d
const QUOTE = 0x22
const COMMA = 0x2c
