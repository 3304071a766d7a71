import { Counter, Histogram, Registry as MetricsRegistry } from 'prom-client'
import type { PathHandler } from './api-server.ts'
import type { Call } from './call.ts'

/** Upstream's buckets of request durations, in seconds. */
const DURATION_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
]

/** Counts what the server does under upstream's metric names. */
export class ApiMetrics {
  readonly #registry = new MetricsRegistry()
  readonly #requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    labelNames: ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component', 'code'],
    registers: [this.#registry],
  })
  readonly #durations = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
    labelNames: ['verb', 'dry_run', 'group', 'version', 'resource', 'subresource', 'scope', 'component'],
    buckets: DURATION_BUCKETS,
    registers: [this.#registry],
  })
  /** Label sets by what they are made of: the same few thousand come again and again. */
  readonly #labels = new Map<string, Record<string, string>>()

  /** Counts a request that has been answered. */
  observe(call: Call, status: number, durationMs: number): void {
    const labels = this.#labelsOf(call)
    this.#requests.inc({ ...labels, code: String(status) })
    this.#durations.observe(labels, durationMs / 1000)
  }

  /** Serves `/metrics`. */
  get path(): PathHandler {
    return {
      matches: (path) => path === '/metrics',
      handle: async (call) => {
        const body = await this.#registry.metrics()
        call.reply.header('content-type', this.#registry.contentType).send(body)
      },
    }
  }

  #labelsOf(call: Call): Record<string, string> {
    const { info } = call
    const scope = scopeOf(call)
    const dryRun = call.query.get('dryRun') === 'All' ? 'All' : ''
    const key = `${info.verb}|${dryRun}|${info.apiGroup}|${info.apiVersion}|${info.resource}|${info.subresource}|${scope}`
    const known = this.#labels.get(key)
    if (known) return known
    if (this.#labels.size >= MAX_LABEL_SETS) return OTHER
    const labels = {
      verb: info.isResourceRequest ? info.verb.toUpperCase() : call.request.method,
      dry_run: dryRun,
      group: info.apiGroup,
      version: info.apiVersion,
      resource: info.resource,
      subresource: info.isResourceRequest ? info.subresource : '',
      scope,
      component: 'apiserver',
    }
    this.#labels.set(key, labels)
    return labels
  }
}

/** Clients may make paths up: beyond this many label sets, all others are counted as one. */
const MAX_LABEL_SETS = 5000
const OTHER = {
  verb: 'other',
  dry_run: '',
  group: '',
  version: '',
  resource: '',
  subresource: '',
  scope: '',
  component: 'apiserver',
}

function scopeOf({ info }: Call): string {
  if (!info.isResourceRequest) return ''
  if (info.name !== '') return 'resource'
  return info.namespace === '' ? 'cluster' : 'namespace'
}
