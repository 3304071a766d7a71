import type protobuf from 'protobufjs/minimal.js'
import { formatGoDuration } from '../go-duration.ts'
import { apiVersionOf, type GroupVersionKind, parseApiVersion } from '../group-version.ts'
import type { JsonObject } from '../kube-object.ts'
import { definitionOf, typeOf } from '../schema/builtin-types.ts'
import { decode } from '../schema/decode.ts'
import { formatMicroTime, formatTime } from '../schema/go-time.ts'
import { DecodeError, MAX_VALUE_DEPTH, setMember } from '../schema/json-text.ts'
import { type MessageFieldPlan, type MessagePlan, messagePlan, type ProtoScalar } from './message-plan.ts'
import { wire } from './wire.ts'

/** What protobuf bodies of Kubernetes begin with. */
export const ENVELOPE_PREFIX = Buffer.from('k8s\0', 'latin1')

interface DecodedProtobuf {
  readonly apiVersion: string
  readonly kind: string
  /** In normal form; carries apiVersion and kind. */
  readonly object: JsonObject
}

/**
 * Reads an enveloped object of a built-in kind (`application/vnd.kubernetes.protobuf`). Kind and version that the
 * envelope leaves open are those of `defaults`. Throws {@link DecodeError} for anything else.
 *
 * @see apimachinery pkg/runtime/serializer/protobuf/protobuf.go
 */
