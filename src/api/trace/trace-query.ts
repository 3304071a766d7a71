import { ApiError, badRequest } from '../../apimachinery/api-error.ts'
import { formatMicroTime } from '../../apimachinery/clock.ts'
import { parseGoDuration } from '../../apimachinery/go-duration.ts'
import { goQuote } from '../../apimachinery/go-quote.ts'
import { boolParameter, type QueryParameters } from '../query-parameters.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'
import type { RequestTrace } from './request-trace.ts'
import type { Trace, TraceQuery } from './trace-record.ts'
import type { TraceRecorder } from './trace-recorder.ts'
import { CauseGraph, traceTrees } from './trace-tree.ts'

/** Without an object, so many of the last requests are shown. */
const LAST_REQUESTS = 10

/** Reads the query of `/debug/kubemu/trace`. Errors: 400. */
export function parseTraceQuery(query: QueryParameters): TraceQuery {
  const unknown = [...query.entries()].map(([name]) => name).find((name) => !PARAMETERS.has(name))
  if (unknown !== undefined) throw badRequest(`unknown parameter ${goQuote(unknown)}`)
  const text = (name: string) => query.get(name) || undefined
  const [resource, name, uid, auditID, revision] = ['resource', 'name', 'uid', 'auditID', 'revision'].map(text)
  if ((resource === undefined) !== (name === undefined)) throw badRequest('resource and name must be given together')
  if ([resource, uid, auditID, revision].filter((given) => given !== undefined).length > 1) {
    throw badRequest('only one of resource, uid, auditID and revision may be given')
  }
  if (revision !== undefined && !/^\d{1,15}$/.test(revision)) {
    throw badRequest(`revision must be a number, not ${goQuote(revision)}`)
  }
  const namespace = text('namespace')
  const sinceMs = sinceOf(text('since'))
  return {
    ...(resource === undefined ? {} : { kind: resource }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(auditID === undefined ? {} : { auditID }),
    ...(revision === undefined ? {} : { revision: Number(revision) }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    all: boolParameter(query, 'all') ?? false,
    events: boolParameter(query, 'events') ?? false,
  }
}

const PARAMETERS: ReadonlySet<string> = new Set([
  'resource',
  'name',
  'namespace',
  'uid',
  'auditID',
  'revision',
  'all',
  'since',
  'events',
  'follow',
])

function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const since = parseGoDuration(text)
  if (since === undefined || since < 0) throw badRequest(`since must be a duration like 5m, not ${goQuote(text)}`)
  return since
}

/** Answers a query from what is recorded at the moment. */
export class TraceReader {
  readonly #recorder: TraceRecorder
  readonly #catalog: ResourceCatalog
  readonly #now: () => number

  constructor(recorder: TraceRecorder, catalog: ResourceCatalog, now: () => number) {
    this.#recorder = recorder
    this.#catalog = catalog
    this.#now = now
  }

  /** Errors: 400; 404 where nothing is known of what is asked for. */
  read(query: TraceQuery, { mayBeUnknown = false } = {}): Trace {
    const records = this.#recorder.records()
    const isAbout = this.matcher(query)
    const graph = new CauseGraph(records)
    const about = records.filter(isAbout)
    if (about.length === 0 && hasSubject(query) && !mayBeUnknown) throw this.#nothingKnown(query)
    const roots = this.#rootsOf(graph, latestLife(about, query), query)
    const trees = hasSubject(query) && !isOutside(about) ? pathsTo(graph, roots, about) : undefined
    const isShown = (record: RequestTrace): boolean =>
      (query.events || !record.isEvent) && (trees === undefined || trees.has(record))
    return {
      kind: 'Trace',
      apiVersion: 'kubemu.dev/v1alpha1',
      roots: traceTrees(graph, roots.filter(isShown), isShown),
      recorder: {
        since: formatMicroTime(this.#recorder.since),
        records: this.#recorder.size,
        dropped: this.#recorder.dropped,
      },
    }
  }

  /** Tells whether a record is what a query asks for. Errors: 400, 404. */
  matcher(query: TraceQuery): (record: RequestTrace) => boolean {
    const { uid, auditID, revision, name, kind } = query
    if (auditID !== undefined) return (record) => record.auditId === auditID
    if (revision !== undefined) return (record) => record.revisions.includes(revision)
    if (uid !== undefined) return (record) => record.writes.some((w) => w.uid === uid)
    if (kind === undefined) return (record) => record.cause === undefined
    const named = this.#resourceNamed(kind)
    const namespace = named.namespaced ? query.namespace || 'default' : ''
    return (record) => record.isAbout(named.group, named.resource, namespace, name!)
  }

  #rootsOf(graph: CauseGraph, about: readonly RequestTrace[], query: TraceQuery): RequestTrace[] {
    const { auditID, revision, all, sinceMs } = query
    if (auditID !== undefined || revision !== undefined) return [...about]
    const outside = about.filter((record) => record.cause === undefined)
    // Nobody outside wrote the object: what its writes go back to.
    const roots = outside.length > 0 ? outside : sorted(about.flatMap((record) => graph.origins(record)))
    if (sinceMs !== undefined) return roots.filter((record) => record.time >= this.#now() - sinceMs)
    if (all) return roots
    if (!hasSubject(query)) return roots.filter((record) => !record.isEvent).slice(-LAST_REQUESTS)
    const last = roots.findLastIndex((record) => !record.hasFailed)
    return outside.length > 0 ? roots.slice(Math.max(last, 0)) : roots
  }

  /** Errors: 404. */
  #resourceNamed(text: string): { readonly group: string; readonly resource: string; readonly namespaced: boolean } {
    const [word = '', ...rest] = text.toLowerCase().split('.')
    const group = rest.join('.')
    const fact = this.#catalog.facts().find((f) => {
      const names = [f.resource, f.singular, f.kind.toLowerCase(), ...f.shortNames]
      const isOfGroup = group === '' || group === f.group || group === `${f.version}.${f.group}`
      return isOfGroup && names.includes(word)
    })
    if (fact) return this.#catalog.find(fact.group, fact.version, fact.resource)?.backing?.identity ?? fact
    throw notKnown(`the server doesn't have a resource type ${goQuote(text)}`)
  }

  #nothingKnown({ kind, name, namespace, uid, auditID, revision }: TraceQuery): ApiError {
    const since = `since ${formatMicroTime(this.#recorder.since)}`
    const more = this.#recorder.dropped > 0 ? ', or it had to make room' : ''
    const what =
      kind !== undefined
        ? `${kind} ${goQuote(name!)}${namespace ? ` in the namespace ${goQuote(namespace)}` : ''}`
        : uid !== undefined
          ? `an object with the uid ${goQuote(uid)}`
          : auditID !== undefined
            ? `a request with the audit ID ${goQuote(auditID)}`
            : `revision ${revision}`
    return notKnown(`no write of ${what} has been recorded ${since}${more}`)
  }
}

