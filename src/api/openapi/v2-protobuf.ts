import type protobuf from 'protobufjs/minimal.js'
import { isJsonObject, type JsonObject } from '../../apimachinery/kube-object.ts'
import { wire } from '../../apimachinery/protobuf/wire.ts'

/**
 * Content type of {@link encodeOpenApiV2}. Clients ask for it by this name or by the older one with `v2@v1.0`, which
 * is no valid media type and so never answered.
 */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/**
 * How a member of the JSON document is written: a scalar, a message, or one of the forms in which gnostic's messages
 * hold what JSON holds in place.
 */
type Form = 'string' | 'bool' | 'any' | 'parameter' | 'one-string' | MessageName
interface Field {
  readonly number: number
  readonly form: Form
  readonly repeated?: boolean
}
/** JSON key → field; a message of `named` holds the members of an object as a list of name and value. */
type Message =
  | { readonly fields: Readonly<Record<string, Field>>; readonly extensions?: number }
  | { readonly named: Form; readonly number: number }
  | { readonly wraps: Form; readonly number: number }

type MessageName =
  | 'Document'
  | 'Info'
  | 'Paths'
  | 'PathItem'
  | 'Operation'
  | 'Responses'
  | 'ResponseValue'
  | 'Response'
  | 'SchemaItem'
  | 'Definitions'
  | 'Properties'
  | 'Schema'
  | 'AdditionalProperties'
  | 'Items'
  | 'BodyParameter'
  | 'QueryParameter'
  | 'PathParameter'
  | 'SecurityDefinitions'
  | 'SecurityDefinition'
  | 'ApiKey'
  | 'SecurityRequirement'
  | 'StringArray'

const text = (number: number): Field => ({ number, form: 'string' })
const texts = (number: number): Field => ({ number, form: 'string', repeated: true })
const flag = (number: number): Field => ({ number, form: 'bool' })
const message = (number: number, form: MessageName): Field => ({ number, form })

/** Field numbers of gnostic's openapiv2/OpenAPIv2.proto, as far as documents of this server use them. */
const MESSAGES: Readonly<Record<MessageName, Message>> = {
  Document: {
    fields: {
      swagger: text(1),
      info: message(2, 'Info'),
      paths: message(8, 'Paths'),
      definitions: message(9, 'Definitions'),
      security: { number: 12, form: 'SecurityRequirement', repeated: true },
      securityDefinitions: message(13, 'SecurityDefinitions'),
    },
  },
  Info: { fields: { title: text(1), version: text(2) } },
  Paths: { named: 'PathItem', number: 2 },
  PathItem: {
    fields: {
      get: message(2, 'Operation'),
      put: message(3, 'Operation'),
      post: message(4, 'Operation'),
      delete: message(5, 'Operation'),
      options: message(6, 'Operation'),
      head: message(7, 'Operation'),
      patch: message(8, 'Operation'),
      parameters: { number: 9, form: 'parameter', repeated: true },
    },
  },
  Operation: {
    fields: {
      tags: texts(1),
      description: text(3),
      operationId: text(5),
      produces: texts(6),
      consumes: texts(7),
      parameters: { number: 8, form: 'parameter', repeated: true },
      responses: message(9, 'Responses'),
      schemes: texts(10),
    },
    extensions: 13,
  },
  Responses: { named: 'ResponseValue', number: 1 },
  ResponseValue: { wraps: 'Response', number: 1 },
  Response: { fields: { description: text(1), schema: message(2, 'SchemaItem') } },
  SchemaItem: { wraps: 'Schema', number: 1 },
  Definitions: { named: 'Schema', number: 1 },
  Properties: { named: 'Schema', number: 1 },
  Schema: {
    fields: {
      $ref: text(1),
      format: text(2),
      description: text(4),
      required: texts(19),
      enum: { number: 20, form: 'any', repeated: true },
      additionalProperties: message(21, 'AdditionalProperties'),
      type: { number: 22, form: 'one-string' },
      items: message(23, 'Items'),
      properties: message(25, 'Properties'),
    },
    extensions: 31,
  },
  AdditionalProperties: { wraps: 'Schema', number: 1 },
  Items: { wraps: 'Schema', number: 1 },
  BodyParameter: {
    fields: { description: text(1), name: text(2), in: text(3), required: flag(4), schema: message(5, 'Schema') },
  },
  QueryParameter: {
    fields: {
      required: flag(1),
      in: text(2),
      description: text(3),
      name: text(4),
      type: text(6),
      uniqueItems: flag(20),
    },
  },
  PathParameter: {
    fields: {
      required: flag(1),
      in: text(2),
      description: text(3),
      name: text(4),
      type: text(5),
      uniqueItems: flag(19),
    },
  },
  SecurityDefinitions: { named: 'SecurityDefinition', number: 1 },
  SecurityDefinition: { wraps: 'ApiKey', number: 2 },
  ApiKey: { fields: { type: text(1), name: text(2), in: text(3), description: text(4) } },
  SecurityRequirement: { named: 'StringArray', number: 1 },
  StringArray: { wraps: 'string', number: 1 },
}

