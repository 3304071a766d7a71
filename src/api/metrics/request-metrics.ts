import type { GroupVersionResource } from '../../apimachinery/group-version.ts'
import type { RequestObserver } from '../api-server.ts'
import type { Call } from '../call.ts'
import { isLongRunning } from '../filters/flow-control.ts'
import type { RequestInfo } from '../request-info.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'
import type { Labels, Metric, Sample } from './exposition.ts'
import { Histogram } from './histogram.ts'
import { HistogramVector } from './vectors.ts'

/** Upstream's buckets of request durations, in seconds. */
const DURATION_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
]

/** The same of request_sli_duration_seconds. */
const OWN_DURATION_BUCKETS = DURATION_BUCKETS.slice(2)

/** Upstream's buckets of the sizes of answers, in bytes. */
const SIZE_BUCKETS = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]
/** And of watch events. */
const EVENT_SIZE_BUCKETS = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072]

/** Clients can ask for what they like: beyond so many label sets, requests are not told apart any more. */
const MAX_LABEL_SETS = 5000
const CONNECT_SUBRESOURCES: ReadonlySet<string> = new Set(['log', 'exec', 'portforward', 'attach', 'proxy'])
const APPLY_TYPES: ReadonlySet<string> = new Set(['application/apply-patch+yaml', 'application/apply-patch+cbor'])
const HEALTH_PATH = /^\/(healthz|livez|readyz)$/

/** Requests of one set of labels. */
interface Series {
  readonly labels: Labels & { readonly verb: string }
  readonly dryRun: string
  readonly byCode: Map<number, number>
  readonly terminations: Map<number, number>
  readonly durations: Histogram
  /** The same without what webhooks took, and the queue. Undefined for dry runs. */
  readonly ownDurations: Histogram | undefined
  /** Undefined where sizes of answers don't matter: for all but reads. */
  readonly sizes: Histogram | undefined
  longRunning: number
}

/**
 * Counts requests under upstream's names and labels: those that got as far as a handler, and those that the server
 * refused or ended to defend itself.
 *
 * @see apiserver pkg/endpoints/metrics/metrics.go
 */
export class RequestMetrics implements RequestObserver {
  readonly #catalog: ResourceCatalog
  /** By what labels are made of: the same few hundred come again and again. Undefined: not counted. */
  readonly #series = new Map<string, Series | undefined>()

  readonly #eventSizes = new HistogramVector(['group', 'version', 'resource'], EVENT_SIZE_BUCKETS)

  constructor(catalog: ResourceCatalog) {
    this.#catalog = catalog
  }

  readonly eventSizes = ({ group, version, resource }: GroupVersionResource): Histogram =>
    this.#eventSizes.of(group, version, resource)

  begin(call: Call): void {
    if (!isLongRunning(call.info)) return
    const series = this.#seriesOf(call)
    if (series) series.longRunning++
  }

  end(call: Call, status: number, durationMs: number): void {
    const series = this.#seriesOf(call)
    if (!series) return
    increment(series.byCode, status)
    series.durations.observe(durationMs / 1000)
    series.ownDurations?.observe((durationMs - call.othersMs) / 1000)
    series.sizes?.observe(call.sentBytes)
    if (isLongRunning(call.info)) series.longRunning--
  }

  terminated(call: Call, status: number): void {
    const series = this.#seriesOf(call)
    if (!series) return
    increment(series.terminations, status)
    // Who was refused never got to a handler, which would have counted it.
    if (status === 429) increment(series.byCode, status)
  }

