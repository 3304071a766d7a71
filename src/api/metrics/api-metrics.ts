import type { PathHandler, RequestObserver } from '../api-server.ts'
import type { FlowControl } from '../filters/flow-control.ts'
import type { ResourceCatalog } from '../resource-catalog.ts'
import { KUBERNETES_VERSION } from '../version.ts'
import type { AdmissionMetrics } from './admission-metrics.ts'
import type { Metric } from './exposition.ts'
import { flowControlMetrics } from './flow-control-metrics.ts'
import { metricsPath } from './metrics-path.ts'
import { RequestMetrics } from './request-metrics.ts'

/** How many objects of a resource are stored. */
export interface ObjectCount {
  readonly group: string
  readonly resource: string
  readonly count: number
}

interface ApiMetricsOptions {
  readonly catalog: ResourceCatalog
  readonly flowControl: FlowControl
  readonly admission: AdmissionMetrics
  objectCounts(): Iterable<ObjectCount>
  handshakeErrors(): number
}

/** What the server tells of itself under upstream's metric names. */
export class ApiMetrics {
  readonly #requests: RequestMetrics
  readonly #metrics: Metric[]

  constructor(options: ApiMetricsOptions) {
    this.#requests = new RequestMetrics(options.catalog)
    this.#metrics = [
      ...this.#requests.metrics,
      ...flowControlMetrics(options.flowControl),
      ...options.admission.metrics,
      ...storageMetrics(options),
      {
        name: 'apiserver_tls_handshake_errors_total',
        help: 'TLS handshakes that failed.',
        type: 'counter',
        samples: () => [{ labels: {}, value: options.handshakeErrors() }],
      },
      {
        name: 'kubernetes_build_info',
        help: 'The API that is served.',
        type: 'gauge',
        samples: () => [{ labels: buildLabels, value: 1 }],
      },
    ]
  }

  /** To be told of requests. */
  get observer(): RequestObserver {
    return this.#requests
  }

  /** Serves those of other parts of the process as well. */
  add(metrics: readonly Metric[]): void {
    this.#metrics.push(...metrics)
  }

  /** Serves `/metrics`. */
  get path(): PathHandler {
    return metricsPath(() => this.#metrics)
  }
}

const buildLabels = {
  git_version: KUBERNETES_VERSION.gitVersion,
  major: KUBERNETES_VERSION.major,
  minor: KUBERNETES_VERSION.minor,
  platform: `${process.platform}/${process.arch}`,
}

/** @see apiserver pkg/storage/etcd3/metrics/metrics.go */
function storageMetrics({ objectCounts }: ApiMetricsOptions): readonly Metric[] {
  return [
    {
      name: 'apiserver_storage_objects',
      help: 'Stored objects by resource.',
      type: 'gauge',
      samples: () =>
        [...objectCounts()].map(({ group, resource, count }) => ({
          labels: { resource: group === '' ? resource : `${resource}.${group}` },
          value: count,
        })),
    },
    {
      name: 'apiserver_resource_objects',
      help: 'Stored objects by group and resource.',
      type: 'gauge',
      samples: () =>
        [...objectCounts()].map(({ group, resource, count }) => ({ labels: { group, resource }, value: count })),
    },
  ]
}