/**
 * Writes the v2 document in the form that kubectl's v2 client, older kubectls and other clients of client-go's
 * OpenAPISchema ask for. Members that gnostic does not know are left out.
 */
export function encodeOpenApiV2(document: JsonObject): Buffer {
  const writer = wire().Writer.create()
  writeMessage(writer, document, 'Document')
  return Buffer.from(writer.finish())
}

function writeMessage(writer: protobuf.Writer, value: unknown, name: MessageName): void {
  const type = MESSAGES[name]
  if ('wraps' in type) {
    const items = Array.isArray(value) ? value : [value]
    for (const item of items) writeField(writer, type.number, type.wraps, item)
  } else if ('named' in type) {
    for (const [key, member] of Object.entries(value as JsonObject))
      writeNamed(writer, type.number, key, type.named, member)
  } else {
    writeMembers(writer, value as JsonObject, type)
  }
}

function writeMembers(
  writer: protobuf.Writer,
  value: JsonObject,
  { fields, extensions }: Extract<Message, { readonly fields: unknown }>,
): void {
  for (const [key, member] of Object.entries(value)) {
    const field = fields[key]
    if (field) {
      const items = field.repeated ? (member as unknown[]) : [member]
      for (const item of items) writeField(writer, field.number, field.form, item)
    } else if (extensions !== undefined && key.startsWith('x-')) {
      writeNamed(writer, extensions, key, 'any', member)
    }
  }
}

const VARINT = 0
const LENGTH_DELIMITED = 2

function tag(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0
}

function writeNamed(writer: protobuf.Writer, number: number, name: string, form: Form, value: unknown): void {
  writer.uint32(tag(number, LENGTH_DELIMITED)).fork()
  writer.uint32(tag(1, LENGTH_DELIMITED)).string(name)
  writeField(writer, 2, form, value)
  writer.ldelim()
}

function writeField(writer: protobuf.Writer, number: number, form: Form, value: unknown): void {
  if (form === 'bool') {
    writer.uint32(tag(number, VARINT)).bool(value === true)
    return
  }
  if (form === 'string') {
    writer.uint32(tag(number, LENGTH_DELIMITED)).string(String(value))
    return
  }
  writer.uint32(tag(number, LENGTH_DELIMITED)).fork()
  if (form === 'any') writer.uint32(tag(2, LENGTH_DELIMITED)).string(JSON.stringify(value))
  else if (form === 'one-string') writer.uint32(tag(1, LENGTH_DELIMITED)).string(String(value))
  else if (form === 'parameter') writeParameter(writer, value)
  else writeMessage(writer, value, form)
  writer.ldelim()
}

/** ParametersItem holds a Parameter, which holds a body or a non-body parameter, which holds one by its place. */
function writeParameter(writer: protobuf.Writer, value: unknown): void {
  if (!isJsonObject(value)) return
  writer.uint32(tag(1, LENGTH_DELIMITED)).fork()
  if (value.in === 'body') {
    writeField(writer, 1, 'BodyParameter', value)
  } else {
    writer.uint32(tag(2, LENGTH_DELIMITED)).fork()
    if (value.in === 'path') writeField(writer, 4, 'PathParameter', value)
    else writeField(writer, 3, 'QueryParameter', value)
    writer.ldelim()
  }
  writer.ldelim()
}
