import { createHash } from 'node:crypto'
import type { ResourceFact } from '../../../openapi/data.ts'
import { schemaFacts } from '../../../openapi/data.ts'
import type { JsonObject } from '../../apimachinery/kube-object.ts'
import { definitionSchema, reachableDefinitions, referencedDefinitions } from './definition-schemas.ts'
import { discoveryPath, GENERAL_PATHS, groupPath, type PathItem, resourcePaths } from './operations.ts'
import { renderPaths } from './render.ts'
import { encodeOpenApiV2 } from './v2-protobuf.ts'

/** A document as it is served. */
export interface OpenApiDocument {
  readonly bytes: Buffer
  /** Upper-case hexadecimal SHA-512, as upstream's: the ETag (in quotes) and the `hash` parameter of v3. */
  readonly hash: string
}

/** A group version of custom resources or of an aggregated API: documents that are made elsewhere. */
interface ForeignDocument {
  /** `apis/example.com/v1`. */
  readonly path: string
  readonly v3: JsonObject
  /** What it adds to the v2 document. */
  readonly v2?: { readonly paths: JsonObject; readonly definitions: JsonObject }
}

interface OpenApiOptions {
  /** Resources that are served now, built in ones only. */
  readonly resources: readonly ResourceFact[]
  /** `v1.36.2`: stands in the v2 document. */
  readonly gitVersion: string
  readonly foreign?: readonly ForeignDocument[]
}

/**
 * The OpenAPI documents of one set of resources. Documents are made when they are first asked for and kept as bytes;
 * make a new object when the set changes.
 */
export class OpenApiDocuments {
  readonly #options: OpenApiOptions
  readonly #served: string
  readonly #makers = new Map<string, () => JsonObject>()
  readonly #made = new Map<string, OpenApiDocument>()
  #index: OpenApiDocument | undefined
  #v2: OpenApiDocument | undefined
  #v2Protobuf: OpenApiDocument | undefined

  constructor(options: OpenApiOptions) {
    this.#options = options
    this.#served = sha512(options.resources.map((r) => `${r.group}/${r.version}/${r.resource}`).join())
    this.#makers.set('apis', () => v3Document([GENERAL_PATHS.apis]))
    this.#makers.set('version', () => v3Document([GENERAL_PATHS.version]))
    for (const [path, paths] of pathsByDocument(options.resources)) this.#makers.set(path, () => v3Document(paths()))
    for (const { path, v3 } of options.foreign ?? []) this.#makers.set(path, () => v3)
  }

  /**
   * `/openapi/v3`: where each document lies. The hashes stand for the documents' sources, so that nobody waits for
   * thirty documents to be made for their index.
   */
  get index(): OpenApiDocument {
    this.#index ??= toDocument({
      paths: Object.fromEntries(
        [...this.#makers.keys()].sort().map((path) => [path, { serverRelativeURL: this.relativeUrl(path) }]),
      ),
    })
    return this.#index
  }

  /** `/openapi/v3/apis/apps/v1?hash=…`, whose answer never changes. */
  relativeUrl(path: string): string {
    return `/openapi/v3/${path}?hash=${this.#hashOf(path)}`
  }

  /** `/openapi/v3/<path>`, as `apis/apps/v1`; undefined where there is none. */
  v3(path: string): OpenApiDocument | undefined {
    const maker = this.#makers.get(path)
    if (!maker) return undefined
    let document = this.#made.get(path)
    if (!document) {
      document = { bytes: Buffer.from(JSON.stringify(maker())), hash: this.#hashOf(path) }
      this.#made.set(path, document)
    }
    return document
  }

  /** `/openapi/v2` as JSON: everything in one document. */
  get v2(): OpenApiDocument {
    this.#v2 ??= toDocument(v2Document(this.#options))
    return this.#v2
  }

  /** `/openapi/v2` under {@link OPENAPI_V2_PROTOBUF}. */
  get v2Protobuf(): OpenApiDocument {
    if (!this.#v2Protobuf) {
      const bytes = encodeOpenApiV2(v2Document(this.#options))
      this.#v2Protobuf = { bytes, hash: sha512(bytes) }
    }
    return this.#v2Protobuf
  }

  #hashOf(path: string): string {
    const foreign = this.#options.foreign?.find((f) => f.path === path)
    const source = foreign ? JSON.stringify(foreign.v3) : `${this.#options.gitVersion} ${path} ${this.#served}`
    return sha512(source)
  }
}

function sha512(data: string | Buffer): string {
  return createHash('sha512').update(data).digest('hex').toUpperCase()
}

function toDocument(document: JsonObject): OpenApiDocument {
  const bytes = Buffer.from(JSON.stringify(document))
  return { bytes, hash: sha512(bytes) }
}

/** v3 document path → its paths: one document for a group version, a small one for its group. */
function pathsByDocument(resources: readonly ResourceFact[]): Map<string, () => PathItem[]> {
  const documents = new Map<string, () => PathItem[]>()
  for (const { group, version } of resources) {
    const head = group === '' ? 'api' : `apis/${group}`
    if (documents.has(`${head}/${version}`)) continue
    documents.set(head, () => [groupPath(group)])
    documents.set(`${head}/${version}`, () => [
      discoveryPath(group, version),
      ...resources.filter((r) => r.group === group && r.version === version).flatMap(resourcePaths),
    ])
  }
  return documents
}

const SECURITY = {
  BearerToken: { description: 'Bearer Token authentication', in: 'header', name: 'authorization', type: 'apiKey' },
}

function v3Document(items: readonly PathItem[]): JsonObject {
  const paths = renderPaths(items, 'v3')
  const names = reachableDefinitions(referencedDefinitions(paths))
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths,
    components: {
      schemas: Object.fromEntries(names.map((name) => [name, definitionSchema(name, 'v3')])),
      securitySchemes: SECURITY,
    },
  }
}

function v2Document({ resources, gitVersion, foreign = [] }: OpenApiOptions): JsonObject {
  const items = [...pathsByDocument(resources).values()].flatMap((paths) => paths())
  const paths = renderPaths([...items, GENERAL_PATHS.apis, GENERAL_PATHS.version], 'v2')
  const names = reachableDefinitions(referencedDefinitions(paths)).filter((name) => !schemaFacts()[name]?.unpublished)
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: gitVersion },
    paths: Object.assign(paths, ...foreign.map((f) => f.v2?.paths ?? {})) as JsonObject,
    definitions: Object.assign(
      Object.fromEntries(names.map((name) => [name, definitionSchema(name, 'v2')])),
      ...foreign.map((f) => f.v2?.definitions ?? {}),
    ) as JsonObject,
    securityDefinitions: SECURITY,
    security: [{ BearerToken: [] }],
  }
}
