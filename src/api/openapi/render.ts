import type { JsonObject } from '../../apimachinery/kube-object.ts'
import { type Dialect, referenceTo } from './definition-schemas.ts'
import { type Operation, PATCH, type Parameter, type PathItem, type Produces } from './operations.ts'

const JSON_TYPE = 'application/json'
const OBJECT_TYPES = [JSON_TYPE, 'application/yaml', 'application/vnd.kubernetes.protobuf']
const MEDIA_TYPES: Readonly<Record<Produces, readonly string[]>> = {
  object: OBJECT_TYPES,
  watchable: [...OBJECT_TYPES, `${JSON_TYPE};stream=watch`, 'application/vnd.kubernetes.protobuf;stream=watch'],
  text: ['text/plain', ...OBJECT_TYPES],
  any: ['*/*'],
}
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

const REASONS: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }

/** The `paths` member of a document. */
export function renderPaths(paths: readonly PathItem[], dialect: Dialect): JsonObject {
  const sorted = [...paths].sort((a, b) => (a.path < b.path ? -1 : 1))
  return Object.fromEntries(sorted.map((item) => [item.path, renderPath(item, dialect)]))
}

function renderPath(item: PathItem, dialect: Dialect): JsonObject {
  const operations = item.operations.map((op) => [op.method, renderOperation(op, item.tag, dialect)] as const)
  const parameters = item.parameters.map((p) => renderParameter(p, dialect))
  return { ...Object.fromEntries(operations), ...(parameters.length > 0 ? { parameters } : {}) }
}

function renderParameter({ name, in: place, type, description }: Parameter, dialect: Dialect): JsonObject {
  const schema = { type, uniqueItems: true }
  return {
    ...(description ? { description } : {}),
    in: place,
    name,
    ...(place === 'path' ? { required: true } : {}),
    ...(dialect === 'v2' ? schema : { schema }),
  }
}

function renderOperation(op: Operation, tag: string, dialect: Dialect): JsonObject {
  const parameters = op.parameters.map((p) => renderParameter(p, dialect))
  if (dialect === 'v2' && op.body) parameters.unshift(bodyParameter(op))
  return {
    description: op.description,
    operationId: op.operationId,
    ...(dialect === 'v2'
      ? { consumes: consumes(op), produces: MEDIA_TYPES[op.produces], schemes: ['https'] }
      : op.body
        ? { requestBody: requestBody(op) }
        : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: renderResponses(op, dialect),
    tags: [tag],
    ...(op.action ? { 'x-kubernetes-action': op.action } : {}),
    ...(op.kind ? { 'x-kubernetes-group-version-kind': { ...op.kind } } : {}),
  }
}

function consumes(op: Operation): readonly string[] {
  if (op.action === undefined) return OBJECT_TYPES
  return op.body === PATCH ? PATCH_TYPES : ['*/*']
}

function bodyParameter(op: Operation): JsonObject {
  return {
    in: 'body',
    name: 'body',
    ...(op.bodyIsOptional ? {} : { required: true }),
    schema: { $ref: referenceTo(op.body!, 'v2') },
  }
}

function requestBody(op: Operation): JsonObject {
  const schema = { $ref: referenceTo(op.body!, 'v3') }
  const types = op.body === PATCH ? PATCH_TYPES : ['*/*']
  return {
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
    ...(op.bodyIsOptional ? {} : { required: true }),
  }
}

function renderResponses(op: Operation, dialect: Dialect): JsonObject {
  const responses: JsonObject = {}
  for (const [code, definition] of Object.entries(op.responses)) {
    const schema = definition ? { $ref: referenceTo(definition, dialect) } : { type: 'string' }
    responses[code] = {
      ...(dialect === 'v2'
        ? { schema }
        : { content: Object.fromEntries(MEDIA_TYPES[op.produces].map((type) => [type, { schema }])) }),
      description: REASONS[code],
    }
  }
  return { ...responses, 401: { description: 'Unauthorized' } }
}