  get metrics(): readonly Metric[] {
    return [
      {
        name: 'apiserver_request_total',
        help: 'Requests by verb, dry run, group, version, resource, subresource, scope, component and answered code.',
        type: 'counter',
        samples: () => this.#counts((s) => s.byCode, withDryRun),
      },
      {
        name: 'apiserver_request_duration_seconds',
        help: 'Seconds from the head of a request to the end of its answer.',
        type: 'histogram',
        samples: () => this.#durations(),
      },
      {
        name: 'apiserver_request_sli_duration_seconds',
        help: 'Seconds of a request, without what webhooks took and waiting for a seat.',
        type: 'histogram',
        samples: () => this.#histograms((s) => s.ownDurations),
      },
      {
        name: 'apiserver_response_sizes',
        help: 'Bytes of the answers to reads.',
        type: 'histogram',
        samples: () => this.#histograms((s) => s.sizes),
      },
      {
        name: 'apiserver_watch_events_total',
        help: 'Events sent to watches.',
        type: 'counter',
        samples: () => this.#eventSizes.counts(),
      },
      {
        name: 'apiserver_watch_events_sizes',
        help: 'Bytes of the events sent to watches.',
        type: 'histogram',
        samples: () => this.#eventSizes.samples(),
      },
      {
        name: 'apiserver_longrunning_requests',
        help: 'Watches and other long-running requests that are open.',
        type: 'gauge',
        samples: () => this.#longRunning(),
      },
      {
        name: 'apiserver_request_terminations_total',
        help: 'Requests that the server refused or ended to defend itself.',
        type: 'counter',
        samples: () =>
          this.#counts(
            (s) => s.terminations,
            ({ labels }) => labels,
          ),
      },
    ]
  }

  *#counts(countsOf: (series: Series) => Map<number, number>, labelsOf: (series: Series) => Labels): Generator<Sample> {
    for (const series of this.#series.values()) {
      if (!series) continue
      for (const [code, value] of countsOf(series)) yield { labels: { ...labelsOf(series), code: String(code) }, value }
    }
  }

  *#durations(): Generator<Sample> {
    for (const series of this.#series.values())
      if (series && series.byCode.size > 0) yield* series.durations.samples(withDryRun(series))
  }

  *#histograms(histogramOf: (series: Series) => Histogram | undefined): Generator<Sample> {
    for (const series of this.#series.values()) {
      const histogram = series && histogramOf(series)
      if (histogram && histogram.count > 0) yield* histogram.samples(series.labels)
    }
  }

  *#longRunning(): Generator<Sample> {
    for (const series of this.#series.values())
      if (series && series.longRunning > 0) yield { labels: series.labels, value: series.longRunning }
  }

  #seriesOf(call: Call): Series | undefined {
    const { info } = call
    const verb = verbOf(call)
    const dryRun = dryRunOf(call)
    const path = info.isResourceRequest ? '' : info.path
    const scope = scopeOf(info)
    const key = `${verb}|${dryRun}|${scope}|${info.apiGroup}|${info.apiVersion}|${info.resource}|${info.subresource}|${path}`
    const known = this.#series.get(key)
    if (known) return known
    if (!this.#isServed(info) || this.#series.size >= MAX_LABEL_SETS) return undefined
    const series: Series = {
      labels: {
        verb,
        group: info.apiGroup,
        version: info.apiVersion,
        resource: info.resource,
        subresource: info.isResourceRequest ? info.subresource : path,
        scope,
        component: 'apiserver',
      },
      dryRun,
      byCode: new Map(),
      terminations: new Map(),
      durations: new Histogram(DURATION_BUCKETS),
      ownDurations: dryRun === '' ? new Histogram(OWN_DURATION_BUCKETS) : undefined,
      sizes: verb === 'GET' || verb === 'LIST' ? new Histogram(SIZE_BUCKETS) : undefined,
      longRunning: 0,
    }
    this.#series.set(key, series)
    return series
  }

  /** Names that a client made up are not counted, as upstream counts only what has a route. */
  #isServed({ isResourceRequest, path, apiGroup, apiVersion, resource, subresource }: RequestInfo): boolean {
    if (!isResourceRequest) return HEALTH_PATH.test(path)
    const found = this.#catalog.find(apiGroup, apiVersion, resource)
    return found !== undefined && (subresource === '' || found.subresources.has(subresource))
  }
}

function increment(counts: Map<number, number>, code: number): void {
  counts.set(code, (counts.get(code) ?? 0) + 1)
}

const withDryRun = ({ labels: { verb, ...rest }, dryRun }: Series): Labels => ({ verb, dry_run: dryRun, ...rest })

/** Upstream sorts and joins what a client asks for; only `All` is valid. */
const dryRunOf = ({ query }: Call): string => (query.get('dryRun') === 'All' ? 'All' : '')

/** The method, but lists, watches, applies and connections by their own names. */
function verbOf({ info, request }: Call): string {
  if (!info.isResourceRequest) return request.method === 'HEAD' ? 'GET' : request.method
  if (CONNECT_SUBRESOURCES.has(info.subresource)) return 'CONNECT'
  if (info.verb === 'watch' || info.verb === 'list') return info.verb.toUpperCase()
  if (request.method === 'PATCH' && APPLY_TYPES.has(request.headers['content-type'] ?? '')) return 'APPLY'
  return request.method === 'HEAD' ? 'GET' : request.method
}

function scopeOf({ name, verb, namespace, isResourceRequest }: RequestInfo): string {
  if (name !== '' || verb === 'create') return 'resource'
  if (namespace !== '') return 'namespace'
  return isResourceRequest ? 'cluster' : ''
}
