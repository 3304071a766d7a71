import { createHash } from 'node:crypto'
import { methodNotAllowed, resourceNotServed } from '../../apimachinery/api-error.ts'
import type { Call } from '../call.ts'
import { CONTENT_TYPES, type Format, negotiateDiscovery, negotiateOutput } from '../negotiation/accept.ts'
import { type Document, encodeDocument, wantsPretty } from '../representation.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'
import { apiGroup, apiGroupDiscoveryList, apiGroupList, apiResourceList, apiVersions } from './documents.ts'

const AGGREGATED_PARAMETERS = ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

/** A document of everything, with what it was written as so far. */
interface Aggregated {
  readonly document: Document
  readonly bodies: Map<Format, Buffer>
  readonly etag: string
}

export interface DiscoveryAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
  readonly etag?: string
}

/** Answers `/api…` and `/apis…` as far as they are no resources. */
export class Discovery {
  readonly #catalog: ResourceCatalog
  readonly #serverAddress: () => string
  readonly #aggregated = new Map<string, Aggregated>()

  constructor(catalog: ResourceCatalog, serverAddress: () => string) {
    this.#catalog = catalog
    this.#serverAddress = serverAddress
  }

  /** Undefined: the path is none of discovery's. Errors: 404, 405, 406. */
  answer(call: Call, segments: readonly string[]): DiscoveryAnswer | undefined {
    const [prefix, group, version] = segments
    if (call.info.path.startsWith('//')) return undefined
    if (prefix === 'api' && segments.length <= 2) return this.#core(call, group)
    if (prefix !== 'apis' || segments.length > 3 || call.info.path.includes('//')) return undefined
    if (group === undefined) {
      const aggregated = call.info.path === '/apis' ? this.#aggregatedAnswer(call, false) : undefined
      return aggregated ?? this.#document(call, apiGroupList(this.#catalog), { unrouted: true })
    }
    if (!this.#catalog.group(group)) return undefined
    if (version === undefined) return this.#document(call, apiGroup(this.#catalog, group), { unrouted: true })
    return this.#versionDocument(call, apiResourceList(this.#catalog, group, version))
  }

  #core(call: Call, version: string | undefined): DiscoveryAnswer {
    if (version !== undefined) {
      return this.#versionDocument(call, version === 'v1' ? apiResourceList(this.#catalog, '', 'v1') : undefined)
    }
    requireGet(call)
    return this.#aggregatedAnswer(call, true) ?? this.#document(call, apiVersions(this.#serverAddress()))
  }

  #versionDocument(call: Call, document: Document | undefined): DiscoveryAnswer {
    if (!document) throw resourceNotServed()
    requireGet(call)
    return this.#document(call, document)
  }

  /** The two roots come as one document of everything where the client asks for that. */
  #aggregatedAnswer(call: Call, core: boolean): DiscoveryAnswer | undefined {
    const format = negotiateDiscovery(call.request.headers.accept)
    if (!format) return undefined
    const { bodies, document, etag } = this.#aggregatedDocument(core)
    const isKnown = call.request.headers['if-none-match'] === etag
    let body = bodies.get(format)
    if (!body) {
      body = encodeDocument(document, { format, pretty: false }).body
      bodies.set(format, body)
    }
    return {
      status: isKnown ? 304 : 200,
      contentType: `${CONTENT_TYPES[format]}${AGGREGATED_PARAMETERS}`,
      body: isKnown ? Buffer.alloc(0) : body,
      etag,
    }
  }

  #aggregatedDocument(core: boolean): Aggregated {
    const key = core ? 'api' : 'apis'
    let known = this.#aggregated.get(key)
    if (!known) {
      const document = apiGroupDiscoveryList(this.#catalog, { core })
      const hash = createHash('sha512').update(JSON.stringify(document)).digest('hex').toUpperCase()
      known = { document, bodies: new Map(), etag: `"${hash}"` }
      this.#aggregated.set(key, known)
    }
    return known
  }

  #document(call: Call, document: Document | undefined, { unrouted = false } = {}): DiscoveryAnswer {
    if (!document) throw resourceNotServed()
    const output = negotiateOutput(call.request.headers.accept, { convertible: false, unrouted })
    const pretty = output.pretty || wantsPretty(call)
    return { status: 200, ...encodeDocument(document, { ...output, pretty }) }
  }
}

/** Errors: 405. */
function requireGet(call: Call): void {
  if (call.request.method !== 'GET') throw methodNotAllowed()
}
