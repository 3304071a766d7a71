import { createHash } from 'node:crypto'
import { methodNotAllowed, resourceNotServed } from '../../apimachinery/api-error.ts'
import type { Call } from '../call.ts'
import { negotiateOutput } from '../negotiation/accept.ts'
import { type Document, encodeDocument, wantsPretty } from '../representation.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'
import { apiGroup, apiGroupDiscoveryList, apiGroupList, apiResourceList, apiVersions } from './documents.ts'

const AGGREGATED_CONTENT_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

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
  readonly #aggregated = new Map<string, { readonly body: Buffer; readonly etag: string }>()

  constructor(catalog: ResourceCatalog, serverAddress: () => string) {
    this.#catalog = catalog
    this.#serverAddress = serverAddress
  }

  /** Undefined: the path is none of discovery's. Errors: 404, 405, 406. */
  answer(call: Call, segments: readonly string[]): DiscoveryAnswer | undefined {
    const [prefix, group, version] = segments
    if (prefix === 'api' && segments.length <= 2) return this.#core(call, group)
    if (prefix !== 'apis' || segments.length > 3) return undefined
    if (group === undefined) return this.#aggregatedOr(call, false, () => apiGroupList(this.#catalog))
    if (!this.#catalog.group(group)) return undefined
    this.#requireGet(call)
    if (version === undefined) return this.#document(call, apiGroup(this.#catalog, group))
    return this.#document(call, apiResourceList(this.#catalog, group, version))
  }

  #core(call: Call, version: string | undefined): DiscoveryAnswer {
    if (version === undefined) return this.#aggregatedOr(call, true, () => apiVersions(this.#serverAddress()))
    if (version !== 'v1') throw resourceNotServed()
    this.#requireGet(call)
    return this.#document(call, apiResourceList(this.#catalog, '', 'v1'))
  }

  /** The two roots come as one document of everything where the client asks for that; any method will do, as upstream. */
  #aggregatedOr(call: Call, core: boolean, plain: () => Document): DiscoveryAnswer {
    if (!wantsAggregated(call.request.headers.accept)) return this.#document(call, plain())
    const { body, etag } = this.#aggregatedDocument(core)
    const isKnown = call.request.headers['if-none-match'] === etag
    return {
      status: isKnown ? 304 : 200,
      contentType: AGGREGATED_CONTENT_TYPE,
      body: isKnown ? Buffer.alloc(0) : body,
      etag,
    }
  }

  #aggregatedDocument(core: boolean): { readonly body: Buffer; readonly etag: string } {
    const key = core ? 'api' : 'apis'
    let known = this.#aggregated.get(key)
    if (!known) {
      const body = Buffer.from(JSON.stringify(apiGroupDiscoveryList(this.#catalog, { core })))
      known = { body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` }
      this.#aggregated.set(key, known)
    }
    return known
  }

  #requireGet(call: Call): void {
    const { method } = call.request
    if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed()
  }

  #document(call: Call, document: Document | undefined): DiscoveryAnswer {
    if (!document) throw resourceNotServed()
    const output = negotiateOutput(call.request.headers.accept, { convertible: false })
    const pretty = output.pretty || wantsPretty(call)
    return { status: 200, ...encodeDocument(document, { ...output, pretty }) }
  }
}

/** One of the client's clauses is aggregated discovery v2 as JSON, and none before it is acceptable otherwise. */
function wantsAggregated(accept: string | undefined): boolean {
  for (const clause of (accept ?? '').split(',')) {
    const [type, ...params] = clause.split(';').map((p) => p.trim())
    if (type !== 'application/json') continue
    if (params.length === 0 || params.every((p) => p.startsWith('q='))) return false
    const wants = ['g=apidiscovery.k8s.io', 'v=v2', 'as=APIGroupDiscoveryList'].every((p) => params.includes(p))
    if (wants) return true
  }
  return false
}
