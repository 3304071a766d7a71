import type { PathHandler } from './api-server.ts'
import type { Call } from './call.ts'
import { type OpenApiDocument, OpenApiDocuments } from './openapi/documents.ts'
import { OPENAPI_V2_PROTOBUF } from './openapi/v2-protobuf.ts'
import type { ResourceCatalog } from './resource-catalog.ts'
import { KUBERNETES_VERSION } from './version.ts'

const ROOT = '/openapi/v3'
/** A document under its hash never changes; without one it must be asked for each time. */
const IMMUTABLE = 'public, immutable'
/** Names by which clients ask for the protobuf form of v2, which has gone by several. */
const V2_PROTOBUF_NAMES = [OPENAPI_V2_PROTOBUF, 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf']

/** Serves `/openapi/v2` and `/openapi/v3`. Documents are made when they are first asked for. */
export function openApiPath(catalog: ResourceCatalog): PathHandler {
  let documents: OpenApiDocuments | undefined
  const current = (): OpenApiDocuments => {
    documents ??= new OpenApiDocuments({ resources: catalog.facts(), gitVersion: KUBERNETES_VERSION.gitVersion })
    return documents
  }
  return {
    matches: (path) => path === '/openapi/v2' || path === ROOT || path.startsWith(`${ROOT}/`),
    handle(call) {
      const { path } = call.info
      if (path === '/openapi/v2') sendV2(call, current())
      else if (path === ROOT) call.reply.header('content-type', 'text/plain; charset=utf-8').send(current().index.bytes)
      else sendV3(call, current(), path.slice(ROOT.length + 1))
    },
  }
}

function sendV2(call: Call, documents: OpenApiDocuments): void {
  const accept = call.request.headers.accept ?? ''
  if (V2_PROTOBUF_NAMES.some((name) => accept.includes(name))) {
    send(call, documents.v2Protobuf, OPENAPI_V2_PROTOBUF)
  } else send(call, documents.v2, 'application/json')
}

function sendV3(call: Call, documents: OpenApiDocuments, path: string): void {
  const document = documents.v3(path)
  if (!document) {
    call.reply.code(404).send()
    return
  }
  const hash = call.query.get('hash')
  if (hash !== undefined && hash !== document.hash) {
    call.reply.code(301).header('location', documents.relativeUrl(path)).send()
    return
  }
  if (hash !== undefined) call.reply.header('cache-control', IMMUTABLE)
  send(call, document, 'application/json')
}

function send(call: Call, { bytes, hash }: OpenApiDocument, contentType: string): void {
  const etag = `"${hash}"`
  call.reply.header('etag', etag).header('vary', 'Accept')
  if (call.request.headers['if-none-match'] === etag) call.reply.code(304).send()
  else call.reply.header('content-type', contentType).send(bytes)
}