function notKnown(message: string): ApiError {
  return new ApiError({ code: 404, reason: 'NotFound', message })
}

function hasSubject({ kind, uid, auditID, revision }: TraceQuery): boolean {
  return [kind, uid, auditID, revision].some((given) => given !== undefined)
}

function isOutside(records: readonly RequestTrace[]): boolean {
  return records.some((record) => record.cause === undefined)
}

/** Of objects that had the name one after the other, the last one's records, unless all are asked for. */
function latestLife(records: readonly RequestTrace[], { all, kind }: TraceQuery): readonly RequestTrace[] {
  if (all || kind === undefined) return records
  const begin = records.findLastIndex((r) => r.writes.some((w) => w.action === 'created') && r.writes.length === 1)
  return begin > 0 ? records.slice(begin) : records
}

function sorted(records: readonly RequestTrace[]): RequestTrace[] {
  return [...new Set(records)].sort((a, b) => a.id - b.id)
}

/** The records that lie between roots and those that are asked for, and what these led to. */
function pathsTo(
  graph: CauseGraph,
  roots: readonly RequestTrace[],
  about: readonly RequestTrace[],
): ReadonlySet<RequestTrace> {
  const wanted = new Set(about.flatMap((record) => [...graph.reach(record)]))
  const between = new Set(about)
  for (const record of between) for (const cause of graph.causesOf(record)) between.add(cause)
  for (const record of between) wanted.add(record)
  for (const root of roots) wanted.add(root)
  return wanted
}