export function decodeProtobuf(bytes: Uint8Array, defaults?: GroupVersionKind): DecodedProtobuf {
  const { apiVersion: given, kind: givenKind, raw } = readEnvelope(bytes)
  const groupVersion = parseApiVersion(given)
  if (!groupVersion) throw new DecodeError(`unexpected GroupVersion string: ${given}`)
  const gvk = {
    ...(given === '' && defaults ? { group: defaults.group, version: defaults.version } : groupVersion),
    kind: givenKind === '' ? (defaults?.kind ?? '') : givenKind,
  }
  if (gvk.kind === '') throw new DecodeError(`Object 'Kind' is missing in '${kindless(given)}'`)
  if (gvk.version === '') throw new DecodeError(`Object 'apiVersion' is missing in '${kindless(given)}'`)
  const apiVersion = apiVersionOf(gvk)
  const definition = definitionOf(gvk)
  if (definition === undefined) {
    throw new DecodeError(
      `no kind "${gvk.kind}" is registered for version "${apiVersion}" in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    )
  }
  const value = decodeMessage(raw, messagePlan(definition))
  const { object } = decode({ kind: gvk.kind, apiVersion, ...(value as JsonObject) }, typeOf(definition))
  return { apiVersion, kind: gvk.kind, object }
}

/** Upstream prints the envelope here, whose only readable part is the version. */
function kindless(apiVersion: string): string {
  return `TypeMeta{Kind:,APIVersion:${apiVersion},}`
}

interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  readonly raw: Uint8Array
}

/** runtime.Unknown: typeMeta (1), raw (2), contentEncoding (3), contentType (4). */
function readEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length === 0) throw new DecodeError('empty data')
  if (!isEnveloped(bytes)) {
    throw new DecodeError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  }
  const envelope = { apiVersion: '', kind: '', raw: new Uint8Array(0) }
  guarded(() => {
    const reader = wire().Reader.create(bytes.subarray(ENVELOPE_PREFIX.length))
    forEachField(reader, reader.len, (number, wireType) => {
      if (number === 1) Object.assign(envelope, readTypeMeta(lengthDelimited(reader, wireType, 'TypeMeta')))
      else if (number === 2) envelope.raw = lengthDelimited(reader, wireType, 'Raw') as Uint8Array<ArrayBuffer>
      else reader.skipType(wireType)
    })
  })
  return envelope
}

/** True for bytes that begin as an envelope does. */
function isEnveloped(bytes: Uint8Array): boolean {
  return ENVELOPE_PREFIX.every((byte, i) => bytes[i] === byte)
}

function readTypeMeta(bytes: Uint8Array): { apiVersion: string; kind: string } {
  const meta = { apiVersion: '', kind: '' }
  const reader = wire().Reader.create(bytes)
  forEachField(reader, reader.len, (number, wireType) => {
    if (number === 1) meta.apiVersion = text(lengthDelimited(reader, wireType, 'APIVersion'))
    else if (number === 2) meta.kind = text(lengthDelimited(reader, wireType, 'Kind'))
    else reader.skipType(wireType)
  })
  return meta
}

/** Reads a bare message into the JSON value that stands for it. Throws {@link DecodeError} on malformed bytes. */
function decodeMessage(bytes: Uint8Array, plan: MessagePlan): unknown {
  return guarded(() => new MessageReader(bytes).value(bytes.length, plan))
}

/** Runs a reader; what protobufjs throws on malformed bytes becomes a {@link DecodeError} in upstream's words. */
function guarded<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError('unexpected EOF')
    // protobufjs throws plain errors for bad tags and wire types.
    if (error instanceof Error && error.constructor === Error) throw new DecodeError(`proto: ${error.message}`)
    throw error
  }
}

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2

function forEachField(
  reader: protobuf.Reader,
  end: number,
  visit: (number: number, wireType: number, tag: number) => void,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag >>> 3 === 0) throw new DecodeError(`proto: illegal tag 0 (wire type ${tag})`)
    visit(tag >>> 3, tag & 7, tag)
  }
  if (reader.pos > end) throw new RangeError('message ends inside a field')
}

function lengthDelimited(reader: protobuf.Reader, wireType: number, field: string): Uint8Array {
  if (wireType !== LENGTH_DELIMITED) throw wrongWireType(wireType, field)
  return reader.bytes()
}

function wrongWireType(wireType: number, field: string): DecodeError {
  const goField = field === '' ? field : field[0]!.toUpperCase() + field.slice(1)
  return new DecodeError(`proto: wrong wireType = ${wireType} for field ${goField}`)
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

class MessageReader {
  readonly #reader: protobuf.Reader
  #depth = 0

  constructor(bytes: Uint8Array) {
    this.#reader = wire().Reader.create(bytes)
  }

  value(end: number, plan: MessagePlan): unknown {
    if (++this.#depth > MAX_VALUE_DEPTH) throw new DecodeError('exceeded max depth')
    const fields: JsonObject = {}
    this.#fields(end, plan, fields)
    this.#depth--
    return plan.special ? specialValue(fields, plan) : fields
  }

  #fields(end: number, plan: MessagePlan, into: JsonObject): void {
    const reader = this.#reader
    forEachField(reader, end, (number, wireType) => {
      const field = plan.byNumber.get(number)
      if (!field) reader.skipType(wireType)
      else if (field.label === 'map') this.#mapEntry(field, wireType, into)
      else if (field.json === '') this.#inline(field, wireType, into)
      else if (field.label === 'repeated') this.#repeated(field, wireType, into)
      else into[field.json] = this.#single(field, wireType)
    })
  }

  #inline(field: MessageFieldPlan, wireType: number, into: JsonObject): void {
    this.#fields(this.#endOfMessage(field, wireType), field.message!, into)
  }

  #repeated(field: MessageFieldPlan, wireType: number, into: JsonObject): void {
    into[field.json] ??= []
    const list = into[field.json] as unknown[]
    if (wireType === LENGTH_DELIMITED && isPackable(field.scalar)) {
      const end = this.#endOfMessage(field, wireType)
      while (this.#reader.pos < end) list.push(this.#scalar(field.scalar!, wireTypeOf(field.scalar!), field.json))
      return
    }
    list.push(this.#single(field, wireType))
  }

  #mapEntry(field: MessageFieldPlan, wireType: number, into: JsonObject): void {
    const reader = this.#reader
    into[field.json] ??= {}
    const map = into[field.json] as JsonObject
    let key = ''
    let value: unknown
    forEachField(reader, this.#endOfMessage(field, wireType), (number, entryType) => {
      if (number === 1) key = this.#scalar('string', entryType, field.json) as string
      else if (number === 2) value = this.#single(field, entryType)
      else reader.skipType(entryType)
    })
    // Absent is the zero value; decoding into the type turns null into it.
    setMember(map, key, value ?? null)
  }

  #single(field: MessageFieldPlan, wireType: number): unknown {
    if (field.scalar) return this.#scalar(field.scalar, wireType, field.json)
    return this.value(this.#endOfMessage(field, wireType), field.message!)
  }

  #endOfMessage(field: MessageFieldPlan, wireType: number): number {
    if (wireType !== LENGTH_DELIMITED) throw wrongWireType(wireType, field.json)
    const end = this.#reader.uint32() + this.#reader.pos
    if (end > this.#reader.len) throw new RangeError('message is longer than its bytes')
    return end
  }

  #scalar(type: ProtoScalar, wireType: number, field: string): unknown {
    const reader = this.#reader
    if (wireType !== wireTypeOf(type)) throw wrongWireType(wireType, field)
    switch (type) {
      case 'string':
        return reader.string()
      case 'bytes':
        return Buffer.from(reader.bytes()).toString('base64')
      case 'bool':
        return reader.bool()
      case 'int32':
        return reader.int32()
      case 'int64':
        return Number(reader.int64())
      case 'double':
        return reader.double()
    }
  }
}

function wireTypeOf(type: ProtoScalar): number {
  if (type === 'string' || type === 'bytes') return LENGTH_DELIMITED
  return type === 'double' ? FIXED64 : VARINT
}

function isPackable(type: ProtoScalar | undefined): boolean {
  return type !== undefined && type !== 'string' && type !== 'bytes'
}

/** JSON of a message that has a form of its own; `fields` holds its members as read. */
function specialValue(fields: JsonObject, plan: MessagePlan): unknown {
  switch (plan.special) {
    case 'time':
    case 'micro-time': {
      const time = { seconds: (fields.seconds as number) ?? 0, nanos: (fields.nanos as number) ?? 0 }
      if (time.seconds === 0 && time.nanos === 0) return null
      if (!Number.isFinite(new Date(time.seconds * 1000).getTime())) throw new DecodeError('proto: time out of range')
      return plan.special === 'time' ? formatTime(time) : formatMicroTime(time)
    }
    case 'duration':
      return formatGoDuration(((fields.duration as number | undefined) ?? 0) / 1e6)
    case 'quantity':
      return fields.string === undefined || fields.string === '' ? '0' : fields.string
    case 'int-or-string':
      return fields.type === 1 ? (fields.strVal ?? '') : (fields.intVal ?? 0)
    case 'raw':
      return rawValue(Buffer.from((fields.raw ?? fields.Raw ?? '') as string, 'base64'))
    case 'bare-list':
      return fields.items ?? []
    case 'schema-or-list':
      return fields.schema ?? fields.jSONSchemas ?? null
    case 'schema-or-bool':
      return fields.schema ?? fields.allows ?? false
    default:
      return fields.schema ?? fields.property ?? []
  }
}

/** Content of RawExtension, JSON and FieldsV1: JSON text, or an enveloped object. */
function rawValue(bytes: Buffer): unknown {
  if (bytes.length === 0) return null
  if (isEnveloped(bytes)) return decodeProtobuf(bytes).object
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new DecodeError('proto: raw content is neither JSON nor an enveloped object')
  }
}
