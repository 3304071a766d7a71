import type protobuf from 'protobufjs/minimal.js'
import { parseGoDuration } from '../go-duration.ts'
import { parseApiVersion } from '../group-version.ts'
import { isJsonObject, type JsonObject } from '../kube-object.ts'
import { definitionOf } from '../schema/builtin-types.ts'
import { parseMicroTime, parseTime } from '../schema/go-time.ts'
import { ENVELOPE_PREFIX } from './decode.ts'
import { type MessageFieldPlan, type MessagePlan, messagePlan, type ProtoScalar } from './message-plan.ts'
import { encodeWatchFrame } from './watch-frame.ts'
import { wire } from './wire.ts'

/** The kind has no protobuf form (custom resources, Table). */
export class NoProtobufError extends Error {
  constructor(apiVersion: string, kind: string) {
    super(`no protobuf form of ${apiVersion} ${kind}`)
    this.name = 'NoProtobufError'
  }
}

/** Where kinds are looked up that are written without a version: the APIVersions of `/api`. */
const UNVERSIONED = 'v1'

/**
 * Writes an object in normal form as an enveloped message. Fields that are unset are left out where Go writes their
 * zero: both are read as the same. Throws {@link NoProtobufError} for kinds that are not built in.
 */
export function encodeProtobuf(object: JsonObject): Buffer {
  const { apiVersion, kind } = object as { apiVersion?: string; kind?: string }
  const definition = definitionOfObject(apiVersion || UNVERSIONED, kind ?? '')
  if (!definition) throw new NoProtobufError(apiVersion ?? '', kind ?? '')
  const writer = wire().Writer.create()
  writer.uint32(tag(1, LENGTH_DELIMITED)).fork()
  writer.uint32(tag(1, LENGTH_DELIMITED)).string(apiVersion ?? '')
  writer.uint32(tag(2, LENGTH_DELIMITED)).string(kind!)
  writer.ldelim()
  writer.uint32(tag(2, LENGTH_DELIMITED)).fork()
  writeFields(writer, object, messagePlan(definition))
  writer.ldelim()
  writer.uint32(tag(3, LENGTH_DELIMITED)).string('')
  writer.uint32(tag(4, LENGTH_DELIMITED)).string('')
  return Buffer.concat([ENVELOPE_PREFIX, writer.finish()])
}

/** The frame of a watch stream that carries an object; see {@link encodeWatchFrame}. */
export function encodeProtobufWatchEvent(type: string, object: JsonObject): Buffer {
  return encodeWatchFrame(type, encodeProtobuf(object))
}

function definitionOfObject(apiVersion: string, kind: string): string | undefined {
  const groupVersion = parseApiVersion(apiVersion)
  return groupVersion && definitionOf({ ...groupVersion, kind })
}

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2

function tag(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

function writeFields(writer: protobuf.Writer, object: JsonObject, plan: MessagePlan): void {
  for (const field of plan.fields) {
    if (field.json === '') {
      if (holdsAny(object, field.message!)) writeMessage(writer, field, object)
      continue
    }
    const value = object[field.json]
    if (value === undefined || value === null) continue
    if (field.label === 'map') writeMap(writer, field, value as JsonObject)
    else if (field.label === 'repeated') for (const item of value as unknown[]) writeSingle(writer, field, item)
    else writeSingle(writer, field, value)
  }
}

function holdsAny(object: JsonObject, plan: MessagePlan): boolean {
  for (const key in object) if (plan.keys.has(key)) return true
  return false
}

function writeSingle(writer: protobuf.Writer, field: MessageFieldPlan, value: unknown): void {
  if (field.scalar) writeScalar(writer, field.number, field.scalar, value)
  else writeMessage(writer, field, value)
}

function writeMessage(writer: protobuf.Writer, { number, message }: MessageFieldPlan, value: unknown): void {
  writer.uint32(tag(number, LENGTH_DELIMITED)).fork()
  writeContent(writer, value, message!)
  writer.ldelim()
}

function writeMap(writer: protobuf.Writer, field: MessageFieldPlan, map: JsonObject): void {
  const entryValue = { ...field, number: 2, label: 'single' as const }
  for (const key of Object.keys(map).sort()) {
    writer.uint32(tag(field.number, LENGTH_DELIMITED)).fork()
    writeScalar(writer, 1, 'string', key)
    writeSingle(writer, entryValue, map[key])
    writer.ldelim()
  }
}

function writeScalar(writer: protobuf.Writer, number: number, type: ProtoScalar, value: unknown): void {
  switch (type) {
    case 'string':
      writer.uint32(tag(number, LENGTH_DELIMITED)).string(String(value ?? ''))
      return
    case 'bytes':
      writer.uint32(tag(number, LENGTH_DELIMITED)).bytes(Buffer.from(String(value ?? ''), 'base64'))
      return
    case 'bool':
      writer.uint32(tag(number, VARINT)).bool(value === true)
      return
    case 'int32':
      writer.uint32(tag(number, VARINT)).int32(Number(value))
      return
    case 'int64':
      writer.uint32(tag(number, VARINT)).int64(Number(value))
      return
    case 'double':
      writer.uint32(tag(number, FIXED64)).double(Number(value))
  }
}

/** The members of a message that stands for `value`. */
function writeContent(writer: protobuf.Writer, value: unknown, plan: MessagePlan): void {
  switch (plan.special) {
    case undefined:
      if (isJsonObject(value)) writeFields(writer, value, plan)
      return
    case 'time':
    case 'micro-time':
      writeTime(writer, value, plan.special)
      return
    case 'duration':
      writeScalar(writer, 1, 'int64', Math.round((parseGoDuration(String(value)) ?? 0) * 1e6))
      return
    case 'quantity':
      writeScalar(writer, 1, 'string', value)
      return
    case 'int-or-string':
      writeScalar(writer, 1, 'int64', typeof value === 'string' ? 1 : 0)
      writeScalar(writer, 2, 'int32', typeof value === 'string' ? 0 : value)
      writeScalar(writer, 3, 'string', typeof value === 'string' ? value : '')
      return
    case 'raw':
      writer.uint32(tag(1, LENGTH_DELIMITED)).bytes(Buffer.from(JSON.stringify(value)))
      return
    case 'bare-list':
      writeFields(writer, { items: value }, plan)
      return
    default:
      writeFields(writer, eitherFields(value, plan), plan)
  }
}

function writeTime(writer: protobuf.Writer, value: unknown, form: 'time' | 'micro-time'): void {
  if (typeof value !== 'string') return
  const { seconds, nanos } = form === 'time' ? { ...parseTime(value), nanos: 0 } : parseMicroTime(value)
  writeScalar(writer, 1, 'int64', seconds)
  writeScalar(writer, 2, 'int32', nanos)
}

function eitherFields(value: unknown, plan: MessagePlan): JsonObject {
  if (isJsonObject(value))
    return plan.special === 'schema-or-bool' ? { allows: true, schema: value } : { schema: value }
  switch (plan.special) {
    case 'schema-or-list':
      return { jSONSchemas: value }
    case 'schema-or-bool':
      return { allows: value }
    default:
      return { property: value }
  }
}
