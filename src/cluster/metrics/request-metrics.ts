import type { Metric } from '../../api/metrics/exposition.ts'
import { CounterVector, HistogramVector } from '../../api/metrics/vectors.ts'
import type { RequestMetrics } from '../../controllers/http/request-metrics.ts'

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
const BYTES = [64, 256, 512, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216]
const OF_REQUEST = ['verb', 'host']

/**
 * What a component counts of its requests to the API server, under upstream's names.
 *
 * @see component-base metrics/prometheus/restclient/metrics.go
 */
export class RestClientMetrics implements RequestMetrics {
  readonly #answers = new CounterVector(['code', 'method', 'host'])
  readonly #retries = new CounterVector(['code', 'verb', 'host'])
  readonly #durations = new HistogramVector(OF_REQUEST, SECONDS)
  readonly #waits = new HistogramVector(OF_REQUEST, SECONDS)
  readonly #requestSizes = new HistogramVector(OF_REQUEST, BYTES)
  readonly #responseSizes = new HistogramVector(OF_REQUEST, BYTES)

  answered(code: string, method: string, host: string): void {
    this.#answers.increment(code, method, host)
  }

  took(method: string, host: string, ms: number): void {
    this.#durations.of(method, host).observe(ms / 1000)
  }

  sizes(method: string, host: string, request: number, response: number): void {
    this.#requestSizes.of(method, host).observe(request)
    this.#responseSizes.of(method, host).observe(response)
  }

  retried(code: string, method: string, host: string): void {
    this.#retries.increment(code, method, host)
  }

  limited(method: string, host: string, ms: number): void {
    this.#waits.of(method, host).observe(ms / 1000)
  }

  get metrics(): readonly Metric[] {
    const histogram = (name: string, help: string, vector: HistogramVector): Metric => ({
      name,
      help,
      type: 'histogram',
      samples: () => vector.samples(),
    })
    return [
      {
        name: 'rest_client_requests_total',
        help: 'Requests to the API server, by status code, method and host.',
        type: 'counter',
        samples: () => this.#answers.samples(),
      },
      {
        name: 'rest_client_request_retries_total',
        help: 'Requests that were made again, by status code, verb and host.',
        type: 'counter',
        samples: () => this.#retries.samples(),
      },
      histogram('rest_client_request_duration_seconds', 'Seconds until the answer was there.', this.#durations),
      histogram(
        'rest_client_rate_limiter_duration_seconds',
        "Seconds that requests were held back by the client's own rate limit.",
        this.#waits,
      ),
      histogram('rest_client_request_size_bytes', 'Bytes of the bodies of requests.', this.#requestSizes),
      histogram('rest_client_response_size_bytes', 'Bytes of the bodies of answers.', this.#responseSizes),
    ]
  }
}
